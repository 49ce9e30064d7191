"""Replies go the whole way while they come in: when all of them fail for one reason, going on would buy nothing.

Of the first replies of a session each is looked at, of the later ones some: an endpoint may change after days.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from overproof.config.endpoint import EndpointConfig
from overproof.errors import EndpointError
from overproof.records import Trace

FIRST_REPLIES = 16
"""Replies among the first of which at least one must be fit to be kept."""
FEWEST_REPLIES = 2
"""In a session of fewer than that: replies that may tell of a reason at all."""
LOOK_EVERY = 8
"""Of later replies one in so many is looked at, as scoring one takes longer than receiving it; after one that is not
fit each is, until one is."""
FEWEST_IN_A_ROW = 16
"""Problems whose later replies in a row may tell of a change; those of one problem hang together."""
SURE_IN_A_ROW = math.log(1e9)
"""How improbable such a row has to be, as a logarithm, by the share that failed before: there are millions of replies,
and a run whose replies fail often is no news."""
_DOUBT = 2
"""Looks that are counted as unfit beside those that were, so that two or three good ones prove little."""
OF_THE_PROBLEM = frozenset({"truncated", "below_language_consistency", "no_box", "no_answer"})
"""Reasons and details that hang together among neighbouring problems: hard ones, those of one language, proofs."""
_EXCERPT = 160
"""Characters of a reply that are shown of its beginning, and as many of its end."""

CURES = {
    "no_reasoning": "no reasoning came, neither in a field of its own nor between tags: check teacher.profile and "
    "teacher.thinking, on your own server its reasoning parser; markers of its own can be named in a profile's "
    "reasoning_markers; or set sampling.require_reasoning: false",
    "truncated": "the reply was cut: raise teacher.max_tokens (now {max_tokens:,})",
    "incomplete": "the reply did not end by itself: a finish reason that says so belongs to the provider's profile",
    "tool_calls": "the model calls tools that nobody offers: another prompt.template or model may keep it from that",
    "refused": "the endpoint refuses the request",
    "summary": "the reasoning is a summary or encrypted, and no chain of thought: ask a model that shows its own, or "
    "set export.summaries: true to train on summaries",
    "other_model": "another model answers than teacher.model: name it there, or set teacher.served_as to the name that "
    "it bears in replies",
    "unclosed": "the reasoning block never ends: a repetition penalty or a stop sequence of the server may keep the "
    "model from its closing tag",
    "no_answer": "nothing follows the reasoning: teacher.max_tokens, a stop sequence or a repetition penalty of the "
    "server may cut the answer off",
    "no_box": "the answer is not in \\boxed{{}}: choose another prompt.template, or prompt.contract: think",
    "below_language_consistency": "the reasoning is in another language than its question: set prompt.language, or "
    "lower selection.require.language_consistency",
    "below_think_format": "the reply has not the form that the prompt asks for: see prompt.template, prompt.contract",
    "control_token": "control tokens stand in the text: check the server's chat template and its stop tokens",
    "extension_failed": "a function of your own fails, see above",
    "stray_think_tag": "think tags stand within the text: check the server's reasoning parser",
}
"""What to change when replies fail for a reason, or for the detail that a reward gives."""
_FOR_ANY = "see selection.require"


class Shortcoming(Protocol):
    """Why a reply cannot be kept."""

    @property
    def reason(self) -> str:
        """A name for it."""

    @property
    def detail(self) -> str:
        """What can be said more; may be empty."""


Inspect = Callable[[Trace, str | None], Shortcoming | None]
"""Why a trace could not be kept whatever its answer is; the second argument is the language of its question."""


class _Inspected(NamedTuple):
    trace: Trace
    fault: Shortcoming


class Opening:
    """The first replies of a session, until one of them is fit or enough are not."""

    def __init__(self, inspect: Inspect | None, teacher: EndpointConfig, replies: int) -> None:
        """Look at so many replies with `inspect`; None and 0 look at none."""
        self._inspect = inspect if replies else None
        self._teacher = teacher
        self._replies = replies
        self._seen: list[_Inspected] = []
        self._watch = Watch(inspect, teacher) if inspect is not None and replies else None

    def note(self, trace: Trace, language: str | None) -> None:
        """Take the next reply. Raises EndpointError when enough have failed for one reason."""
        if self._inspect is None:
            if self._watch is not None:
                self._watch.note(trace, language)
            return
        fault = self._inspect(trace, language)
        if fault is None or (self._seen and fault.reason != self._seen[0].fault.reason):
            self._inspect = None
            return
        self._seen.append(_Inspected(trace, fault))
        if len(self._seen) >= self._replies:
            raise self._explain()

    def recall(self, traces: Iterable[Trace]) -> None:
        """Replies of earlier sessions: when one of them is fit, there is nothing to be told."""
        if self._inspect is not None and any(
            trace.error is None and self._inspect(trace, None) is None for trace in traces
        ):
            self._inspect = None

    def end(self) -> None:
        """The session has ended. Raises EndpointError when it brought few replies, all of which failed so."""
        if self._inspect is not None and len(self._seen) >= FEWEST_REPLIES:
            raise self._explain()

    def _explain(self) -> EndpointError:
        trace, fault = self._seen[-1]
        self._inspect = None
        return EndpointError(
            f"All of the first {len(self._seen)} replies of {trace.teacher} fail for one reason, {name_fault(fault)}: "
            f"{cure_fault(fault, self._teacher)}. One of them: {show_reply(trace)}. "
            "Their traces are kept; sampling.first_replies: 0 goes on regardless."
        )


class Watch:
    """The later replies of a session."""

    def __init__(self, inspect: Inspect, teacher: EndpointConfig) -> None:
        """Begin with nothing seen."""
        self._inspect = inspect
        self._teacher = teacher
        self._since_look = 0
        self._looks = 0
        self._unfit_looks = 0
        self._row: list[_Inspected] = []
        self._share = 1.0  # of replies that may have been unfit before the row began

    def note(self, trace: Trace, language: str | None) -> None:
        """Take the next reply. Raises EndpointError when so many in a row fail for one reason that it is no chance."""
        self._since_look += 1
        if not self._row and self._since_look < LOOK_EVERY:
            return
        fault = self._inspect(trace, language)
        is_unfit = fault is not None and OF_THE_PROBLEM.isdisjoint((fault.reason, fault.detail))
        if not self._row:
            self._since_look = 0
            self._share = (self._unfit_looks + _DOUBT) / (self._looks + _DOUBT)
            self._looks += 1
            self._unfit_looks += is_unfit
        if fault is None or not is_unfit or (self._row and fault.reason != self._row[0].fault.reason):
            self._row = []
            return
        self._row.append(_Inspected(trace, fault))
        problems = len({seen.trace.problem.id for seen in self._row})
        if problems >= FEWEST_IN_A_ROW and problems * -math.log(self._share) >= SURE_IN_A_ROW:
            raise self._explain()

    def _explain(self) -> EndpointError:
        trace, fault = self._row[-1]
        return EndpointError(
            f"All of the last {len(self._row)} replies of {trace.teacher} fail for one reason, {name_fault(fault)}, "
            f"and {self._unfit_looks - 1:,} of {self._looks - 1:,} before them did: the endpoint must have changed; "
            f"{cure_fault(fault, self._teacher)}. One of them: {show_reply(trace)}. Their traces are kept; "
            "sampling.first_replies: 0 goes on regardless."
        )


def name_fault(fault: Shortcoming) -> str:
    """Reason and detail in one."""
    return f"{fault.reason} ({fault.detail})" if fault.detail else fault.reason


def cure_fault(fault: Shortcoming, teacher: EndpointConfig) -> str:
    """What to change."""
    keys = (fault.detail, fault.detail.removeprefix("finish_reason "), fault.reason)
    cure = next((CURES[key] for key in keys if key in CURES), _FOR_ANY)
    return cure.format(max_tokens=teacher.max_tokens)


def show_reply(trace: Trace) -> str:
    """One reply in a line: its beginning and its end."""
    text = " ".join(f"{trace.reasoning or ''} {trace.content}".split())
    if len(text) > 2 * _EXCERPT:
        text = f"{text[:_EXCERPT]} … {text[-_EXCERPT:]}"
    return f"'{text}'" if text else "an empty text"

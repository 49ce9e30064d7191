"""Counts of one session of sampling, and the alarms they raise."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable

from overproof.completion import Completion, read_completion
from overproof.errors import EndpointError
from overproof.estimators import EVIDENCE, chance_again, surprise
from overproof.records import Trace, Usage
from overproof.sampling.forecast import Forecaster
from overproof.sampling.opening import Opening
from overproof.sampling.progress import Notice
from overproof.teacher.advice import close
from overproof.teacher.budget import Amount, Prices, add_usage

REASONING_WITHIN = 16
"""Replies among the first of which at least one must carry reasoning, where that is required."""
REPEATS_COMPARED = 20
"""Replies that could have repeated the one before of their problem, before the alarm sounds for what may be short."""
REPEATS_ALARM = 0.5
"""Share of them that is identical at which it sounds, where they are long; of short ones all have to be, for among
sixty short replies to an easy problem an honest model repeats itself too."""
SELDOM_AGAIN = 0.3
"""Chance of being said again by an honest model below which a reply is long."""
RECENT_SECONDS = 10.0


class LastSaid:
    """What the last reply of a problem says, and how often in a row it has been said again."""

    __slots__ = ("again", "text")

    def __init__(self) -> None:
        """Nothing yet."""
        self.text: int | None = None
        """A hash of it within this process."""
        self.again = 0

    def take(self, text: str) -> bool | None:
        """Take the next reply; returns whether it says the same again, None for the first."""
        before, self.text = self.text, hash(text)
        is_same = None if before is None else self.text == before
        self.again = self.again + 1 if is_same else 0
        return is_same


class Monitor:
    """What this session has brought so far."""

    def __init__(
        self,
        prices: Prices,
        notice: Callable[[Notice], None],
        *,
        require_reasoning: bool,
        require_model: bool = False,
        opening: Opening | None = None,
    ) -> None:
        """Begin at zero; alarms go to `notice`, the first replies to `opening`."""
        self.opening = opening
        self.samples = 0
        self.complete = 0
        """Replies that ended by themselves."""
        self.cut = 0
        """Replies cut by length (or ended for another reason than stop)."""
        self.refused: Counter[str] = Counter()
        """Permanent refusals by name."""
        self.refusals: dict[str, str] = {}
        """What the endpoint said at the first of each name."""
        self.given_up: Counter[str] = Counter()
        """Samples that failed too often in this session, by the last failure."""
        self.problems_done = 0
        self.usage = Usage()
        self.graded = 0
        self.correct = 0
        self.with_reasoning = 0
        self.marks: Counter[str] = Counter()
        self.alarms: list[str] = []
        self.forecaster = Forecaster()
        self.began = time.monotonic()
        self._prices = prices
        self._notice = notice
        self._require_reasoning = require_reasoning
        self._require_model = require_model
        self._has_told_model = False
        self._opened = 0
        self._replies = 0
        self._compared = 0
        self._repeated = 0
        self._long_compared = 0
        self._long_repeated = 0
        self._surprise = 0.0
        self._has_told_aside = False
        self._has_told_repeats = False
        self._recent: deque[tuple[float, int, int]] = deque()
        self._tokens = 0

    def open_problem(self) -> int:
        """Count a problem that is begun; returns its number in the session."""
        self.forecaster.started(self._opened)
        self._opened += 1
        return self._opened - 1

    def note_trace(self, trace: Trace, said: LastSaid, language: str | None = None) -> Amount:
        """Count a line that was just written; `said` is what its problem's replies before have said, and takes it.

        `language` is that of its question. Returns what the line is charged for. Raises EndpointError when it has
        become plain that the endpoint sends no reasoning, or nothing that is fit to be kept.
        """
        self.samples += 1
        self.usage = add_usage((self.usage, trace.usage, trace.retried_usage))
        self.marks.update(trace.marks)
        amount = self._prices.of_trace(trace)
        self._tokens += amount.tokens
        if trace.error is not None:
            self.refused[trace.error] += 1
            self.refusals.setdefault(trace.error, trace.refusal or "no message")
            return amount
        if trace.is_complete:
            self.complete += 1
        else:
            self.cut += 1
        completion = read_completion(trace)
        self._note_repeat(completion.text, said)
        self._note_model(trace)
        self._note_aside(trace)
        if self.opening is not None:
            self.opening.note(trace, language)
        self._note_reasoning(trace, completion)
        return amount

    def note_verdict(self, *, verdict: bool | None) -> None:
        """Count a verdict of adaptive sampling."""
        self.graded += verdict is not None
        self.correct += verdict is True

    def rates(self) -> tuple[float, float]:
        """Samples and tokens a second over the last ten seconds."""
        now = time.monotonic()
        self._recent.append((now, self.samples, self._tokens))
        while len(self._recent) > 2 and now - self._recent[1][0] >= RECENT_SECONDS:
            self._recent.popleft()
        then, samples, tokens = self._recent[0] if len(self._recent) > 1 else (self.began, 0, 0)
        elapsed = max(now - then, 1e-3)
        return (self.samples - samples) / elapsed, (self._tokens - tokens) / elapsed

    def _note_model(self, trace: Trace) -> None:
        """Say once that another model answers, or end the session where that is not to be."""
        if "other_model" in trace.marks and self._require_model:
            raise EndpointError(
                f"The endpoint says that '{trace.served_by}' has answered, and not {trace.teacher}, and "
                "sampling.require_model is set. Set teacher.model to what is meant (`overproof doctor` lists them)"
                f", or teacher.served_as: ['{trace.served_by}'] where it is the same model."
            )
        if "other_model" in trace.marks and not self._has_told_model:
            self._has_told_model = True
            self._alarm(
                f"The endpoint says that '{trace.served_by}' has answered, and not {trace.teacher} (a fallback, or an "
                "alias): traces say so under served_by. Where that is as it should be, set "
                f"teacher.served_as: ['{trace.served_by}']"
            )

    def _note_aside(self, trace: Trace) -> None:
        """Say once that the endpoint told of an error beside a whole reply."""
        if trace.aside and not self._has_told_aside:
            self._has_told_aside = True
            self._notice(
                Notice(
                    f"The endpoint told of an error beside a reply that came whole: {close(trace.aside)} "
                    "The reply is kept; its trace says so under aside."
                )
            )

    def _note_reasoning(self, trace: Trace, completion: Completion) -> None:
        self._replies += 1
        if completion.reasoning:
            self.with_reasoning += 1
        elif self._require_reasoning and not self.with_reasoning and self._replies == REASONING_WITHIN:
            raise EndpointError(
                f"None of the first {REASONING_WITHIN} replies of {trace.teacher} carries reasoning, neither in a "
                "field of its own nor between <think> tags, so going on would buy nothing to distil. "
                "Check teacher.profile and teacher.thinking (`overproof doctor` shows one reply); on your own server "
                "check its reasoning parser. For a model without reasoning set sampling.require_reasoning: false."
            )

    def _note_repeat(self, text: str, said: LastSaid) -> None:
        is_same = said.take(text)
        if is_same is None or self._has_told_repeats:
            return
        size = len(text.encode())
        self._compared += 1
        self._repeated += is_same
        if is_same:
            self._surprise += surprise(size, said.again - 1)
        if chance_again(size) < SELDOM_AGAIN:
            self._long_compared += 1
            self._long_repeated += is_same
        if self._seems_to_repeat():
            self._has_told_repeats = True
            self._alarm(
                f"{self._repeated} of {self._compared} replies are identical to the one before of the same problem: "
                "the endpoint seems to ignore the seed and the temperature, and pass rates from such samples mean "
                "nothing. `overproof doctor` finds out whether it does. Check teacher.temperature, and on your own "
                "server its default seed."
            )

    def _seems_to_repeat(self) -> bool:
        if self._repeated == self._compared:
            return self._surprise >= math.log(EVIDENCE) or self._compared >= REPEATS_COMPARED
        is_enough = self._long_compared >= REPEATS_COMPARED
        return is_enough and self._long_repeated >= REPEATS_ALARM * self._long_compared

    def _alarm(self, text: str) -> None:
        self.alarms.append(text)
        self._notice(Notice(text))

"""The rewards in the form that TRL's GRPOTrainer calls; only this module knows how TRL hands over completions.

    GRPOTrainer(reward_funcs=reward_functions(), args=GRPOConfig(reward_weights=reward_weights(), …), …)

The dataset's columns may hold `reference` (or `answer`, or `solution`; for accuracy), `question` and `language`; all
else comes from TRL. The functions hold no state, so that any number of threads may call them.

What cannot be measured of a reply for the reply's own sake earns 0 here and not None: a student is trained on what it
is given, and would learn to write what nobody can read. None is left for what is no doing of the reply: a reference
that cannot be read, a question of unknown language.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from overproof.config.rewards import RewardsConfig
from overproof.errors import InputError
from overproof.grading import type_reference
from overproof.language import language_of
from overproof.records import Grade, Message, Problem, Reward, Trace, Usage, Verdict
from overproof.rewards import COMPARISONS, TraceGroup, grade_use, subject_of, take
from overproof.rewards.contracts import DEFAULT_CONTRACT
from overproof.rewards.grades import grade_traces

RewardFunction = Callable[..., list[float | None]]
"""(prompts, completions, **columns) → one value for each completion, None where it cannot be measured."""

_REFERENCE_COLUMNS = ("reference", "answer", "solution")
"""Where a dataset may have its answers; the first that is there is read."""
_FROM_TRL = frozenset({"trainer_state", "log_extra", "log_metric", "completion_ids", "prompt_ids", "environments"})
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_DEFAULT = RewardsConfig()


class Sampler(msgspec.Struct, frozen=True):
    """What the rewards must know of how TRL samples: without it a reply that was cut looks like one that ended."""

    opens_reasoning: bool = False
    """Whether the chat template ends the prompt with an opening tag. A prompt that shows it needs no telling."""
    max_tokens: int | None = None
    """GRPOConfig's max_completion_length; None: nothing is taken for cut."""
    end_ids: frozenset[int] = frozenset()
    """Tokens that end a turn: a reply of `max_tokens` without one was cut."""


_UNTOLD = Sampler()


def reward_functions(
    config: RewardsConfig = _DEFAULT, *, contract: str = DEFAULT_CONTRACT, sampler: Sampler = _UNTOLD
) -> list[RewardFunction]:
    """A function for each reward that the config lists, named like it, in the config's order.

    `contract` names one of `contracts.CONTRACTS`; the default is that of the default prompt template, `boxed`.
    """
    return [_build_function(name, config, contract, sampler) for name in _listed(config)]


def reward_weights(config: RewardsConfig = _DEFAULT) -> list[float]:
    """The weight of each of `reward_functions(config)`, for `GRPOConfig.reward_weights`."""
    return [float(config.listed()[name].weight) for name in _listed(config)]


def _listed(config: RewardsConfig) -> list[str]:
    return [*config.listed()]


def _build_function(name: str, config: RewardsConfig, contract: str, sampler: Sampler) -> RewardFunction:
    def measure(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        traces = to_traces(prompts, completions, columns, sampler)
        return _measure(name, traces, columns, config, contract)

    measure.__name__ = measure.__qualname__ = name  # TRL logs a function under its name
    return measure


def _measure(
    name: str, traces: Sequence[Trace], columns: dict[str, Any], config: RewardsConfig, contract: str
) -> list[float | None]:
    """One measure of all traces of a batch; those that compare traces compare the ones with the same prompt."""
    use = grade_use(name)
    is_graded = use == "needed" or (use == "known" and _has_references(traces))
    grades = grade_traces(traces, config.accuracy.extractor) if is_graded else [None] * len(traces)
    if use == "needed":
        _check_references(traces, columns)
        grades = _decide(traces, grades, columns)
    if name in COMPARISONS:
        return [reward.value for reward in _compare(name, traces, grades, config)]
    values = []
    for i, (trace, grade) in enumerate(zip(traces, grades, strict=True)):
        language = columns["language"][i] if "language" in columns else _language_of(trace.problem.question)
        subject = subject_of(trace, grade, config, language=language, contract=contract)
        reward = take(name, subject, config.listed()[name])
        values.append(0.0 if reward.value is None and reward.reason in _OWN_DOING else reward.value)
    return values


_OWN_DOING = frozenset({"no_reasoning", "no_answer"})
"""Reasons for no value that are the reply's own doing."""


def _has_references(traces: Sequence[Trace]) -> bool:
    return any(trace.problem.reference is not None for trace in traces)


def _check_references(traces: Sequence[Trace], columns: dict[str, Any]) -> None:
    """Refuse a batch without any reference: its reward would be None for ever, and the training learn nothing of it."""
    if traces and not _has_references(traces):
        known = sorted(set(columns) - _FROM_TRL)
        raise InputError(
            f"accuracy: no row of this batch has a reference. The dataset's columns are {', '.join(known) or 'none'}; "
            f"name the one with the answers {', '.join(_REFERENCE_COLUMNS[:-1])} or {_REFERENCE_COLUMNS[-1]}, or set "
            "no accuracy reward"
        )


def _decide(traces: Sequence[Trace], grades: Sequence[Grade | None], columns: dict[str, Any]) -> list[Grade | None]:
    """The grades with what is undecided for the answer's sake counted as wrong; how much there is of both is logged."""
    decided: list[Grade | None] = []
    unreadable = undecided = 0
    for trace, grade in zip(traces, grades, strict=True):
        decided.append(grade)
        if grade is not None and grade.verdict is Verdict.UNVERIFIABLE:
            if _is_unreadable(trace.problem.reference or "", trace.problem.question):
                unreadable += 1
            else:
                undecided += 1
                decided[-1] = replace(grade, verdict=Verdict.INCORRECT)
    log: Callable[[str, float], None] | None = columns.get("log_metric")
    if log is not None and traces:
        log("undecided_answers", undecided / len(traces))
        log("unreadable_references", unreadable / len(traces))
    return decided


@lru_cache(maxsize=1 << 12)
def _is_unreadable(reference: str, question: str) -> bool:
    """Whether no answer can be graded against a reference."""
    return type_reference(reference, question).issue is not None


def _compare(name: str, traces: Sequence[Trace], grades: Sequence[Grade | None], config: RewardsConfig) -> list[Reward]:
    groups: dict[str, list[int]] = {}
    for i, trace in enumerate(traces):
        groups.setdefault(trace.problem.id, []).append(i)
    rewards: dict[int, Reward] = {}
    for members in groups.values():
        group = TraceGroup([traces[i] for i in members], [grades[i] for i in members], config)
        found = COMPARISONS[name].take(group, config.listed()[name])
        rewards |= zip(members, found, strict=True)
    return [rewards[i] for i in range(len(traces))]


_language_of = lru_cache(maxsize=1 << 12)(language_of)
"""A prompt is rewarded many times and named once."""


def to_traces(
    prompts: Sequence[Any], completions: Sequence[Any], columns: dict[str, Any], sampler: Sampler = _UNTOLD
) -> list[Trace]:
    """TRL's prompts and completions (text, or lists of messages) as traces; a problem's id is its prompt.

    A trace has as many tokens as its entry in the column `completion_ids`, which TRL passes.
    """
    references = next((columns[name] for name in _REFERENCE_COLUMNS if name in columns), None)
    all_ids = columns.get("completion_ids")
    traces = []
    for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        messages = _messages_of(prompt)
        question = columns["question"][i] if "question" in columns else messages[-1].content
        if sampler.opens_reasoning:
            messages = [*messages, Message("assistant", "<think>")]
        reference = references[i] if references is not None else None
        problem = Problem(repr(prompt), question, None if reference is None else str(reference))
        ids = all_ids[i] if all_ids is not None else None
        content, reasoning = _reply_of(completion)
        finish = "length" if ids is not None and _is_cut(ids, sampler) else "stop"
        usage = Usage(completion_tokens=None if ids is None else len(ids))
        traces.append(
            Trace(problem, i, "", "", "", messages, {}, content, reasoning, finish_reason=finish, usage=usage)
        )
    return traces


def _is_cut(ids: Sequence[int], sampler: Sampler) -> bool:
    """Whether a reply of these tokens ended at the limit and not by itself."""
    return sampler.max_tokens is not None and len(ids) >= sampler.max_tokens and ids[-1] not in sampler.end_ids


def _messages_of(prompt: Any) -> list[Message]:
    if isinstance(prompt, str):
        return [Message("user", prompt)]
    return [Message(message["role"], _text_of(message.get("content"))) for message in prompt]


def _reply_of(completion: Any) -> tuple[str, str | None]:
    """The reply's content, and its reasoning where that has a field of its own."""
    if isinstance(completion, str):
        return completion, None
    last = completion[-1] if completion else {}
    reasoning = next((text for field in _REASONING_FIELDS if (text := last.get(field)) is not None), None)
    return _text_of(last.get("content")), reasoning


def _text_of(content: Any) -> str:
    """A message's content as text: it may be None, text, or a list of parts of which some are text."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.get("text", "") for part in content)

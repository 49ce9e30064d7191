"""The rewards in the form that TRL's GRPOTrainer calls; only this module knows how TRL hands over completions.

    GRPOTrainer(reward_funcs=reward_functions(), args=GRPOConfig(reward_weights=reward_weights(), …), …)

The dataset's columns may hold `reference` (for accuracy), `question` and `language`; all else comes from TRL. The
functions hold no state, so that any number of threads may call them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from overproof.config.rewards import RewardsConfig
from overproof.grading import answer_classes
from overproof.grading.extraction import choose, extract
from overproof.language import language_of
from overproof.records import Grade, Message, Problem, Reward, Trace, Usage
from overproof.rewards import is_correct, measures_of
from overproof.rewards.grades import grade_traces
from overproof.rewards.group import self_consistency
from overproof.rewards.length import kimi_length

RewardFunction = Callable[..., list[float | None]]
"""(prompts, completions, **columns) → one value for each completion, None where it cannot be measured."""

_NEED_A_GRADE = frozenset({"accuracy", "cosine_length", "kimi_length"})
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_DEFAULT = RewardsConfig()


def reward_functions(config: RewardsConfig = _DEFAULT, *, contract: str = "think_answer") -> list[RewardFunction]:
    """A function for each reward that the config lists, named like it, in the config's order.

    `contract` names one of `think_format.CONTRACTS`; think_answer is that of R1-Zero's template.
    """
    return [_build_function(name, config, contract) for name in _listed(config)]


def reward_weights(config: RewardsConfig = _DEFAULT) -> list[float]:
    """The weight of each of `reward_functions(config)`, for `GRPOConfig.reward_weights`."""
    return [float(getattr(config, name).weight) for name in _listed(config)]


def _listed(config: RewardsConfig) -> list[str]:
    return [name for name in type(config).model_fields if getattr(config, name) is not None]


def _build_function(name: str, config: RewardsConfig, contract: str) -> RewardFunction:
    def measure(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float | None]:
        traces = to_traces(prompts, completions, columns)
        return [reward.value for reward in _measure(name, traces, columns, config, contract)]

    measure.__name__ = measure.__qualname__ = name  # TRL logs a function under its name
    return measure


def _measure(
    name: str, traces: Sequence[Trace], columns: dict[str, Any], config: RewardsConfig, contract: str
) -> list[Reward]:
    """One measure of all traces of a batch; those that compare traces compare the ones with the same prompt."""
    grades = grade_traces(traces) if name in _NEED_A_GRADE else [None] * len(traces)
    if name in {"self_consistency", "kimi_length"}:
        return _compare(name, traces, grades, config)
    rewards = []
    for i, (trace, grade) in enumerate(zip(traces, grades, strict=True)):
        language = columns["language"][i] if "language" in columns else _language_of(trace.problem.question)
        measures = measures_of(trace, grade, config, language=language, contract=contract)
        rewards.append(measures[name](getattr(config, name)))
    return rewards


def _compare(name: str, traces: Sequence[Trace], grades: Sequence[Grade | None], config: RewardsConfig) -> list[Reward]:
    groups: dict[str, list[int]] = {}
    for i, trace in enumerate(traces):
        groups.setdefault(trace.problem.id, []).append(i)
    rewards: dict[int, Reward] = {}
    for members in groups.values():
        if name == "kimi_length":
            right = [is_correct(grades[i], config.accuracy.approximate) for i in members]
            found = kimi_length([traces[i] for i in members], right)
        else:
            answers = [_answer_of(traces[i]) for i in members]
            found = self_consistency(answer_classes(answers, question=traces[members[0]].problem.question))
        rewards |= zip(members, found, strict=True)
    return [rewards[i] for i in range(len(traces))]


def _answer_of(trace: Trace) -> str | None:
    found = choose(extract(trace.content))
    return found.text if found else None


_language_of = lru_cache(maxsize=1 << 12)(language_of)
"""A prompt is rewarded many times and named once."""


def to_traces(prompts: Sequence[Any], completions: Sequence[Any], columns: dict[str, Any]) -> list[Trace]:
    """TRL's prompts and completions (text, or lists of messages) as traces; a problem's id is its prompt.

    A trace has as many tokens as its entry in the column `completion_ids`, which TRL passes.
    """
    traces = []
    for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        messages = _messages_of(prompt)
        question = columns["question"][i] if "question" in columns else messages[-1].content
        reference = columns["reference"][i] if "reference" in columns else None
        content, reasoning = _reply_of(completion)
        tokens = len(columns["completion_ids"][i]) if columns.get("completion_ids") is not None else None
        problem = Problem(repr(prompt), question, None if reference is None else str(reference))
        usage = Usage(completion_tokens=tokens)
        # TRL does not say which replies were cut: they are graded by what is there, like any other.
        traces.append(
            Trace(problem, i, "", "", "", messages, {}, content, reasoning, finish_reason="stop", usage=usage)
        )
    return traces


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

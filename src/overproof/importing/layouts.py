"""The layouts in which people keep traces, as data: which column holds what. Only this module knows their names.

A layout says of each part of a trace the columns that may hold it; of several a row's first that holds anything is
read. `GENERAL` knows the words that people use; a named layout says what those words mean where they mean another
thing, and a mapping of one's own comes before both.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from overproof.problems.presets import after_hashes, last_boxed
from overproof.rows.columns import find_column

_LONGEST_ANSWER = 200
"""Characters up to which a text without a box may be an answer; a longer one is a solution."""

_STEP = re.compile(r"[.\[]")

Names = tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """Which columns hold what."""

    name: str
    about: str = ""
    marks: Names = ()
    """Columns that tell this layout from others: a row that has them all is taken to be of it."""
    unless: Names = ()
    """Columns that no row of this layout has."""
    is_settled: bool = False
    """Whether a person has said which columns hold the replies: what others hold is not weighed against them."""
    chat: Names = ()
    """Lists of messages that end in the reply, or hold the question alone."""
    rendered: Names = ("text", "full_text")
    """Texts that hold a chat as a template writes it out; read where there is neither a chat nor a question."""
    question: Names = ()
    append: Names = ()
    """What follows the question on a line of its own."""
    system: Names = ("system", "system_prompt")
    replies: Names = ()
    """A text, a list of texts, or messages."""
    each: Names = ()
    """Columns that hold a reply each, in place of `replies`."""
    reasoning: Names = ()
    """A text, or a list as long as that of the replies; inside the reply where there is none."""
    reference: Names = ()
    names_reference: bool = False
    """Whether a person has said where it is: no other column is taken for it."""
    id: Names = ("id", "uuid", "problem_id", "unique_id", "question_id")
    source: Names = ("source", "data_source", "problem_source", "repo_name")
    level: Names = ("level", "difficulty")
    finish_reason: Names = ("finish_reasons", "finish_reason")


_CARRIERS = (
    *("reward_model", "verification_info", "info", "messages[0].info", "conversations[0].info", "extra_info"),
    *("metadata", "meta", "doc", "generic_request.original_row", "original_row"),
)
"""Columns, and places within them, in which sets keep what they know of a problem beside the chat."""
_KNOWN_AS = ("ground_truth", "reference_answer", "expected_answer", "answer")
_REFERENCES = (
    *("reference", "ground_truth", "reference_answer", "gold", "golden", "gold_answer", "gt", "gts", "gt_answer"),
    *("correct_answer", "expected_answer", "target", "参考答案", "标准答案", "正确答案", "final_answer"),
    *(f"{carrier}.{name}" for carrier in _CARRIERS for name in _KNOWN_AS),
    *("answer", "答案", "ground_truth_solution", "solution", "label", "labels"),
)

GENERAL = Layout(
    "general",
    about="the words that most sets use",
    chat=(
        *("messages", "conversations", "conversation", "chat", "dialog", "contents", "request.messages"),
        *("body.messages", "generic_request.messages"),
    ),
    question=(
        *("problem", "question", "prompt", "instruction", "query", "input", "user_prompt", "original_question"),
        *("full_prompt", "origin_prompt", "doc.problem", "doc.question"),
        *("题目", "问题", "题干", "题目内容", "提问", "指令", "extra_info.question"),
    ),
    append=(),
    replies=(
        *("_full_generation", "generations", "generation", "responses", "response", "completions", "completion"),
        *("generated_solution", "llm_response", "llm_output", "output", "outputs"),
        *("choices", "samples", "predictions", "prediction", "content", "reply", "attempt", "assistant"),
        *("raw_response", "response_message", "resps"),
        *("回答", "回复", "模型回答", "模型输出", "输出", "解答"),
    ),
    reasoning=(
        *("reasoning_content", "reasoning", "thinking", "thinking_trajectories", "thinking_trajectory"),
        *("reasoning_trace", "think", "thought", "thoughts", "think_content", "cot", "chain_of_thought"),
        *("Complex_CoT", "思考过程", "思考", "推理过程", "推理", "思维链"),
    ),
    reference=_REFERENCES,
)

_NAMED = (
    Layout(
        "110k",
        about="Chinese-DeepSeek-R1-Distill-data-110k: input, reasoning_content, content",
        marks=("input", "reasoning_content", "content"),
        question=("input",),
        replies=("content",),
        reasoning=("reasoning_content",),
        reference=_REFERENCES,
        source=("repo_name", "source"),
    ),
    Layout(
        "openr1",
        about="OpenR1-Math: several generations of one problem",
        marks=("problem", "generations"),
        question=("problem",),
        replies=("generations",),
        reference=("answer", "solution"),
    ),
    Layout(
        "openthoughts_metadata",
        about="OpenThoughts-114k, configuration metadata",
        marks=("problem", "deepseek_reasoning", "deepseek_solution"),
        question=("problem",),
        replies=("deepseek_solution",),
        reasoning=("deepseek_reasoning",),
        reference=("ground_truth_solution",),
    ),
    Layout(
        "s1.1",
        about="s1K-1.1: DeepSeek-R1's thinking and attempt (--reasoning gemini_thinking_trajectory for Gemini's)",
        marks=("question", "deepseek_thinking_trajectory", "deepseek_attempt"),
        question=("question",),
        replies=("deepseek_attempt",),
        reasoning=("deepseek_thinking_trajectory",),
        reference=("solution",),
        source=("source_type",),
    ),
    Layout(
        "s1",
        about="s1K: thinking_trajectories and attempt",
        marks=("question", "thinking_trajectories", "attempt"),
        question=("question",),
        replies=("attempt",),
        reasoning=("thinking_trajectories",),
        reference=("solution",),
        source=("source_type",),
    ),
    Layout(
        "deepmath",
        about="DeepMath-103K: three solutions of DeepSeek-R1",
        marks=("question", "final_answer", "r1_solution_1"),
        question=("question",),
        each=("r1_solution_1", "r1_solution_2", "r1_solution_3"),
        reference=("final_answer",),
        source=("topic",),
    ),
    Layout(
        "openmathreasoning",
        about="OpenMathReasoning: generated_solution and expected_answer",
        marks=("problem", "generated_solution", "expected_answer"),
        question=("problem",),
        replies=("generated_solution",),
        reference=("expected_answer",),
    ),
    Layout(
        "limo",
        about="LIMO: the solution is the trace, the answer the reference",
        marks=("question", "solution", "answer"),
        unless=GENERAL.replies,
        question=("question",),
        replies=("solution",),
        reference=("answer",),
    ),
    Layout(
        "alpaca",
        about="instruction, input and output",
        marks=("instruction", "output"),
        unless=tuple(name for name in GENERAL.replies if name != "output"),
        question=("instruction", "input"),
        append=("input",),
        replies=("output",),
        reference=("reference", "expected_answer", "final_answer", "answer", "solution"),
    ),
    Layout(
        "qwen_eval",
        about="outputs of Qwen2.5-Math's evaluation: the replies are called code",
        marks=("question", "gt", "code", "pred"),
        question=("question",),
        replies=("code",),
        reference=("gt",),
        id=("idx",),
    ),
    Layout(
        "preference",
        about="pairs of chosen and rejected: a trace each",
        marks=("chosen", "rejected"),
        chat=("messages", "conversations"),
        question=GENERAL.question,
        each=("chosen", "rejected"),
        reference=_REFERENCES,
    ),
    Layout(
        "messages",
        about="chat with role and content, the reasoning inside or in a field of its own",
        marks=("messages",),
        chat=("messages",),
        replies=GENERAL.replies,
        reasoning=GENERAL.reasoning,
        reference=_REFERENCES,
    ),
    Layout(
        "sharegpt",
        about="conversations of human and gpt, or of user and assistant",
        marks=("conversations",),
        chat=("conversations", "conversation"),
        replies=GENERAL.replies,
        reasoning=GENERAL.reasoning,
        reference=_REFERENCES,
    ),
)

LAYOUTS = {layout.name: layout for layout in (*_NAMED, GENERAL)}
"""By name, in the order in which they are tried."""

ALIASES = {
    "r1_distill_110k": "110k",
    "input_reasoning_content": "110k",
    "openr1_math": "openr1",
    "openthoughts": "sharegpt",
}
"""Names that older command lines use."""


def recognise(values: Mapping[str, Any]) -> Layout:
    """The layout that a row is of: the first named one all of whose marks it has, else the general one."""
    return next((one for one in _NAMED if _is_of(values, one)), GENERAL)


def _is_of(values: Mapping[str, Any], layout: Layout) -> bool:
    has_marks = all(find_column(values, mark) for mark in layout.marks)
    return has_marks and find_column(values, layout.unless) is None


def find_written(values: Mapping[str, Any], names: Names) -> Names:
    """Those of these columns and paths that a row may have, as it writes them: case says nothing."""
    return _find_written(tuple(values), names)


@functools.lru_cache(maxsize=4096)
def _find_written(keys: tuple[str, ...], names: Names) -> Names:
    folded = {str(key).casefold(): str(key) for key in reversed(keys)}
    found: dict[str, None] = {}
    for name in names:
        whole = _STEP.split(name, maxsplit=1)[0]
        if name in keys or (whole != name and whole in keys):
            found[name] = None
        elif (written := folded.get(name.casefold())) is not None:
            found[written] = None
    return tuple(found)


def with_columns(layout: Layout, columns: Mapping[str, str]) -> Layout:
    """The layout with columns of one's own in place of its: question, reasoning, answer, reference, id, source.

    A reference of no name is none.
    """
    given: dict[str, Any] = {{"answer": "replies"}.get(part, part): (path,) for part, path in columns.items()}
    if "replies" in given:
        given |= {"each": (), "is_settled": True}
    if {"question", "replies"} & given.keys():
        given["chat"] = ()
    if "reference" in given:
        given["names_reference"] = True
    taken = set(columns.values())
    kept = {part: _without(getattr(layout, part), taken) for part in ("replies", "reasoning", "reference")}
    return dataclasses.replace(layout, **{**kept, **given})


def _without(names: Iterable[str], taken: set[str]) -> Names:
    return tuple(name for name in names if name not in taken)


def find_answer(text: str) -> str | None:
    r"""The answer in a reference column: after `####`, in the last box, or all of a short text; None in a solution."""
    if "####" in text:
        return after_hashes(text)
    boxed = last_boxed(text)
    if boxed is not None:
        return boxed
    stripped = text.strip()
    is_none = stripped.lower() in {"proof", "notfound", "not found"}
    return None if is_none or len(stripped) > _LONGEST_ANSWER or "\n" in stripped else stripped

"""Did the reply keep the form that its prompt asked for? Only this module knows the ways to break it.

Form never stands for truth: a broken form has no say in whether the answer is right.
"""

from __future__ import annotations

import re
from itertools import islice

import msgspec
from msgspec.structs import replace

from overproof.braces import close_brace
from overproof.completion import opens_reasoning, read_completion, show_visible
from overproof.records import Reward, Trace

BREAKS = {
    "no_reasoning": "there is no reasoning block",
    "wrong_tags": "the reasoning stands between tags of another contract",
    "text_before": "text stands before the reasoning block",
    "nested": "a reasoning block opens within another",
    "unclosed": "the reasoning block never ends",
    "closed_twice": "the reasoning block is closed more than once",
    "several_blocks": "a second reasoning block follows the first",
    "empty_reasoning": "the reasoning block is empty, or holds nothing that a reader sees",
    "only_answer": "the reasoning is nothing but the answer",
    "only_prompt": "the reasoning is nothing but words of the prompt",
    "no_thought": "the reasoning is one word or sign over and over, or letters without words",
    "tags_in_answer": "the reasoning came through a field of its own, and the answer holds reasoning tags too",
    "no_answer": "nothing follows the reasoning",
    "answer_only_inside": "the answer is given within the reasoning and not after it",
    "no_box": "the answer is not in \\boxed{}",
    "unclosed_box": "a \\boxed{ in the answer is never closed",
    "no_answer_block": "what follows the reasoning is not between <answer> tags",
    "text_between": "text stands between the reasoning and the answer block",
    "unclosed_answer": "the answer block never ends",
    "several_answers": "there is more than one answer block",
    "empty_answer": "the answer block or box is empty",
    "text_after": "text follows the answer block",
}
"""Every reason that think_format gives for a 0, with its meaning."""


class Contract(msgspec.Struct, frozen=True):
    """The form that a prompt asks for."""

    opening: str
    closing: str
    answer: str
    """How the answer is marked: box, block (between `<answer>` tags) or free."""


CONTRACTS = {
    "think_boxed": Contract("<think>", "</think>", "box"),
    "think_answer": Contract("<think>", "</think>", "block"),
    "thinking_answer": Contract("<thinking>", "</thinking>", "block"),
    "think": Contract("<think>", "</think>", "free"),
}

DEFAULT_CONTRACT = "think_boxed"
"""The contract of the default prompt template."""

_REASONING_TAG = re.compile(
    r"<\s?/?\s?(?:think(?:ing)?|thoughts?|reasoning|reflection|scratchpad)(?:\s[^<>\n=]{0,20}=[^<>\n]{0,80})?\s?>",
    re.IGNORECASE,
)
"""What a reader takes for the begin or the end of reasoning. One that is not spelled as the contract has it is of
another."""
_BROKEN_SHAPES = (
    (re.compile(r"$"), "no_reasoning"),
    (re.compile(r".*x"), "wrong_tags"),
    (re.compile(r"oo"), "nested"),
    (re.compile(r"o$"), "unclosed"),
    (re.compile(r"o?cc"), "closed_twice"),
    (re.compile(r"o?co"), "several_blocks"),
)
"""Sequences of tags (o opening, c closing, x of another contract) that are not one block. A block is oc, or c where a
template supplied the opening."""
_TAG = re.compile(r"</?(?:think|thinking|answer)>")
_BOX = re.compile(r"\\boxed\s*\{")
_MARK = {"box": _BOX, "block": re.compile("<answer>"), "free": re.compile(r"[^\s$*_`#>{}\\]")}
"""How each kind of answer is known."""
_BARE = re.compile(r"\\boxed|\\[a-z]*(?:text|math)[a-z]*|</?answer>|[\W_]+")
_LEAD_IN = re.compile(
    r"^\W*(?:(?:so|thus|hence|therefore|ok|okay)\W+)?(?:(?:the|my)\s+)?(?:final\s+)?(?:answer|result|solution)"
    r"\s*(?:is|equals|[:=])\s*|^\W*(?:所以|因此|故)?(?:最终)?(?:答案|结果)(?:是|为|等于|[:：])\s*",
    re.IGNORECASE,
)
"""How an answer is announced, which is no thought."""
_LONGEST_LEAD_IN = 50
"""Letters of such words."""
_TOKEN = re.compile(r"[^\W\d_\u2e80-\uffff]+|\d+|[^\s\ufe0f]")  # a word, a number, or one sign or Chinese character
_FEWEST_DIFFERENT, _LONG = 3, 60
"""Different words and signs that a reasoning of so many characters has at least."""
_ENDLESS = re.compile(r"[a-z0-9+/=_-]{60,}")
"""Letters in a row that are no word of any language: base64, the same letter for ever."""
_SHORTEST_COPY, _ENOUGH = 8, 20_000
"""Letters and digits from which a reasoning can be a copy of the prompt, and up to which a reasoning is looked at."""
_BEGIN = 1_000
"""Characters of a reasoning that are looked at before the rest of it."""
_MOST_TAGS_SHOWN = 8


def think_format(trace: Trace, contract: str) -> Reward:
    """1 when the reply has exactly one reasoning block and after it the answer in its place, else 0.

    `contract` names one of CONTRACTS. Reasoning through a field of its own takes the place of the block. An opening
    tag may be missing, since chat templates supply it. A 0 has one of BREAKS as its reason, the reasoning's before
    the answer's; its evidence holds the tags found. None for a refused request.
    """
    if trace.error is not None:
        return Reward(None, "refused")
    form = CONTRACTS[contract]
    trace = _as_seen(trace)
    reason = _broken_reasoning(trace, form) or _broken_answer(trace, form) or _broken_thought(trace)
    if reason is None:
        return Reward(1.0)
    tags = [tag.group() for tag in islice(_TAG.finditer(trace.content), _MOST_TAGS_SHOWN)]
    return Reward(0.0, reason, {"tags": tags} if tags else None)


def _as_seen(trace: Trace) -> Trace:
    """The trace without what a reader does not see, which can stand for neither reasoning nor answer."""
    reasoning = trace.reasoning if trace.reasoning is None else show_visible(trace.reasoning)
    return replace(trace, content=show_visible(trace.content), reasoning=reasoning)


def _broken_thought(trace: Trace) -> str | None:
    """Whether the reasoning only says the answer before it is said, only repeats the prompt, or says nothing."""
    reply = read_completion(trace)
    whole, answer = reply.reasoning or "", _said(reply.answer)
    begin = whole[:_BEGIN].rpartition(" ")[0]
    prompt = [_bare(text) for text in _prompt_of(trace)]
    # what the begin alone rules out holds for the whole of it too, and is found in a tenth of the time
    inmost = _bare(begin)[_LONGEST_LEAD_IN:]
    if any(inmost in text for text in (answer, *prompt)):
        reasoning = _said(whole)
        if reasoning == answer or not reasoning:
            return "only_answer"
        if _SHORTEST_COPY <= len(reasoning) <= _ENOUGH and any(reasoning in text for text in prompt):
            return "only_prompt"
    is_thought = len(whole) < _LONG or _has_words(begin) or _has_words(whole[:_ENOUGH])
    return None if is_thought else "no_thought"


def _said(text: str) -> str:
    """What a text says, without the words that announce it as the answer."""
    return _bare(_LEAD_IN.sub("", text, count=1))


def _has_words(text: str) -> bool:
    """Whether a text has as many different words and signs as a thought has at least."""
    return len({*_TOKEN.findall(_ENDLESS.sub(" ", text.lower()))}) >= _FEWEST_DIFFERENT


def _prompt_of(trace: Trace) -> list[str]:
    return [trace.problem.question, *(message.content for message in trace.messages)]


def _bare(text: str) -> str:
    """A text without the marks of an answer and all that is neither letter nor digit."""
    return _BARE.sub("", text)


def _broken_reasoning(trace: Trace, form: Contract) -> str | None:
    """How the reasoning block breaks the contract, or None."""
    content = trace.content
    tags = list(_REASONING_TAG.finditer(content))
    if trace.reasoning is not None:
        if not trace.reasoning.strip():
            return "empty_reasoning"
        return "tags_in_answer" if tags else None
    if not tags and opens_reasoning(trace.messages):
        return "unclosed"
    shape = "".join({form.opening: "o", form.closing: "c"}.get(tag.group(), "x") for tag in tags)
    for broken, reason in _BROKEN_SHAPES:
        if broken.match(shape):
            return reason
    start = tags[0].end() if shape == "oc" else 0
    if start and content[: tags[0].start()].strip():
        return "text_before"
    return None if content[start : tags[-1].start()].strip() else "empty_reasoning"


def _broken_answer(trace: Trace, form: Contract) -> str | None:
    """How what follows a whole reasoning block breaks the contract, or None."""
    reply = read_completion(trace)
    mark = _MARK[form.answer]
    if not mark.search(reply.answer):
        if form.answer != "free" and mark.search(reply.reasoning or ""):
            return "answer_only_inside"
        if not reply.answer:
            return "no_answer"
        return "no_box" if form.answer == "box" else "no_answer_block"
    if form.answer == "box":
        return _broken_box(reply.answer)
    return _broken_block(reply.answer) if form.answer == "block" else None


def _broken_box(answer: str) -> str | None:
    """How the last box of an answer is broken, or None."""
    *_, box = _BOX.finditer(answer)
    closed = close_brace(answer, box.end() - 1)
    if closed is None:
        return "unclosed_box"
    return None if answer[box.end() : closed].strip() else "empty_answer"


def _broken_block(answer: str) -> str | None:
    """How the answer block is broken, or None; `answer` holds at least one opening tag."""
    before, rest = answer.split("<answer>", 1)
    if before.strip():
        return "text_between"
    inside, closing, after = rest.partition("</answer>")
    if "<answer>" in rest:
        return "several_answers"
    if not closing:
        return "unclosed_answer"
    if not inside.strip():
        return "empty_answer"
    return "text_after" if after.strip() else None

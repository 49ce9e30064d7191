"""A chat as a template writes it out, in one text → its messages; only this module knows templates by their marks.

Sets made for training keep the text that the model is fed, and rollouts the prompt that it was given. A text is such a
chat only where it is one from its first character to its last, in one template: it begins as the template begins, user
and assistant take turns, and the assistant has the last. Any other text may quote a template's marks, as questions
about prompts and models do, and stays what it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class _Template(NamedTuple):
    """How one family of templates writes a chat."""

    head: str
    """What a turn begins with; its group `role` says whose it is."""
    closing: str = ""
    """What ends a turn before another begins; without it the head of whoever's turn it is does."""
    before: str = r"(?:\s*(?:<\|(?:begin_of_text|endoftext|startoftext)\|>|\[gMASK\]|<sop>|<bos>|<s>))*\s*"
    """What may stand before the first turn; its group `system`, if any, is the system's words."""
    only_ends_replies: bool = False
    """Whether `closing` ends the assistant's turns alone."""


_TEMPLATES = (
    _Template(r"<\|im_start\|>[ \t]*(?P<role>\w+)[ \t]*\n?", r"<\|im_end\|>"),
    _Template(r"<\|start_header_id\|>\s*(?P<role>\w+)\s*<\|end_header_id\|>\s*", r"<\|eot_id\|>"),
    _Template(r"<start_of_turn>(?P<role>user|model)\n", r"<end_of_turn>"),
    _Template(
        r"<｜(?P<role>User|Assistant)｜>",
        r"<｜end▁of▁sentence｜>",
        r"\s*(?:<｜begin▁of▁sentence｜>(?P<system>.*?))?",
        only_ends_replies=True,
    ),
    _Template(r"(?P<role>\[/?INST\])", r"</s>", only_ends_replies=True),
    _Template(r"(?:<\|end\|>|</s>|<\|endoftext\|>)?\s*<\|(?P<role>system|user|assistant)\|>\s*"),
    _Template(
        r"(?:(?<=\n)|\A)###[ ]?(?P<role>Instruction|Response|Human|User|Assistant):[ ]*\n?",
        before=r"\s*(?:<s>|<\|begin_of_text\|>)?(?P<system>.*?)",
    ),
)
"""ChatML, Llama 3, Gemma, DeepSeek, Llama 2 and Mistral, GLM with Phi and Zephyr, Alpaca with Vicuna."""
_ALPACA = _TEMPLATES[-1]
_ROLES = {"human": "user", "instruction": "user", "[inst]": "user", "model": "assistant", "response": "assistant"}
_ROLES |= {"[/inst]": "assistant"}
_AFTER = {"": {"system", "user"}, "system": {"user"}, "user": {"assistant"}, "assistant": {"user"}}
"""Whose turn may follow whose."""
_ENDS = re.compile(
    r"(?:\s*(?:<\|(?:im_end|eot_id|end|end_of_text|endoftext|user|observation)\|>|<｜end▁of▁sentence｜>|<end_of_turn>"
    r"|<eos>|</s>))+\s*\Z"
)
_OF_LLAMA_2 = re.compile(r"\A\s*<<SYS>>\s*(.*?)\s*<</SYS>>\s*(.*)\Z", re.DOTALL)
_OF_S1 = re.compile(
    r"\A\s*<\|im_start\|>(?:think|analysis)\n(.*?)(?:\n<\|im_start\|>(?:answer|final)\n(.*))?\Z", re.DOTALL
)
"""A reply whose thinking and answering are turns within its own."""
_BARE = re.compile(r"\A(?:system\n(?P<system>.*?)\n)?user\n(?P<asked>.*)\nassistant\n*(?:<think>\n*)?\Z", re.DOTALL)
"""ChatML's prompt without its control tokens, as a decoder that leaves them out prints it."""
_BEGUN = re.compile(r"(?:<think>\s*(?:</think>\s*)?)?")
"""What a prompt leaves of the reply that it asks for."""
_INTRODUCTION = re.compile(r"\s*Below is\b")
"""How Alpaca's words before the instruction begin; others have to be the same in the whole column."""


class RenderedChat(NamedTuple):
    """A text that is a chat."""

    messages: list[dict[str, str]]
    """Each with role and content; a reply with its reasoning where that was a turn of its own. A reply that is only
    begun, as a prompt ends, is none."""
    before: str = ""
    """Words before the first turn which no template is known by."""


def read_rendered(text: str) -> RenderedChat | None:
    """The chat that a text is; None for any other text, whatever marks it quotes."""
    if bare := _BARE.match(text):
        return RenderedChat(_with_system(bare["system"], [{"role": "user", "content": bare["asked"].strip()}]))
    return next((found for one in _TEMPLATES if (found := _read(text, one)) is not None), None)


def are_rendered(texts: Iterable[str]) -> bool:
    """Whether every text of a column is a chat, which begins with words of its own only where all begin with them."""
    befores: list[str] = []
    for text in texts:
        found = read_rendered(text)
        if found is None or (befores and found.before != befores[0]):
            return False
        befores = [*befores[:1], found.before]
    return len(befores) > 1 or befores == [""]


def _read(text: str, template: _Template) -> RenderedChat | None:
    first = _compile(f"{template.before}(?={template.head})").match(text)
    if first is None:
        return None
    messages: list[dict[str, str]] = []
    for role, said in _take_turns(text, first.end(), template):
        if role not in _AFTER.get(messages[-1]["role"] if messages else "", ()):
            return None
        messages.append({"role": role, "content": said})
    if len(messages) == 1 or messages[-1]["role"] != "assistant":
        return None
    said = _ENDS.sub("", messages.pop()["content"]).strip()
    if parts := _OF_S1.match(said):
        said, thought = (parts[2] or "").strip(), parts[1].strip()
        messages.append({"role": "assistant", "content": said, "reasoning": thought})
    elif not _BEGUN.fullmatch(said):
        messages.append({"role": "assistant", "content": said})
    system = (first.groupdict().get("system") or "").strip()
    is_known = template is not _ALPACA or _INTRODUCTION.match(system)
    return RenderedChat(_with_system(system, messages), "" if is_known else system)


def _take_turns(text: str, start: int, template: _Template) -> Iterator[tuple[str, str]]:
    """(role, what is said) of each turn."""
    head = _compile(template.head).match(text, start)
    while head is not None:
        role = _name(head)
        following = _find_next(text, head.end(), role, template)
        yield role, text[head.end() : following.start() if following else len(text)].strip()
        head = following


def _find_next(text: str, start: int, role: str, template: _Template) -> re.Match[str] | None:
    """The head of the turn after one; what only looks like a head, because a turn quotes it, is part of that turn."""
    if template.closing and (role == "assistant" or not template.only_ends_replies):
        return _compile(rf"{template.closing}\s*(?:<s>)?{template.head}").search(text, start)
    heads = list(_compile(template.head).finditer(text, start))
    for number, head in enumerate(heads):
        is_answered = role != "assistant" or any(_name(later) == "assistant" for later in heads[number + 1 :])
        if is_answered and _name(head) in _AFTER.get(role, ()):
            return head
    return None


@functools.lru_cache(maxsize=64)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


def _name(head: re.Match[str]) -> str:
    role = head["role"].lower()
    return _ROLES.get(role, role)


def _with_system(system: str | None, messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The messages with what stands before them, and with the system message that Llama 2 has within the question."""
    if within := _OF_LLAMA_2.match(messages[0]["content"]):
        system, messages[0]["content"] = within[1], within[2].strip()
    return [{"role": "system", "content": system}, *messages] if system else messages

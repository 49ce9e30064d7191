"""Would a student learn what a row says? Only this module compares the two, part by part and token by token.

A template can keep every word and still spoil a row: a second think block, a prompt that generation never sees, a
tokenizer that gives back another text. Substrings would not show it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from overproof.student.conversation import Conversation
from overproof.student.template import EMPTY_BLOCK, Rendered

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FAULTS = {
    "prompt_is_no_prefix": "the rendered prompt is no prefix of the rendered conversation, so that the loss cannot be "
    "limited to the reply",
    "no_reasoning": "rows without reasoning; keep only traces that have some (selection.require: {think_format: 1}), "
    "or mark replies that are meant to have none with chat_template_kwargs: {enable_thinking: false}",
    "no_answer": "rows without an answer after the reasoning",
    "reasoning_lost": "the reasoning does not survive the chat template",
    "answer_lost": "the answer does not survive the chat template",
    "block_repeated": "the chat template makes of one think block several",
    "reply_changed": "the reply does not come through the chat template as it is written",
    "no_end_of_turn": "the end of the turn is not where it belongs",
    "control_token": "texts hold what this tokenizer reads as a control token; remove these rows",
    "prompt_tokens_differ": "the tokens of the prompt, as a server makes them, are not those that the row begins with",
    "text_not_kept": "the tokenizer does not give back the text that it was given: the installed version of "
    "transformers loads it wrongly, so that the student would learn other words; install another version",
}
"""What can be wrong with a row, in the order in which it is looked for."""

_AROUND_TAG = re.compile(r"\s*(</?think>)\s*")


def compare(conversation: Conversation, rendered: Rendered, end: str) -> list[str]:
    """What of `FAULTS` a rendered row shows in its text. `end` is what follows a reply (`find_end_of_turn`)."""
    expected = conversation.expected
    if not rendered.trained:
        return ["prompt_is_no_prefix"]
    faults = []
    if not expected.reasoning and not conversation.asks_no_thinking:
        faults.append("no_reasoning")
    if not expected.answer:
        faults.append("no_answer")
    body = _said(rendered)
    if not body.endswith(end) or not end.strip():
        return [*faults, "no_end_of_turn"]
    kept = _compare_reply(conversation, body.removesuffix(end))
    return faults + ([kept] if kept is not None and not faults else [])


def _said(rendered: Rendered) -> str:
    """All that stands after the assistant's header, whether the prompt or the student says it."""
    whole = rendered.prompt + rendered.trained
    return whole[len(rendered.asked) - len(rendered.opening) + len(rendered.opening.partition("<think>")[0]) :]


def _compare_reply(conversation: Conversation, text: str) -> str | None:
    """The fault of a rendered reply, which should be the reply itself; a block without reasoning may come and go."""
    expected = conversation.expected
    written = conversation.reply["content"]
    if conversation.reply.get("reasoning_content") is not None:
        written = f"<think>{expected.reasoning}</think>{written}"
    if not expected.reasoning:
        text, written = EMPTY_BLOCK.sub("", text, count=1), EMPTY_BLOCK.sub("", written, count=1)
    if _plain(text) == _plain(written):
        return None
    if expected.reasoning and expected.reasoning not in text:
        return "reasoning_lost"
    if expected.answer not in text:
        return "answer_lost"
    return "block_repeated" if text.count("<think>") > written.count("<think>") else "reply_changed"


def _plain(text: str) -> str:
    """A reply without the space around its tags, which each template writes its own way."""
    return _AROUND_TAG.sub(r"\1", text.strip())


def holds_added_token(conversation: Conversation, added: frozenset[str]) -> bool:
    """True when a text would be read as one of the tokenizer's `added` tokens; think tags in a prompt are meant."""
    expected = conversation.expected
    texts = [message["content"] for message in conversation.prompt] + [expected.reasoning or "", expected.answer]
    return any(token in text for token in added for text in texts)


def added_tokens(tokenizer: PreTrainedTokenizerBase) -> frozenset[str]:
    """The tokenizer's added tokens, but for the think tags."""
    return frozenset(tokenizer.get_added_vocab()) - {"<think>", "</think>"}


class Tokens(NamedTuple):
    """A rendered row as the student reads it."""

    ids: list[int]
    start: int
    """Where the loss begins."""
    faults: list[str]
    """What of `FAULTS` shows in the tokens alone."""


def tokenise(tokenizer: PreTrainedTokenizerBase, rendered: Sequence[Rendered]) -> list[Tokens]:
    """Rows as tokens, on all cores.

    A prompt's tokens must be those that the row begins with, or the student would be asked otherwise than it was
    trained; and the tokens must give back the text.
    """
    wholes = [text.prompt + text.trained for text in rendered]
    asked, prompts, rows = (
        _encode(tokenizer, texts)
        for texts in ([text.asked for text in rendered], [text.prompt for text in rendered], wholes)
    )
    back = tokenizer.batch_decode(rows, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    found = []
    for text, whole, again, question, prompt, ids in zip(rendered, wholes, back, asked, prompts, rows, strict=True):
        faults = []
        if text.trained and any(ids[: len(part)] != part for part in (question, prompt)):
            faults.append("prompt_tokens_differ")
        if _normal(again) != _normal(whole):
            faults.append("text_not_kept")
        found.append(Tokens(ids, len(prompt), faults))
    return found


def _encode(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    """The tokens of rendered texts; what the template wrote of special tokens is all there is."""
    encoded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False)
    ids: list[list[int]] = encoded["input_ids"]
    return ids


def _normal(text: str) -> str:
    """Qwen's tokenizers compose characters, which changes no meaning."""
    return unicodedata.normalize("NFC", text)

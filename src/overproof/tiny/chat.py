"""Messages → the text a tiny model reads: the ChatML form, its special tokens, and the template that ships with it."""

from __future__ import annotations

from collections.abc import Sequence

from overproof.records import Message

END_OF_TEXT = "<|endoftext|>"
TURN_START = "<|im_start|>"
TURN_END = "<|im_end|>"
THINK_TOKENS = ("<think>", "</think>")
SPECIAL_TOKENS = (END_OF_TEXT, TURN_START, TURN_END)
"""Never part of a reply's text; the think tokens are."""

CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""`render_prompt` as a Hugging Face chat template: content is kept as it is, reasoning included."""


def render_prompt(messages: Sequence[Message]) -> str:
    """The prompt's text, up to where the model's reply begins."""
    turns = (f"{TURN_START}{message.role}\n{message.content}{TURN_END}\n" for message in messages)
    return "".join(turns) + f"{TURN_START}assistant\n"

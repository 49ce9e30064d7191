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

NO_THINKING = "<think>\n\n</think>\n\n"
"""What opens a reply that is to have no reasoning, as Qwen3 has it."""

PLAIN_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""The template of tiny models that were made without a switch for thinking; they can still be served."""

CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.role == 'assistant' and loop.last and enable_thinking is defined and enable_thinking is false "
    "and '</think>' not in message.content %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{{- message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{%- endif %}"
)
"""`render_prompt` as a Hugging Face chat template: content is kept as it is, reasoning included. With
`enable_thinking: false` a reply begins with an empty think block."""


def render_prompt(messages: Sequence[Message], *, thinking: bool = True) -> str:
    """The prompt's text, up to where the model's reply begins."""
    turns = (f"{TURN_START}{message.role}\n{message.content}{TURN_END}\n" for message in messages)
    return "".join(turns) + f"{TURN_START}assistant\n" + ("" if thinking else NO_THINKING)

"""A student's tokenizer and chat template; only this module renders, and knows what templates do to reasoning."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from overproof.errors import ConfigError, MissingExtraError
from overproof.student.conversation import Conversation, Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHATML = Path(__file__).with_name("chatml.jinja")
"""Plain ChatML without a default system message, for base models that come without a chat template."""

BEHAVIOURS = {
    "drops_reasoning_content": "drops reasoning_content without a word; write the reasoning inline "
    "(export.format: messages)",
    "inserts_empty_think": "inserts an empty think block into a reply that has none; keep only traces with reasoning",
    "deletes_before_think": "deletes what a reply says before <think>; keep only replies that begin with it",
    "deletes_between_closings": "deletes all between the first and the last </think>; keep only replies with one",
    "opens_think": "ends the generation prompt with <think>, so that the loss begins after the tag",
    "adds_system_message": "adds a system message of its own where there is none; evaluate with the same template",
}
"""What a template may do to a conversation, with the way out."""


class Rendered(NamedTuple):
    """A conversation as the student sees it."""

    prompt: str
    """Up to where the loss begins."""
    trained: str
    """What the loss covers; empty when the rendered prompt is no prefix of the whole."""


def load_tokenizer(student: str, chat_template: str | None = None) -> PreTrainedTokenizerBase:
    """The tokenizer of a student (a folder, or an id that transformers can load) with the template to train with.

    `chat_template` is `chatml` or the path of a Jinja file; None takes the tokenizer's own. Raises ConfigError when
    there is no such student or file, or no template at all, and MissingExtraError without transformers.
    """
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("Looking at a student's chat template", "train") from None
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(student)
    except (OSError, ValueError) as error:
        raise ConfigError(f"student: no tokenizer can be loaded from '{student}': {error}") from None
    if chat_template is not None:
        file = CHATML if chat_template == "chatml" else Path(chat_template)
        if not file.is_file():
            raise ConfigError(f"chat_template: there is no file '{chat_template}'; give a Jinja file, or chatml")
        tokenizer.chat_template = file.read_text(encoding="utf-8")
    if not tokenizer.chat_template:
        raise ConfigError(
            f"student: the tokenizer of '{student}' has no chat template, as base models have none. "
            "Set chat_template: chatml and eos_token: <|im_end|>, or name a Jinja file"
        )
    return tokenizer


def render(tokenizer: PreTrainedTokenizerBase, conversation: Conversation) -> Rendered:
    """A conversation as TRL renders it: the prompt with the generation prompt, then all of it."""
    if conversation.text is not None:
        return Rendered(conversation.text, conversation.reply["content"] + (tokenizer.eos_token or ""))
    prompt = _apply(tokenizer, conversation.prompt, add_generation_prompt=True)
    whole = _apply(tokenizer, [*conversation.prompt, conversation.reply])
    return Rendered(prompt, whole[len(prompt) :] if whole.startswith(prompt) else "")


def find_end_of_turn(tokenizer: PreTrainedTokenizerBase) -> str:
    """What the template writes after an assistant's message, without surrounding space: `<|im_end|>` in ChatML."""
    mark = "the very last words"
    whole = _apply(tokenizer, [_user("hello"), _assistant(f"<think>\nhm\n</think>\n\n{mark}")])
    return whole.rpartition(mark)[2].strip()


def probe_template(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Which of `BEHAVIOURS` the template shows, found by rendering replies made for it."""

    def reply(content: str, **fields: str) -> str:
        return _apply(tokenizer, [_user("hello"), _assistant(content, **fields)])

    prompt = _apply(tokenizer, [_user("hello")], add_generation_prompt=True)
    shown = {
        "drops_reasoning_content": "mulling" not in reply("four", reasoning_content="mulling"),
        "inserts_empty_think": "<think>" in reply("four"),
        "deletes_before_think": "preface" not in reply("preface <think>\nhm\n</think>\n\nfour"),
        "deletes_between_closings": "between" not in reply("<think>\nhm\n</think> between </think>\n\nfour"),
        "opens_think": prompt.rstrip().endswith("<think>"),
        "adds_system_message": "hello" in prompt and "system" in prompt.partition("hello")[0],
    }
    return [name for name in BEHAVIOURS if shown[name]]


def _apply(tokenizer: PreTrainedTokenizerBase, messages: list[Message], *, add_generation_prompt: bool = False) -> str:
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_generation_prompt)
    return str(text)


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def _assistant(content: str, **fields: str) -> Message:
    return {"role": "assistant", "content": content, **fields}

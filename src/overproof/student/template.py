"""A student's tokenizer and chat template; only this module renders a row, and knows what a template can be called."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import jinja2.ext
import jinja2.meta
import jinja2.nodes

from overproof.errors import ConfigError, InputError, MissingExtraError, suggest
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
    "doubles_block": "writes an empty think block of its own before reasoning that stands in the content; give the "
    "reasoning a field of its own (export.format: messages_reasoning_content)",
    "deletes_reasoning": "deletes reasoning in the content; take its training variant (train.chat_template)",
    "opens_think": "ends the generation prompt with <think>, so that the loss begins after the tag",
    "closes_think": "ends the generation prompt with an empty think block, so that it asks for no reasoning; set "
    "train.template: {enable_thinking: true}",
    "adds_system_message": "adds a system message of its own where there is none; evaluate with the same template",
}
"""What a template may do to a conversation, with the way out."""

PLAIN = Path(__file__).with_name("plain.jinja")
"""Texts one after the other, as the rows of export.format prompt_completion_text are."""

_GENERATION_TAG = re.compile(r"\{%(-?)\s*(end)?generation\s*(-?)%\}")
"""TRL's marks around an assistant's message, which other readers of a template do not know."""


EMPTY_BLOCK = re.compile(r"<think>\s*</think>\s*")
"""What stands in place of reasoning where there is none."""


class Rendered(NamedTuple):
    """A conversation as the student sees it. `prompt` and `trained` follow each other without a gap."""

    prompt: str
    """Up to where the loss begins."""
    trained: str
    """What the loss covers; empty when what is asked is no prefix of the whole."""
    asked: str
    """The prompt as a server renders it when the student is to reply."""
    opening: str
    """The part of `asked` that opens the reply: the assistant's header, and what the template writes after it."""


def load_tokenizer(
    student: str,
    chat_template: str | None = None,
    variables: dict[str, Any] | None = None,
    *,
    needs_template: bool = True,
) -> PreTrainedTokenizerBase:
    """The tokenizer of a student (a folder, or an id that transformers can load) with the template to train with.

    `chat_template` is a name that `find_template` knows or the path of a Jinja file; None takes the tokenizer's own.
    `variables` (train.template) become the defaults of the template, so that whoever renders with the saved tokenizer
    gets the mode that was trained. Raises ConfigError when there is no such student, template or variable, or no
    template at all, and MissingExtraError without transformers.
    """
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("Looking at a student's chat template", "train") from None
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(student)
    except (OSError, ValueError) as error:
        raise ConfigError(f"student: no tokenizer can be loaded from '{student}': {error}") from None
    # Rows that are too long are counted and left out by name, not warned of in the library's words.
    tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    if chat_template is not None:
        tokenizer.chat_template = find_template(chat_template)
    if not tokenizer.chat_template and needs_template:
        raise ConfigError(
            f"student: the tokenizer of '{student}' has no chat template, as base models have none. "
            "Set chat_template: chatml and eos_token: <|im_end|>, or name a Jinja file"
        )
    if variables:
        tokenizer.chat_template = set_defaults(tokenizer.chat_template, variables)
    return tokenizer


def find_template(name: str) -> str:
    """The text of a template: `chatml`, `plain`, the name of one that TRL ships, or the path of a Jinja file.

    Of TRL's the training variant is taken where there is one, for it keeps the reasoning that the original deletes.
    Raises ConfigError naming those there are.
    """
    shipped = template_files()
    file = shipped.get(name) or Path(name)
    if not file.is_file():
        raise ConfigError(
            f"chat_template: there is no template '{name}'.{suggest(name, shipped)} Give the path of a Jinja file, or "
            f"one of: {', '.join(shipped)}"
        )
    text = file.read_text(encoding="utf-8")
    return _GENERATION_TAG.sub(lambda tag: f"{{%{tag[1]} {'endif' if tag[2] else 'if true'} {tag[3]}%}}", text)


def template_files() -> dict[str, Path]:
    """The templates that have a name: this package's `chatml` and `plain`, and those of TRL where it is installed."""
    spec = find_spec("trl")
    folder = Path(spec.origin).parent / "chat_templates" if spec is not None and spec.origin else Path("nowhere")
    plain = {file.stem: file for file in sorted(folder.glob("*.jinja")) if not file.stem.endswith("_training")}
    variants = {name: folder / f"{name}_training.jinja" for name in plain}
    return {"chatml": CHATML, "plain": PLAIN} | {
        name: variants[name] if variants[name].is_file() else file for name, file in plain.items()
    }


def set_defaults(template: str, variables: dict[str, Any]) -> str:
    """The template with these values for variables that its caller leaves out. Raises ConfigError for one it lacks."""
    known = sorted(read_variables(template))
    for name in variables:
        if name not in known:
            raise ConfigError(
                f"template.{name}: the student's chat template reads no such variable; it reads "
                f"{', '.join(known) or 'none'}"
            )
    lines = [
        f"{{%- if {name} is not defined %}}{{%- set {name} = {'none' if value is None else json.dumps(value)} %}}"
        "{%- endif %}"
        for name, value in variables.items()
    ]
    return "".join(lines) + template


def read_variables(template: str) -> set[str]:
    """The names that a template expects from its caller, but for those that every template gets."""
    environment = jinja2.Environment(extensions=[jinja2.ext.loopcontrols], autoescape=False)  # noqa: S701 - no HTML
    try:
        tree = environment.parse(_GENERATION_TAG.sub("", template))
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(f"chat_template: line {error.lineno} is no Jinja: {error.message}") from None
    given = {"messages", "tools", "documents", "add_generation_prompt", "raise_exception", "strftime_now"}
    tokens = {"bos_token", "eos_token", "pad_token", "unk_token"}
    own = {name.name for name in tree.find_all(jinja2.nodes.Name) if name.ctx == "store"}
    return set(jinja2.meta.find_undeclared_variables(tree)) - given - tokens - own


def render(
    tokenizer: PreTrainedTokenizerBase, conversation: Conversation, *, empty_block_in_loss: bool = False
) -> Rendered:
    """A conversation with its loss: the prompt as a server renders it, then the reply with its end of turn.

    The empty think block of a reply without reasoning is part of the prompt, or of what is trained when
    `empty_block_in_loss`, wherever the template puts it. Plain text has no template, and ends with the end token.
    """
    if conversation.text is not None:
        trained = conversation.reply["content"] + (tokenizer.eos_token or "")
        return Rendered(conversation.text, trained, conversation.text, "")
    variables = conversation.variables
    before = _apply(tokenizer, conversation.prompt, variables)
    asked = _apply(tokenizer, conversation.prompt, variables, add_generation_prompt=True)
    whole = _apply(tokenizer, [*conversation.prompt, conversation.reply], variables)
    opening = asked[len(before) :] if asked.startswith(before) else ""
    if not whole.startswith(asked):
        return Rendered(asked, "", asked, opening)
    start = len(asked)
    header = start - len(opening) + len(opening.partition("<think>")[0])
    if not conversation.expected.reasoning and (block := EMPTY_BLOCK.match(whole, header)):
        start = header if empty_block_in_loss else block.end()
    return Rendered(whole[:start], whole[start:], asked, opening)


def render_question(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """A text as a server puts it to the student: in a user's message, through the chat template."""
    return _apply(tokenizer, [_user(text)], add_generation_prompt=True)


def find_end_of_turn(tokenizer: PreTrainedTokenizerBase) -> str:
    """What the template writes after an assistant's message: `<|im_end|>` and a line break in ChatML."""
    mark = "the very last words"
    whole = _apply(tokenizer, [_user("hello"), _assistant(f"<think>\nhm\n</think>\n\n{mark}")])
    return whole.rpartition(mark)[2]


def probe_template(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Which of `BEHAVIOURS` the template shows, found by rendering replies made for it."""

    def reply(content: str, **fields: str) -> str:
        return _apply(tokenizer, [_user("hello"), _assistant(content, **fields)])

    prompt = _apply(tokenizer, [_user("hello")], add_generation_prompt=True)
    inline = reply("<think>\nhm\n</think>\n\nfour")
    shown = {
        "drops_reasoning_content": "mulling" not in reply("four", reasoning_content="mulling"),
        "inserts_empty_think": "<think>" in reply("four"),
        "deletes_before_think": "preface" not in reply("preface <think>\nhm\n</think>\n\nfour"),
        "deletes_between_closings": "between" not in reply("<think>\nhm\n</think> between </think>\n\nfour"),
        "doubles_block": "hm" in inline and inline.count("<think>") > 1,
        "deletes_reasoning": "hm" not in inline,
        "opens_think": prompt.rstrip().endswith("<think>"),
        "closes_think": prompt.rstrip().endswith("</think>"),
        "adds_system_message": "hello" in prompt and "system" in prompt.partition("hello")[0],
    }
    return [name for name in BEHAVIOURS if shown[name]]


def _apply(
    tokenizer: PreTrainedTokenizerBase,
    messages: list[Message],
    variables: Mapping[str, Any] | None = None,
    *,
    add_generation_prompt: bool = False,
) -> str:
    try:
        return str(
            tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=add_generation_prompt, **(variables or {})
            )
        )
    except jinja2.TemplateError as error:
        raise InputError(f"the chat template refuses a conversation: {error}") from None


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def _assistant(content: str, **fields: str) -> Message:
    return {"role": "assistant", "content": content, **fields}

"""What a student's tokenizer and template make of a dataset, found out before it is trained."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np

from overproof.errors import InputError
from overproof.student.checkpoint import find_student
from overproof.student.conversation import (
    Conversation,
    is_pair,
    read_conversation,
    read_dataset_rows,
    read_pair,
    sample_rows,
)
from overproof.student.matrix import draw_matrix, suggest
from overproof.student.structure import FAULTS, Tokens, added_tokens, compare, holds_added_token, tokenise
from overproof.student.template import (
    BEHAVIOURS,
    Rendered,
    find_end_of_turn,
    load_tokenizer,
    probe_template,
    render,
    render_question,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PERCENTILES = (5, 50, 95, 99, 100)
_BATCH = 256
_SHOWN = 300
"""Characters of either end of a long text that are shown."""


class TemplateFinding(msgspec.Struct, frozen=True):
    """One thing that a user should know, or must mend, before training."""

    severity: Literal["error", "warning", "note"]
    kind: str
    message: str
    """What is wrong and what to set."""
    rows: int = 0
    """Checked rows that show it; 0 for what concerns the tokenizer or the template alone."""


class StudentCheck(msgspec.Struct, frozen=True):
    """What was found out about a dataset and a student."""

    student: str
    rows: int
    """Rows of the split."""
    checked: int
    """Rows that were rendered: all, or an even sample."""
    behaviours: list[str]
    """What the template does, from `template.BEHAVIOURS`."""
    tokens: dict[int, int]
    """Tokens of a whole row at the percentiles of `PERCENTILES`."""
    findings: list[TemplateFinding]
    modes: dict[str, int] = {}
    """Checked rows of each mode: thinking, non-thinking."""
    shown: dict[str, str] = {}
    """The first row of each mode with its loss marked (`show_loss`)."""

    @property
    def passed(self) -> bool:
        """True when nothing must be mended."""
        return not any(finding.severity == "error" for finding in self.findings)


def check_student(
    dataset: Path | Sequence[Path],
    student: str,
    *,
    chat_template: str | None = None,
    template: dict[str, Any] | None = None,
    eos_token: str | None = None,
    max_length: int | None = None,
    empty_block_in_loss: bool = False,
    most_rows: int | None = 2000,
    pairs: bool | None = None,
) -> StudentCheck:
    """Check the train rows of datasets (folders that `export` wrote, or files) against a student.

    `student` is a folder or an id that transformers loads; the other arguments are what training will be given (the
    `train` table), None meaning the tokenizer's own and no limit. At most `most_rows` rows are rendered, drawn evenly;
    None renders all. `pairs` says whether the rows must be preference rows, whose replies are both looked at; None
    takes what the first row is. Raises InputError for rows without a known schema, ConfigError for a student or
    template that cannot be loaded, MissingExtraError without transformers.
    """
    datasets = [dataset] if isinstance(dataset, Path) else dataset
    rows = (row for one in datasets for row in read_dataset_rows(one))
    sampled, total = sample_rows(rows, most_rows)
    if not sampled:
        raise InputError(f"{name_datasets(datasets)} holds no rows to train on")
    if pairs is None:
        pairs = is_pair(sampled[0].values)
    conversations = [
        one
        for row in sampled
        for one in (read_pair(row.values, row.where) if pairs else [read_conversation(row.values, row.where)])
    ]
    tokenizer = load_tokenizer(student, chat_template, template)
    if eos_token is not None:
        tokenizer.eos_token = eos_token
    behaviours = probe_template(tokenizer)
    examined = list(examine(tokenizer, conversations, empty_block_in_loss=empty_block_in_loss))
    rendered = [one.text for one in examined]
    faults = Counter(fault for one in examined for fault in one.faults)
    prompts = np.array([one.tokens.start for one in examined])
    lengths = np.array([len(one.tokens.ids) for one in examined])
    ways = suggest(tokenizer) if _MENDED_BY_A_WAY & faults.keys() else []
    findings = [
        *(_explain_fault(fault, rows, behaviours, ways) for fault, rows in sorted(faults.items())),
        *_check_ends(tokenizer, plain=all(conversation.text is not None for conversation in conversations)),
        *_check_lengths(lengths, prompts, max_length),
        *_check_modes(conversations, rendered),
        *_describe_template(behaviours, chat_template),
        *_describe_plain(tokenizer, conversations),
    ]
    tokens = {share: int(np.percentile(lengths, share, method="higher")) for share in PERCENTILES}
    step = 2 if pairs else 1  # of a pair, the reply that is chosen
    modes = Counter(mode_of(conversation) for conversation in conversations[::step])
    shown: dict[str, str] = {}
    for one, text in zip(conversations[::step], rendered[::step], strict=True):
        if mode_of(one) not in shown:
            shown[mode_of(one)] = show_loss(text)
    return StudentCheck(student, total, len(sampled), behaviours, tokens, findings, dict(modes), shown)


def name_datasets(datasets: Sequence[Path]) -> str:
    """Datasets as a message names them."""
    return ", ".join(map(str, datasets))


def mode_of(conversation: Conversation) -> str:
    """The mode that a row trains."""
    return "thinking" if conversation.expected.reasoning else "non-thinking"


def show_loss(rendered: Rendered) -> str:
    """A row with what the loss covers between ⟦ and ⟧, its middle left out where it is long."""
    return f"{_shorten(rendered.prompt)}⟦{_shorten(rendered.trained)}⟧"


def _shorten(text: str) -> str:
    return text if len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]} … {text[-_SHOWN:]}"


class Examined(NamedTuple):
    """A row as the student will be trained on it."""

    text: Rendered
    tokens: Tokens
    faults: list[str]
    """What of `structure.FAULTS` it shows."""


def examine(
    tokenizer: PreTrainedTokenizerBase, conversations: Iterable[Conversation], *, empty_block_in_loss: bool = False
) -> Iterator[Examined]:
    """Each row rendered, tokenised and compared with what it says."""
    added, chat_end = added_tokens(tokenizer), find_end_of_turn(tokenizer)
    iterator = iter(conversations)
    while batch := list(itertools.islice(iterator, _BATCH)):
        texts = [render(tokenizer, one, empty_block_in_loss=empty_block_in_loss) for one in batch]
        for one, text, tokens in zip(batch, texts, tokenise(tokenizer, texts), strict=True):
            end = chat_end if one.text is None else str(tokenizer.eos_token or "")
            faults = compare(one, text, end)
            if holds_added_token(one, added):
                faults.append("control_token")
            yield Examined(text, tokens, faults or tokens.faults)


def describe_matrix(student: str) -> list[str]:
    """Which way of training a student keeps which export format, as a Markdown table."""
    return draw_matrix(load_tokenizer(find_student(student), needs_template=False), student)


def describe_check(check: StudentCheck) -> list[str]:
    """A check as lines for a terminal."""
    sizes = ", ".join(f"{share} % {count:,}" for share, count in check.tokens.items() if share < 100)
    lines = [
        f"{check.student}: {check.checked:,} of {check.rows:,} rows rendered with its chat template",
        f"tokens of a row: {sizes}, longest {check.tokens[100]:,}",
    ]
    for finding in check.findings:
        rows = f" ({finding.rows:,} rows)" if finding.rows else ""
        lines.append(f"{finding.severity}: {finding.message}{rows}")
    for mode, row in check.shown.items():
        lines.append(f"a {mode} row ({check.modes[mode]:,} of {check.checked:,}), the loss between ⟦ and ⟧:")
        lines += [f"    {line}" for line in row.splitlines()]
    return [*lines, "The student can be trained on this set." if check.passed else "Mend the errors before training."]


_CULPRITS = {
    "reasoning_lost": (
        "drops_reasoning_content",
        "deletes_reasoning",
        "deletes_before_think",
        "deletes_between_closings",
    ),
    "answer_lost": ("deletes_before_think", "deletes_between_closings"),
    "block_repeated": ("doubles_block",),
    "reply_changed": ("deletes_before_think", "deletes_between_closings"),
    "no_reasoning": ("inserts_empty_think",),
    "prompt_is_no_prefix": ("closes_think", "deletes_reasoning"),
}
_MENDED_BY_A_WAY = {"reasoning_lost", "block_repeated", "prompt_is_no_prefix", "prompt_tokens_differ", "no_end_of_turn"}
"""Faults of the template rather than of a row: another way of training may be free of them."""


def _explain_fault(fault: str, rows: int, behaviours: list[str], ways: list[str]) -> TemplateFinding:
    """A fault with the behaviours of the template that explain it, and the ways that were tried and are free of it."""
    reasons = [f"it {BEHAVIOURS[name]}" for name in _CULPRITS.get(fault, ()) if name in behaviours]
    out = [f"this student keeps whole rows with {' or '.join(ways)}"] if ways and fault in _MENDED_BY_A_WAY else []
    return TemplateFinding("error", fault, "; ".join([FAULTS[fault], *reasons, *out]), rows)


def _check_ends(tokenizer: PreTrainedTokenizerBase, *, plain: bool) -> list[TemplateFinding]:
    """Will the student learn to stop, and stop where it learnt to? Plain text ends with the tokenizer's own token."""
    if plain:
        return []
    end = find_end_of_turn(tokenizer).strip()
    if end not in tokenizer.get_added_vocab():
        message = f"the template ends a turn with {end!r}, which is no token of its own; the student would not stop"
        return [TemplateFinding("error", "no_end_of_turn", message)]
    if end != tokenizer.eos_token:
        message = (
            f"a turn ends with {end} but generation would stop at {tokenizer.eos_token}: the student would never stop. "
            f"Set eos_token: {end}"
        )
        return [TemplateFinding("error", "wrong_eos", message)]
    return []


def _check_lengths(lengths: np.ndarray, prompts: np.ndarray, max_length: int | None) -> list[TemplateFinding]:
    """Rows that a length limit would cut: they lose their answer and the end of the turn."""
    if max_length is None:
        return []
    cut, dropped = int((lengths > max_length).sum()), int((prompts >= max_length).sum())
    if not cut:
        return []
    message = (
        f"longer than max_length {max_length:,}: cut rows lose their answer and the end of the turn"
        + (f", and {dropped:,} whose prompt alone is as long vanish" if dropped else "")
        + f". Set max_length: {int(lengths.max())}, or leave these rows out"
    )
    return [TemplateFinding("error" if cut == len(lengths) else "warning", "too_long", message, cut)]


def _check_modes(conversations: list[Conversation], rendered: list[Rendered]) -> list[TemplateFinding]:
    """Rows with and without reasoning, which the student must be able to tell apart by their prompts."""
    openings = {mode_of(one): text.opening for one, text in zip(conversations, rendered, strict=True) if not one.text}
    if len(openings) < 2 or len(set(openings.values())) > 1:
        return []
    message = (
        "rows with and without reasoning get the same prompt, so that the student cannot tell which is asked for; "
        "take a template with a switch, such as train.chat_template: qwen3"
    )
    return [TemplateFinding("error", "modes_look_alike", message)]


def _describe_plain(tokenizer: PreTrainedTokenizerBase, conversations: list[Conversation]) -> list[TemplateFinding]:
    """Plain texts are trained as they are, while evaluation asks through the chat template."""
    plain = sum(
        one.text is not None and render_question(tokenizer, one.text.removesuffix("\n\n")) != one.text
        for one in conversations
    )
    if not plain:
        return []
    message = (
        "plain texts are trained on without any chat template, and every server will ask the student through its "
        "own: it would be asked in another form than it has learnt. Export messages (export.format: messages), or "
        "train with chat_template: plain, which asks as these rows do"
    )
    return [TemplateFinding("warning", "plain_text", message, plain)]


def _describe_template(behaviours: list[str], chat_template: str | None) -> list[TemplateFinding]:
    """What to know of a template even when no row suffers from it."""
    findings = []
    if "opens_think" in behaviours:
        findings.append(TemplateFinding("warning", "opens_think", f"the template {BEHAVIOURS['opens_think']}"))
    if "adds_system_message" in behaviours:
        findings.append(
            TemplateFinding("note", "adds_system_message", f"the template {BEHAVIOURS['adds_system_message']}")
        )
    if chat_template == "chatml":
        message = (
            "rendered with plain ChatML of this package, which was not compared with a template of the model's own"
        )
        findings.append(TemplateFinding("note", "own_chatml", message))
    return findings

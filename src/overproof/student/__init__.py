"""Would this student learn what this dataset says? Only this package renders rows as a student will see them.

Chat templates drop, insert and delete reasoning without a word, a wrong end token makes a model that never stops, and
a short `max_length` cuts answers off. `check_student` renders rows with the student's own tokenizer and template,
looks at what the loss would cover, and says which behaviour is at fault and what to set. Nothing is downloaded for a
student that is a folder, and no weight is loaded.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from overproof.completion import split_completion
from overproof.errors import InputError
from overproof.student.conversation import Conversation, read_conversation, read_dataset_rows, sample_rows
from overproof.student.template import BEHAVIOURS, Rendered, find_end_of_turn, load_tokenizer, probe_template, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PERCENTILES = (5, 50, 95, 99, 100)
_BATCH = 256


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

    @property
    def passed(self) -> bool:
        """True when nothing must be mended."""
        return not any(finding.severity == "error" for finding in self.findings)


def check_student(
    dataset: Path,
    student: str,
    *,
    chat_template: str | None = None,
    eos_token: str | None = None,
    max_length: int | None = None,
    most_rows: int | None = 2000,
) -> StudentCheck:
    """Check the train rows of a dataset (a folder that `export` wrote, or one file) against a student.

    `student` is a folder or an id that transformers loads; `chat_template`, `eos_token` and `max_length` are what
    training will be given, None meaning the tokenizer's own and no limit. At most `most_rows` rows are rendered,
    drawn evenly; None renders all. Raises InputError for rows without a known schema, ConfigError for a student or
    template that cannot be loaded, MissingExtraError without transformers.
    """
    sampled, total = sample_rows(read_dataset_rows(dataset), most_rows)
    if not sampled:
        raise InputError(f"{dataset} holds no rows to train on")
    conversations = [read_conversation(row.values, row.where) for row in sampled]
    tokenizer = load_tokenizer(student, chat_template)
    if eos_token is not None:
        tokenizer.eos_token = eos_token
    behaviours = probe_template(tokenizer)
    rendered = [render(tokenizer, conversation) for conversation in conversations]
    faults = Counter(
        fault
        for conversation, text in zip(conversations, rendered, strict=True)
        for fault in _find_faults(tokenizer, conversation, text)
    )
    prompts = _count_tokens(tokenizer, [text.prompt for text in rendered])
    lengths = prompts + _count_tokens(tokenizer, [text.trained for text in rendered])
    findings = [
        *(_explain_fault(fault, rows, behaviours) for fault, rows in sorted(faults.items())),
        *_check_ends(tokenizer, plain=all(conversation.text is not None for conversation in conversations)),
        *_check_lengths(lengths, prompts, max_length),
        *_describe_template(behaviours, chat_template),
    ]
    tokens = {share: int(np.percentile(lengths, share, method="higher")) for share in PERCENTILES}
    return StudentCheck(student, total, len(sampled), behaviours, tokens, findings)


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
    return [*lines, "The student can be trained on this set." if check.passed else "Mend the errors before training."]


def _find_faults(tokenizer: PreTrainedTokenizerBase, conversation: Conversation, rendered: Rendered) -> list[str]:
    """What is wrong with one rendered row."""
    reply = conversation.reply
    expected = split_completion(reply["content"], reply.get("reasoning_content"))
    if not rendered.trained:
        return ["prompt_is_no_prefix"]
    faults = []
    if not expected.reasoning:
        faults.append("no_reasoning")
    elif expected.reasoning not in rendered.trained:
        faults.append("reasoning_lost")
    if not expected.answer:
        faults.append("no_answer")
    elif expected.answer not in rendered.trained:
        faults.append("answer_lost")
    if not faults and reply["content"].strip() not in rendered.prompt + rendered.trained:
        faults.append("reply_changed")
    texts = [message["content"] for message in conversation.prompt] + [expected.reasoning or "", expected.answer]
    if _holds_added_token(tokenizer, texts):
        faults.append("control_token")
    return faults


def _holds_added_token(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> bool:
    """True when a text would be read as one of the tokenizer's added tokens (think tags in a prompt are meant)."""
    added = [token for token in tokenizer.get_added_vocab() if token not in {"<think>", "</think>"}]
    return any(token in text for token in added for text in texts)


_FAULTS = {
    "prompt_is_no_prefix": "the rendered prompt is no prefix of the rendered conversation, so that the loss cannot be "
    "limited to the reply; use another template",
    "no_reasoning": "rows without reasoning; keep only traces that have some (selection.require: {think_format: 1})",
    "no_answer": "rows without an answer after the reasoning",
    "reasoning_lost": "the reasoning does not survive the chat template",
    "answer_lost": "the answer does not survive the chat template",
    "reply_changed": "the reply does not come through the chat template as it is written",
    "control_token": "texts hold what this tokenizer reads as a control token; remove these rows",
}
_CULPRITS = {
    "reasoning_lost": ("drops_reasoning_content", "deletes_before_think", "deletes_between_closings"),
    "answer_lost": ("deletes_before_think", "deletes_between_closings"),
    "reply_changed": ("deletes_before_think", "deletes_between_closings"),
    "no_reasoning": ("inserts_empty_think",),
}


def _explain_fault(fault: str, rows: int, behaviours: list[str]) -> TemplateFinding:
    """A fault with the behaviours of the template that explain it."""
    reasons = [f"it {BEHAVIOURS[name]}" for name in _CULPRITS.get(fault, ()) if name in behaviours]
    return TemplateFinding("error", fault, "; ".join([_FAULTS[fault], *reasons]), rows)


def _check_ends(tokenizer: PreTrainedTokenizerBase, *, plain: bool) -> list[TemplateFinding]:
    """Will the student learn to stop, and stop where it learnt to? Plain text ends with the tokenizer's own token."""
    if plain:
        return []
    end = find_end_of_turn(tokenizer)
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


def _count_tokens(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> np.ndarray:
    """Tokens of each text, special tokens of the template counted as they are."""
    counts: list[int] = []
    for start in range(0, len(texts), _BATCH):
        encoded = tokenizer(texts[start : start + _BATCH], add_special_tokens=False)["input_ids"]
        counts += [len(ids) for ids in encoded]
    return np.array(counts)

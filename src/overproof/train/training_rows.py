"""A dataset → the rows that TRL trains on; only this module decides which rows are too long, and it cuts none.

The rows lie in one Arrow file while training goes on, mapped into memory and not loaded, so that a set may be larger
than memory.
"""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from overproof.errors import ConfigError, InputError
from overproof.student.conversation import Conversation, read_conversation, read_dataset_rows
from overproof.student.template import Rendered, render

if TYPE_CHECKING:
    import pyarrow as pa
    from transformers import PreTrainedTokenizerBase

_BATCH = 512


class TrainingRows(msgspec.Struct, frozen=True):
    """What there is to train on."""

    rows: int
    dropped: int
    """Rows that are longer than the limit."""
    limit: int
    """Most tokens of a row."""
    longest: int
    """Tokens of the longest row that is kept."""
    tokens: int
    """Tokens of all rows that are kept, prompts included."""
    fingerprint: str
    """Digest over the texts of the kept rows, in order."""

    def line(self) -> str:
        """The rows for a terminal."""
        kept = f"{self.rows:,} rows to train on, {self.tokens:,} tokens, the longest {self.longest:,}"
        if not self.dropped:
            return kept
        return f"{kept}; {self.dropped:,} longer than {self.limit:,} are left out, for a cut row loses its answer"


class Survey(msgspec.Struct, frozen=True):
    """Every row of a set as the student sees it."""

    lengths: npt.NDArray[np.int64]
    """Tokens, prompt included."""
    digests: npt.NDArray[np.uint64]
    """`digest` of the text that the loss must cover."""


def survey_rows(dataset: Path, tokenizer: PreTrainedTokenizerBase, split: str = "train") -> Survey:
    """Render and measure the rows of a split. Raises InputError when there are none, or one without a known schema."""
    lengths: list[int] = []
    digests: list[int] = []
    for batch in _batches(_read(dataset, split)):
        rendered = [render(tokenizer, conversation) for conversation in batch]
        lengths += _count_tokens(tokenizer, rendered)
        digests += [digest(text.trained) for text in rendered]
    if not lengths:
        raise InputError(f"{dataset} holds no {split} rows")
    return Survey(np.array(lengths, dtype=np.int64), np.array(digests, dtype=np.uint64))


def find_limit(
    dataset: Path, survey: Survey, *, max_length: int | None, percentile: float, positions: int | None
) -> int:
    """Most tokens of a row: `max_length`, or else the length at the percentile, but never more than `positions`.

    Raises ConfigError when `max_length` is more than the student's positions, InputError when no row is short enough.
    """
    if max_length is not None and positions is not None and max_length > positions:
        raise ConfigError(
            f"train.sft.max_length: {max_length:,} is more than the student's {positions:,} positions. Set it to "
            f"{positions} or less, or extend the student's RoPE in its config.json first"
        )
    wanted = max_length or int(np.percentile(survey.lengths, percentile, method="higher"))
    limit = min(wanted, positions or wanted)
    shortest = int(survey.lengths.min())
    if shortest > limit:
        raise InputError(
            f"every row of {dataset} is longer than {limit:,} tokens (the shortest has {shortest:,}), so that all "
            "would lose their answer. Set train.sft.max_length higher, or choose a student with more positions"
        )
    return limit


def write_rows(dataset: Path, survey: Survey, limit: int, target: Path, split: str = "train") -> TrainingRows:
    """Write the rows of at most `limit` tokens to `target`, an Arrow file with TRL's `prompt` and `completion`.

    `survey` is that of the same split; at least one row must be short enough.
    """
    import pyarrow as pa

    kept = survey.lengths <= limit
    texts = hashlib.blake2b(digest_size=16)
    rows = (_to_row(conversation) for conversation, keep in zip(_read(dataset, split), kept, strict=True) if keep)
    first = next(rows)
    schema = _schema_of(first)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".tmp")
    with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for batch in _batches(itertools.chain([first], rows)):
            stream.write_batch(pa.RecordBatch.from_pylist(batch, schema))
            for row in batch:
                texts.update(msgspec.json.encode(row))
    temporary.replace(target)
    lengths = survey.lengths[kept]
    return TrainingRows(
        rows=len(lengths),
        dropped=len(kept) - len(lengths),
        limit=limit,
        longest=int(lengths.max()),
        tokens=int(lengths.sum()),
        fingerprint=texts.hexdigest(),
    )


def digest(text: str) -> int:
    """A number that tells two texts apart unless they differ in Unicode normal form or surrounding space alone."""
    normal = unicodedata.normalize("NFC", text).strip().encode()
    return int.from_bytes(hashlib.blake2b(normal, digest_size=8).digest(), "big")


def _read(dataset: Path, split: str) -> Iterator[Conversation]:
    return (read_conversation(row.values, row.where) for row in read_dataset_rows(dataset, split))


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch


def _count_tokens(tokenizer: PreTrainedTokenizerBase, rendered: list[Rendered]) -> list[int]:
    """Tokens of each whole row; one that begins with a token of its own (plain text) may have one more."""
    encoded = tokenizer([text.prompt + text.trained for text in rendered], add_special_tokens=False)["input_ids"]
    return [len(ids) for ids in encoded]


def _to_row(conversation: Conversation) -> dict[str, Any]:
    """TRL's prompt and completion: messages, or two texts for a row that no template touches."""
    if conversation.text is not None:
        return {"prompt": conversation.text, "completion": conversation.reply["content"]}
    return {"prompt": conversation.prompt, "completion": [conversation.reply]}


def _schema_of(row: dict[str, Any]) -> pa.Schema:
    """The columns of a set with rows like this one."""
    import pyarrow as pa

    if isinstance(row["prompt"], str):
        return pa.schema([("prompt", pa.string()), ("completion", pa.string())])
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    reply = pa.struct([(key, pa.string()) for key in row["completion"][0]])
    return pa.schema([("prompt", pa.list_(message)), ("completion", pa.list_(reply))])

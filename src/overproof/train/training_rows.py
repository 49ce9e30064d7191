"""A dataset → the tokens that TRL trains on, and their loss; only this module decides which rows are too long.

Every row is rendered and tokenised once, by this package, and compared with what it says; TRL gets tokens and labels
and has nothing left to render, mask or cut. They lie in one Arrow file while training goes on, mapped into memory and
not loaded, so that a set may be larger than memory.
"""

from __future__ import annotations

import hashlib
import itertools
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from overproof.errors import ConfigError, InputError, OverproofError
from overproof.journal import new_file, write_bytes
from overproof.records import decode, encode
from overproof.rows.row import SourceRow
from overproof.student import examine, name_datasets
from overproof.student.conversation import read_conversation, read_dataset_rows, read_pair
from overproof.student.structure import FAULTS

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

_BATCH = 512
_MARK = "rows.json"
NO_LOSS = -100
"""The label of a token that the loss leaves out, as torch has it."""


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
    modes: dict[str, int] = {}
    """Rows that are kept of each mode: thinking, non-thinking."""
    padding: float = 0.0
    """Share of padding in batches of rows drawn by chance."""
    repeated: int = 0
    """Rows that are kept and are the same as an earlier one; they are trained on as often as they are there."""

    def line(self, unit: str = "rows") -> str:
        """The rows (or pairs) for a terminal."""
        kept = f"{self.rows:,} {unit} to train on, {self.tokens:,} tokens, the longest {self.longest:,}"
        if self.repeated:
            kept += f"; {self.repeated:,} are the same as an earlier one"
        if not self.dropped:
            return kept
        return f"{kept}; {self.dropped:,} longer than {self.limit:,} are left out, for a cut row loses its answer"


class Survey(msgspec.Struct, frozen=True):
    """Every row of a split as the student sees it."""

    lengths: npt.NDArray[np.int64]
    """Tokens, prompt included; of a pair, those of its longer side."""
    tokens: npt.NDArray[np.int64]
    """Tokens in all; of a pair, those of both sides."""
    digests: npt.NDArray[np.uint64]
    """`digest` of the text that the loss must cover; two of them for a pair, the right one first."""
    texts: npt.NDArray[np.uint64]
    """`digest` of prompt and reply, or replies."""
    thinking: npt.NDArray[np.bool_]
    """Whether the row has reasoning."""
    largest: int = 0
    """The largest number of a token."""


def tokenise_rows(
    datasets: Sequence[Path],
    tokenizer: PreTrainedTokenizerBase,
    target: Path,
    split: str = "train",
    *,
    empty_block_in_loss: bool = False,
) -> Survey:
    """Write the rows of a split to `target` as `input_ids`, `labels` and `length`.

    Raises InputError when there are none, or naming the first that has no known schema or that the student would not
    learn as it is written.
    """

    def make(batch: list[SourceRow]) -> Iterator[_Made]:
        conversations = [read_conversation(row.values, row.where) for row in batch]
        examined = examine(tokenizer, conversations, empty_block_in_loss=empty_block_in_loss)
        for row, one, made in zip(batch, conversations, examined, strict=True):
            _refuse(row.where, made.faults)
            tokens, start = made.tokens.ids, made.tokens.start
            columns = {"input_ids": tokens, "labels": [NO_LOSS] * start + tokens[start:], "length": len(tokens)}
            whole = digest(made.text.prompt + made.text.trained)
            yield _Made(columns, len(tokens), (digest(made.text.trained),), whole, bool(one.expected.reasoning))

    return _write_rows(datasets, split, target, ("input_ids", "labels"), make)


def tokenise_pairs(
    datasets: Sequence[Path], tokenizer: PreTrainedTokenizerBase, target: Path, split: str = "train"
) -> Survey:
    """Write the pairs of a split to `target` as `prompt_ids`, `chosen_ids`, `rejected_ids` and `length`.

    Raises InputError as `tokenise_rows` does, for either reply, and when the two follow different prompts.
    """

    def make(batch: list[SourceRow]) -> Iterator[_Made]:
        pairs = [read_pair(row.values, row.where) for row in batch]
        examined = list(examine(tokenizer, itertools.chain(*pairs)))
        for row, (one, _), chosen, rejected in zip(batch, pairs, examined[::2], examined[1::2], strict=True):
            _refuse(f"{row.where}, chosen", chosen.faults)
            _refuse(f"{row.where}, rejected", rejected.faults)
            start = chosen.tokens.start
            prompt = chosen.tokens.ids[:start]
            if rejected.tokens.ids[: rejected.tokens.start] != prompt:
                raise InputError(
                    f"{row.where}: the student is asked for its two replies in different ways, as when only one of "
                    "them has reasoning; pair replies of one mode"
                )
            sides = [made.tokens.ids[start:] for made in (chosen, rejected)]
            longest = start + max(map(len, sides))
            columns = {"prompt_ids": prompt, "chosen_ids": sides[0], "rejected_ids": sides[1], "length": longest}
            both = (digest(chosen.text.trained), digest(rejected.text.trained))
            whole = digest(chosen.text.prompt + chosen.text.trained + "\0" + rejected.text.trained)
            total = 2 * start + sum(map(len, sides))
            yield _Made(columns, total, both, whole, bool(one.expected.reasoning))

    return _write_rows(datasets, split, target, ("prompt_ids", "chosen_ids", "rejected_ids"), make)


class _Made(NamedTuple):
    """A row to write, and what is known of it afterwards."""

    columns: dict[str, Any]
    tokens: int
    digests: tuple[int, ...]
    text: int
    thinking: bool


def _write_rows(
    datasets: Sequence[Path],
    split: str,
    target: Path,
    columns: Sequence[str],
    make: Callable[[list[SourceRow]], Iterator[_Made]],
) -> Survey:
    """Write what is made of the rows of a split, batch by batch; the file appears when it is whole."""
    import pyarrow as pa

    schema = pa.schema([*((name, pa.list_(pa.int32())) for name in columns), ("length", pa.int32())])
    seen: list[tuple[int, int, tuple[int, ...], int, bool]] = []
    largest = 0
    with new_file(target) as file, pa.ipc.new_stream(file, schema) as stream:
        for batch in _batches(_read(datasets, split)):
            rows = list(make(batch))
            seen += [(one.columns["length"], *one[1:]) for one in rows]
            largest = max(largest, *(max(one.columns[name], default=0) for one in rows for name in columns))
            stream.write_batch(pa.RecordBatch.from_pylist([one.columns for one in rows], schema))
        if not seen:
            raise InputError(f"{name_datasets(datasets)} holds no {split} rows")
    lengths, tokens, digests, texts, thinking = zip(*seen, strict=True)
    return Survey(
        np.array(lengths),
        np.array(tokens),
        np.array(digests, np.uint64).reshape(-1),
        np.array(texts, np.uint64),
        np.array(thinking),
        largest,
    )


def _refuse(where: str, faults: list[str]) -> None:
    """Raise InputError naming the row when it shows a fault."""
    if faults:
        raise InputError(f"{where}: {FAULTS[faults[0]]}")


def find_limit(
    datasets: Sequence[Path],
    survey: Survey,
    *,
    max_length: int | None,
    percentile: float,
    positions: int | None,
    table: str = "sft",
) -> int:
    """Most tokens of a row: `max_length`, or else the length at the percentile, but never more than `positions`.

    Raises ConfigError when `max_length` is more than the student's positions, InputError when no row is short enough.
    """
    if max_length is not None and positions is not None and max_length > positions:
        raise ConfigError(
            f"train.{table}.max_length: {max_length:,} is more than the student's {positions:,} positions. Set it to "
            f"{positions} or less, or extend the student's RoPE in its config.json first"
        )
    wanted = max_length or int(np.percentile(survey.lengths, percentile, method="higher"))
    limit = min(wanted, positions or wanted)
    shortest = int(survey.lengths.min())
    if shortest > limit:
        raise InputError(
            f"every row of {name_datasets(datasets)} is longer than {limit:,} tokens (the shortest has {shortest:,}), "
            f"so that all would lose their answer. Set train.{table}.max_length higher, or choose a student with more "
            "positions"
        )
    return limit


def summarise(survey: Survey, limit: int, batch: int = 1) -> TrainingRows:
    """The rows of at most `limit` tokens, of which there is one at least; `batch` of them go through at once."""
    kept = survey.lengths <= limit
    lengths = survey.lengths[kept]
    thinking = int(survey.thinking[kept].sum())
    modes = {"thinking": thinking, "non-thinking": len(lengths) - thinking}
    return TrainingRows(
        rows=len(lengths),
        dropped=len(kept) - len(lengths),
        limit=limit,
        longest=int(lengths.max()),
        tokens=int(survey.tokens[kept].sum()),
        fingerprint=hashlib.blake2b(survey.texts[kept].tobytes(), digest_size=16).hexdigest(),
        modes={mode: count for mode, count in modes.items() if count},
        padding=_share_of_padding(lengths, batch),
        repeated=len(lengths) - len(np.unique(survey.texts[kept])),
    )


def open_rows(file: Path, limit: int) -> Dataset:
    """The rows of a file that `tokenise_rows` wrote, without those that are longer than `limit`."""
    from datasets import Dataset

    rows = Dataset.from_file(str(file))
    kept = np.flatnonzero(np.array(rows.data.column("length")) <= limit)
    return rows if len(kept) == len(rows) else rows.select(kept)


def hand_over(cache: Path, rows: TrainingRows) -> None:
    """Tell the other processes of this machine that the rows are there."""
    write_bytes(cache / _MARK, encode(rows))


def withdraw(cache: Path) -> None:
    """Take back what an earlier training handed over, before any process of this one can look."""
    (cache / _MARK).unlink(missing_ok=True)


def wait_for_rows(cache: Path, patience_seconds: float = 24 * 3600.0) -> TrainingRows:
    """The rows once the first process of this machine has handed them over, however long it takes to make them.

    Files are looked at and no collective is waited in: those time out after minutes. A launcher ends all processes
    when the first has failed.
    """
    end = time.monotonic() + patience_seconds
    while not (cache / _MARK).exists():
        if time.monotonic() > end:
            raise OverproofError(f"the first process of this machine has not written {cache / _MARK} in time")
        time.sleep(0.2)
    return decode((cache / _MARK).read_bytes(), TrainingRows)


def digest(text: str) -> int:
    """A number that tells two texts apart unless they differ in Unicode normal form or surrounding space alone."""
    normal = unicodedata.normalize("NFC", text).strip().encode()
    return int.from_bytes(hashlib.blake2b(normal, digest_size=8).digest(), "big")


def _share_of_padding(lengths: npt.NDArray[np.int64], batch: int) -> float:
    """What part of such batches would be padding if rows came in any order."""
    if batch < 2:
        return 0.0
    drawn = np.random.default_rng(0).choice(lengths, (256, batch))
    return float(1 - drawn.sum() / (drawn.max(axis=1).sum() * batch))


def _read(datasets: Sequence[Path], split: str) -> Iterator[SourceRow]:
    return (row for dataset in datasets for row in read_dataset_rows(dataset, split))


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch

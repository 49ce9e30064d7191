"""Rows of Parquet and Arrow files, and of datasets, on the Hub or saved here; only this module asks their libraries."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from overproof.errors import ConfigError, InputError
from overproof.rows import files
from overproof.rows.row import SourceRow, key

_BATCH = 1024


def read_parquet(file: Path) -> Iterator[SourceRow]:
    """The rows of a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        is_packed = not files.is_as_it_lies(file)
        source = io.BytesIO(files.read_all(file)) if is_packed else file
        with parquet.ParquetFile(source) as table:
            yield from _number(f"{file}, row", table.iter_batches(batch_size=_BATCH))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} is not readable Parquet: {error}") from None


def read_arrow(file: Path) -> Iterator[SourceRow]:
    """The rows of an Arrow file, of either of its two forms."""
    import pyarrow as pa

    content = pa.py_buffer(files.read_all(file))
    try:
        is_file = content.slice(0, 6).to_pybytes() == b"ARROW1"
        with (pa.ipc.open_file if is_file else pa.ipc.open_stream)(content) as reader:
            yield from _number(
                f"{file}, row", (reader.get_batch(n) for n in range(reader.num_record_batches)) if is_file else reader
            )
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} is not a readable Arrow file: {error}") from None


def _number(where: str, batches: Iterator[Any]) -> Iterator[SourceRow]:
    number = 0
    for batch in batches:
        short = {field.name: mend for field in batch.schema if (mend := _find_short(field.type)) is not None}
        for values in _read_batch(where, batch):
            number += 1
            for name, mend in short.items():
                values[name] = mend(values[name])
            yield SourceRow(f"{where} {number}", values)


def _read_batch(where: str, batch: Any) -> list[dict[str, Any]]:
    try:
        return batch.to_pylist(maps_as_pydicts="strict")  # type: ignore[no-any-return]
    except KeyError as error:
        raise InputError(f"{where.removesuffix(', row')} holds a map with a key that stands twice: {error}") from None


def _find_short(kind: Any) -> Callable[[Any], Any] | None:
    """How a value of an Arrow type gets the shortest digits of its floats of 16 or 32 bits; None where it has none.

    0.1 of 32 bits is not that of 64: read so it would be 0.10000000149011612.
    """
    import pyarrow as pa

    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        exact = np.float16 if pa.types.is_float16(kind) else np.float32
        return lambda value: None if value is None else float(str(exact(value)))
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if is_list or pa.types.is_map(kind):
        inner = _find_short(kind.value_type if is_list else kind.item_type)
        return None if inner is None else functools.partial(_mend_each, inner)
    if not pa.types.is_struct(kind):
        return None
    parts = {field.name: mend for field in kind if (mend := _find_short(field.type)) is not None}
    if not parts:
        return None
    return lambda value: value and value | {name: mend(value[name]) for name, mend in parts.items()}


def _mend_each(mend: Callable[[Any], Any], values: Any) -> Any:
    """The values of a list or a map, each mended."""
    if isinstance(values, dict):
        return {name: mend(value) for name, value in values.items()}
    return values and [mend(value) for value in values]


def read_dataset(dataset: str, name: str | None, split: str | None, table: str) -> Iterator[SourceRow]:
    """The rows of a dataset on the Hub, or of one that `save_to_disk` wrote.

    Raises ConfigError with the library's own cause, and the way out, where it cannot be loaded.
    """
    import datasets

    place = Path(dataset).expanduser()
    split = split or "train"
    try:
        if (place / "dataset_dict.json").is_file():
            saved = datasets.load_from_disk(str(place))
            if split not in saved:
                has = ", ".join(map(str, saved))
                raise ConfigError(f"{key(table, 'split')}: '{dataset}' has no split '{split}'; it has: {has}")
            rows = saved[split]
        elif (place / "state.json").is_file():
            rows = datasets.load_from_disk(str(place))
        else:
            rows = datasets.load_dataset(dataset, name, split=split)
        yield from _number(f"{dataset}[{split}], row", rows.with_format("arrow").iter(batch_size=_BATCH))
    except (
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        NotImplementedError,
        OSError,
        ImportError,
        EOFError,
    ) as error:
        raise _explain(error, dataset, name, split, table) from None
    except datasets.exceptions.DatasetsError as error:
        raise _explain(error, dataset, name, split, table) from None


# What the library says, and what helps. The first that occurs in the message or a cause of it is given.
_WAYS_OUT = (
    (
        "dataset scripts are no longer supported",
        (
            "Its rows are made by a script, which is not run. Use a copy of it in Parquet "
            "(many are under its branch refs/convert/parquet), or download its files and set {path}"
        ),
    ),
    ("gated", "Accept its terms on the Hub and set HF_TOKEN"),
    ("401", "Log in: set HF_TOKEN, or check the name"),
    ("doesn't exist on the hub", "Check the name; for files of your own set {path}"),
    ("config name is missing", "Set {name} to one of these"),
    ("builderconfig", "Set {name}"),
    ("unknown split", "Set {split}"),
    (
        "couldn't cast",
        "Its files have different columns. Download them and set {path}, which reads each by itself",
    ),
    (
        "column names don't match",
        "Its files have different columns. Download them and set {path}, which reads each by itself",
    ),
    (
        "couldn't reach",
        "Is the Hub reachable from here? Set HF_ENDPOINT for a mirror, or download it and set {path}",
    ),
    ("connection", "Is the Hub reachable from here? Set HF_ENDPOINT for a mirror, or download it and set {path}"),
    ("offline", "HF_HUB_OFFLINE is set: download it first, or set {path}"),
)


def _explain(error: BaseException, dataset: str, name: str | None, split: str, table: str) -> ConfigError:
    """What went wrong in the library's words, the cause under the wrapper included, with the way out."""
    said: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(said) < 3:
        text = " ".join(str(cause).split()) or type(cause).__name__
        if text not in said:
            said.append(text)
        cause = cause.__cause__ or cause.__context__
    told = " <- ".join(said)
    way = next((way for mark, way in _WAYS_OUT if mark in told.lower()), "")
    means = ", ".join(f"{key} {value}" for key, value in (("name", name), ("split", split)) if value)
    text = f"{key(table, 'dataset')}: '{dataset}' ({means}) cannot be loaded: {told[:900].rstrip('.')}"
    return ConfigError(
        f"{text}. {way.format(**{name: key(table, name) for name in ('path', 'name', 'split')})}".rstrip(". ")
        if way
        else text
    )

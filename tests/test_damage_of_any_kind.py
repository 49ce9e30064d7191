"""Damage of any kind to any file of a finished run: the result is the undisturbed one, or a message names the file.

Never a silent other dataset, never another exception. A hundred damages here; a longer search by OVERPROOF_FUZZ:
    OVERPROOF_FUZZ=5000 pytest tests/test_damage_of_any_kind.py
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from endpoint import Endpoint, serve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_corrections import answer, config_of, contents, run, write

from overproof.config import RunConfig
from overproof.errors import OverproofError
from overproof.runfolder import RunFolder, shards
from overproof.runfolder.overrides import Override

DAMAGES = int(os.environ.get("OVERPROOF_FUZZ", "100"))
ROWS = [{"question": f"What is {n} and 1?", "reference": str(n + 1), "level": "easy"} for n in range(6)]
TABLES = {
    "export": {"validation": 0},
    "selections": {"short": {"order": "shortest", "k_per_problem": 1}},
    "hygiene": {"near_duplicates": None},
    "workers": 1,
}
PAID = ("traces", "overrides.jsonl")
"""What has no other copy: its damage is named with the line, and never mended by guessing."""


def is_edited(before: Path, now: Path) -> bool:
    """Whether decisions were only taken out, repeated or put in another order, as a person may."""
    return not os.path.lexists(now) or (
        now.is_file() and set(lines_of(now.read_bytes())) <= set(lines_of(before.read_bytes()))
    )


class Finished(NamedTuple):
    """A finished run of two shards, and the endpoint that asks for nothing more."""

    config: RunConfig
    folder: RunFolder
    endpoint: Endpoint
    expected: dict[str, str]
    files: list[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    root = tmp_path_factory.mktemp("finished")
    write(root / "rows.jsonl", ROWS)
    with pytest.MonkeyPatch.context() as patched, serve(answer) as endpoint:
        patched.setattr(shards, "TRACES_PER_SHARD", 6)
        config, folder = config_of(endpoint, root / "rows.jsonl", **TABLES), RunFolder(root / "run")
        run(config, folder)
        for action in ("keep", "undo", "keep"):
            folder.write_override(Override(next(folder.read_problems(0)).problem.id, action, who="Ann"))
        run(config, folder)
        paths = [path for path in folder.root.rglob("*") if path.is_file() and path.name != ".lock"]
        files = sorted(str(path.relative_to(folder.root)) for path in paths if path.stat().st_size)
        yield Finished(config, folder, endpoint, derived(folder), files)


def derived(folder: RunFolder) -> dict[str, str]:
    """The digest of every derived file but the report's, which holds when it was made."""
    found = {str(Path(path).relative_to(folder.root)): digest for path, digest in contents(folder).items()}
    return {path: digest for path, digest in found.items() if path.startswith(("problems", "scores", "dec", "data"))}


def lines_of(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def put(content: bytes, place: float, piece: bytes, instead_of: int) -> bytes:
    start = int(place * len(content))
    return content[:start] + piece + content[start + instead_of :]


def at_line(content: bytes, place: float, change: Callable[[bytes], bytes]) -> bytes:
    lines = lines_of(content)
    number = int(place * len(lines))
    return b"".join([*lines[:number], change(lines[number]), *lines[number + 1 :]])


def flip(content: bytes, place: float, bit: int) -> bytes:
    start = int(place * len(content))
    return content[:start] + bytes([content[start] ^ (1 << bit)]) + content[start + 1 :]


FOREIGN = [
    b"hello",
    b"",
    b"[]",
    b"null",
    b'{"a":1}',
    b'{"id":"x","question":"y"}',
    b"\xff\xfe",
    b"[" * 5000,
    b"x" * 10**6,
]
CHANGES: dict[str, Callable[[bytes, float, int], bytes]] = {
    "a bit": flip,
    "cut": lambda content, place, _: content[: int(place * len(content))],
    "a page of zeros": lambda content, place, _: put(content, place, b"\0" * 64, 64),
    "all zeros": lambda content, *_: b"\0" * len(content),
    "zeros behind": lambda content, *_: content + b"\0" * 100,
    "no newline at the end": lambda content, *_: content.rstrip(b"\n"),
    "a foreign line": lambda content, place, bit: at_line(content, place, lambda line: FOREIGN[bit] + b"\n" + line),
    "a line lost": lambda content, place, _: at_line(content, place, lambda _: b""),
    "a line twice": lambda content, place, _: at_line(content, place, lambda line: line + line),
    "all twice": lambda content, *_: content + content,
    "other newlines": lambda content, *_: content.replace(b"\n", b"\r\n"),
    "other newlines and a bit": lambda content, place, bit: flip(content.replace(b"\n", b"\r\n"), place, bit),
    "blank lines": lambda content, *_: content.replace(b"\n", b"\n\n"),
    "a byte order mark": lambda content, *_: b"\xef\xbb\xbf" + content,
    "lines in another order": lambda content, *_: b"".join(
        sorted(lines_of(content), key=lambda line: bytes(line)[::-1])
    ),
    "a byte that is no text": lambda content, place, _: put(content, place, b"\xff", 1),
}
WHOLE = ["gone", "a folder", "a link to nowhere", "another file"]


class Damage(NamedTuple):
    """What is done to a file."""

    name: str
    what: str
    other: str = ""
    """The file that it changes places with."""
    place: float = 0.0
    bit: int = 0


def do(damage: Damage, folder: RunFolder) -> None:
    name, what, other, place, bit = damage
    path = folder.root / name
    content = path.read_bytes()
    if what in CHANGES:
        path.write_bytes(CHANGES[what](content, place, bit))
        return
    path.unlink()
    if what == "a folder":
        path.mkdir()
    elif what == "a link to nowhere":
        path.symlink_to(folder.root / "nowhere" / "at all")
    elif what == "another file":
        path.write_bytes((folder.root / other).read_bytes() if other != name else content[::-1])
        (folder.root / other).write_bytes(content)


def ending(config: RunConfig, folder: RunFolder) -> str:
    """What a run is refused with; empty when it is not."""
    try:
        run(config, folder)
    except OverproofError as refused:
        return str(refused)
    return ""


@pytest.mark.slow
@settings(max_examples=DAMAGES, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_damage_to_any_file_makes_another_dataset_in_silence(
    data: st.DataObject, finished: Finished, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name, other = data.draw(st.sampled_from(finished.files)), data.draw(st.sampled_from(finished.files))
    what = data.draw(st.sampled_from([*CHANGES, *WHOLE]))
    damage = Damage(name, what, other, data.draw(st.floats(0, 1, exclude_max=True)), data.draw(st.integers(0, 7)))
    folder = RunFolder(tmp_path_factory.mktemp("damaged") / "run")
    shutil.copytree(finished.folder.root, folder.root)
    do(damage, folder)
    is_edit = name == folder.overrides.name and is_edited(finished.folder.overrides, folder.overrides)
    asked = len(finished.endpoint.asked)
    refused = ending(finished.config, folder)
    if refused:
        assert str(folder.root) in refused, damage
        assert not name.startswith(PAID) or what not in CHANGES or re.search(r"jsonl:[0-9]+ ", refused), damage
    elif not is_edit:
        assert derived(folder) == finished.expected, damage
    assert len(finished.endpoint.asked) - asked <= 2 * len(ROWS), damage
    shutil.rmtree(folder.root)

"""Nothing derived is trusted unseen: a file that is not what was written is made again, or named with the way out."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from endpoint import serve
from test_corrections import ROWS, answer, config_of, contents, run, write

from overproof.config import RunConfig
from overproof.config.rewards import AccuracyConfig
from overproof.config.source import ProblemsConfig
from overproof.errors import RunFolderError
from overproof.integrity import seal
from overproof.journal import Journal, encode_line, read_records, write_bytes, write_records
from overproof.problems import stamp_source
from overproof.records import Problem
from overproof.runfolder import RunFolder

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda content: content[: len(content) // 2],
    "cut at a line": lambda content: content[: content.rfind(b"\n", 0, -1) + 1],
    "zeros": lambda content: b"\0" * len(content),
    "empty": lambda _: b"",
    "one bit": lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
}
FILES = [
    "problems/00000.jsonl",
    "scores/00000.jsonl",
    "decisions/00000.jsonl",
    "dataset/jsonl/train-00000.jsonl",
    "dataset/parquet/train-00000.parquet",
    "dataset/README.md",
    "scores/SHA256SUMS",
    "config.yaml",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunConfig, RunFolder]:
    """A finished run, and a config that can still be run when its endpoint is gone: nothing is asked."""
    root = tmp_path_factory.mktemp("finished")
    write(root / "rows.jsonl", ROWS)
    with serve(answer) as endpoint:
        config = config_of(endpoint, root / "rows.jsonl", export={"validation": 0})
        run(config, RunFolder(root / "run"))
    return config, RunFolder(root / "run")


def derived(folder: RunFolder) -> dict[str, str]:
    found = {str(Path(path).relative_to(folder.root)): digest for path, digest in contents(folder).items()}
    return {path: digest for path, digest in found.items() if not path.startswith("report")}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_again_and_told(
    tmp_path: Path, damage: str, finished: tuple[RunConfig, RunFolder]
) -> None:
    config, whole = finished
    for name in FILES if damage in {"cut in half", "zeros"} else FILES[:4]:
        folder = RunFolder(tmp_path / name.replace("/", "_"))
        shutil.copytree(whole.root, folder.root)
        path = folder.root / name
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
        told = run(config, folder)
        assert derived(folder) == derived(whole), name
        assert any("made again" in text for text in told), name


def test_a_dataset_that_was_deleted_comes_back(tmp_path: Path, finished: tuple[RunConfig, RunFolder]) -> None:
    config, whole = finished
    for name in ("dataset", "dataset/jsonl", "scores", "problems"):
        folder = RunFolder(tmp_path / name.replace("/", "_"))
        shutil.copytree(whole.root, folder.root)
        shutil.rmtree(folder.root / name)
        run(config, folder)
        assert derived(folder) == derived(whole), name


def test_files_of_any_name_that_lie_about_in_a_run_change_nothing(
    tmp_path: Path, finished: tuple[RunConfig, RunFolder]
) -> None:
    config, whole = finished
    folder = RunFolder(tmp_path / "odd \udcff")
    shutil.copytree(whole.root, folder.root)
    names = ("\udcff.txt", "a\nb", ".DS_Store", ".nfs0001", "my-notes.jsonl", "copy of 00000.jsonl")
    places = (".", "problems", "scores", "decisions", "dataset", "dataset/jsonl", "dataset/parquet", "traces")
    strange = [folder.root / place / name for place in places for name in names]
    for path in strange:
        path.write_text("not ours")
    rewards = config.rewards.model_copy(update={"accuracy": AccuracyConfig(weight=2)})
    run(config.model_copy(update={"rewards": rewards}), folder)
    assert not any("made again" in text for text in run(config, folder))
    assert {path.read_text() for path in strange} == {"not ours"}
    for path in strange:
        if path.name.startswith("."):
            path.unlink()
    assert not any("made again" in text for text in run(config, folder))
    for path in strange:
        path.unlink(missing_ok=True)
    run(config, folder)
    assert derived(folder) == derived(whole)


@pytest.mark.parametrize("damage", DAMAGES)
def test_reading_a_damaged_file_names_it(tmp_path: Path, damage: str, finished: tuple[RunConfig, RunFolder]) -> None:
    shutil.copytree(finished[1].root, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    folder.scores(0).write_bytes(DAMAGES[damage](folder.scores(0).read_bytes()))
    with pytest.raises(RunFolderError, match=r"scores/00000\.jsonl .*overproof run"):
        list(folder.read_scores(0))


JOURNAL_DAMAGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a bit of the text": (lambda lines: [lines[0], lines[1].replace(b"q1", b"q0"), lines[2]], "checksum"),
    "a byte that is no text": (lambda lines: [lines[0], lines[1][:20] + b"\xff" + lines[1][21:], lines[2]], ""),
    "a blank line": (lambda lines: [lines[0], b"\n", *lines[1:]], "blank"),
    "a foreign line": (lambda lines: [lines[0], b'{"id":"x","question":"y"}\n', *lines[1:]], "something else"),
    "deep": (lambda lines: [lines[0], b"[" * 100_000 + b"\n", *lines[1:]], ""),
    "zeros": (lambda lines: [lines[0], b"\0" * 4096 + b"\n", *lines[1:]], ""),
}


@pytest.mark.parametrize("damage", JOURNAL_DAMAGES)
def test_a_damaged_line_of_a_journal_is_named_with_the_way_out(tmp_path: Path, damage: str) -> None:
    change, named = JOURNAL_DAMAGES[damage]
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"".join(change([encode_line(Problem(f"p{n}", f"q{n}")) for n in range(3)])))
    with pytest.raises(RunFolderError, match=rf"j\.jsonl:2 is damaged .*{named}.*sed -i 2d"):
        list(read_records(path, Problem))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    assert len(list(read_records(path, Problem))) >= 2


def test_a_journal_of_an_older_version_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    write_records(path, [Problem("a", "b")])
    journal = Journal(path)
    journal.append(Problem("c", "d"))
    journal.close()
    assert [one.id for one in read_records(path, Problem)] == ["a", "c"]


def test_a_link_at_the_name_of_a_new_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.tmp").symlink_to(victim)
    write_bytes(tmp_path / "a", b"new")
    write_records(tmp_path / "b", [Problem("a", "b")])
    (tmp_path / "c").symlink_to(victim)
    with pytest.raises(RunFolderError, match="symbolic link"):
        Journal(tmp_path / "c")
    assert victim.read_text() == "mine"
    assert (tmp_path / "a").read_bytes() == b"new"


def test_one_command_deletes_all_damaged_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "it's a run" / "j.jsonl"
    lines = [encode_line(Problem(f"p{n}", f"q{n}")) for n in range(8)]
    for number in (1, 2, 5):
        lines[number] = b"\0" * 20 + b"\n"
    path.parent.mkdir()
    path.write_bytes(b"".join(lines))
    with pytest.raises(RunFolderError, match=r"j\.jsonl:2 is damaged .* the 2 others") as damaged:
        list(read_records(path, Problem))
    subprocess.run(["bash", "-c", "sed -i " + str(damaged.value).rpartition("sed -i ")[2]], check=True)
    assert [one.id for one in read_records(path, Problem)] == ["p0", "p3", "p4", "p6", "p7"]


def test_another_newline_hides_no_damage(tmp_path: Path) -> None:
    content = b"".join(encode_line(Problem(f"p{n}", f"q{n}")) for n in range(3)).replace(b"\n", b"\r\n")
    (tmp_path / "a").write_bytes(content)
    assert len(list(read_records(tmp_path / "a", Problem))) == 3
    (tmp_path / "b").write_bytes(content.replace(b"q1", b"q0"))
    with pytest.raises(RunFolderError, match=r"b:2 is damaged .*checksum"):
        list(read_records(tmp_path / "b", Problem))


def test_a_line_of_an_older_version_is_looked_through_where_only_its_key_is_read(tmp_path: Path) -> None:
    write_records(tmp_path / "j", [Problem("a", "b"), Problem("c", "dd")])
    (tmp_path / "j").write_bytes((tmp_path / "j").read_bytes().replace(b"dd", b"d\xff"))
    with pytest.raises(RunFolderError, match="j:2 is damaged"):
        list(read_records(tmp_path / "j", Key))


class Key(msgspec.Struct):
    id: str


@pytest.mark.parametrize("name", ["problems", "scores", "decisions", "dataset"])
def test_the_folder_of_another_run_is_not_taken_for_this_one(
    tmp_path: Path, name: str, finished: tuple[RunConfig, RunFolder]
) -> None:
    """Its own sums fit it; what this run has closed its folders with does not."""
    config, whole = finished
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(whole.root, folder.root)
    lines = {"dataset": "README.md"}.get(name, "00000.jsonl")
    path = folder.root / name / lines
    path.write_bytes(path.read_bytes()[:-2] + b" \n")
    seal(folder.root / name)
    told = run(config, folder)
    assert any(f"{name} is not what this run has written: it is made again" in text for text in told)
    assert derived(folder) == derived(whole)


@pytest.mark.parametrize(
    ("shards", "said"), [("0", "which no run has"), ("-1", "which no run has"), ("9999999999", "which no run has"),
                         ("2", "number of shards has changed")]
)  # fmt: skip
def test_another_number_of_shards_is_refused_before_anything_is_paid_twice(
    tmp_path: Path, shards: str, said: str, finished: tuple[RunConfig, RunFolder]
) -> None:
    config, whole = finished
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(whole.root, folder.root)
    folder.config.write_text(folder.config.read_text().replace("shards: 1", f"shards: {shards}"))
    with pytest.raises(RunFolderError, match=said):
        run(config, folder)


def test_a_correction_that_leaves_size_and_time_of_the_file_is_seen(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    write(rows, ROWS)
    source = ProblemsConfig(path=str(rows))
    before, times = stamp_source(source), rows.stat()
    write(rows, [{**ROWS[0], "reference": "7"}, *ROWS[1:]])
    os.utime(rows, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert rows.stat().st_size == times.st_size
    assert stamp_source(source) != before
    os.utime(rows, ns=(0, 0))
    write(rows, ROWS)
    assert stamp_source(source) == before


@pytest.mark.parametrize("place", ["pipe", "/dev/null", "/dev/overproof-makes-no-device"])
def test_no_device_or_pipe_is_replaced_by_a_file(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RunFolderError, match="would be replaced"):
        write_bytes(tmp_path / place, b"x")
    assert Path("/dev/null").is_char_device()


def test_a_folder_that_its_file_system_cannot_put_on_disk_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def refused(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refused)
    write_bytes(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"


@pytest.mark.parametrize("what", ["deleted", "renamed"])
def test_a_journal_that_has_gone_from_its_place_says_so_at_the_next_flush(tmp_path: Path, what: str) -> None:
    journal = Journal(tmp_path / "run" / "j.jsonl")
    journal.append(Problem("a", "b"))
    journal.flush()
    if what == "deleted":
        shutil.rmtree(tmp_path / "run")
    else:
        (tmp_path / "run").rename(tmp_path / "elsewhere")
    with pytest.raises(RunFolderError, match="deleted or renamed while it was being written"):
        journal.flush()

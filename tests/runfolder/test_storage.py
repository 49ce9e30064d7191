"""A run folder on S3 is a run folder: the same files, the same bytes, and nothing lost when the storage is away."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from building import make_problem, make_trace
from typer.testing import CliRunner

from overproof import load_run, pipeline
from overproof.cli import app
from overproof.config import load_config
from overproof.engine.cluster import Terms
from overproof.engine.messages import ONE_GRADING_WORKER
from overproof.errors import ConfigError, RunFolderError
from overproof.journal import write_records
from overproof.records import Trace, encode
from overproof.runfolder import Manifest, RunFolder, config_here, lease, storage

pytest.importorskip("s3fs", reason="shared storage needs the ray extra")
pytest.importorskip("moto", reason="the S3 server of the tests needs moto")

from s3fs import S3FileSystem
from sharedstorage import Shared, serve_storage

PROBLEM = make_problem("p")
STALE, LEASE = ".lease/000007", b"node7, process 12\nabc\n"
QUICK = ["problems.limit=12", "sampling.n=2"]


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    with serve_storage() as server:
        yield server


@pytest.fixture
def url(shared: Shared, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A place of its own for a run, with this machine's copies in the test's folder."""
    monkeypatch.setenv(storage.CACHE_VARIABLE, str(tmp_path / "here"))
    return shared.new_url()


@pytest.fixture
def elsewhere(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunFolder:
    """The same run as another machine sees it."""
    with monkeypatch.context() as patched:
        patched.setenv(storage.CACHE_VARIABLE, str(tmp_path / "elsewhere"))
        return RunFolder(url)


def test_what_is_written_here_is_read_elsewhere(url: str, elsewhere: RunFolder) -> None:
    here = RunFolder(url)
    assert not here.holds_run()
    manifest = Manifest({"a": 1}, 1, {}, {})
    here.write_manifest(manifest)
    write_records(here.problems(0), [PROBLEM])
    here.push(here.problems(0))
    assert elsewhere.holds_run()
    assert elsewhere.read_manifest() == manifest
    assert list(elsewhere.read_problems(0)) == [PROBLEM]


def test_a_file_that_was_written_anew_is_fetched_anew(url: str, elsewhere: RunFolder) -> None:
    here = RunFolder(url)
    for problem in (make_problem("p"), make_problem("q")):
        write_records(here.problems(0), [problem])
        here.push(here.problems(0))
        assert list(elsewhere.read_problems(0)) == [problem]


def test_a_file_that_is_gone_is_not_read_from_the_copy(url: str, elsewhere: RunFolder) -> None:
    here = RunFolder(url)
    write_records(here.problems(0), [PROBLEM])
    here.push(here.problems(0))
    assert list(elsewhere.read_problems(0)) == [PROBLEM]
    here.remove(here.problems(0), here.problems(1))
    assert list(elsewhere.read_problems(0)) == []


def test_a_folder_travels_by_its_url(url: str) -> None:
    assert str(pickle.loads(pickle.dumps(RunFolder(url)))) == url


def test_two_writers_of_one_shard_never_write_over_each_other(url: str, elsewhere: RunFolder) -> None:
    journals = [RunFolder(url).open_parts(0), elsewhere.open_parts(0)]
    for index in range(6):
        journals[index % 2].append(make_trace(PROBLEM, index))
        journals[index % 2].flush()
    assert sorted(trace.index for trace in elsewhere.read_traces(0)) == list(range(6))
    assert len(elsewhere.trace_parts(0)) == 6


def test_two_writers_in_a_shared_folder_never_write_over_each_other(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    journals = [folder.open_parts(0), folder.open_parts(0)]
    for index in range(6):
        journals[index % 2].append(make_trace(PROBLEM, index))
        journals[index % 2].flush()
    assert sorted(trace.index for trace in folder.read_traces(0)) == list(range(6))


def test_a_part_whose_confirmation_was_lost_is_not_written_twice(url: str) -> None:
    assert RunFolder(url).storage is not None
    one = storage.Storage(url)
    assert one.create("traces/00000-00001.jsonl", b"paid\n")
    assert one.create("traces/00000-00001.jsonl", b"paid\n")  # tried again: it finds itself
    assert not one.create("traces/00000-00001.jsonl", b"other\n")
    assert one.sizes("traces/") == {"traces/00000-00001.jsonl": 5}


def test_storage_that_comes_back_is_waited_for(url: str, shared: Shared) -> None:
    folder = RunFolder(url)
    journal = folder.open_parts(0)
    journal.append(make_trace(PROBLEM, 0))
    journal.flush()
    shared.cut()
    mending = threading.Timer(1.0, shared.mend)
    mending.start()
    journal.append(make_trace(PROBLEM, 1))
    journal.flush()
    mending.join()
    assert [trace.index for trace in folder.read_traces(0)] == [0, 1]


def test_what_could_not_be_written_is_written_later(url: str, shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PATIENCE_SECONDS", 0.5)
    folder = RunFolder(url)
    journal = folder.open_parts(0)
    journal.append(make_trace(PROBLEM, 0))
    shared.cut()
    with pytest.raises(RunFolderError, match=r"has not answered for .* run the same command again"):
        journal.flush()
    shared.mend()
    journal.append(make_trace(PROBLEM, 1))
    journal.close()
    assert [trace.index for trace in folder.read_traces(0)] == [0, 1]


def test_lines_appended_while_a_part_is_written_are_kept_in_order(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    journal = folder.open_parts(0)
    stop = threading.Event()

    def flush_often() -> None:
        while not stop.is_set():
            journal.flush()
            time.sleep(0)

    flushing = threading.Thread(target=flush_often)
    flushing.start()
    for index in range(500):
        journal.append(make_trace(PROBLEM, index))
    stop.set()
    flushing.join()
    journal.close()
    assert [trace.index for trace in folder.read_traces(0)] == list(range(500))


def test_an_address_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="no address that fsspec knows"):
        RunFolder("nowhere://bucket/run").read_manifest()


def refused(url: str, kind: type[Exception] = ConfigError) -> str:
    """What is said when a run at this address is locked, which is before anything is paid for."""
    with pytest.raises(kind) as caught, RunFolder(url).lock():
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_bucket_that_is_not_there_is_named(url: str) -> None:
    assert url
    assert "Make the bucket 'nobody-made-it'" in refused("s3://nobody-made-it/run")


def test_keys_that_the_storage_refuses_are_told_at_once_by_a_node_too(
    url: str, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ONE_GRADING_WORKER:  # which a worker sets for itself
        monkeypatch.setenv(name, "1")
    worker = Terms(RunFolder(url), "a mark", {}, dict, {})
    shared.ask_for_keys(really=True)
    try:
        said = refused(url)
        with pytest.raises(ConfigError, match=r"^Node \S+: .*refuses.*Variables that a node has already are its own"):
            worker.accept()
    finally:
        shared.ask_for_keys(really=False)
    assert "the storage refuses" in said
    assert "keys, which come from the environment" in said


def test_storage_that_never_answers_is_not_waited_for_long(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(storage, "PROBE_SECONDS", 0.5)
    S3FileSystem.clear_instance_cache()
    try:
        said = refused(url, RunFolderError)
        with pytest.raises(RunFolderError, match="AWS_ENDPOINT_URL"):
            config_here(url)
    finally:
        S3FileSystem.clear_instance_cache()
    assert "http://127.0.0.1:9" in said


@pytest.mark.parametrize(("scheme", "package"), [("gs", "gcsfs"), ("abfs", "adlfs"), ("oss", "ossfs")])
def test_other_storage_names_the_package_that_it_needs(scheme: str, package: str) -> None:
    if find_spec(package) is not None:
        pytest.skip("it is installed here")
    assert f"pip install {package}" in refused(f"{scheme}://bucket/run")


def test_a_place_holds_the_last_lease_alone_and_no_trace_of_the_probe(url: str, shared: Shared) -> None:
    for number in (1, 2):
        with RunFolder(url).lock():
            assert shared.read(url).keys() == {f".lease/00000{number}"}
    (left,) = shared.read(url).values()
    assert left.endswith(b"given back\n")


@pytest.fixture
def soon_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(lease, "GONE_SECONDS", 2.0)


@pytest.mark.usefixtures("soon_gone")
def test_one_process_of_all_machines_drives_a_run(url: str, elsewhere: RunFolder) -> None:
    with (
        RunFolder(url).lock(),
        pytest.raises(RunFolderError, match=rf"is in use by .*process {os.getpid()}"),
        elsewhere.lock(),
    ):
        pass
    with elsewhere.lock():
        pass


@pytest.mark.usefixtures("soon_gone")
def test_a_process_that_is_gone_is_told_and_holds_up_nobody_for_long(url: str, shared: Shared) -> None:
    told: list[str] = []
    shared.write(f"{url}/{STALE}", LEASE)
    with RunFolder(url).lock(told.append):
        assert "node7, process 12" in told[0]


@pytest.mark.usefixtures("soon_gone")
@pytest.mark.parametrize("number", [1, 2], ids=["as the last writer of the same", "as the maker of the next"])
def test_whoever_was_taken_for_gone_ends_and_leaves_the_run_and_its_lease_to_the_other(
    url: str, shared: Shared, number: int
) -> None:
    def wait_to_be_interrupted() -> None:
        with RunFolder(url).lock():
            while True:  # this one may be writing its own at the same moment
                shared.write(f"{url}/.lease/00000{number}", LEASE)
                time.sleep(0.1)

    with pytest.raises(RunFolderError, match=r"taken over by .*node7, process 12"):
        wait_to_be_interrupted()
    assert shared.read(url)[f".lease/00000{number}"] == LEASE


@pytest.mark.usefixtures("soon_gone")
def test_a_lease_that_people_have_deleted_is_written_again(url: str, shared: Shared) -> None:
    with RunFolder(url).lock():
        shared.remove(f"{url}/.lease/000001")
        while not shared.read(url):
            time.sleep(0.02)


@pytest.mark.usefixtures("soon_gone", "shared")
def test_a_lease_that_is_deleted_between_its_listing_and_its_reading_is_nobodys(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_read = threading.Event()

    def read_too_late(*_: object) -> None:
        is_read.set()

    with RunFolder(url).lock():
        with monkeypatch.context() as patched:
            patched.setattr(storage.Storage, "read", read_too_late)
            assert is_read.wait(60)
        time.sleep(0.2)  # ten renewals: an interrupt would have come


RACER = """
import sys, time
from overproof.errors import RunFolderError
from overproof.runfolder import RunFolder, lease, storage

lease.RENEW_SECONDS, lease.GONE_SECONDS, lease.SETTLE_SECONDS = 0.1, 2.0, 1.0
create = storage.Storage.create

def write_over(self, name, content):
    self.write(name, content)
    return True

for line in sys.stdin:
    place, log, *last_wins = line.split()
    storage.Storage.create = write_over if last_wins else create
    with open(log, "a", buffering=1) as out:
        try:
            with RunFolder(place).lock():
                out.write("begun\\n")
                time.sleep(1.5)
                out.write("ended\\n")
        except RunFolderError as error:
            print(error, flush=True)
        else:
            print("drove it", flush=True)
"""


@pytest.mark.slow
def test_of_processes_that_race_for_a_run_one_drives_it_and_the_others_are_told_who(
    url: str, shared: Shared, tmp_path: Path
) -> None:
    """Of three that find the same stale lease, each as on a machine of its own; in the end with storage that knows no
    write that must be the first, where the last of several writers wins."""
    command = [sys.executable, "-c", RACER]
    caches = [{**os.environ, storage.CACHE_VARIABLE: str(tmp_path / name)} for name in "abc"]
    with ExitStack() as stack:
        racers = [
            stack.enter_context(Popen(command, env=cache, stdin=PIPE, stdout=PIPE, text=True)) for cache in caches
        ]
        for place, words in ((str(tmp_path / "run"), ""), (url, ""), (url, ""), (shared.new_url(), "last-wins")):
            if place.startswith("s3:"):
                shared.write(f"{place}/.lease/000009", LEASE)
            log = tmp_path / "log"
            log.unlink(missing_ok=True)
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{place} {log} {words}\n")
                racer.stdin.flush()
            said = [racer.stdout.readline() for racer in racers if racer.stdout is not None]
            assert log.read_text() == "begun\nended\n"
            assert said.count("drove it\n") == 1, said
            assert sum("is in use by another overproof process" in line for line in said) == 2, said


@pytest.mark.slow
def test_commands_take_a_run_by_its_address_alone_and_call_its_files_by_it(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="the tiny teacher needs the demo extra")
    monkeypatch.chdir(tmp_path)
    pipeline.run_all(pipeline.Run(load_config("quickstart", ["problems.limit=2", "sampling.n=2"]), RunFolder(url)))
    monkeypatch.setenv(storage.CACHE_VARIABLE, str(tmp_path / "another machine"))
    expected = {
        "score": f"{url}/scores",
        "select": f"{url}/decisions",
        "export": f"{url}/dataset",
        "report": f"{url}/report.html",
        "run": f"{url}/report.html",
    }
    for command, place in expected.items():
        done = CliRunner().invoke(app, [command, url])
        assert place in done.output, done.output
        assert "another machine" not in done.output
    with pytest.raises(RunFolderError, match="holds no run"):
        CliRunner().invoke(app, ["report", f"{url}-not"], catch_exceptions=False)
    with pytest.raises(ConfigError, match="there is no run at"):
        CliRunner().invoke(app, ["compare", url, f"{url}-not"], catch_exceptions=False)
    assert load_run(url).config.sampling.n == 2


@pytest.mark.parametrize("kind", ["problems", "traces"])
def test_a_shard_count_that_was_lowered_is_refused(tmp_path: Path, kind: str) -> None:
    folder = RunFolder(tmp_path)
    pipeline.prepare(pipeline.Run(load_config("quickstart", ["problems.limit=3"]), folder))
    (folder.root / kind).mkdir(exist_ok=True)
    (folder.root / kind / ("00001.jsonl" if kind == "problems" else "00001-00000.jsonl")).touch()
    with pytest.raises(RunFolderError, match=rf"says 1 shards, but there is {kind}/00001.*--run-dir"):
        pipeline.prepare(pipeline.Run(load_config("quickstart", ["problems.limit=3"]), folder))


def test_a_shard_count_that_was_raised_is_refused_before_anything_is_paid_again(tmp_path: Path) -> None:
    from overproof.sampling import outlook

    config = load_config("quickstart", ["problems.limit=8"])
    folder = RunFolder(tmp_path)
    pipeline.prepare(pipeline.Run(config, folder))
    traces = [make_trace(one, 0) for one in folder.read_problems(0)]
    write_records(folder.traces(0), traces)
    manifest = folder.read_manifest()
    assert manifest is not None
    folder.write_manifest(Manifest(manifest.config, 16, manifest.versions, {}))
    with pytest.raises(RunFolderError, match="the number of shards has changed"):
        pipeline.prepare(pipeline.Run(config, folder))
    with pytest.raises(RunFolderError, match="the number of shards has changed"):
        outlook(config, folder, range(16))


def test_a_torn_part_costs_its_last_line_alone(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    lines = b"".join(encode(make_trace(PROBLEM, index)) + b"\n" for index in range(2))
    folder.traces(0, 1).parent.mkdir()
    folder.traces(0, 1).write_bytes(lines[:-20])
    traces: list[Trace] = list(folder.read_traces(0))
    assert [trace.index for trace in traces] == [0]


@pytest.mark.slow
def test_a_run_on_shared_storage_makes_the_dataset_that_a_local_one_makes(
    url: str, shared: Shared, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="the tiny teacher needs the demo extra")
    config = load_config("quickstart", QUICK)
    local = RunFolder(tmp_path / "local")
    pipeline.run_all(pipeline.Run(config, local))
    pipeline.run_all(pipeline.Run(config, RunFolder(url)))
    far = shared.read(url)
    for name in ("scores", "decisions", "dataset"):
        for path in sorted((local.root / name).rglob("*")):
            if path.is_file() and path.name != "SHA256SUMS":  # storage sees to that itself
                assert far[path.relative_to(local.root).as_posix()] == path.read_bytes(), path
    assert {"config.yaml", "report.html", "report.json", "traces/00000-00001.jsonl"} <= set(far)
    assert not [name for name in far if "tmp" in name or "versions" in name]


@pytest.mark.slow
def test_a_finished_run_on_shared_storage_does_nothing_again_from_another_machine(
    url: str, elsewhere: RunFolder, shared: Shared
) -> None:
    pytest.importorskip("onnxruntime", reason="the tiny teacher needs the demo extra")
    config = load_config("quickstart", QUICK)
    pipeline.run_all(pipeline.Run(config, RunFolder(url)))
    before = shared.read(url)
    steps: list[object] = []
    pipeline.run_all(pipeline.Run(config, elsewhere, steps.append))
    assert not [step for step in steps if isinstance(step, pipeline.StepProgress)]
    assert {n: c for n, c in shared.read(url).items() if "report" not in n and "lease" not in n} == {
        n: c for n, c in before.items() if "report" not in n and "lease" not in n
    }

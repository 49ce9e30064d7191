"""Pushing: the dataset lands on a Hub as one commit, loads from there, and what stands in the way is named."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import make_config, make_problem, make_score, make_trace, write_run
from hub import Hub, serve_hub

from overproof.export import export
from overproof.runfolder import RunFolder
from overproof.selection import select_shard

SOURCE = Path(__file__).parents[2] / "src"
PUSH = """
import sys
from pathlib import Path
from overproof.export.push import push
print(push(Path(sys.argv[1]), sys.argv[2]))
"""
LOAD = "import sys, datasets; print(datasets.load_dataset(sys.argv[1], split='train').num_rows)"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve_hub() as hub:
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    problems = [make_problem(f"p{n}") for n in range(5)]
    traces = [make_trace(problem, index) for problem in problems for index in range(2)]
    config = make_config(export={"validation": 0}, selections={"few": {"k_per_problem": 1}})
    folder = write_run(tmp_path / "run", problems, traces, [make_score(trace) for trace in traces])
    select_shard(config, folder, 0)
    export(config, folder, [0])
    export(config, folder, [0], "few")
    return folder


def run(code: str, hub: Hub, tmp_path: Path, *arguments: str, token: str = "let-me-in") -> tuple[int, str]:
    """Run Python with this Hub in its environment, as a user's process has it; (exit code, output)."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
    environment |= {"HF_TOKEN": token, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_a_pushed_dataset_loads_from_the_hub_by_its_name(hub: Hub, folder: RunFolder, tmp_path: Path) -> None:
    code, output = run(PUSH, hub, tmp_path, str(folder.dataset()), "me/verified")
    assert code == 0, output
    assert output.splitlines()[0].endswith("me/verified")
    assert sorted(hub.repositories["me/verified"]) == [
        "README.md",
        "jsonl/README.md",
        "jsonl/train-00000.jsonl",
        "parquet/train-00000.parquet",
    ]
    assert hub.private["me/verified"]
    code, output = run(LOAD, hub, tmp_path, "me/verified")
    assert (code, output.split()[0]) == (0, "10"), output


@pytest.mark.slow
def test_pushing_again_replaces_what_the_earlier_upload_left(hub: Hub, folder: RunFolder, tmp_path: Path) -> None:
    run(PUSH, hub, tmp_path, str(folder.dataset()), "me/verified")
    hub.repositories["me/verified"]["jsonl/train-00007.jsonl"] = b"{}\n"
    code, output = run(PUSH, hub, tmp_path, str(folder.dataset("few")), "me/verified")
    assert code == 0, output
    files = hub.repositories["me/verified"]
    assert sorted(files) == ["README.md", "jsonl/README.md", "jsonl/train-00000.jsonl", "parquet/train-00000.parquet"]
    assert files["jsonl/train-00000.jsonl"].count(b"\n") == 5


@pytest.mark.parametrize(
    ("token", "repository", "message"),
    [
        ("wrong", "me/verified", "the Hub refused me/verified"),
        ("let-me-in", "me/verified/more", "cannot name a repository"),
    ],
)
def test_what_the_hub_refuses_is_said_with_the_way_out(
    hub: Hub, folder: RunFolder, token: str, repository: str, message: str
) -> None:
    code, output = run(PUSH, hub, folder.root, str(folder.dataset()), repository, token=token)
    assert code == 1
    assert message in output
    assert hub.commits == 0


def test_a_folder_without_a_finished_dataset_is_not_pushed(hub: Hub, tmp_path: Path) -> None:
    code, output = run(PUSH, hub, tmp_path, str(tmp_path), "me/verified")
    assert code == 1
    assert "holds no finished dataset" in output
    assert hub.repositories == {}


def test_a_hub_that_cannot_be_reached_is_named(hub: Hub, folder: RunFolder) -> None:
    hub.server_close()
    hub.shutdown()
    code, output = run(PUSH, hub, folder.root, str(folder.dataset()), "me/verified")
    assert code == 1
    assert f"the Hub at {hub.url} cannot be reached" in output

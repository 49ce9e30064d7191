"""Shards on a real Ray cluster of two nodes: the same results, and refusals that name the node."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import make_config
from shardwork import die, die_once, double, fail, pid_of, say_workers

from overproof import freshness
from overproof.config import RunConfig
from overproof.engine import Engine, open_engine
from overproof.errors import ConfigError, InputError, OverproofError, RunFolderError
from overproof.runfolder import RunFolder

pytest.importorskip("ray", reason="the cluster needs the ray extra")

from raycluster import Nodes, start_nodes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with start_nodes(2) as started:
        yield started


@pytest.fixture(scope="module")
def engine(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    with open_engine(on(nodes), folder, freshness.versions) as opened:
        yield opened


def on(nodes: Nodes) -> RunConfig:
    return make_config(engine="ray", ray={"address": nodes.address})


def test_an_address_where_no_cluster_is_is_refused_at_once(tmp_path: Path) -> None:
    config = make_config(engine="ray", ray={"address": "127.0.0.1:1"})
    with (
        pytest.raises(ConfigError, match=r"no Ray cluster at ray\.address 127\.0\.0\.1:1"),
        open_engine(config, RunFolder(tmp_path), freshness.versions),
    ):
        pass


def test_results_come_in_the_order_of_the_shards(engine: Engine) -> None:
    assert list(engine.run_shards(double, range(30))) == [2 * shard for shard in range(30)]


def test_shards_run_on_every_node_and_not_in_the_driver(engine: Engine) -> None:
    pids = set(engine.run_shards(pid_of, range(20)))
    assert len(pids) >= 2
    assert os.getpid() not in pids


def test_an_error_is_raised_here_with_the_place_where_it_happened_there(engine: Engine) -> None:
    with pytest.raises(InputError, match="shard 1 is no good") as caught:
        list(engine.run_shards(fail, range(3)))
    assert "in fail" in str(caught.value.__cause__)


def test_a_shard_whose_worker_is_killed_is_begun_again(engine: Engine, tmp_path: Path) -> None:
    assert list(engine.run_shards(functools.partial(die_once, tmp_path), range(4))) == [0, 1, 2, 3]


def test_a_shard_that_kills_every_worker_is_named(engine: Engine) -> None:
    with pytest.raises(OverproofError, match="worker of shard 2 died 5 times"):
        list(engine.run_shards(die, range(4)))


def test_grading_within_a_worker_takes_one_process(engine: Engine) -> None:
    assert set(engine.run_shards(say_workers, range(2))) == {1}


def test_within_its_context_a_run_keeps_its_engine(engine: Engine, nodes: Nodes) -> None:
    assert engine.terms is not None
    with open_engine(on(nodes), engine.terms.folder, freshness.versions) as again:
        assert again is engine


def test_a_run_folder_that_workers_cannot_see_is_refused(
    engine: Engine, nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine.is_far
    monkeypatch.chdir(tmp_path)
    hidden = RunFolder(Path("/proc/self/cwd/run"))  # another folder in every process
    with (
        pytest.raises(RunFolderError, match=r"does not see the run folder .*run.*that every node sees"),
        open_engine(on(nodes), hidden, freshness.versions),
    ):
        pass


def test_a_node_with_another_version_is_refused_by_name(engine: Engine, nodes: Nodes, tmp_path: Path) -> None:
    assert engine.terms is not None
    source = Path(freshness.__file__).parent
    shutil.copytree(source, tmp_path / "overproof", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "overproof" / "__init__.py").write_text('__version__ = "0.0.0"\n')
    other = nodes.add(PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(__file__).parents[1]}")
    try:
        with (
            pytest.raises(ConfigError, match=r"has overproof 0\.0\.0 \(not .*same versions on every node"),
            open_engine(on(nodes), RunFolder(tmp_path / "run"), freshness.versions),
        ):
            pass
    finally:
        nodes.remove(other)

"""The benchmark of scale in its small form: nothing is lost, and no process grows large."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench" / "bench_scale.py"
SHARDS = 5


@pytest.mark.slow
def test_twenty_thousand_traces_are_scored_and_selected_in_little_memory_and_none_is_lost(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("bench_scale", BENCH)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    folder = bench.write_made_run(tmp_path, bench.TRACES_SMALL, 1_000, shards=SHARDS)
    measured = bench.measure(folder, "workers=2")
    assert measured.largest_megabytes < 2_048
    assert {path.name for path in (tmp_path / "decisions").iterdir()} == {"SHA256SUMS"} | {
        f"{shard:05d}.jsonl" for shard in range(SHARDS)
    }
    reasons: Counter[str] = Counter()
    for shard in range(SHARDS):
        traces = [trace.id for trace in folder.read_traces(shard)]
        decisions = list(folder.read_decisions(shard))
        assert sorted(traces) == sorted(decision.trace_id for decision in decisions)
        reasons.update(decision.reason for decision in decisions)
    assert reasons == {"correct": 15_000, "incorrect": 5_000}

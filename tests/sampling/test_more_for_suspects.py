"""More traces for suspect references: bought once, resumed exactly, within the budget, and no pass rate moves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from building import make_config
from endpoint import Ask, Endpoint, Wire, json_reply, serve

from overproof import pipeline, suspects
from overproof.config import RunConfig
from overproof.errors import ConfigError
from overproof.pipeline import Run
from overproof.report import Summary
from overproof.runfolder import RunFolder

pytestmark = pytest.mark.usefixtures("short_waits")

PLANTED = {"p7", "p21"}
RULES = pytest.mark.parametrize(
    "sampling", [{"n": 4}, {"probe": 2, "want_correct": 2, "max": 6}], ids=["fixed", "adaptive"]
)


def answer(ask: Ask) -> Wire:
    """Right in nine of ten, and always where the reference is not; wrong in a way of its own each time."""
    number = int(ask.prompt.split()[2])
    final = number + 1 if ask.chance() < 0.9 or f"p{number}" in PLANTED else ask.seed
    return json_reply(f"<think>\nSeed {ask.seed} says so.\n</think>\n\n\\boxed{{{final}}}")


def run_of(tmp_path: Path, endpoint: Endpoint, sampling: dict[str, Any], **tables: Any) -> Run:
    rows = (
        {"id": f"p{n}", "question": f"What is {n} and 1?", "answer": str(n + (9 if f"p{n}" in PLANTED else 1))}
        for n in range(40)
    )
    path = tmp_path / "problems.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    config: RunConfig = make_config(
        problems={"path": str(path), "question": "question", "reference": "answer"},
        teacher={"model": "m", "base_url": endpoint.base_url, "stream": False},
        hygiene={"duplicates": False, "near_duplicates": None},
        sampling=sampling,
        **tables,
    )
    return Run(config, RunFolder(tmp_path / "run"))


def traces_of(run: Run) -> Counter[str]:
    return Counter(trace.problem.id for shard in run.shards for trace in run.folder.read_traces(shard))


def finish(run: Run) -> Summary:
    pipeline.score(run)
    pipeline.select(run)
    return pipeline.make_report(run)


@RULES
def test_only_suspects_get_more_and_no_pass_rate_rests_on_it(tmp_path: Path, sampling: dict[str, Any]) -> None:
    with serve(answer) as endpoint:
        run = run_of(tmp_path, endpoint, sampling)
        pipeline.prepare(run)
        pipeline.sample(run)
        before, rates = traces_of(run), finish(run)
        assert pipeline.ask_suspects(run, 5, is_rehearsal=True) == 2
        assert pipeline.sample(run).samples_new == 0
        assert pipeline.ask_suspects(run, 5) == 2
        assert pipeline.sample(run).samples_new == 10
        assert traces_of(run) == before + Counter(dict.fromkeys(PLANTED, 5))
        assert pipeline.ask_suspects(run, 5) == 0  # a second time they are asked for already
        assert pipeline.sample(run).samples_new == 0
        after = finish(run)
    assert after.traces == rates.traces + 10
    assert after.overall.pass_rate == rates.overall.pass_rate
    assert after.pass_rate_bins == rates.pass_rate_bins
    assert [one.share_right for one in after.lengths.bins] == [one.share_right for one in rates.lengths.bins]
    found = {one.found.problem_id: one.found for one in suspects.find_suspects(run.folder, run.shards)}
    assert found.keys() >= PLANTED
    assert all(found[one].answered == before[one] + 5 for one in PLANTED)


def test_what_was_begun_is_gone_on_with_and_a_decision_ends_it(tmp_path: Path) -> None:
    with serve(answer) as endpoint:
        run = run_of(tmp_path, endpoint, {"n": 4})
        pipeline.prepare(run)
        pipeline.sample(run)
        used = pipeline.sample(run).spent.tokens
        pipeline.ask_suspects(run, 6)
        capped = Run(
            run.config.model_copy(update={"budget": run.config.budget.model_copy(update={"max_tokens": used + 60})}),
            run.folder,
        )
        assert pipeline.sample(capped).ended == "budget"
        bought = traces_of(run)
        assert all(4 <= bought[one] < 10 for one in PLANTED)
        suspects.decide(run.folder, "p7", "replace", reference="8")
        pipeline.sample(run)
    assert traces_of(run) == bought | Counter({"p21": 10})


def test_imported_traces_have_nobody_to_ask(tmp_path: Path) -> None:
    config = make_config(teacher={"model": "imported:theirs"})
    with pytest.raises(ConfigError, match="no teacher to ask"):
        pipeline.ask_suspects(Run(config, RunFolder(tmp_path)), 4)

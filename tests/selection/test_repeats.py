"""A server that repeats itself is told from a model of short replies by the whole run; each text of it counts once."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from building import make_config, make_problem, make_score, make_trace
from reported import VERSIONS, write_reported

from overproof.pipeline import Run, make_report, select
from overproof.records import Trace
from overproof.runfolder import Manifest
from overproof.selection.repeats import repeats_itself, take_census

LONG = "First the two numbers are added, which gives four, and then the sum is looked at once more. " * 2


def replies(problem: int, texts: Sequence[str]) -> list[Trace]:
    """Replies to one problem, of these texts."""
    item = make_problem(f"p{problem}")
    return [make_trace(item, index, reasoning=f"{text} {problem}") for index, text in enumerate(texts)]


def census_of(groups: Sequence[Sequence[str]]) -> Counter[str]:
    return sum((take_census(replies(number, texts)) for number, texts in enumerate(groups)), Counter())


def same(count: int, of: int = 8) -> list[str]:
    """`of` long texts, the first `count` of which are the same."""
    return [f"{LONG} {max(0, number - count + 1)}" for number in range(of)]


@pytest.mark.parametrize(
    ("groups", "is_repeating"),
    [
        pytest.param([same(8)] * 6, True, id="a greedy server"),
        pytest.param([same(2, 2)] * 6, True, id="a greedy server, asked twice"),
        pytest.param([same(8)] * 9 + [same(1)] * 5, True, id="a cache that holds most of the problems"),
        pytest.param([same(8)] * 4, False, id="too few problems to conclude anything"),
        pytest.param([same(1)] * 20, False, id="a server that draws"),
        pytest.param([same(1, 1)] * 20, False, id="one reply for each problem"),
        pytest.param([same(count) for count in range(1, 9)] * 3, False, id="problems of every ease"),
        pytest.param([same(8)] * 12 + [same(7)] * 5 + [same(5)] * 3, False, id="an honest model at a low temperature"),
        pytest.param([["4"] * 8] * 20, False, id="short answers, which any model says again"),
        pytest.param([same(8)] * 5 + [same(1)] * 15, False, id="a few easy problems"),
    ],
)
def test_a_run_is_judged_by_how_many_problems_have_one_text_alone(
    *, groups: Sequence[Sequence[str]], is_repeating: bool
) -> None:
    assert repeats_itself(census_of(groups)) is is_repeating


def test_replies_that_were_cut_or_refused_tell_nothing_of_the_server() -> None:
    cut = [make_trace(make_problem(f"p{n}"), i, finish_reason="length") for n in range(8) for i in range(4)]
    assert not take_census(cut)


def test_a_server_that_repeats_itself_has_given_one_observation_of_each_problem(tmp_path: Path) -> None:
    problems = [make_problem(f"p{number}") for number in range(6)]
    scored = [
        (trace, make_score(trace, "correct" if number < 2 else "incorrect"))
        for number in range(6)
        for trace in replies(number, same(4, 4))
    ]
    config = make_config(sampling={"n": 4}, selections={"band": {"min_pass_rate": 0.1}})
    run = Run(config, write_reported(tmp_path / "run", config, problems, scored, decide=False))
    run.folder.write_manifest(Manifest(config.model_dump(mode="json"), 1, VERSIONS, {"score": "as this test says"}))
    select(run)
    decided = {name: Counter(one.reason for one in run.folder.read_decisions(0, name)) for name in (None, "band")}
    assert decided[None] == {"correct": 2, "incorrect": 4, "server_repeats": 18}
    assert decided["band"] == {"pass_rate_unknown": 2, "incorrect": 4, "server_repeats": 18}
    summary = make_report(run)
    assert [(trouble.traces, trouble.query) for trouble in summary.troubles] == [(18, {"reason": "server_repeats"})]
    assert [step.left for step in summary.funnel if step.name in {"drawn", "right"}] == [6, 2]
    assert summary.overall.pass_rate.samples == 6

from pathlib import Path

import msgspec
import pytest
from building import make_config, make_problem
from reported import sample_problem, write_reported

from overproof.estimators import estimate_difference
from overproof.runfolder import RunFolder
from overproof.view.run import Snapshot, ViewedRun
from overproof.view.side_by_side import compare


def snapshot(
    root: Path,
    outcomes: dict[str, str],
    *,
    shards: int = 1,
    temperature: float = 0.6,
    sources: dict[str, str] | None = None,
) -> Snapshot:
    config = make_config(sampling={"n": 4}, teacher={"model": "t", "temperature": temperature})
    problems = [make_problem(name) for name in outcomes]
    for place, one in enumerate(problems):
        source = (sources or {}).get(one.problem.id, "made")
        problems[place] = msgspec.structs.replace(one, problem=msgspec.structs.replace(one.problem, source=source))
    scored = [pair for problem in problems for pair in sample_problem(problem, outcomes[problem.problem.id])]
    folder = write_reported(root, config, problems, scored, shards=shards)
    return ViewedRun(RunFolder(folder.root)).refresh()


def test_the_difference_is_taken_problem_by_problem(tmp_path: Path) -> None:
    left = snapshot(tmp_path / "left", {f"p{n}": "ciii" if n % 2 else "ccci" for n in range(20)})
    right = snapshot(tmp_path / "right", {f"p{n}": "ccii" if n % 2 else "cccc" for n in range(20)}, shards=3)
    made = compare(left, right)
    overall = made.differences[0]
    assert (made.common, made.only_left, made.only_right) == (20, 0, 0)
    assert (overall.left, overall.right) == (0.5, 0.75)
    gap = overall.difference
    assert gap.value == 0.25
    assert gap.low is not None
    assert gap.high is not None
    assert 0.1 < gap.low < 0.25 < gap.high < 0.4, "every problem gained, and there are only twenty"
    assert {(one.what, one.name) for one in made.differences} == {("all", ""), ("source", "made"), ("language", "en")}


def test_problems_of_one_run_alone_do_not_count(tmp_path: Path) -> None:
    left = snapshot(tmp_path / "left", {"a": "cccc", "b": "iiii"})
    right = snapshot(tmp_path / "right", {"b": "ccii", "c": "cccc"})
    made = compare(left, right)
    assert (made.common, made.only_left, made.only_right) == (1, 1, 1)
    assert [(one.problem_id, one.left, one.right) for one in made.changed] == [("b", 0.0, 0.5)]
    assert made.changed[0].question, "an id alone says nothing to a reader"


def test_runs_without_a_common_problem_can_be_compared(tmp_path: Path) -> None:
    made = compare(snapshot(tmp_path / "left", {"a": "cccc"}), snapshot(tmp_path / "right", {"b": "cccc"}))
    assert (made.common, made.differences, made.changed) == (0, [], [])


def test_settings_that_differ_are_named_with_both_values(tmp_path: Path) -> None:
    left = snapshot(tmp_path / "left", {"a": "cccc"})
    right = snapshot(tmp_path / "right", {"a": "cccc"}, temperature=1.0)
    assert compare(left, right).settings == [("teacher.temperature", "0.6", "1.0")]


def test_a_run_and_itself_do_not_differ(tmp_path: Path) -> None:
    one = snapshot(tmp_path, {"a": "ccii", "b": "iiii"})
    made = compare(one, one)
    assert made.differences[0].difference.value == pytest.approx(0)
    assert (made.changed, made.settings) == ([], [])


def test_of_many_sources_none_is_flagged_for_what_chance_does_to_one_of_twelve(tmp_path: Path) -> None:
    """The source that gained looks better than noise by itself, and not among twelve of which it is the luckiest."""
    names = [f"s{source}/{number}" for source in range(12) for number in range(6)]
    left = dict.fromkeys(names, "ccii")
    right = {name: "ccci" if name.startswith("s0/") and not name.endswith("5") else "ccii" for name in names}
    problems = {name: name.partition("/")[0] for name in names}
    made = compare(
        snapshot(tmp_path / "left", left, sources=problems), snapshot(tmp_path / "right", right, sources=problems)
    )
    lucky = next(one.difference for one in made.differences if one.name == "s0")
    alone = estimate_difference([0.5] * 6, [0.75] * 5 + [0.5])
    assert lucky.low is not None
    assert lucky.low <= 0 < alone.value
    assert lucky.low < alone.low

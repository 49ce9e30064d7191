"""Comparing runs: paired by problem, refused where they are not the same, and plain about noise."""

import random
from pathlib import Path

import pytest
from building import make_config, make_problem
from msgspec.structs import replace
from passing import write_passes
from reported import sample_problem, write_reported

from overproof.errors import ConfigError, InputError
from overproof.evaluation.comparison import Side, compare, name_sides
from overproof.records import Problem
from overproof.runfolder import RunFolder


def draw_passes(seed: int, shift: int = 0, problems: int = 80) -> list[int]:
    """Passes of 4 on problems from impossible to easy; chance depends on the seed, difficulty does not."""
    chance, difficulty = random.Random(seed), random.Random(0)
    return [
        min(4, max(0, difficulty.randrange(4) + chance.choice([-1, 0, 0, 1]) + shift * (number % 2)))
        for number in range(problems)
    ]


def write_sampled(root: Path, verdicts: dict[str, str], **sampling: int) -> RunFolder:
    """A scored run with these verdicts a problem: c correct, i incorrect."""
    problems = [make_problem(name) for name in verdicts]
    scored = [pair for problem in problems for pair in sample_problem(problem, verdicts[problem.problem.id])]
    return write_reported(root, make_config(sampling=sampling), problems, scored, decide=False)


def test_an_adaptive_run_is_compared_without_the_rule_that_stopped_it(tmp_path: Path) -> None:
    """It goes on where replies fail: of the three problems 1, 2 of 3 and 0 are right, but the rates are 1, 1/2, 0."""
    adaptive = write_sampled(tmp_path / "a", {"x": "cc", "y": "icc", "z": "iiiiii"}, probe=2, want_correct=2, max=6)
    fixed = write_sampled(tmp_path / "b", {"x": "ccii", "y": "icci", "z": "iiii"}, n=4)
    sides = [Side("adaptive", [adaptive]), Side("fixed", [fixed])]
    assert compare(sides).sides[0].value.value == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert compare(sides, measure="pass@2").sides[0].value.value == pytest.approx((1 + 1 + 0) / 3), "its probe alone"
    with pytest.raises(InputError, match="only its probe counts"):
        compare(sides, measure="pass@4")


def test_the_value_of_a_run_that_lacks_replies_is_said_to_be_one_so_far(tmp_path: Path) -> None:
    whole = write_sampled(tmp_path / "a", {"x": "ccii", "y": "icci"}, n=4)
    for name, verdicts in (("lacking", {"x": "cc", "y": "icci"}), ("unasked", {"x": "ccii", "y": ""})):
        partial = write_sampled(tmp_path / name, verdicts, n=4)
        made = compare([Side("whole", [whole]), Side("partial", [partial])])
        assert [line.value.so_far for line in made.sides] == [False, True], name
        assert sum("so far" in line for line in made.lines()) == 2, "beside the value, and once what that means"
    stopped = write_sampled(tmp_path / "c", {"x": "i", "y": "icc"}, probe=2, want_correct=2, max=6)
    assert compare([Side("whole", [whole]), Side("stopped", [stopped])]).sides[1].value.so_far


def test_a_real_difference_is_told_with_its_interval(tmp_path: Path) -> None:
    before = write_passes(tmp_path / "a", draw_passes(1))
    after = write_passes(tmp_path / "b", draw_passes(2, shift=1))
    made = compare([Side("before", [before]), Side("after", [after])])
    gap = made.sides[1].difference
    assert gap is not None
    assert 0 < gap.low < gap.value < gap.high
    assert made.sides[1].verdict == "better"
    assert compare([Side("after", [after]), Side("before", [before])]).sides[1].verdict == "worse"
    table = "\n".join(made.lines())
    assert "80 problems, paired" in table
    assert "better" in table
    assert "●" in table


def test_what_could_be_chance_is_called_noise(tmp_path: Path) -> None:
    runs = [write_passes(tmp_path / str(seed), draw_passes(seed)) for seed in (1, 2, 3)]
    made = compare([Side(str(number), [run]) for number, run in enumerate(runs)])
    assert [line.verdict.partition(":")[0] for line in made.sides] == ["", "noise", "noise"]
    told = "\n".join(made.lines())
    assert "noise: no larger than ±" in told
    assert "one run a side" in told
    assert "hold together" in told


def test_several_seeds_on_a_side_are_averaged_and_listed(tmp_path: Path) -> None:
    runs = [write_passes(tmp_path / str(seed), draw_passes(seed)) for seed in range(3)]
    better = [write_passes(tmp_path / f"b{seed}", draw_passes(seed + 9, shift=1)) for seed in range(3)]
    made = compare([Side("base", runs), Side("trained", better)])
    assert [len(line.by_run) for line in made.sides] == [3, 3]
    for line in made.sides:
        assert line.value.value == pytest.approx(sum(line.by_run) / 3)
    assert made.sides[1].verdict == "better"


def test_an_evaluation_within_a_run_stands_for_that_run(tmp_path: Path) -> None:
    outer = write_passes(tmp_path / "run", [4] * 20)
    write_passes(outer.evaluation.root, [0] * 20)
    other = write_passes(tmp_path / "other", [0] * 20)
    assert compare([Side("a", [outer]), Side("b", [other])]).sides[0].value.value == 0


def test_problems_that_not_every_side_has_are_left_out_and_counted(tmp_path: Path) -> None:
    left, right = write_passes(tmp_path / "a", [2] * 10), write_passes(tmp_path / "b", [2] * 10, first=4)
    made = compare([Side("a", [left]), Side("b", [right])])
    assert (made.problems, made.left_out) == (6, 8)
    assert "8 that not every side has are left out" in made.lines()[0]


def test_the_majority_and_larger_k_can_be_compared_too(tmp_path: Path) -> None:
    runs = [write_passes(tmp_path / str(number), [number + 1] * 10) for number in range(2)]
    sides = [Side(str(number), [run]) for number, run in enumerate(runs)]
    assert compare(sides, measure="pass@4").sides[0].value.value == 1
    assert compare(sides, measure="maj@4").measure == "maj@4"


def test_runs_that_call_the_same_problems_otherwise_are_paired_by_their_questions(tmp_path: Path) -> None:
    def ask(name: str, ids: str, questions: str) -> RunFolder:
        problems = [
            replace(make_problem(one), problem=Problem(one, f"What is {q}?", "4"))
            for one, q in zip(ids, questions, strict=True)
        ]
        scored = [pair for problem in problems for pair in sample_problem(problem, "ci")]
        return write_reported(tmp_path / name, make_config(sampling={"n": 2}), problems, scored, decide=False)

    first = ask("a", "abcd", "1234")
    for name, ids in (("no id is shared", "wxyz"), ("ids mean others", "dcba")):
        made = compare([Side("first", [first]), Side("second", [ask(name, ids, "1235")])])
        assert (made.problems, made.left_out, made.by_question) == (3, 2, True), name
        assert made.lines()[0].startswith("3 problems, paired by their questions; 2 that")
    assert not compare([Side("first", [first]), Side("same", [first])]).by_question


def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    run = write_passes(tmp_path / "a", [2] * 4)
    other = write_passes(tmp_path / "b", [2] * 4, reference="5")
    apart = write_passes(tmp_path / "c", [2] * 4, first=100)
    with pytest.raises(InputError, match="problem 'p0' is another one in a than in b"):
        compare([Side("a", [run]), Side("b", [other])])
    with pytest.raises(InputError, match="c has no problem in common with all before it"):
        compare([Side("a", [run]), Side("c", [apart])])
    with pytest.raises(
        InputError, match=r"a has no problem with a pass@8: that takes 8 .* sample more \(evaluation\.n\)"
    ):
        compare([Side("a", [run]), Side("a again", [run])], measure="pass@8")
    with pytest.raises(ConfigError, match="at least two runs; name another"):
        compare([Side("a", [run])])
    for measure in ("accuracy", "pass@", "maj@0", "pass@x"):
        with pytest.raises(ConfigError, match="write pass@k or maj@k"):
            compare([Side("a", [run]), Side("b", [run])], measure=measure)


def test_sides_are_named_by_their_folders_or_by_hand(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    sides = name_sides([str(first), f"both={first},{second}"])
    assert [(side.name, [run.root for run in side.runs]) for side in sides] == [
        (str(first), [first]),
        ("both", [first, second]),
    ]
    with pytest.raises(ConfigError, match="There is no run folder 'nowhere'"):
        name_sides(["nowhere"])

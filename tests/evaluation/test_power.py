"""How large a comparison must be, from nothing and from an earlier run."""

from decimal import Decimal
from pathlib import Path

import pytest
from passing import write_passes

from overproof.errors import ConfigError
from overproof.evaluation.power import Difficulty, difficulty_of, plan_lines, read_difficulty

_CONFIG = {
    "problems": {"path": "problems.jsonl"},
    "teacher": {"profile": "vllm", "base_url": "http://127.0.0.1:9/v1", "model": "m"},
    "sampling": {"n": 4},
    "budget": {"input_price": 1, "output_price": 8, "currency": "CNY"},
}


def problems_in(line: str) -> int:
    return int(line.split(maxsplit=1)[0].replace(",", ""))


def test_more_samples_a_problem_need_fewer_problems_and_a_smaller_difference_more() -> None:
    _, one, eight, apart = plan_lines(2, [1, 8], Difficulty())
    assert problems_in(one) > 4 * problems_in(eight)
    assert "samples do not help against that" in apart
    assert problems_in(plan_lines(1, [8], Difficulty())[1]) == pytest.approx(4 * problems_in(eight), rel=0.05)


def test_an_earlier_run_gives_the_difficulty_and_what_replies_cost(tmp_path: Path) -> None:
    found = read_difficulty(write_passes(tmp_path, [0] * 30 + [1] * 8 + [4] * 2, config=_CONFIG))
    assert found.mean == pytest.approx(0.1, abs=0.02)
    assert (found.tokens, found.cost) == (12 + 30, Decimal("0.000252"))
    assert plan_lines(2, [4], found)[1].endswith(" CNY")
    assert not found.so_far
    easy_to_tell = problems_in(plan_lines(2, [4], found)[1])
    assert easy_to_tell < problems_in(plan_lines(2, [4], Difficulty())[1])


def test_a_run_that_lacks_replies_is_said_to_lean_upwards(tmp_path: Path) -> None:
    found = read_difficulty(write_passes(tmp_path, [0, 2], config=_CONFIG | {"sampling": {"n": 8}}))
    assert "replies are missing" in plan_lines(2, [4], found)[-1]


@pytest.mark.parametrize("points", [0, -2, 100, 0.0001])
def test_what_cannot_be_planned_for_is_refused(points: float) -> None:
    with pytest.raises(ConfigError, match="cannot be planned for"):
        plan_lines(points, [1], Difficulty())


def test_without_a_run_the_mean_pass_rate_can_be_given() -> None:
    assert difficulty_of(None) == Difficulty()
    assert difficulty_of(8).mean == pytest.approx(0.08)
    assert problems_in(plan_lines(2, [4], difficulty_of(8))[1]) < problems_in(plan_lines(2, [4], difficulty_of(50))[1])
    with pytest.raises(ConfigError, match="between 0 and 100 %"):
        difficulty_of(100)

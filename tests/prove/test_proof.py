"""What a proof says: a Markdown table, and sentences that call noise noise."""

import pytest

from overproof.estimators import Difference, Estimate
from overproof.evaluation.comparison import Comparison, SideLine
from overproof.prove.proof import Proof
from overproof.prove.sets import TrainingSet
from overproof.records import decode, encode


def make_line(name: str, value: float, *, to: float | None = None, p_value: float = 0.001) -> SideLine:
    estimate = Estimate(value, value - 0.02, value + 0.02, 400, 1200)
    if to is None:
        return SideLine(name, estimate, [value - 0.01, value + 0.01], None)
    gap = value - to
    return SideLine(name, estimate, [value], Difference(gap, gap - 0.03, gap + 0.03, p_value, 400), p_value)


@pytest.fixture
def proof() -> Proof:
    before = make_line("before", 0.32, to=0.3, p_value=0.4), make_line("before", 0.7, to=0.7, p_value=0.9)
    sides = [make_line("unverified", 0.3), before[0], make_line("verified", 0.5, to=0.3)]
    greedy = [make_line("unverified", 0.7), before[1], make_line("verified", 0.6, to=0.7)]
    return Proof(
        temperature=1.4,
        seeds=[0, 1],
        sets=[
            TrainingSet("unverified", "a", 1500, 3000, 750, 700),
            TrainingSet("verified", "b", 1500, 1600, 1500, 690),
        ],
        sampled=Comparison("pass@1", 400, 0, sides),
        greedy=Comparison("pass@1", 400, 0, greedy),
        broken={"before": 0.4, "unverified": 0.2, "verified": 0.02},
        student_temperature=1.0,
        processor_minutes=16.25,
    )


def test_the_table_has_a_row_for_the_student_as_it_was_and_one_for_each_set(proof: Proof) -> None:
    headings, rule, *rows = [line for line in proof.lines() if line.startswith("|")]
    assert "trained on (1,500 rows, teacher at temperature 1.4)" in headings
    assert rule.count("|") == headings.count("|") == rows[0].count("|")
    assert [row.split("|")[1].strip() for row in rows] == ["nothing (before)", "unverified", "verified"]
    assert "| 50% |" in rows[1]
    assert "| 30.0 [28.0, 32.0] |" in rows[1]
    assert "| 29.0, 31.0 |" in rows[1]
    assert "| +20.0 [+17.0, +23.0] | 0.0010 |" in rows[2]
    assert rows[2].endswith("| 2.0% | 60.0 [58.0, 62.0] |")


def test_the_sentences_say_what_is_better_worse_and_noise(proof: Proof) -> None:
    said = "\n".join(proof.lines())
    assert "at temperature 1, verified is better than unverified by 20.0 points" in said
    assert "at temperature 1, the student as it was and unverified cannot be told apart" in said
    assert "at temperature 0, verified is worse than unverified by 10.0 points" in said
    assert "400 held-out problems, 2 training seeds" in said
    assert "took 16.2 minutes of processor time" in said
    assert "Published results are mixed" in said


def test_without_the_greedy_column_nothing_is_said_of_it(proof: Proof) -> None:
    from msgspec.structs import replace

    said = "\n".join(replace(proof, greedy=None).lines())
    assert "temperature 0" not in said


def test_a_proof_survives_being_written_down(proof: Proof) -> None:
    assert decode(encode(proof), Proof) == proof

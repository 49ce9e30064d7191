"""Procedural problems: the same everywhere, right, and never on both sides of the split."""

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import pytest

from overproof.errors import InputError
from overproof.records import Problem, encode
from overproof.tiny.corpus import TEACHER_NOISE, write_corpus
from overproof.tiny.dice import Dice
from overproof.tiny.kinds import FAMILIES
from overproof.tiny.problems import Split, is_held_out, procedural_problems


@pytest.mark.parametrize(
    ("split", "digest"),
    [("train", "17a0fdac6702ee12"), ("held_out", "a216691e9c1d54bd")],
)
def test_the_same_seed_gives_the_same_bytes_on_every_machine(split: Split, digest: str) -> None:
    lines = b"\n".join(encode(problem) for problem in procedural_problems(1000, seed=7, split=split))
    assert hashlib.sha256(lines).hexdigest()[:16] == digest


def test_dice_fall_as_they_always_did() -> None:
    dice = Dice("a", 1)
    assert [dice.below(1000) for _ in range(6)] == [338, 732, 302, 311, 489, 820]


def test_a_larger_count_begins_with_the_smaller_one() -> None:
    few = list(procedural_problems(30, seed=3, split="train"))
    assert list(procedural_problems(300, seed=3, split="train"))[:30] == few


def test_another_seed_gives_other_problems() -> None:
    one, other = ({p.id for p in procedural_problems(480, seed=seed, split="train")} for seed in (0, 1))
    assert len(one & other) < 20


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_languages_and_families_are_balanced_and_nothing_repeats(split: Split) -> None:
    problems = list(procedural_problems(1200, seed=0, split=split))
    assert Counter(problem.metadata["language"] for problem in problems) == {"en": 600, "zh": 600}
    assert Counter(problem.source for problem in problems) == dict.fromkeys(FAMILIES, 100)
    assert len({problem.id for problem in problems}) == len({problem.question for problem in problems}) == 1200
    assert all((max(problem.question) >= "\u4e00") == (problem.metadata["language"] == "zh") for problem in problems)


def test_there_are_twelve_families_with_two_to_five_steps_and_every_kind_of_answer() -> None:
    problems = list(procedural_problems(2400, seed=0, split="train"))
    assert len(FAMILIES) == 12
    assert {problem.metadata["level"] for problem in problems} == {"2", "3", "4", "5"}
    assert {problem.metadata["answer"] for problem in problems} == {"number", "percent", "pair", "interval"}
    references = [problem.reference or "" for problem in problems]
    assert any("\\frac" in reference for reference in references)
    assert any(re.fullmatch(r"\d+\.\d+", reference) for reference in references)


def test_held_out_questions_never_occur_in_the_corpus() -> None:
    held_out = {problem.question for problem in procedural_problems(2400, seed=0, split="held_out")}
    learned = [
        example.messages[-1].content for example in itertools.islice(write_corpus(TEACHER_NOISE, seed=0), 20_000)
    ]
    questions = {text.partition("\n")[0] for text in learned}
    assert not held_out & questions
    assert not any(is_held_out(question) for question in questions)
    assert len(questions) > 17_000


def test_about_one_question_in_twenty_is_held_out() -> None:
    dice = Dice("any")
    questions = {family(dice, "zh").question for _ in range(500) for family in FAMILIES.values()}
    assert 0.04 < sum(map(is_held_out, questions)) / len(questions) < 0.06


def test_a_family_that_has_no_more_questions_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    few = FAMILIES["weighing"](Dice(0), "en")
    monkeypatch.setitem(FAMILIES, "weighing", lambda *_: few)
    split: Split = "held_out" if is_held_out(few.question) else "train"
    with pytest.raises(InputError, match=r"weighing has only 1 .* questions in 'en'"):
        list(procedural_problems(100, seed=0, split=split))


# An independent solution of each family from the numbers in its question, in the order in which they stand there.
Solver = Callable[[Problem, list[Fraction]], object]


def numbers(text: str) -> list[Fraction]:
    return [Fraction(number) for number in re.findall(r"(?<![\w)])-?\d+(?:/\d+|\.\d+)?|\d+(?:/\d+|\.\d+)?", text)]


def solve_shopping(_: Problem, given: list[Fraction]) -> Fraction:
    a, b, c, d, *paid = given
    return paid[0] - (a * b + c * d) if paid else a * b + c * d


def solve_sharing(_: Problem, given: list[Fraction]) -> Fraction:
    had, got, gave, *friends = given
    return (had + got - gave) / (friends[0] if friends else 1)


def solve_parts(_: Problem, given: list[Fraction]) -> Fraction:
    first, second, *whole = given
    return (first + second) * whole[0] if whole else 1 - first - second


def solve_journey(problem: Problem, given: list[Fraction]) -> Fraction:
    a, b, c, d = given
    hours = b + d if problem.metadata["language"] == "zh" else a + c
    return (a * b + c * d) / (hours if re.search("average|平均", problem.question) else 1)


def solve_discount(_: Problem, given: list[Fraction]) -> Fraction:
    price, cut, *pieces = given
    return price * (100 - cut) / 100 * (pieces[0] if pieces else 1)


def solve_sum_and_difference(problem: Problem, given: list[Fraction]) -> Fraction:
    total, difference = given
    asked = re.search(r"How many does (\w+) have|，(\w\w)有多少", problem.question)
    assert asked is not None
    larger = problem.question.startswith(asked[1] or asked[2])
    return (total + difference if larger else total - difference) / 2


def solve_proportion(problem: Problem, given: list[Fraction]) -> Fraction:
    whole, one, two = given
    others = re.search("neither|others|其余|剩下", problem.question)
    return (whole - one - two if others else one + two) / whole * 100


def solve_weighing(_: Problem, given: list[Fraction]) -> Fraction:
    bag, bags, box = given
    return bag * bags + box


SOLVERS: dict[str, Solver] = {
    "shopping": solve_shopping,
    "sharing": solve_sharing,
    "parts_of_a_whole": solve_parts,
    "journey": solve_journey,
    "discount": solve_discount,
    "sum_and_difference": solve_sum_and_difference,
    "proportion": solve_proportion,
    "weighing": solve_weighing,
}


def value(latex: str) -> Fraction:
    return Fraction(re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", latex).replace("\\%", ""))


def evaluate(expression: str, unknowns: dict[str, Fraction]) -> Fraction:
    """A formula of a question with its unknowns put in, calculated by Python on exact numbers."""
    python = re.sub(r"(\d)([a-z])", r"\1*\2", expression)
    exact = re.sub(r"(\d+)", r"Fraction(\1)", python)
    result = eval(exact, {"Fraction": Fraction, "abs": abs}, dict(unknowns))
    assert isinstance(result, Fraction)
    return result


@pytest.mark.parametrize("family", sorted(SOLVERS))
def test_word_problems_have_the_answer_that_their_numbers_give(family: str) -> None:
    for problem in itertools.islice(procedural_problems(2400, seed=5, split="train"), 2400):
        if problem.source == family:
            assert problem.reference is not None
            assert SOLVERS[family](problem, numbers(problem.question)) == value(problem.reference), problem


def test_expressions_have_the_value_that_python_gives_them() -> None:
    for problem in procedural_problems(2400, seed=5, split="train"):
        if problem.source == "expression":
            formula = re.search(r"[(\d][-+*/()\d ]*[)\d]", problem.question)
            assert formula is not None
            assert evaluate(formula[0], {}) == value(problem.reference or ""), problem


def test_roots_solve_their_equations() -> None:
    for problem in procedural_problems(2400, seed=5, split="train"):
        if problem.source == "linear_equation":
            equation = re.search(r"(\d+([a-z]) \+ \d+) = ([-+\d a-z]*\d)", problem.question)
            assert equation is not None, problem
            root = {equation[2]: value(problem.reference or "")}
            assert evaluate(equation[1], root) == evaluate(equation[3], root), problem


def test_pairs_solve_their_systems() -> None:
    for problem in procedural_problems(2400, seed=5, split="train"):
        if problem.source == "system_of_equations":
            one, other = re.findall(r"(\d?[a-z] [-+] [a-z]) = (-?\d+)", problem.question)
            pair = [Fraction(part) for part in (problem.reference or "").strip("()").split(", ")]
            named = dict(zip((one[0][-5], one[0][-1]), pair, strict=True))
            assert evaluate(one[0], named) == Fraction(one[1]), problem
            assert evaluate(other[0], named) == Fraction(other[1]), problem


def test_intervals_end_where_their_inequalities_turn() -> None:
    for problem in procedural_problems(2400, seed=5, split="train"):
        if problem.source != "inequality":
            continue
        reference = problem.reference or ""
        low, high = (value(part) for part in reference[1:-1].split(", "))
        if "|" in problem.question:
            centre, radius = numbers(problem.question.replace("-", " "))
            assert (low, high) == (centre - radius, centre + radius)
            assert (reference[0] == "[") == (reference[-1] == "]") == ("<=" in problem.question)
        else:
            sides = re.search(r"(-?\d+) (<=?) (\d[a-z] \+ \d+) (<=?) (-?\d+)", problem.question)
            assert sides is not None, problem
            unknown = sides[3][1]
            assert evaluate(sides[3], {unknown: low}) == Fraction(sides[1]), problem
            assert evaluate(sides[3], {unknown: high}) == Fraction(sides[5]), problem
            assert (reference[0] == "[", reference[-1] == "]") == (sides[2] == "<=", sides[4] == "<=")

"""A server that repeats itself is told from a model of short replies by the whole run; each text of it counts once."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from building import make_config, make_problem, make_score, make_trace
from reported import VERSIONS, write_reported

from overproof.completion import read_completion
from overproof.config.endpoint import SamplingConfig
from overproof.config.selection import SelectionConfig
from overproof.estimators import Sameness, compare_replies, sum_sameness
from overproof.pipeline import Run, make_report, select
from overproof.records import Trace
from overproof.runfolder import Manifest
from overproof.selection import decide
from overproof.selection.repeats import find_repeats, take_census
from overproof.selection.scored import ScoredProblem

SENTENCE = "First the two numbers are added, which gives four, and then the sum is looked at once more. "
SHORT, LONG, VERY_LONG = SENTENCE * 2, SENTENCE * 7, SENTENCE * 25


def replies(problem: int, texts: Sequence[str]) -> list[Trace]:
    """Replies to one problem, of these texts, by turns in a field of its own and inline."""
    item = make_problem(f"p{problem}")
    inline = [make_trace(item, index, reasoning=f"{text} {problem}") for index, text in enumerate(texts)]
    return [msgspec.structs.replace(trace, **apart(trace)) if trace.index % 2 else trace for trace in inline]


def apart(trace: Trace) -> dict[str, str | None]:
    """The reasoning in a field of its own, as another server would send the same reply."""
    read = read_completion(trace)
    return {"reasoning": read.reasoning, "content": read.answer}


def census_of(groups: Sequence[Sequence[str]]) -> Sameness:
    return sum_sameness(take_census(replies(number, texts)) for number, texts in enumerate(groups))


def same(count: int, of: int = 8, text: str = LONG) -> list[str]:
    """`of` texts, the first `count` of which are the same."""
    return [f"{text} {max(0, number - count + 1)}" for number in range(of)]


@pytest.mark.parametrize(
    ("groups", "is_repeating"),
    [
        pytest.param([same(8)] * 2, True, id="the first sixteen replies of a greedy server"),
        pytest.param([same(2, 2)] * 8, True, id="a greedy server, asked twice"),
        pytest.param([same(8, text=SHORT)] * 6, True, id="a greedy server of short replies needs more of them"),
        pytest.param([same(8, text=SHORT)] * 2, False, id="two easy problems of an honest one"),
        pytest.param([same(2, 2, SHORT)] * 9, False, id="nine pairs of short replies are too few"),
        pytest.param([same(2, 2, SHORT)] * 16 + [same(1, 2, SHORT)] * 4, False, id="an honest model of short replies"),
        pytest.param([same(8)] * 9 + [same(1)] * 5, True, id="a cache that holds most of the problems"),
        pytest.param([same(8, text=SHORT)] * 60 + [same(1)] * 5, False, id="easy problems, said shortly, and others"),
        pytest.param([same(1)] * 20, False, id="a server that draws"),
        pytest.param([same(1, 1)] * 20, False, id="one reply for each problem"),
        pytest.param([same(count) for count in range(1, 9)] * 3, False, id="problems of every ease"),
        pytest.param([same(8)] * 12 + [same(7)] * 5 + [same(5)] * 3, False, id="an honest model at a low temperature"),
        pytest.param([["4"] * 8] * 200, False, id="short answers, which any model says again"),
    ],
)
def test_a_run_is_judged_by_how_many_problems_have_one_text_alone_and_how_long_it_is(
    *, groups: Sequence[Sequence[str]], is_repeating: bool
) -> None:
    assert census_of(groups).is_repeating is is_repeating


@pytest.mark.parametrize("replies_each", [2, 3, 8, 16])
@pytest.mark.parametrize("problems", [4, 10, 40])
def test_an_honest_model_that_has_one_way_to_be_right_is_taken_for_no_such_server(
    replies_each: int, problems: int
) -> None:
    """It is right four times out of five, of some problems oftener; every wrong reply differs."""
    chance = random.Random(7)
    size = len(SHORT.encode())
    alarms = 0
    for _ in range(300):
        census = Sameness()
        for _ in range(problems):
            rate = chance.betavariate(1.6, 0.4)
            right = sum(chance.random() < rate for _ in range(replies_each))
            census += compare_replies([right, *[1] * (replies_each - right)] if right else [1] * replies_each, size)
        alarms += census.is_repeating
    assert alarms <= 3 + 3  # one in a hundred, and what chance adds to that


def test_replies_that_were_cut_or_refused_tell_nothing_of_the_server() -> None:
    cut = [make_trace(make_problem(f"p{n}"), i, finish_reason="length") for n in range(8) for i in range(4)]
    assert take_census(cut) == Sameness()


@pytest.mark.parametrize(
    ("text", "repeating", "repeats"), [(LONG, False, 0), (LONG, True, 7), (VERY_LONG, False, 7), ("", True, 7)]
)
def test_a_text_counts_again_unless_the_server_repeats_itself_or_nobody_says_so_much_twice(
    text: str, repeats: int, *, repeating: bool
) -> None:
    assert sum(find_repeats(replies(0, [text] * 8), repeating=repeating)) == repeats


@pytest.mark.parametrize(
    ("texts", "answers", "kept"),
    [
        ([SHORT] * 8, ["4"] * 8, {"no_majority": 8}),
        ([SHORT] * 5 + [f"{SHORT} {n}" for n in range(3)], ["5"] * 5 + ["4"] * 3, {"majority": 3, "minority": 5}),
        (["so"] * 3 + ["no"], ["4"] * 3 + ["5"], {"majority": 1, "minority": 1, "identical": 2}),
    ],
)
def test_each_text_has_one_vote_in_a_majority_unless_any_model_would_say_it_again(
    texts: list[str], answers: list[str], kept: dict[str, int]
) -> None:
    item = make_problem(reference=None)
    traces = [
        make_trace(item, index, answer=f"\\boxed{{{answer}}}", reasoning=text)
        for index, (text, answer) in enumerate(zip(texts, answers, strict=True))
    ]
    config = SelectionConfig(policy="correct_or_majority", require={})
    scored = ScoredProblem(item, traces, [make_score(trace, None) for trace in traces])
    assert Counter(one.reason for one in decide(scored, config, SamplingConfig(n=8))) == kept


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

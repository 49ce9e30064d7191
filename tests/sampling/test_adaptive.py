"""Adaptive sampling end to end: easy problems cost little, hard ones get more, and it resumes exactly."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from endpoint import Ask, Wire, json_reply, serve
from sampled import answer, config_for, is_right, make_folder, numbered, read_all, sample_all

from overproof.records import PreparedProblem, Problem, Trace
from overproof.sampling import Progress, outlook

pytestmark = pytest.mark.usefixtures("short_waits")

RULE = {"probe": 2, "want_correct": 2, "max": 8}


def by_problem(traces: list[Trace]) -> dict[str, list[Trace]]:
    groups: dict[str, list[Trace]] = defaultdict(list)
    for trace in traces:
        groups[trace.problem.id].append(trace)
    return groups


def hard_or_easy(ask: Ask) -> Wire:
    """Even problems are always right, odd ones never."""
    number = int(ask.prompt.split()[2])
    final = number + 1 if number % 2 == 0 else -1
    return json_reply(f"<think>{ask.seed}</think>\\boxed{{{final}}}")


def test_easy_problems_get_the_probe_and_hard_ones_all(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(6))
    with serve(hard_or_easy) as endpoint:
        summary, told = sample_all(config_for(endpoint, RULE), folder)
    assert [len(group) for _, group in sorted(by_problem(read_all(folder)).items())] == [2, 8, 2, 8, 2, 8]
    assert (summary.samples, summary.problems_done, summary.ended) == (30, 6, "finished")
    last = told[-1]
    assert isinstance(last, Progress)
    assert (last.graded, last.correct) == (30, 6)


def test_every_finished_problem_has_what_it_wants_or_all_it_may_get(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(40), shards=2)
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint, RULE), folder, shards=2)
    groups = by_problem(read_all(folder, 2))
    assert len(groups) == 40
    for group in groups.values():
        assert [trace.index for trace in group] == list(range(len(group)))
        correct = [is_right(trace) is True for trace in group]
        assert sum(correct) == 2 or len(group) == 8
        assert len(group) == 2 or sum(correct[:-1]) < 2


def test_a_finished_run_asks_for_nothing_and_a_higher_limit_goes_on(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(6))
    with serve(hard_or_easy) as endpoint:
        sample_all(config_for(endpoint, RULE), folder)
        again, _ = sample_all(config_for(endpoint, RULE), folder)
        more, _ = sample_all(config_for(endpoint, RULE | {"max": 12}), folder)
    assert (again.samples_new, again.problems_done) == (0, 6)
    assert (more.samples_new, more.samples) == (12, 42)
    assert len(endpoint.asked) == 42


def test_an_earlier_fixed_run_is_used(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(6))
    with serve(hard_or_easy) as endpoint:
        sample_all(config_for(endpoint, {"n": 4}), folder)
        summary, _ = sample_all(config_for(endpoint, RULE), folder)
    assert summary.samples_new == 3 * 4


def test_problems_that_no_answer_can_be_graded_against_get_the_probe_alone(tmp_path: Path) -> None:
    blank = PreparedProblem(Problem("p0", "What is 0 and 1?"), language="en")
    unreadable = PreparedProblem(numbered(2)[1].problem, language="en", reference_issue="prose")
    folder = make_folder(tmp_path, [blank, unreadable])
    with serve(hard_or_easy) as endpoint:
        summary, _ = sample_all(config_for(endpoint, RULE), folder)
    assert (summary.samples, summary.problems_done) == (4, 2)


def test_the_order_of_arrival_does_not_change_what_is_drawn(tmp_path: Path) -> None:
    def late(ask: Ask) -> Wire:
        return Wire([(0.2 * ask.chance("delay"), answer(ask).pieces[0][1])])

    drawn = []
    for number, script in enumerate((answer, late)):
        folder = make_folder(tmp_path / str(number), numbered(20))
        with serve(script) as endpoint:
            sample_all(config_for(endpoint, RULE), folder)
        drawn.append([(trace.id, trace.content) for trace in read_all(folder)])
    assert drawn[0] == drawn[1]


def test_an_error_of_the_judge_ends_the_run(tmp_path: Path) -> None:
    def broken(trace: Trace) -> bool:
        raise ZeroDivisionError(trace.id)

    folder = make_folder(tmp_path, numbered(6))
    with serve(answer) as endpoint, pytest.raises(ZeroDivisionError):
        sample_all(config_for(endpoint, RULE), folder, correctness=broken)


def test_the_outlook_names_both_ends(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(6))
    with serve(answer) as endpoint:
        before = outlook(config_for(endpoint, RULE), folder, [0])
    assert (before.requests_least, before.requests_most) == (12, 48)
    assert "12 to 48 requests" in before.lines()[0]


def test_the_packages_own_grading_judges_when_no_other_does(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(4))
    with serve(hard_or_easy) as endpoint:
        summary, _ = sample_all(config_for(endpoint, RULE), folder, correctness=None)
    assert summary.samples == 2 * 2 + 2 * 8

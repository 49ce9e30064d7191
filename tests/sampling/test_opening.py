"""The first replies of a session go the whole way, and refusals are believed only beside a success."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import pytest
from building import make_problem, make_trace
from endpoint import Ask, Script, Wire, error, json_reply, message, object_reply, serve
from sampled import answer, config_for, make_folder, numbered, read_all, sample_all

from overproof.config.endpoint import EndpointConfig
from overproof.errors import EndpointError
from overproof.sampling.opening import Watch
from overproof.selection.alone import Fault, find_fault

FOREIGN = f"<think>{'首先把两个数相加，可以看到它们的和是这个数。' * 4}</think>\\boxed{{1}}"
WHY = "<think>Seven and five make twelve.</think>"
GOOD = message(f"{WHY}\\boxed{{1}}")


@pytest.mark.parametrize(
    ("script", "named"),
    [
        (lambda _: json_reply(f"{WHY}\\boxed{{1}}", "MAX_TOKENS"), r"truncated.*teacher\.max_tokens"),
        (lambda _: json_reply(f"{WHY}It is 1."), r"below_think_format \(no_box\).*prompt\.template"),
        (lambda _: json_reply("\\boxed{1}", reasoning_summary="In short."), r"summary.*export\.summaries"),
        (lambda _: json_reply(f"{WHY}\\boxed{{1}}", "odd_word"), r"incomplete \(finish_reason odd_word\)"),
        (lambda _: json_reply(FOREIGN), r"below_language_consistency.*prompt\.language"),
        (
            lambda _: object_reply({**message(f"{WHY}\\boxed{{1}}"), "model": "cheap-1b"}),
            r"other_model.*teacher\.served_as",
        ),
        (lambda _: json_reply("", "tool_calls"), r"incomplete \(finish_reason tool_calls\).*tools"),
    ],
)
def test_a_run_whose_first_replies_all_fail_for_one_reason_stops_with_it(
    tmp_path: Path, script: Script, named: str
) -> None:
    folder = make_folder(tmp_path, numbered(60))
    with serve(script) as endpoint:
        config = config_for(endpoint, teacher={"concurrency": 4}, prompt={"template": "boxed"})
        with pytest.raises(EndpointError, match=f"fail for one reason, {named}"):
            sample_all(config, folder, inspect=functools.partial(find_fault, config))
        assert len(endpoint.asked) <= 20
    assert len(read_all(folder)) >= 16


def test_a_session_of_few_replies_is_told_at_its_end(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(3))
    with serve(lambda _: json_reply(f"{WHY}It is 1.")) as endpoint:
        config = config_for(endpoint, {"n": 1}, prompt={"template": "boxed"})
        with pytest.raises(EndpointError, match=r"first 3 replies .* fail for one reason, below_think_format"):
            sample_all(config, folder, inspect=functools.partial(find_fault, config))


def test_one_fit_reply_is_enough_and_the_switch_goes_on_regardless(tmp_path: Path) -> None:
    def one_in_ten(ask: Ask) -> Wire:
        return answer(ask) if ask.number == 5 else json_reply(WHY, "length")

    for name, sampling, script in (
        ("a", {"n": 1}, one_in_ten),
        ("b", {"n": 1, "first_replies": 0}, lambda _: json_reply(WHY, "length")),
    ):
        folder = make_folder(tmp_path / name, numbered(30))
        with serve(script) as endpoint:
            config = config_for(endpoint, sampling, teacher={"concurrency": 1})
            summary, _ = sample_all(config, folder, inspect=functools.partial(find_fault, config))
        assert summary.samples == 30


def test_an_endpoint_that_changes_later_is_not_paid_to_the_end(tmp_path: Path) -> None:
    def script(ask: Ask) -> Wire:
        return answer(ask) if ask.number <= 200 else json_reply("\\boxed{1}")

    folder = make_folder(tmp_path, numbered(400))
    with serve(script) as endpoint:
        config = config_for(endpoint, {"n": 1}, teacher={"concurrency": 4}, prompt={"template": "boxed"})
        with pytest.raises(EndpointError, match=r"fail for one reason, below_think_format.*must have changed"):
            sample_all(config, folder, inspect=functools.partial(find_fault, config))
        assert 200 + 16 <= len(endpoint.asked) <= 200 + 16 + 8 + 8
    assert len(read_all(folder)) == len(endpoint.asked)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_run_whose_replies_fail_often_goes_on(share: float) -> None:
    unfit, trace = Fault("below_think_format", "no_box"), make_trace()
    for seed in range(20):
        generator = random.Random(seed)
        watch = Watch(lambda *_: unfit if generator.random() < share else None, EndpointConfig(model="m"))  # noqa: B023
        for _ in range(2_000):
            watch.note(trace, None)


@pytest.mark.parametrize(
    ("fault", "problems"),
    [(Fault("below_think_format", "two_blocks"), 1), (Fault("below_think_format", "no_box"), 60)],
    ids=["the samples of one problem", "neighbours that are not to be boxed"],
)
def test_what_hangs_together_is_no_change_of_the_endpoint(fault: Fault, problems: int) -> None:
    watch = Watch(lambda trace, _: fault if trace.index else None, EndpointConfig(model="m"))
    for _ in range(800):
        watch.note(make_trace(), None)
    for number in range(120):
        watch.note(make_trace(make_problem(f"p{number % problems}"), index=1), None)


def test_refusals_after_a_success_stop_the_run_and_are_asked_again(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(60))
    with serve(lambda ask: answer(ask) if ask.number <= 20 else error(400, "No connected db.")) as endpoint:
        config = config_for(endpoint, teacher={"concurrency": 2})
        with pytest.raises(EndpointError, match=r"refused the last 8 requests: 400: No connected db\."):
            sample_all(config, folder)
    assert all(trace.error is None for trace in read_all(folder))
    with serve(answer) as endpoint:
        summary, _ = sample_all(config_for(endpoint), folder)
    assert summary.samples == 120


def test_what_was_refused_is_asked_again_when_told_so_and_its_reply_takes_its_place(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(4))
    refusal = error(400, "maximum context length is 8 tokens")
    with serve(lambda ask: refusal if "What is 0 " in ask.prompt else answer(ask)) as endpoint:
        sample_all(config_for(endpoint, teacher={"concurrency": 1}), folder)
    assert [trace.error for trace in read_all(folder)][:2] == ["context_length"] * 2
    with serve(answer) as endpoint:
        again, _ = sample_all(config_for(endpoint), folder)
        assert again.samples_new == 0
        told, _ = sample_all(config_for(endpoint, {"n": 2, "retry": ["refused"]}), folder)
    assert told.samples_new == 2
    assert [trace.error for trace in read_all(folder)] == [None] * 8

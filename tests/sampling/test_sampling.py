"""Sampling against a scripted endpoint: what is asked, what is written down, and how it goes on after an end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from building import make_config
from endpoint import Ask, Wire, error, json_reply, serve, stream_reply
from sampled import answer, asked_for, config_for, make_folder, notices, numbered, read_all, sample_all

from overproof.config import parse_config
from overproof.errors import ConfigError, EndpointError, InputError, RunFolderError
from overproof.journal import Journal, encode_line
from overproof.records import PreparedProblem, Problem
from overproof.sampling import Progress, outlook

pytestmark = pytest.mark.usefixtures("short_waits")


def test_each_problem_gets_exactly_n_traces_that_explain_themselves(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(3))
    with serve(answer) as endpoint:
        summary, _ = sample_all(config_for(endpoint, {"n": 4}), folder)
    traces = read_all(folder)
    assert [(trace.problem.id, trace.index) for trace in traces] == [(f"p{p}", i) for p in range(3) for i in range(4)]
    assert (summary.ended, summary.samples, summary.samples_new, summary.complete) == ("finished", 12, 12, 12)
    assert (summary.problems, summary.problems_done) == (3, 3)
    one = traces[0]
    assert one.problem == numbered(1)[0].problem
    assert one.messages[-1].content.startswith("What is 0 and 1?")
    assert (one.teacher, one.profile, one.finish_reason, one.attempts) == ("m", "generic", "stop", 1)
    sent = next(ask for ask in endpoint.asked if ask.seed == one.parameters["seed"])
    assert {key: value for key, value in sent.body.items() if key not in {"model", "messages"}} == one.parameters


def test_no_two_samples_of_a_problem_share_a_seed(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(5))
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint, {"n": 16}), folder)
    seeds = Counter((ask.prompt, ask.seed) for ask in endpoint.asked)
    assert len(seeds) == 80
    assert all(0 <= seed < 2**31 for _, seed in seeds)


def test_the_same_command_again_asks_for_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(4), shards=2)
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        sample_all(config, folder, shards=2)
        asked = len(endpoint.asked)
        summary, _ = sample_all(config, folder, shards=2)
    assert asked == len(endpoint.asked) == 8
    assert (summary.samples, summary.samples_new, summary.problems_done) == (8, 0, 4)


def test_raising_n_uses_what_is_there(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(4))
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint, {"n": 2}), folder)
        before = read_all(folder)
        sample_all(config_for(endpoint, {"n": 5}), folder)
        after = read_all(folder)
        sample_all(config_for(endpoint, {"n": 1}), folder)
    assert len(endpoint.asked) == asked_for(endpoint) == len(after) == 20
    assert [trace for trace in after if trace.index < 2] == before


def test_reordered_and_extended_problems_resume_by_id(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(3))
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        sample_all(config, folder)
        make_folder(tmp_path, list(reversed(numbered(5))))
        summary, _ = sample_all(config, folder)
    assert len(endpoint.asked) == asked_for(endpoint) == 10
    assert summary.samples == 10
    assert all(trace.messages[-1].content.startswith(f"What is {trace.problem.id[1:]} ") for trace in read_all(folder))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"teacher": {"temperature": 0.9}}, "teacher.temperature was 0.6 and is 0.9"),
        ({"teacher": {"max_tokens": 100}}, "teacher.max_tokens was 16384 and is 100"),
        ({"teacher": {"extra": {"top_k": 5}}}, "top_k was unset and is 5"),
        ({"teacher": {"model": "other"}}, "teacher.model was m and is other"),
        ({"teacher": {"profile": "ollama"}}, "teacher.profile was generic and is ollama"),
        ({"prompt": {"template": "plain"}}, "the messages of problem 'p0'"),
        ({"sampling": {"n": 2, "seed": 9}}, "sampling.seed"),
    ],
)
def test_changed_settings_are_refused_by_name_and_never_mixed(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    folder = make_folder(tmp_path, numbered(2))
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint), folder)
        before = folder.traces(0).read_bytes()
        with pytest.raises(RunFolderError) as refusal:
            sample_all(config_for(endpoint, **change), folder)
    assert named in str(refusal.value)
    assert "--run-dir" in str(refusal.value)
    assert len(endpoint.asked) == 4
    assert folder.traces(0).read_bytes() == before


def test_a_journal_that_holds_two_settings_is_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(1))
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint, {"n": 1}), folder)
        first = folder.traces(0).read_bytes()
        folder.traces(0).unlink()
        sample_all(config_for(endpoint, {"n": 2}, teacher={"temperature": 1.0}), folder)
        folder.traces(0).write_bytes(first + folder.traces(0).read_bytes())
        with pytest.raises(RunFolderError, match=r"teacher\.temperature was 1\.0 and is 0\.6"):
            sample_all(config_for(endpoint), folder)


def test_a_problem_whose_text_changed_is_refused_by_id(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(2))
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint), folder)
        edited = [numbered(1)[0], PreparedProblem(Problem("p1", "What is 7 and 1?", "8"), language="en")]
        make_folder(tmp_path, edited)
        with pytest.raises(RunFolderError, match="problem 'p1'"):
            sample_all(config_for(endpoint), folder)


def test_address_key_and_pace_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path, numbered(2))
    monkeypatch.setenv("OTHER_KEY", "k")
    with serve(answer) as first, serve(answer) as second:
        sample_all(config_for(first), folder)
        pace = {"concurrency": 3, "key_env": "OTHER_KEY", "timeout_seconds": 9, "stream": True}
        summary, _ = sample_all(config_for(second, {"n": 3}, teacher=pace, budget={"max_tokens": 10**7}), folder)
    assert (summary.samples, len(second.asked)) == (6, 2)


def test_a_torn_last_line_is_cut_off_and_its_sample_asked_for_again(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(3))
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        sample_all(config, folder)
        whole = read_all(folder)
        path = folder.traces(0)
        path.write_bytes(path.read_bytes()[:-40])
        sample_all(config, folder)
    assert [trace.id for trace in read_all(folder)] == [trace.id for trace in whole]
    assert len(endpoint.asked) == 7
    assert all(line.endswith(b"}") for line in path.read_bytes().splitlines())


def test_a_damaged_line_in_the_middle_is_named_with_its_file_and_number(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(2))
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint), folder)
        lines = folder.traces(0).read_bytes().splitlines(keepends=True)
        folder.traces(0).write_bytes(lines[0] + b'{"problem": {"id": 5}}\n' + lines[1])
        with pytest.raises(RunFolderError, match=r"00000-00000\.jsonl:2 is damaged"):
            sample_all(config_for(endpoint), folder)
    assert len(endpoint.asked) == 4


def test_two_processes_on_one_journal_are_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(1))
    held = Journal(folder.traces(0))
    with serve(answer) as endpoint, pytest.raises(RunFolderError, match="another process"):
        sample_all(config_for(endpoint), folder)
    held.close()
    assert endpoint.asked == []


def test_an_empty_question_is_refused_before_any_call(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, [*numbered(1), PreparedProblem(Problem("blank", " \n", "1"))])
    with serve(answer) as endpoint, pytest.raises(InputError, match="'blank' has an empty question"):
        sample_all(config_for(endpoint), folder)
    assert endpoint.asked == []


def test_a_missing_key_names_its_variable_before_any_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    folder = make_folder(tmp_path, numbered(1))
    config = make_config(teacher={"profile": "dashscope", "model": "qwen3"})
    with pytest.raises(ConfigError, match="DASHSCOPE_API_KEY is not set"):
        sample_all(config, folder)


def test_replies_cut_by_length_are_kept_paid_for_and_never_asked_for_again(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(2))
    with serve(lambda ask: json_reply(f"<think>so {ask.seed}", "length")) as endpoint:
        config = config_for(endpoint)
        summary, _ = sample_all(config, folder)
        sample_all(config, folder)
    assert len(endpoint.asked) == 4
    assert (summary.complete, summary.cut) == (0, 4)
    assert all(trace.finish_reason == "length" and not trace.is_complete for trace in read_all(folder))


def test_a_content_refusal_is_written_down_and_never_asked_for_again(tmp_path: Path) -> None:
    def script(ask: Ask) -> Wire:
        if "What is 1 " in ask.prompt:
            return error(400, "Input data may contain inappropriate content.", code="data_inspection_failed")
        return answer(ask)

    folder = make_folder(tmp_path, numbered(3))
    with serve(script) as endpoint:
        config = config_for(endpoint)
        summary, _ = sample_all(config, folder)
        sample_all(config, folder)
    assert len(endpoint.asked) == 6
    assert summary.refused == {"content_filter": 2}
    assert "6 traces of 3 problems, 2 of them refusals" in summary.headline()
    assert "(content_filter): 400 data_inspection_failed: Input data may contain" in summary.alarms[0]
    assert [trace.error for trace in read_all(folder)] == [None, None, "content_filter", "content_filter", None, None]


def test_an_answer_that_stays_empty_is_tried_three_times_and_then_kept(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(1))
    with serve(lambda ask: json_reply("", reasoning_content=f"It is 4, says {ask.seed}.")) as endpoint:
        summary, _ = sample_all(config_for(endpoint, {"n": 1}), folder)
    trace = read_all(folder)[0]
    assert len(endpoint.asked) == 3
    assert (trace.content, trace.marks, trace.attempts) == ("", ["empty_content"], 3)
    assert trace.usage.completion_tokens == 20
    assert trace.retried_usage.completion_tokens == 40
    assert summary.spent.tokens == 3 * 31


def test_a_sample_that_keeps_failing_is_left_for_the_next_session(tmp_path: Path) -> None:
    def script(ask: Ask) -> Wire:
        return error(500) if "What is 1 " in ask.prompt else answer(ask)

    folder = make_folder(tmp_path, numbered(3))
    with serve(script) as endpoint:
        summary, _ = sample_all(config_for(endpoint), folder)
    assert summary.given_up == {"http_500": 2}
    assert summary.problems_done == 2
    assert "Run again" in summary.headline()
    assert {trace.problem.id for trace in read_all(folder)} == {"p0", "p2"}
    with serve(answer) as endpoint:
        summary, _ = sample_all(config_for(endpoint), folder)
    assert (len(endpoint.asked), summary.problems_done, summary.given_up) == (2, 3, {})


def test_failed_attempts_are_counted_and_their_known_cost_rides_on_the_final_line(tmp_path: Path) -> None:
    def script(ask: Ask) -> Wire:
        return json_reply("half", "abort") if ask.attempt == 1 else answer(ask)

    folder = make_folder(tmp_path, numbered(1))
    with serve(script) as endpoint:
        summary, _ = sample_all(config_for(endpoint, {"n": 1}), folder)
    trace = read_all(folder)[0]
    assert (trace.attempts, trace.retried_usage.completion_tokens, trace.usage.completion_tokens) == (2, 20, 20)
    assert summary.failures == {"aborted": 1}
    assert summary.spent.tokens == 62


def test_replies_without_any_reasoning_stop_the_run_and_say_why(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(40))
    with serve(lambda ask: json_reply(f"{ask.seed}")) as endpoint:
        with pytest.raises(EndpointError, match="None of the first 16 replies of m carries reasoning"):
            sample_all(config_for(endpoint, teacher={"start_concurrency": 4}), folder)
        assert len(endpoint.asked) < 24
        summary, _ = sample_all(config_for(endpoint, {"n": 2, "require_reasoning": False}), folder)
    assert summary.samples == 80


@pytest.mark.parametrize(
    ("sentences", "samples", "alarms"),
    [
        pytest.param(1, 80, 1, id="short replies, all of them alike"),
        pytest.param(20, 16, 1, id="long ones, within the first sixteen"),
        pytest.param(1, 16, 0, id="few short ones, which may be chance"),
    ],
)
def test_identical_replies_raise_an_alarm(tmp_path: Path, sentences: int, samples: int, alarms: int) -> None:
    folder = make_folder(tmp_path, numbered(samples // 4))
    text = "This is said again, whatever the seed may be. " * sentences
    with serve(lambda _: json_reply(f"<think>{text}</think>4")) as endpoint:
        summary, told = sample_all(config_for(endpoint, {"n": 4}), folder)
    assert summary.samples == samples
    assert len(summary.alarms) == alarms
    assert not alarms or "identical to the one before of the same problem" in notices(told)[0]


def test_a_teacher_that_repeats_itself_now_and_then_raises_no_alarm(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(2))
    with serve(lambda ask: json_reply(f"<think>one of six: {ask.seed % 6}</think>4")) as endpoint:
        summary, _ = sample_all(config_for(endpoint, {"n": 60}), folder)
    assert summary.alarms == []


def test_a_dashscope_config_streams_and_switches_thinking_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dialect(ask: Ask) -> Wire:
        if not ask.body.get("stream"):
            return error(400, "parameter.enable_thinking must be set to false for non-streaming calls")
        assert ask.body["enable_thinking"] is True
        assert ask.body["presence_penalty"] == 0
        return stream_reply("4", reasoning=f"Seed {ask.seed}")

    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-1234567890")
    folder = make_folder(tmp_path, numbered(2))
    with serve(dialect) as endpoint:
        config = config_for(endpoint, teacher={"profile": "dashscope", "model": "qwen3-32b", "stream": None})
        summary, _ = sample_all(config, folder)
    assert summary.complete == 4
    assert {trace.channel for trace in read_all(folder)} == {"reasoning_content"}


def test_a_secret_is_in_no_file_and_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret-1234")

    def script(ask: Ask) -> Wire:
        if ask.attempt == 1:
            return error(500, f"headers were {ask.headers}")
        if "What is 0 " not in ask.prompt:
            return answer(ask)
        return error(400, f"your key {ask.headers['authorization']}", code="content_filter")

    folder = make_folder(tmp_path, numbered(2))
    with serve(script) as endpoint:
        config = config_for(endpoint, teacher={"key_env": "MY_KEY"})
        summary, told = sample_all(config, folder)
    assert summary.refused == {"content_filter": 2}
    assert all(b"very-secret" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "very-secret" not in f"{summary} {told}"


def test_a_reply_that_repeats_the_key_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret-1234")
    folder = make_folder(tmp_path, numbered(1))
    with serve(lambda ask: json_reply(f"<think>{ask.headers['authorization']}</think>4")) as endpoint:
        summary, _ = sample_all(config_for(endpoint, {"n": 1}, teacher={"key_env": "MY_KEY"}), folder)
    assert summary.refused == {"key_in_reply": 1}
    assert b"very-secret" not in folder.traces(0).read_bytes()


@pytest.mark.parametrize("url", ["http://user:secret@host/v1", "http://host/v1?api_key=secret", "host/v1"])
def test_an_address_with_a_secret_in_it_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"teacher\.base_url") as refusal:
        parse_config({"problems": {}, "teacher": {"model": "m", "base_url": url}}, "mine.yaml")
    assert "secret" not in str(refusal.value).replace("no user", "")


def test_a_disk_that_is_full_ends_the_run_by_name_and_keeps_the_journal_whole(tmp_path: Path) -> None:
    import resource

    folder = make_folder(tmp_path, numbered(30))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, hard))
        try:
            with pytest.raises(RunFolderError, match="cannot be written"):
                sample_all(config, folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        kept = read_all(folder)
        assert kept
        assert folder.traces(0).read_bytes().endswith(b"\n")
        summary, _ = sample_all(config, folder)
    assert summary.samples == 60
    assert [trace for trace in read_all(folder) if trace in kept] == kept


def test_all_shards_are_sampled_and_a_shard_can_be_sampled_alone(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(12), shards=3)
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        summary, _ = sample_all(config, folder, shards=1)
        first = len(endpoint.asked)
        whole, _ = sample_all(config, folder, shards=3)
    assert 0 < first < 24
    assert summary.samples == first
    assert (whole.samples, len(endpoint.asked)) == (24, 24)
    assert len(read_all(folder, 3)) == 24


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(20))
    with serve(answer) as endpoint:
        summary, told = sample_all(config_for(endpoint), folder)
    last = told[-1]
    assert isinstance(last, Progress)
    assert (last.samples_done, last.samples, last.problems_done, last.problems) == (40, 40, 20, 20)
    assert last.usage.completion_tokens == 800
    assert last.forecast is not None
    assert last.forecast.tokens == summary.spent.tokens == 40 * 31


def test_the_outlook_makes_no_call_and_bounds_the_cost(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(3))
    with serve(answer) as endpoint:
        prices = {"input_price": 1, "output_price": 2, "currency": "CNY"}
        config = config_for(endpoint, teacher={"max_tokens": 1000}, budget=prices)
        before = outlook(config, folder, [0])
        assert endpoint.asked == []
        summary, _ = sample_all(config, folder)
        after = outlook(config, folder, [0])
    assert (before.requests_least, before.requests_most, before.worst.completion_tokens) == (6, 6, 6000)
    assert before.worst_cost is not None
    assert before.worst_cost > summary.spent.cost > 0
    assert any("CNY at the very most" in line for line in before.lines())
    assert (after.requests_most, after.problems_done, after.spent) == (0, 3, summary.spent)


def test_a_journal_may_lie_in_parts(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(4))
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        for n in (1, 2):
            sample_all(config_for(endpoint, {"n": n}), folder, open_sink=folder.open_parts)
        summary, _ = sample_all(config, folder)
    assert len(folder.trace_parts(0)) == 2
    assert (summary.samples, summary.samples_new, len(endpoint.asked)) == (8, 0, 8)


def test_of_two_lines_of_one_sample_the_first_counts_and_both_are_paid_for(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(1))
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        sample_all(config, folder)
        with folder.traces(0).open("ab") as file:
            file.write(encode_line(read_all(folder)[0]))
        summary, _ = sample_all(config, folder)
    assert len(endpoint.asked) == summary.samples == 2
    assert summary.spent.tokens == 3 * 31


def test_a_run_in_a_thread_works(tmp_path: Path) -> None:
    import threading

    folder = make_folder(tmp_path, numbered(2))
    done: list[int] = []
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        thread = threading.Thread(target=lambda: done.append(sample_all(config, folder)[0].samples))
        thread.start()
        thread.join(30)
    assert done == [4]


def test_nothing_is_paid_for_problems_whose_traces_selection_would_reject(tmp_path: Path) -> None:
    problems = numbered(6)
    problems[1] = msgspec.structs.replace(problems[1], duplicate_of="p0")
    problems[4] = msgspec.structs.replace(problems[4], contamination=[{"benchmark": "b"}])
    folder = make_folder(tmp_path, problems)
    with serve(answer) as endpoint:
        plan = outlook(config_for(endpoint), folder, [0])
        summary, _ = sample_all(config_for(endpoint), folder)
    assert (plan.requests_least, plan.requests_most, plan.problems_unfit) == (8, 8, 2)
    assert "(2 duplicates or contaminated, not asked)" in plan.lines()[0]
    assert len(endpoint.asked) == 8
    assert {trace.problem.id for trace in read_all(folder)} == {"p0", "p2", "p3", "p5"}
    assert (summary.problems, summary.problems_done) == (6, 6)


def test_adaptive_sampling_asks_for_no_unfit_problem_either(tmp_path: Path) -> None:
    problems = [msgspec.structs.replace(one, duplicate_of="p0") for one in numbered(3)]
    folder = make_folder(tmp_path, problems)
    with serve(answer) as endpoint:
        sample_all(config_for(endpoint, {"want_correct": 1, "max": 4}), folder)
    assert not endpoint.asked


def test_traces_of_a_problem_that_has_become_unfit_stay(tmp_path: Path) -> None:
    with serve(answer) as endpoint:
        folder = make_folder(tmp_path, numbered(2))
        sample_all(config_for(endpoint), folder)
        unfit = [msgspec.structs.replace(one, contamination=[{"benchmark": "b"}]) for one in numbered(2)]
        summary, _ = sample_all(config_for(endpoint, {"n": 5}), make_folder(tmp_path, unfit))
    assert summary.samples_new == 0
    assert len(read_all(folder)) == 4

"""Faults that others have met (each with where it was met): a run survives them, or ends and says why."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from endpoint import DROP, HANG, Ask, Wire, body_reply, delta, error, json_reply, serve, stream, stream_reply
from sampled import answer, asked_for, config_for, make_folder, notices, numbered, read_all, sample_all

from overproof.config import RunConfig
from overproof.errors import EndpointError
from overproof.sampling import Progress
from overproof.teacher import client, dispatch, governor

pytestmark = pytest.mark.usefixtures("short_waits")


def first_attempts(fault: Wire, then: Callable[[Ask], Wire] = answer, attempts: int = 1) -> Callable[[Ask], Wire]:
    """A script whose first attempts at each sample fail."""
    return lambda ask: fault if ask.attempt <= attempts else then(ask)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(error(500), id="500"),
        pytest.param(error(408), id="408"),
        pytest.param(DROP, id="connection dropped (argilla-io/distilabel 52)"),
        pytest.param(body_reply(b"<html>502 bad gateway</html>", content_type="text/html"), id="a web page"),
        pytest.param(body_reply(b""), id="200 with an empty body (deepseek-ai/DeepSeek-R1 314)"),
        pytest.param(json_reply("4", "insufficient_system_resource"), id="the server gave up"),
        pytest.param(error(429), id="throttled without Retry-After"),
    ],
)
def test_a_passing_fault_costs_a_retry_and_nothing_else(tmp_path: Path, fault: Wire) -> None:
    folder = make_folder(tmp_path, numbered(4))
    with serve(first_attempts(fault)) as endpoint:
        summary, _ = sample_all(config_for(endpoint), folder)
    assert summary.samples == summary.complete == 8
    assert len(endpoint.asked) == 16
    assert all(trace.attempts == 2 for trace in read_all(folder))


def test_a_stream_that_ends_cleanly_without_a_finish_reason_is_no_reply(tmp_path: Path) -> None:
    """pydantic/pydantic-ai 6610, BerriAI/litellm 40260"""
    cut = stream(delta(reasoning_content="so"), delta(content="The answer is"))
    whole = stream_reply("\\boxed{1}", reasoning="so it is")
    folder = make_folder(tmp_path, numbered(2))
    with serve(first_attempts(cut, lambda _: whole)) as endpoint:
        summary, _ = sample_all(config_for(endpoint, teacher={"stream": True}), folder)
    assert summary.failures == {"truncated_stream": 4}
    assert {trace.content for trace in read_all(folder)} == {"\\boxed{1}"}


@pytest.mark.parametrize(
    ("came", "tokens"),
    [(stream(delta(content="The answer is"), then="close"), 5), (stream(then="close"), 500)],
    ids=["by what came", "at its worst case, where nothing tells"],
)
def test_what_a_lost_stream_may_have_cost_is_counted(came: Wire, tokens: int, tmp_path: Path) -> None:
    """langfuse/langfuse 8808: usage missing"""
    folder = make_folder(tmp_path, numbered(1))
    with serve(first_attempts(came, lambda _: stream_reply("4", reasoning="so"))) as endpoint:
        config = config_for(endpoint, {"n": 1}, teacher={"stream": True, "max_tokens": 500})
        summary, _ = sample_all(config, folder)
        resumed, _ = sample_all(config, folder)
    trace = read_all(folder)[0]
    assert trace.unreported_usage.completion_tokens == tokens
    most = tokens + (trace.unreported_usage.prompt_tokens or 0)
    assert most > tokens
    assert summary.spent.tokens == resumed.spent.tokens == 31 + most
    assert summary.spent.least_tokens == resumed.spent.least_tokens == 31
    assert f"31 tokens reported, at most {31 + most:,}" in summary.headline()


def test_a_tag_that_the_chat_template_supplied_is_not_missed(tmp_path: Path) -> None:
    """vllm-project/vllm 12999"""
    folder = make_folder(tmp_path, numbered(16))
    with serve(lambda ask: json_reply(f"So it is, says {ask.seed}.\n</think>\n4")) as endpoint:
        summary, _ = sample_all(config_for(endpoint), folder)
    assert summary.complete == 32


def test_a_hung_request_ends_at_its_deadline_and_is_tried_again(tmp_path: Path) -> None:
    """openai/openai-python 1109: calls that hang for good"""
    folder = make_folder(tmp_path, numbered(2))
    with serve(first_attempts(HANG)) as endpoint:
        summary, _ = sample_all(config_for(endpoint, teacher={"timeout_seconds": 3}), folder)
    assert (summary.samples, summary.failures) == (4, {"deadline": 4})


def test_keep_alives_without_a_token_end_at_the_stall_deadline(tmp_path: Path) -> None:
    """openai/openai-python 3054: no timeout ever fires"""
    alive = stream(*[b": keep-alive\n\n"] * 200, pause=0.05, then="hang")
    folder = make_folder(tmp_path, numbered(2))
    with serve(first_attempts(alive, lambda _: stream_reply("4", reasoning="so"))) as endpoint:
        summary, _ = sample_all(config_for(endpoint, teacher={"stream": True, "stall_seconds": 3}), folder)
    assert (summary.samples, summary.failures) == (4, {"stalled": 4})


def test_after_timeouts_in_a_row_the_client_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """openai/openai-python 2688: after a day every call times out until a restart"""
    made: list[client.Client] = []
    recycle = client.Client.recycle

    def recycle_and_note(one: client.Client) -> None:
        made.append(one)
        recycle(one)

    monkeypatch.setattr(client.Client, "recycle", recycle_and_note)
    folder = make_folder(tmp_path, numbered(8))
    with serve(lambda ask: HANG if ask.number <= governor.SICK_AFTER else answer(ask)) as endpoint:
        config = config_for(endpoint, {"n": 1}, teacher={"timeout_seconds": 3, "start_concurrency": 8})
        summary, told = sample_all(config, folder)
    assert len(made) == 1
    assert summary.samples == 8
    assert "failed 8 times in a row (deadline" in notices(told)[0]


def test_every_session_has_clients_of_its_own_loop(tmp_path: Path) -> None:
    """openai/openai-python 769: a client shared over loops deadlocks"""
    folders = [make_folder(tmp_path / str(number), numbered(6)) for number in range(3)]
    with serve(answer) as endpoint:
        config = config_for(endpoint)
        threads = [threading.Thread(target=sample_all, args=(config, folder)) for folder in folders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert [len(read_all(folder)) for folder in folders] == [12, 12, 12]


def test_as_many_connections_as_concurrency_and_no_client_per_request(tmp_path: Path) -> None:
    """openai/openai-python 1181 (a client each: out of memory) and 1725 (a pool smaller than the concurrency)"""
    folder = make_folder(tmp_path, numbered(150))
    with serve(lambda ask: Wire(answer(ask).pieces, until=lambda: endpoint.most_in_flight >= 150)) as endpoint:
        teacher = {"concurrency": 150, "start_concurrency": 150}
        summary, _ = sample_all(config_for(endpoint, teacher=teacher), folder)
    assert summary.samples == 300
    assert endpoint.most_in_flight == 150
    assert endpoint.connections <= 160


def test_a_resumed_run_reaches_full_concurrency(tmp_path: Path) -> None:
    """bespokelabsai/curator 564: after a resume concurrency decays to 1"""
    folder = make_folder(tmp_path, numbered(60))
    with serve(lambda ask: Wire(answer(ask).pieces, until=lambda: endpoint.most_in_flight >= 24)) as endpoint:
        teacher = {"concurrency": 24, "start_concurrency": 12}
        sample_all(config_for(endpoint, {"n": 1}, teacher=teacher), folder)
        endpoint.most_in_flight = 0
        sample_all(config_for(endpoint, {"n": 6}, teacher=teacher), folder)
    assert endpoint.most_in_flight == 24


def test_the_window_starts_small_and_doubles_each_clean_second(tmp_path: Path) -> None:
    """bytedance/deer-flow 4294: a limit on the slope"""
    slow = Wire([(0.2, json_reply("<think>so</think>4").pieces[0][1])])
    folder = make_folder(tmp_path, numbered(60))
    with serve(lambda _: slow) as endpoint:
        teacher = {"concurrency": 64, "start_concurrency": 4}
        _, told = sample_all(config_for(endpoint, teacher=teacher), folder)
    windows = [event.window for event in told if isinstance(event, Progress)]
    assert windows[0] == 4
    assert windows == sorted(windows)
    assert set(windows) <= {4, 8, 16, 32, 64}
    assert windows[-1] > 4


def test_a_throttle_stops_all_starts_for_as_long_as_it_says(tmp_path: Path) -> None:
    """NousResearch/hermes-agent 109234: 19 of 20 workers came back at once"""
    times: list[tuple[float, int]] = []

    def script(ask: Ask) -> Wire:
        times.append((time.monotonic(), ask.number))
        return error(429, retry_after="1") if ask.number == 20 else answer(ask)

    folder = make_folder(tmp_path, numbered(100))
    with serve(script) as endpoint:
        summary, told = sample_all(config_for(endpoint, teacher={"start_concurrency": 8}), folder)
    assert summary.samples == 200
    throttled = next(at for at, number in times if number == 20)
    assert min(at for at, number in times if number > 20 + 8) >= throttled + 1
    assert "is throttling (http_429: boom): all requests wait 1 s" in notices(told)[0]


def test_an_endpoint_that_throttles_now_and_then_pauses_the_run_once_and_not_each_time(tmp_path: Path) -> None:
    def script(ask: Ask) -> Wire:
        return error(429, retry_after="1") if ask.number % 20 == 0 else answer(ask)

    folder = make_folder(tmp_path, numbered(200))
    with serve(script) as endpoint:
        summary, told = sample_all(config_for(endpoint, teacher={"start_concurrency": 8}), folder)
    assert summary.samples == 400
    assert len(endpoint.asked) >= 420
    assert len([text for text in notices(told) if "is throttling" in text]) <= 5


def test_throttles_do_not_use_up_a_samples_attempts(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(1))
    with serve(first_attempts(error(429), attempts=dispatch.DEFAULT_ATTEMPTS)) as endpoint:
        summary, _ = sample_all(config_for(endpoint, {"n": 1}, teacher={"patience_seconds": 60}), folder)
    assert (summary.samples, read_all(folder)[0].attempts) == (1, dispatch.DEFAULT_ATTEMPTS + 1)


@pytest.mark.parametrize(
    ("wire", "named"),
    [
        (error(401, "Incorrect API key provided"), "Check the key in the environment variable TEACHER_API_KEY"),
        (error(402, "Insufficient Balance"), "no money left"),
        (error(404, "The model `m` does not exist"), "Check teacher.model"),
        (error(429, "no credit", code="insufficient_quota"), "no credit"),
        (error(429, "Deployment crossed budget. Try again in 5 seconds."), r"crossed budget.*no money left"),
        (error(400, "No connected db.", code="no_db_connection"), r"No connected db\..*Check the key"),
        (error(400, "Invalid model name passed in model=m."), "Check teacher.model"),
    ],
)
def test_an_error_that_no_request_can_survive_ends_the_run_at_once(tmp_path: Path, wire: Wire, named: str) -> None:
    folder = make_folder(tmp_path, numbered(100))
    with serve(lambda _: wire) as endpoint, pytest.raises(EndpointError, match=named):
        sample_all(config_for(endpoint, teacher={"start_concurrency": 4}), folder)
    assert len(endpoint.asked) <= 8


def test_money_that_runs_out_in_the_middle_keeps_what_was_in_flight(tmp_path: Path) -> None:
    """argilla-io/distilabel 469: a usage limit lost everything"""

    def script(ask: Ask) -> Wire:
        if ask.number > 30:
            return error(402, "Insufficient Balance")
        return Wire([(0.2, answer(ask).pieces[0][1])])

    folder = make_folder(tmp_path, numbered(40))
    with serve(script) as endpoint:
        with pytest.raises(EndpointError, match="Insufficient Balance"):
            sample_all(config_for(endpoint, teacher={"start_concurrency": 8}), folder)
        assert len(read_all(folder)) == 30
    with serve(answer) as endpoint:
        summary, _ = sample_all(config_for(endpoint), folder)
    assert (summary.samples, len(endpoint.asked)) == (80, 50)


def test_an_unreachable_endpoint_is_named_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "START_PATIENCE_SECONDS", 0.5)
    folder = make_folder(tmp_path, numbered(10))
    with serve(answer) as gone:
        config = config_for(gone)
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1.*nothing has succeeded.*Check teacher\.base_url"):
        sample_all(config, folder)


def test_a_web_page_where_the_endpoint_should_be_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "START_PATIENCE_SECONDS", 0.3)
    folder = make_folder(tmp_path, numbered(30))
    page = body_reply(b"<html>Welcome to nginx</html>", content_type="text/html")
    with serve(lambda _: page) as endpoint, pytest.raises(EndpointError, match="Welcome to nginx"):
        sample_all(config_for(endpoint), folder)


def test_an_endpoint_that_dies_for_good_ends_the_run_when_patience_does(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(40))
    with serve(lambda ask: answer(ask) if ask.number <= 20 else error(500)) as endpoint:
        config = config_for(endpoint, teacher={"patience_seconds": 0.5, "start_concurrency": 8})
        with pytest.raises(EndpointError, match=r"nothing has succeeded.*http_500: boom.*patience_seconds"):
            sample_all(config, folder)
    assert len(read_all(folder)) == 20


OUTLASTING = {
    "at once": (600, "3600", 1, r"asks to wait 3600 s \(.*back in the morning.*patience_seconds \(600\)"),
    "in all": (1.0, "0.6", 2, r"asks to wait 1 s after \d s without a success \(.*back in the morning.*\(1\)"),
}
"""Patience, the wait asked for each time, how often the endpoint is asked, and what is said."""


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("how", OUTLASTING)
def test_a_wait_that_outlasts_patience_is_not_begun(tmp_path: Path, status: int, how: str) -> None:
    patience, wait, asked, said = OUTLASTING[how]
    folder = make_folder(tmp_path, numbered(1))
    fault = error(status, "back in the morning", **{"Retry-After": wait})
    with serve(lambda _: fault) as endpoint:
        with pytest.raises(EndpointError, match=said):
            sample_all(config_for(endpoint, {"n": 1}, teacher={"patience_seconds": patience}), folder)
        assert len(endpoint.asked) == asked


def test_a_wait_that_outlasts_patience_is_left_to_other_endpoints(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(6))
    closed = error(502, "back in the morning", **{"Retry-After": "3600"})
    with serve(answer) as living, serve(lambda _: closed) as other:
        teacher = {"endpoints": [{"base_url": other.base_url}, {"base_url": living.base_url}]}
        summary, told = sample_all(config_for(living, teacher=teacher), folder)
    assert (summary.samples, summary.given_up) == (12, {})
    assert "back in the morning" in notices(told)[0]


def test_an_endpoint_that_comes_back_is_used_again(tmp_path: Path) -> None:
    """modelscope/easydistill 18: a long run dies on the network"""
    folder = make_folder(tmp_path, numbered(40))
    with serve(lambda ask: DROP if 20 < ask.number <= 50 else answer(ask)) as endpoint:
        summary, _ = sample_all(config_for(endpoint, teacher={"start_concurrency": 8}), folder)
    assert (summary.samples, summary.given_up) == (80, {})


def test_a_setting_that_every_request_is_turned_away_for_ends_the_run(tmp_path: Path) -> None:
    """langchain4j 3974: enable_thinking without streaming is a 400 for every single request"""
    folder = make_folder(tmp_path, numbered(50))
    refusal = error(400, "max_tokens must be at most 8192")
    with serve(lambda _: refusal) as endpoint:
        with pytest.raises(EndpointError, match=r"turned away every one of 8 requests.*at most 8192"):
            sample_all(config_for(endpoint, teacher={"start_concurrency": 8, "concurrency": 8}), folder)
        assert len(endpoint.asked) <= 16
        assert not folder.traces(0).exists() or read_all(folder) == []


def test_one_input_that_is_turned_away_is_written_down_once_others_succeed(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(6))
    with serve(lambda ask: error(400, "odd") if "What is 0 " in ask.prompt else answer(ask)) as endpoint:
        summary, _ = sample_all(config_for(endpoint, teacher={"concurrency": 1}), folder)
    assert (summary.refused, summary.samples) == ({"bad_request": 2}, 12)


def test_requests_go_to_healthy_endpoints_by_weight(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(100))

    def slow(ask: Ask) -> Wire:
        return Wire([(0.05, answer(ask).pieces[0][1])])

    with serve(slow) as large, serve(slow) as small, serve(lambda _: error(401, "expired")) as broken:
        addresses = [
            {"base_url": large.base_url, "weight": 3},
            {"base_url": small.base_url},
            {"base_url": broken.base_url},
        ]
        teacher = {"endpoints": addresses, "concurrency": 32, "start_concurrency": 32}
        summary, told = sample_all(config_for(large, teacher=teacher), folder)
    assert summary.samples == 200
    assert 2 < len(large.asked) / len(small.asked) < 4.5
    assert len(broken.asked) <= 8
    assert "Going on without this endpoint" in notices(told)[0]


def test_a_dead_endpoint_beside_a_living_one_loses_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(40))
    with serve(answer) as living, serve(lambda _: DROP) as dead:
        addresses = [{"base_url": living.base_url}, {"base_url": dead.base_url}]
        teacher = {"endpoints": addresses, "patience_seconds": 2}
        summary, _ = sample_all(config_for(living, teacher=teacher), folder)
    assert (summary.samples, summary.given_up) == (80, {})


@pytest.mark.parametrize("fault", [DROP, error(500)], ids=["it breaks off", "it answers 500"])
def test_a_request_that_one_endpoint_has_failed_is_asked_of_another_at_once(tmp_path: Path, fault: Wire) -> None:
    folder = make_folder(tmp_path, numbered(3))
    with serve(answer) as living, serve(lambda _: fault) as dead:
        teacher = {"endpoints": [{"base_url": dead.base_url}, {"base_url": living.base_url}], "concurrency": 1}
        summary, _ = sample_all(config_for(living, teacher=teacher), folder)
    assert (summary.samples, summary.given_up) == (6, {})
    assert max(trace.attempts for trace in read_all(folder)) == 2
    assert len(dead.asked) == 6, "each of them once, and none again"


def test_a_server_that_closes_after_each_reply_costs_no_failed_attempt(tmp_path: Path) -> None:
    """ggml-org/llama.cpp: Keep-Alive is said and not kept"""
    folder = make_folder(tmp_path, numbered(12))
    with serve(lambda _: Wire(stream_reply("4", reasoning="so").pieces, "close")) as endpoint:
        summary, told = sample_all(config_for(endpoint, {"n": 2}, teacher={"stream": True, "concurrency": 4}), folder)
    assert (summary.samples, summary.failures, notices(told)) == (24, {}, [])
    assert summary.spent.unreported_tokens == 0


def test_a_request_that_every_endpoint_has_failed_is_still_asked_again(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(2))

    def script(ask: Ask) -> Wire:
        return DROP if ask.attempt == 1 else answer(ask)

    with serve(script) as one, serve(script) as other:
        teacher = {"endpoints": [{"base_url": one.base_url}, {"base_url": other.base_url}], "concurrency": 1}
        summary, _ = sample_all(config_for(one, teacher=teacher), folder)
    assert (summary.samples, summary.given_up) == (4, {})
    assert {trace.attempts for trace in read_all(folder)} <= {2, 3}, "2 where a kept connection was the first to go"


def test_a_ceiling_on_requests_per_minute_is_kept_each_second(tmp_path: Path) -> None:
    times: list[float] = []

    def script(ask: Ask) -> Wire:
        times.append(time.monotonic())
        return answer(ask)

    folder = make_folder(tmp_path, numbered(30))
    with serve(script) as endpoint:
        sample_all(config_for(endpoint, teacher={"requests_per_minute": 1200}), folder)
    assert times[-1] - times[0] > 2.5


def test_a_ceiling_on_tokens_per_minute_slows_the_run_to_it(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(30))
    begun = time.monotonic()
    with serve(answer) as endpoint:
        config = config_for(endpoint, {"n": 1}, teacher={"tokens_per_minute": 31 * 60 * 15, "max_tokens": 20})
        summary, _ = sample_all(config, folder)
    assert summary.samples == 30
    assert time.monotonic() - begun > 0.9


def test_sampling_works_where_an_event_loop_is_running_already(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(2))

    async def notebook_cell(config: RunConfig) -> int:
        return sample_all(config, folder)[0].samples

    with serve(answer) as endpoint:
        assert asyncio.run(notebook_cell(config_for(endpoint))) == 4
    assert asked_for(endpoint) == 4

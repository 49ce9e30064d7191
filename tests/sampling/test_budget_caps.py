"""Caps on money and tokens: they hold, sampling stops cleanly, and a higher cap goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from endpoint import Ask, Wire, error, json_reply, serve
from sampled import answer, config_for, make_folder, numbered, read_all, sample_all

from overproof.errors import ConfigError
from overproof.sampling import sample
from overproof.teacher.budget import Amount, Answer

pytestmark = pytest.mark.usefixtures("short_waits")


def test_sampling_stops_before_the_cap_and_says_so_first(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(100))
    with serve(answer) as endpoint:
        config = config_for(endpoint, teacher={"max_tokens": 50}, budget={"max_tokens": 3000})
        summary, _ = sample_all(config, folder)
    assert summary.ended == "budget"
    assert 3000 - 400 < summary.spent.tokens <= 3000
    assert summary.headline().startswith("Stopped at the budget")
    assert summary.samples == len(read_all(folder)) == summary.spent.tokens // 31


def test_a_cap_on_money_is_never_passed_whatever_the_replies_cost(tmp_path: Path) -> None:
    def costly(ask: Ask) -> Wire:
        tokens = int(1 + 999 * ask.chance("tokens"))
        return json_reply(f"<think>{ask.seed}</think>4", usage={"prompt_tokens": 30, "completion_tokens": tokens})

    folder = make_folder(tmp_path, numbered(200))
    prices = {"input_price": 1, "output_price": 10, "max_cost": "0.25", "currency": "CNY"}
    with serve(costly) as endpoint:
        config = config_for(endpoint, teacher={"max_tokens": 1000}, budget=prices)
        summary, _ = sample_all(config, folder)
    assert float(summary.spent.cost) <= 0.25
    assert float(summary.spent.cost) > 0.25 - 2 * 0.0104
    assert "CNY" in summary.headline()


def test_a_higher_cap_goes_on_where_the_lower_one_stopped(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(20))
    with serve(answer) as endpoint:
        low = config_for(endpoint, teacher={"max_tokens": 50}, budget={"max_tokens": 1000})
        first, _ = sample_all(low, folder)
        same, _ = sample_all(low, folder)
        high, _ = sample_all(config_for(endpoint, teacher={"max_tokens": 50}, budget={"max_tokens": 10**6}), folder)
    assert (first.ended, same.ended, same.samples_new, high.ended) == ("budget", "budget", 0, "finished")
    assert len(endpoint.asked) == high.samples == 40


def test_a_cap_that_nothing_fits_under_asks_for_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(2))
    with serve(answer) as endpoint:
        summary, _ = sample_all(config_for(endpoint, budget={"max_tokens": 100}), folder)
    assert (summary.ended, summary.samples, endpoint.asked) == ("budget", 0, [])


def test_a_cap_that_nothing_could_keep_is_refused_before_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-1234567890")
    folder = make_folder(tmp_path, numbered(2))
    with serve(answer) as endpoint:
        teacher = {"profile": "dashscope", "model": "qwen3-32b", "stream": True}
        with pytest.raises(ConfigError, match=r"teacher\.thinking_budget"):
            sample_all(config_for(endpoint, teacher=teacher, budget={"max_tokens": 10**6}), folder)
    assert endpoint.asked == []


def test_unknown_usage_is_charged_by_the_text_that_came_and_stays_so_after_a_resume(tmp_path: Path) -> None:
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    folder = make_folder(tmp_path, numbered(1))
    with serve(lambda ask: json_reply(f"<think>{ask.seed}</think>4", usage=nothing)) as endpoint:
        config = config_for(endpoint, teacher={"max_tokens": 50}, budget={"max_tokens": 10**6})
        summary, _ = sample_all(config, folder)
        resumed, _ = sample_all(config, folder)
    assert summary.marks == {"zero_usage": 2}
    assert summary.usage.completion_tokens is None
    traces = read_all(folder)
    texts = [text for trace in traces for text in (trace.messages[0].content, trace.content)]
    assert summary.spent.tokens == resumed.spent.tokens == sum(-(-len(text.encode()) // 3) for text in texts)


def test_errors_that_came_before_any_token_cost_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(2))
    with serve(lambda ask: error(500) if ask.attempt == 1 else answer(ask)) as endpoint:
        summary, _ = sample_all(config_for(endpoint, budget={"max_tokens": 10**6}), folder)
    assert summary.spent.tokens == 4 * 31


def test_caps_hold_together_with_the_windows_when_much_is_in_flight(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(100))

    def slow(ask: Ask) -> Wire:
        return Wire([(0.05, answer(ask).pieces[0][1])])

    with serve(slow) as endpoint:
        teacher = {"max_tokens": 50, "concurrency": 64, "start_concurrency": 64}
        summary, _ = sample_all(config_for(endpoint, teacher=teacher, budget={"max_tokens": 4000}), folder)
    assert endpoint.most_in_flight <= 4000 // 356
    assert summary.spent.tokens > 3600


class RemotePurse:
    """A purse that several runs share and that takes its time to answer."""

    def __init__(self, requests: int) -> None:
        self.left = requests
        self.held = 0
        self.spent = Amount()

    async def reserve(self, amount: Amount) -> Answer:
        await asyncio.sleep(0.001)
        if not self.left:
            return "capped"
        self.left -= 1
        self.held += amount.tokens
        return "yes"

    def settle(self, reserved: Amount, charged: Amount) -> None:
        self.held -= reserved.tokens
        self.spent += charged


def test_a_purse_that_lies_elsewhere_can_be_shared_by_several_shards(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(20), shards=2)
    purse = RemotePurse(30)
    with serve(answer) as endpoint:
        ended = [
            sample(config_for(endpoint), folder, [shard], purse=purse, progress=lambda _: None).ended
            for shard in (0, 1)
        ]
    assert ended == ["finished", "budget"]
    assert len(read_all(folder, 2)) == len(endpoint.asked) == 30
    assert (purse.held, purse.spent.tokens) == (0, 30 * 31)

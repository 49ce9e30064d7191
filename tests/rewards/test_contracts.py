"""The think format: a table with a case for each way to keep and to break it, and any text at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from overproof.records import Problem, Trace
from overproof.rewards.contracts import BREAKS, CONTRACTS, think_format

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "think_format.jsonl").read_text("utf-8").splitlines()
]
TRACE = Trace(Problem("p", "What is 2 + 2?"), 0, "f" * 64, "teacher", "generic", [], {}, "")
TAGS = ["<think>", "</think>", "<thinking>", "</thinking>", "<answer>", "</answer>"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['contract']} {case['content'][:40]!r}")
def test_each_way_to_break_the_form_has_its_reason(case: dict[str, Any]) -> None:
    reward = think_format(replace(TRACE, content=case["content"], reasoning=case.get("reasoning")), case["contract"])
    assert reward.reason == case["reason"]
    assert reward.value == (0.0 if case["reason"] else 1.0)


def test_the_table_holds_every_reason_and_every_contract() -> None:
    assert {case["reason"] for case in CASES} == {"", *BREAKS}
    assert {case["contract"] for case in CASES} == set(CONTRACTS)


def test_a_refused_request_has_no_form_to_measure() -> None:
    assert think_format(replace(TRACE, error="content_filter"), "think_boxed").value is None


def test_a_broken_form_shows_its_tags() -> None:
    reward = think_format(replace(TRACE, content="<think>a<think>b</think>" + "</think>" * 20), "think_boxed")
    assert reward.evidence == {"tags": ["<think>", "<think>", *["</think>"] * 6]}


@given(
    st.lists(st.one_of(st.sampled_from([*TAGS, "\\boxed{", "{", "}", "\\", " ", "\n"]), st.text(max_size=3))),
    st.none() | st.text(max_size=5),
    st.sampled_from(sorted(CONTRACTS)),
)
def test_any_reply_is_right_or_wrong_for_a_reason_of_the_list(
    pieces: list[str], reasoning: str | None, contract: str
) -> None:
    trace = replace(TRACE, content="".join(pieces), reasoning=reasoning)
    reward = think_format(trace, contract)
    assert (reward.value, bool(reward.reason)) in {(1.0, False), (0.0, True)}
    assert reward.reason in {"", *BREAKS}
    assert think_format(trace, contract) == reward


@pytest.mark.parametrize("piece", [*TAGS, "\\boxed{", "<", "{"])
def test_a_megabyte_of_tags_is_judged(piece: str) -> None:
    content = "<think>a</think>" + piece * (1_000_000 // len(piece))
    for contract in CONTRACTS:
        assert think_format(replace(TRACE, content=content), contract).value is not None

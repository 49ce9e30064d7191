"""A reply of another model than was asked for is marked and told once, or ends the run where that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from endpoint import Ask, Wire, object_reply, serve
from sampled import answer_to, config_for, make_folder, numbered, read_all, sample_all

from overproof.errors import EndpointError


def by_another(ask: Ask) -> Wire:
    return object_reply({**answer_to(ask.body), "model": "cheap-1b"})


def test_it_is_marked_in_the_trace_and_told_once(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(4))
    with serve(by_another) as endpoint:
        summary, _ = sample_all(config_for(endpoint), folder)
    assert summary.marks == {"other_model": 8}
    assert {trace.served_by for trace in read_all(folder)} == {"cheap-1b"}
    (alarm,) = summary.alarms
    assert "'cheap-1b' has answered, and not m" in alarm


def test_it_ends_the_run_where_the_model_is_required(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(50))
    with serve(by_another) as endpoint:
        config = config_for(endpoint, {"n": 1, "require_model": True}, teacher={"concurrency": 2})
        with pytest.raises(EndpointError, match=r"'cheap-1b' has answered, and not m.*require_model"):
            sample_all(config, folder)
    assert len(endpoint.asked) <= 4

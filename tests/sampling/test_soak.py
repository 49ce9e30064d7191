"""A long run through every fault at once: all problems are done, and nothing is counted twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from endpoint import DROP, HANG, Ask, Wire, body_reply, delta, error, serve, stream, stream_reply
from sampled import config_for, is_right, make_folder, numbered, read_all, sample_all

FAULTS: dict[str, Wire] = {
    "429": error(429, retry_after_ms="300"),
    "500": error(500),
    "drop": DROP,
    "hang": HANG,
    "cut": stream(delta(reasoning_content="so"), delta(content="The answer")),
    "garbage": body_reply(b"<html>502 bad gateway</html>", content_type="text/html"),
}


def script(ask: Ask) -> Wire:
    """Each fault in a twentieth of the attempts, one reply in twenty cut by length, and good ones otherwise."""
    draw = ask.chance(f"attempt {ask.attempt}") * 20
    if draw < len(FAULTS):
        return list(FAULTS.values())[int(draw)]
    number = int(ask.prompt.split()[2])
    if ask.chance("length") < 1 / 20:
        return stream_reply("", "length", reasoning=f"Seed {ask.seed} goes on and on")
    return stream_reply(f"\\boxed{{{number + 1 if ask.chance() < 0.7 else 0}}}", reasoning=f"Seed {ask.seed} says so")


@pytest.mark.slow
@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("rule", [{"n": 8}, {"probe": 2, "want_correct": 2, "max": 16}], ids=["fixed", "adaptive"])
def test_a_soak_in_every_fault_ends_with_every_problem_done_and_nothing_counted_twice(
    tmp_path: Path, rule: dict[str, int]
) -> None:
    folder = make_folder(tmp_path, numbered(100), shards=3)
    with serve(script) as endpoint:
        teacher = {"stream": True, "stall_seconds": 1, "timeout_seconds": 5, "concurrency": 64, "max_tokens": 100}
        config = config_for(endpoint, rule, teacher=teacher, budget={"max_tokens": 10**9})
        summary, _ = sample_all(config, folder, shards=3)
        resumed, _ = sample_all(config, folder, shards=3)
    traces = read_all(folder, 3)
    assert (summary.problems_done, summary.given_up, summary.ended) == (100, {}, "finished")
    assert len({trace.id for trace in traces}) == len(traces) == summary.samples
    asked = Counter((ask.prompt, ask.seed) for ask in endpoint.asked)
    # On a busy machine an attempt may run out of time before the endpoint has seen it: counted here, unseen there.
    unseen = [trace.attempts - asked[trace.messages[-1].content, trace.parameters["seed"]] for trace in traces]
    assert min(unseen) >= 0
    assert sum(unseen) <= len(endpoint.asked) / 20
    assert sum(trace.attempts for trace in traces) - sum(unseen) == len(endpoint.asked)
    assert summary.complete + summary.cut == len(traces)
    assert summary.cut > 0
    assert summary.spent == resumed.spent
    assert (resumed.samples_new, resumed.samples) == (0, len(traces))
    if "n" in rule:
        assert len(traces) == 100 * 8
    else:
        correct = Counter(trace.problem.id for trace in traces if trace.is_complete and is_right(trace))
        counts = Counter(trace.problem.id for trace in traces)
        assert all(correct[problem] >= 2 or counts[problem] == 16 for problem in counts)

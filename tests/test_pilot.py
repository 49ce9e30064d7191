"""Two temperatures of the model that ships, asked the same problems: a real server, and traces that count later."""

from __future__ import annotations

from pathlib import Path

from overproof import pipeline
from overproof.config import parse_config
from overproof.pilot import Figures, pilot
from overproof.pipeline import Event, Run, RunPlan
from overproof.runfolder import RunFolder
from overproof.teacher.budget import Amount


def test_configs_are_compared_on_the_same_problems_and_their_traces_count_for_the_run(tmp_path: Path) -> None:
    runs = []
    shown: list[Event] = []
    for temperature in (0.5, 1.2):
        tree = {
            "problems": {"preset": "procedural", "split": "held_out", "limit": 12},
            "teacher": {"profile": "tiny", "temperature": temperature, "top_p": 1.0, "max_tokens": 200},
            "sampling": {"n": 2},
        }
        name = f"warm-{temperature}"
        runs.append((name, Run(parse_config(tree, name), RunFolder(tmp_path / name), show=shown.append)))
    figures, contrasts = pilot(runs, 5)
    plans = [event.outlook for event in shown if isinstance(event, RunPlan)]
    assert [(plan.problems, plan.problems_done, plan.requests_most) for plan in plans] == [(5, 0, 10)] * 2
    assert [(one.traces, len(one.values), one.failed) for one in figures] == [(10, 5, ""), (10, 5, "")]
    assert figures[0].values.keys() == figures[1].values.keys()
    assert all(one.spent.tokens and one.rate is not None and one.rate.problems == 5 for one in figures)
    assert [(one.first, one.second, one.difference.problems) for one in contrasts] == [("warm-0.5", "warm-1.2", 5)]
    assert all(len(line) < 80 for one in contrasts for line in one.lines())
    run = runs[0][1]
    summary = pipeline.sample(run)
    assert (summary.samples, summary.samples_new) == (24, 14)


def test_a_config_that_keeps_nothing_is_told_with_its_reasons_and_what_it_took() -> None:
    nothing = Figures("c", failed="", traces=12, reasons={"refused": 4, "truncated": 8}, spent=Amount(tokens=780))
    assert nothing.cells()[2:6] == ["0 of 12", "–", "–", "–"]
    assert nothing.remark().startswith("None of 12 traces is kept (refused 4, truncated 8), for 780 tokens. ")
    assert (Figures("c", failed="No.").remark(), Figures("c", failed="").remark()) == ("No.", "")

"""Suspect references: a person decides, the run obeys, and nothing that was paid for or given is overwritten."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from endpoint import Ask, Wire, json_reply, serve
from typer.testing import CliRunner

from overproof import judge, pipeline, suspects
from overproof.cli import app
from overproof.config import load_config
from overproof.errors import ConfigError
from overproof.importing import TraceSet, import_traces
from overproof.pipeline import Run
from overproof.records import Decision
from overproof.runfolder import RunFolder
from overproof.runfolder.overrides import Override
from overproof.view.run import ViewedRun

THOUGHT = "<think>\nTwo and two are four, as everybody knows, so the answer must be four, says way {n}.\n</think>\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run of three problems: one whose reference three of four traces contradict, one right, one divided."""
    rows = [
        {"problem": "What is 2 + 2?", "answer": "5", "uuid": "wrong", "generations": said("4", "4", "4", "5")},
        {"problem": "What is 2 + 3?", "answer": "5", "uuid": "right", "generations": said("5", "5", "5", "4")},
        {"problem": "What is 2 + 4?", "answer": "6", "uuid": "divided", "generations": said("7", "8", "9", "10")},
    ]
    path = tmp_path / "theirs.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    made = RunFolder(tmp_path / "run")
    import_traces(TraceSet("openr1_math", path=str(path)), made)
    go_on(made)
    return made


def said(*answers: str) -> list[str]:
    return [f"{THOUGHT.format(n=n)}\\boxed{{{answer}}}" for n, answer in enumerate(answers)]


def go_on(folder: RunFolder) -> dict[str, Decision]:
    run = Run(load_config(str(folder.root)), folder)
    for stage in (pipeline.prepare, pipeline.score, pipeline.select, pipeline.export_dataset):
        stage(run)
    return {decision.trace_id[:-9]: decision for decision in folder.read_decisions(0)}


def reasons(decisions: dict[str, Decision], problem: str) -> list[str]:
    return [decision.reason for name, decision in decisions.items() if name.startswith(problem)]


def test_only_a_reference_that_most_traces_contradict_with_one_voice_is_listed(folder: RunFolder) -> None:
    assert not suspects.find_suspects(folder, range(1))  # three of four say little where nothing else is known
    (found,) = suspects.find_suspects(folder, range(1), least=0)
    assert (found.found.problem_id, found.found.answer, found.found.agreeing, found.found.answered) == (
        "wrong",
        "4",
        3,
        4,
    )
    assert len(found.trace_ids) == 4
    assert any("2 + 2" in line for line in found.lines())


def test_a_replaced_reference_is_obeyed_by_every_later_stage_and_said_in_the_card(folder: RunFolder) -> None:
    before = reasons(go_on(folder), "wrong")
    journal = folder.traces(0).read_bytes()
    suspects.decide(folder, "wrong", "replace", reference="4", who="Ann", why="it is four")
    assert reasons(go_on(folder), "wrong") == ["correct", "correct", "correct", "incorrect"] != before
    assert reasons(go_on(folder), "right") == ["correct", "correct", "correct", "incorrect"]
    assert "1 replaced" in (folder.dataset() / "README.md").read_text()
    assert folder.traces(0).read_bytes() == journal
    assert not list(suspects.find_suspects(folder, range(1), least=0))
    (line,) = folder.overrides.read_text().splitlines()
    assert {"was": "5", "reference": "4", "who": "Ann", "why": "it is four"}.items() <= orjson.loads(line).items()


def test_a_dropped_problem_is_rejected_and_a_decision_can_be_taken_back(folder: RunFolder) -> None:
    suspects.decide(folder, "wrong", "drop")
    assert set(reasons(go_on(folder), "wrong")) == {"problem_dropped"}
    assert "1 dropped with their problems" in (folder.dataset() / "README.md").read_text()
    suspects.decide(folder, "wrong", "undo")
    assert reasons(go_on(folder), "wrong").count("correct") == 1
    assert len(folder.overrides.read_text().splitlines()) == 2


def test_a_persons_verdict_on_one_trace_stands_above_the_rules(folder: RunFolder) -> None:
    trace = next(trace for trace in folder.read_traces(0) if trace.id.startswith("divided/0"))
    suspects.decide(folder, "divided", "verdict", trace_id=trace.id, verdict="correct", who="Bo")
    assert reasons(go_on(folder), "divided") == ["correct", "incorrect", "incorrect", "incorrect"]
    grade = next(score.grade for score in folder.read_scores(0) if score.trace_id == trace.id)
    assert grade is not None
    assert (grade.layer, grade.reason.split(";")[0]) == ("person", "Bo says so")


def test_what_cannot_be_decided_is_refused(folder: RunFolder) -> None:
    decide: Any = suspects.decide
    with pytest.raises(ConfigError, match="has no problem 'nobody'"):
        decide(folder, "nobody", "drop")
    with pytest.raises(ConfigError, match="no answer can be graded against"):
        decide(folder, "wrong", "replace", reference="see the figure on the next page, it is obvious")
    with pytest.raises(ConfigError, match="give the reference"):
        decide(folder, "wrong", "replace", reference=" ")
    assert not folder.overrides.exists()


def test_decisions_of_another_run_are_taken_over_once_and_never_over_ones_own(
    folder: RunFolder, tmp_path: Path
) -> None:
    theirs = RunFolder(tmp_path / "theirs")
    for one in (Override("wrong", "replace", "4"), Override("right", "drop"), Override("right", "undo")):
        theirs.write_override(one)
    suspects.decide(folder, "divided", "keep")
    assert suspects.adopt(folder, str(theirs.overrides)) == 1
    assert suspects.adopt(folder, str(theirs.overrides)) == 0
    assert set(folder.read_overrides().by_problem) == {"divided", "wrong"}
    with pytest.raises(ConfigError, match=r"problems.overrides: there is no file"):
        suspects.adopt(folder, "nowhere.jsonl")


def test_the_command_lists_and_decides(folder: RunFolder) -> None:
    short = CliRunner().invoke(app, ["suspects", str(folder.root)])
    assert "0 suspect references" in short.output
    assert "1 more are contradicted by most traces, as is common by chance here: --all" in short.output
    listed = CliRunner().invoke(app, ["suspects", str(folder.root), "--all"])
    assert "wrong: 3 of 4 answers agree on another, 1 give the reference; wrong with probability 0." in listed.output
    assert "1 suspect references" in listed.output
    decided = CliRunner().invoke(app, ["suspects", str(folder.root), "--replace", "wrong=4", "--why", "sum"])
    assert "1 decisions in" in decided.output
    go_on(folder)
    assert "0 suspect references" in CliRunner().invoke(app, ["suspects", str(folder.root)]).output


def test_the_judge_says_which_of_two_answers_is_right_without_knowing_the_reference_and_is_asked_once(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    truths = {"What is 2 + 2?": "4", "What is 2 + 3?": "5"}

    def decide(ask: Ask) -> Wire:
        case = orjson.loads(ask.prompt)
        if "first" not in case:  # one of those that check its verdicts on answers
            return json_reply("EQUAL" if case["reference"] == case["answer"] else "DIFFERENT")
        seen.append(case)
        return json_reply("FIRST" if seen[-1]["first"] == truths[seen[-1]["question"]] else "SECOND")

    def score(base_url: str, **more: Any) -> None:
        asked = {"model": "the-judge", "base_url": base_url, "stream": False, "check": 1, **more}
        config = load_config(str(folder.root), [f"judge.{key}={value}" for key, value in asked.items()])
        pipeline.score(Run(config, folder))
        pipeline.select(Run(config, folder))

    with serve(decide) as endpoint:
        score(endpoint.base_url)
        assert not seen, "it is off unless asked for"
        score(endpoint.base_url, doubts=True)
        (line,) = suspects.find_suspects(folder, range(1), least=0)
        read: list[int] = []
        groups = RunFolder.read_groups

        def read_groups(*asked: Any) -> Any:
            read.append(asked[1])
            return groups(*asked)

        monkeypatch.setattr(RunFolder, "read_groups", read_groups)
        score(endpoint.base_url, doubts=True)
        assert not read, "nothing is left to ask, so no trace is read again"
        folder.judge_summary.unlink()
        score(endpoint.base_url, doubts=True)
        assert read, "until what it was asked is gone"
        assert folder.judge_summary.is_file()
    assert sorted(one["question"] for one in seen) == sorted(truths), "each once, and never the divided one"
    assert all(set(one) == {"question", "first", "second"} for one in seen)
    opinions = judge.read_opinions(folder)
    assert (line.found.judged, opinions.right, opinions.asked) == (1, 1, 1)
    assert any("the judge holds with them" in text for text in line.lines())
    report = pipeline.make_report(Run(load_config(str(folder.root)), folder))
    shown = [one for one in report.suspects if one.problem_id == "wrong"]
    assert all(one.judged == 1 for one in shown)
    page = ViewedRun(folder).refresh().problem("wrong", 0)
    assert page is not None
    assert page.holds_with == "answer"
    assert judge.read_spent(folder).tokens > 0

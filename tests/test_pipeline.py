"""The whole loop on the real tiny model: what goes in comes out, once, and the same again."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from overproof import pipeline
from overproof.config import explaining, load_config
from overproof.errors import ConfigError, RunFolderError
from overproof.grading import grade
from overproof.grading.protocol import BACKSTOP, KILLED
from overproof.pipeline import Event, StepProgress
from overproof.records import Grade, Trace, Verdict
from overproof.rewards.grades import grade_traces
from overproof.runfolder import RunFolder

pytest.importorskip("onnxruntime", reason="the tiny teacher needs the demo extra")

QUICK = ["problems.limit=24", "sampling.n=4", "export.validation=0.2"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, pipeline.Outcome]:
    """One run, shared by the tests that only look."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    return folder, pipeline.run_all(pipeline.Run(load_config("quickstart", QUICK), folder))


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_every_sample_is_kept_or_rejected_and_nothing_vanishes(finished: tuple[RunFolder, pipeline.Outcome]) -> None:
    folder, _ = finished
    traces = {trace.id for trace in folder.read_traces(0)}
    decisions = list(folder.read_decisions(0))
    assert len(traces) == len(decisions) == 24 * 4
    assert {decision.trace_id for decision in decisions} == traces
    assert {score.trace_id for score in folder.read_scores(0)} == traces
    assert all(decision.reason for decision in decisions)


def test_every_kept_trace_grades_correct_by_itself(finished: tuple[RunFolder, pipeline.Outcome]) -> None:
    folder, _ = finished
    kept = {decision.trace_id for decision in folder.read_decisions(0) if decision.kept}
    assert kept
    for trace in folder.read_traces(0):
        if trace.id in kept:
            verdict = grade(trace.content, trace.problem.reference, question=trace.problem.question).verdict
            assert verdict in {Verdict.CORRECT, Verdict.APPROXIMATE}


def test_the_dataset_loads_and_splits_by_problem(finished: tuple[RunFolder, pipeline.Outcome], tmp_path: Path) -> None:
    import datasets

    folder, _ = finished
    dataset = datasets.load_dataset(str(folder.dataset()), cache_dir=str(tmp_path))
    kept = sum(decision.kept for decision in folder.read_decisions(0))
    assert sum(dataset.num_rows.values()) == kept
    questions = {name: {row["messages"][0]["content"] for row in split} for name, split in dataset.items()}
    assert not questions["train"] & questions["validation"]
    reply = dataset["train"][0]["messages"][-1]["content"]
    assert reply.startswith("<think>\n")
    assert "\n</think>\n\n" in reply


def test_running_again_asks_the_teacher_nothing_and_changes_nothing(
    finished: tuple[RunFolder, pipeline.Outcome],
) -> None:
    folder, first = finished
    before = digests(folder.root)
    again = pipeline.run_all(pipeline.Run(load_config("quickstart", QUICK), folder))
    assert again.sampling is not None
    assert again.sampling.samples_new == 0
    assert again.report == first.report
    assert digests(folder.root) == before


@pytest.mark.slow
def test_two_runs_in_two_folders_export_the_same_bytes(
    finished: tuple[RunFolder, pipeline.Outcome], tmp_path: Path
) -> None:
    folder, _ = finished
    other = RunFolder(tmp_path / "other")
    pipeline.run_all(pipeline.Run(load_config("quickstart", [*QUICK, "teacher.concurrency=5"]), other))
    assert digests(other.dataset()) == digests(folder.dataset())


@pytest.fixture
def copy(finished: tuple[RunFolder, pipeline.Outcome], tmp_path: Path) -> RunFolder:
    """A copy of the run that a test may change."""
    folder, _ = finished
    shutil.copytree(folder.root, tmp_path / "copy")
    return RunFolder(tmp_path / "copy")


def stages_done(folder: RunFolder, *overrides: str) -> set[str]:
    """The stages that a run had to do, sampling aside."""
    done: set[str] = set()

    def watch(event: Event) -> None:
        if isinstance(event, StepProgress):
            done.add(event.stage)

    pipeline.run_all(pipeline.Run(load_config("quickstart", [*QUICK, *overrides]), folder, watch))
    return done


def test_another_selection_scores_nothing_again(copy: RunFolder) -> None:
    assert stages_done(copy, "selection.policy=all") == {"select", "export"}


def test_another_reward_samples_nothing_again(copy: RunFolder) -> None:
    paid = digests(copy.root / "traces")
    assert stages_done(copy, "rewards.accuracy.weight=2") == {"score", "select", "export"}
    assert digests(copy.root / "traces") == paid


def test_scores_with_a_verdict_that_the_wall_clock_ended_are_made_again_by_the_next_run(
    copy: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(traces: Sequence[Trace], _: str = "") -> list[Grade | None]:
        first, *others = grade_traces(traces)
        assert first is not None
        return [msgspec.structs.replace(first, verdict=Verdict.UNVERIFIABLE, layer=BACKSTOP), *others]

    before = digests(copy.root / "scores")
    with monkeypatch.context() as patch:
        patch.setattr("overproof.pipeline.grade_traces", cut_short)
        assert "export" in stages_done(copy, "rewards.accuracy.weight=2")
    assert digests(copy.root / "scores") != before
    assert "score" in stages_done(copy, "rewards.accuracy.weight=2")
    assert not any(score.grade is not None and score.grade.layer == BACKSTOP for score in copy.read_scores(0))
    assert stages_done(copy, "rewards.accuracy.weight=2") == set()


def test_an_answer_over_which_verifiers_are_killed_every_time_stands_undecided_after_the_second_run(
    copy: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(traces: Sequence[Trace], _: str = "") -> list[Grade | None]:
        first, *others = grade_traces(traces)
        assert first is not None
        return [Grade(Verdict.UNVERIFIABLE, first.extracted, BACKSTOP, KILLED), *others]

    monkeypatch.setattr("overproof.pipeline.grade_traces", killed)
    runs = [stages_done(copy, "rewards.accuracy.weight=2") for _ in range(3)]
    assert ["score" in done for done in runs] == [True, True, False]
    grades = str([score.grade for score in copy.read_scores(0)])
    assert "verifiers were killed over it in two runs" in grades
    assert KILLED not in grades


def test_a_derived_file_that_was_deleted_is_made_again(copy: RunFolder) -> None:
    before = digests(copy.dataset())
    copy.scores(0).unlink()
    assert "score" in stages_done(copy)
    assert digests(copy.dataset()) == before


def test_more_samples_reuse_those_that_were_paid_for(copy: RunFolder) -> None:
    paid = copy.traces(0).read_bytes()
    outcome = pipeline.run_all(pipeline.Run(load_config("quickstart", [*QUICK, "sampling.n=6"]), copy))
    assert outcome.sampling is not None
    assert outcome.sampling.samples_new == 24 * 2
    assert copy.traces(0).read_bytes().startswith(paid)


@pytest.mark.parametrize("name", ["", "config.yaml"], ids=["its folder", "its config"])
def test_the_config_of_a_run_is_explained_as_the_same_config_again(copy: RunFolder, name: str) -> None:
    text = "\n".join(explaining.explain_config(str(copy.root / name)))
    (copy.root.parent / "again.yaml").write_text(text, encoding="utf-8")
    assert load_config(str(copy.root.parent / "again.yaml")) == load_config(str(copy.root))


def test_other_sampling_settings_are_refused_by_name_before_anything_changes(copy: RunFolder) -> None:
    before = digests(copy.root)
    with pytest.raises(RunFolderError, match=r"teacher\.temperature") as error:
        pipeline.run_all(pipeline.Run(load_config("quickstart", [*QUICK, "teacher.temperature=0.3"]), copy))
    assert "--run-dir" in str(error.value)
    assert digests(copy.root) == before


def test_nothing_is_asked_where_nothing_could_be_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"question": "What is 1 + 1?"}\n')
    asks = ["problems={path: " + str(tmp_path / "mine.jsonl") + "}", "sampling.n=2"]
    hopeless = pipeline.Run(load_config("quickstart", asks), RunFolder(tmp_path / "run"))
    for ask in (pipeline.run_all, pipeline.sample, lambda run: pipeline.write_batch(run, tmp_path / "batch")):
        with pytest.raises(
            ConfigError, match=r"None of the 1 problems has a reference.*selection\.policy: correct_or_"
        ):
            ask(hopeless)
    assert not list(hopeless.folder.read_traces(0))
    kept = pipeline.Run(load_config("quickstart", [*asks, "selection.policy=all"]), RunFolder(tmp_path / "run"))
    assert pipeline.run_all(kept).report.traces == 2


def test_a_run_in_use_is_refused(copy: RunFolder) -> None:
    with copy.lock(), pytest.raises(RunFolderError, match="in use"):
        pipeline.run_all(pipeline.Run(load_config("quickstart", QUICK), copy))

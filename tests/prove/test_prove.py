"""The proof itself, shortened: a verified set makes a better student than an unverified one of the same size."""

from pathlib import Path

import pytest
from shardwork import be_killed

from overproof import pipeline
from overproof.config import ProofRun, load_table
from overproof.errors import OverproofError
from overproof.prove import jobs, prove
from overproof.records import decode
from overproof.resources import bundled
from overproof.runfolder import RunFolder

SHORTENED = [
    "problems.limit=480",
    "evaluation.problems.limit=240",
    "prove.rows=720",
    "prove.seeds=[0]",
    "prove.greedy=false",
]


def test_a_killed_process_is_one_line_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_run_job", be_killed)
    config = load_table(str(bundled("configs") / "prove.yaml"), ProofRun, ["prove.jobs=1"])
    asked = [jobs.Job("verified", 0, None, tmp_path / "verified-0")]
    with pytest.raises(OverproofError, match=rf"was killed.*{tmp_path}.*same command goes on.*prove\.jobs=1"):
        list(jobs.run_jobs(config, asked))


@pytest.mark.slow
def test_verified_traces_make_a_better_student_than_unverified_ones(tmp_path: Path) -> None:
    for library in ("trl", "onnxruntime_genai"):
        pytest.importorskip(library, reason=f"{library} comes with overproof[train]")
    config = load_table(str(bundled("configs") / "prove.yaml"), ProofRun, SHORTENED)
    selections = {name: config.selections[name] for name in ("unverified", "verified")}
    config = config.model_copy(update={"selections": selections})
    folder = RunFolder(tmp_path / "proof")
    steps: list[pipeline.StepProgress] = []
    (proof,) = prove(
        config, folder, lambda event: steps.append(event) if isinstance(event, pipeline.StepProgress) else None
    )
    sides = {line.name: line for line in proof.sampled.sides}
    difference = sides["verified"].difference
    assert difference is not None
    assert difference.low > 0, "\n".join(proof.lines())
    assert difference.p_value < 0.01
    assert sides["verified"].verdict == "better"
    assert {one.rows for one in proof.sets} == {proof.sets[0].rows}
    assert proof.sets[1].right == proof.sets[1].rows
    assert proof.sets[0].right < 0.7 * proof.sets[0].rows
    assert [step.done for step in steps if step.stage == "prove"] == [1, 2, 3]

    stamps = {path: path.stat().st_mtime_ns for path in folder.root.glob("teacher-1.4/students/*/student/*")}
    (again,) = prove(config, folder)
    assert again.sampled == proof.sampled
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert decode((folder.root / "proof.json").read_bytes()[1:-2], type(proof)).sets == proof.sets

"""The same shards make the same bytes, however many processes work on them."""

import hashlib
from pathlib import Path

import pytest

from overproof import pipeline
from overproof.config import RunConfig, load_config
from overproof.runfolder import RunFolder, shards

pytest.importorskip("onnxruntime", reason="the tiny teacher needs the demo extra")

QUICK = ["problems.limit=24", "sampling.n=4", "export.validation=0.2"]
DERIVED = ("scores", "decisions", "dataset")


def quick(*overrides: str) -> RunConfig:
    return load_config("quickstart", [*QUICK, *overrides])


def derived(folder: RunFolder) -> dict[str, str]:
    """The digest of every derived file."""
    paths = (path for name in DERIVED for path in sorted((folder.root / name).rglob("*")) if path.is_file())
    return {str(path.relative_to(folder.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.slow
def test_one_process_and_four_make_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "TRACES_PER_SHARD", 16)
    one, four = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "four")
    pipeline.run_all(pipeline.Run(quick("workers=1"), one))
    pipeline.run_all(pipeline.Run(quick("workers=4"), four))
    assert derived(one) == derived(four)
    assert len(derived(one)) > 3 * 6  # six shards

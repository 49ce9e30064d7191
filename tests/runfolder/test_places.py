"""Addresses that can hold no run are refused before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from overproof.errors import ConfigError
from overproof.evaluation.comparison import name_sides
from overproof.runfolder import RunFolder


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("s3:/bucket/run", r"Write it as s3://bucket/run"),
        (Path("s3://bucket/run"), r"Write it as s3://bucket/run"),  # a path has lost the second slash
        ("gs:/bucket/run", r"Write it as gs://bucket/run"),
        ("s3://", "names no bucket"),
        ("s3:///run", "names no bucket"),
        ("file:///tmp/run", "give its path"),
        ("file://tmp/run", "give its path"),
        ("memory://run", "no longer than this process"),
        ("https://example.org/run", "cannot be written to"),
    ],
)
def test_an_address_that_can_hold_no_run_is_refused_in_one_line(place: Path | str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        RunFolder(place)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "place", ["runs/mine", "/data/s3:/run", "C:/runs/mine", "runs/a:b", "s3://bucket/一 二", "gs://b"]
)
def test_other_places_are_taken(place: str) -> None:
    assert str(RunFolder(place)) == place


def test_runs_at_addresses_can_be_compared_by_name() -> None:
    (side, other) = name_sides(["new=s3://runs/a,s3://runs/b", "s3://runs/c"])
    assert [str(run) for run in side.runs] == ["s3://runs/a", "s3://runs/b"]
    assert (side.name, other.name) == ("new", "s3://runs/c")

"""`proof.json` of a proof → what its page shows; read loosely, since the module that writes it lies above this one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from overproof.errors import RunFolderError
from overproof.estimators import Estimate
from overproof.report.charts import Rows, draw_differences
from overproof.wording import Wording

FILE = "proof.json"


class Gap(msgspec.Struct, frozen=True):
    """How far a side is from the first one."""

    value: float
    low: float
    high: float
    problems: int = 0


class ShownSide(msgspec.Struct, frozen=True):
    """The students of one training set."""

    name: str
    value: Estimate
    by_run: list[float] = []
    difference: Gap | None = None
    p_adjusted: float | None = None


class Sides(msgspec.Struct, frozen=True):
    """All sides on the problems they have in common, the first what the others are held against."""

    measure: str
    problems: int
    sides: list[ShownSide]


class ShownSet(msgspec.Struct, frozen=True):
    """The rows that a side was trained on."""

    name: str
    rows: int
    right: int


class ShownProof(msgspec.Struct, frozen=True):
    """One table: the same student trained on each set."""

    temperature: float
    seeds: list[int]
    sets: list[ShownSet]
    sampled: Sides
    greedy: Sides | None = None
    broken: dict[str, float] = {}

    def set_of(self, side: ShownSide) -> ShownSet | None:
        """What a side was trained on; None for the student as it was."""
        return next((one for one in self.sets if one.name == side.name), None)

    def tables(self) -> list[tuple[str, Sides]]:
        """The comparisons, each with what it is of."""
        sampled = ("Replies sampled as the students are configured to", self.sampled)
        return [sampled, *([("Replies at temperature 0", self.greedy)] if self.greedy else [])]


def read_proofs(folder: Path) -> list[ShownProof]:
    """The proofs of a folder. Raises RunFolderError when its file is of another version."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=list[ShownProof])
    except msgspec.DecodeError as error:
        raise RunFolderError(f"{folder / FILE} cannot be read ({error}). Run overproof prove again") from None


def draw_sides(sides: Sides, say: Wording) -> Rows:
    """Each side's distance from the first one."""
    gaps = [(one.name, one.difference) for one in sides.sides if one.difference is not None]
    return draw_differences(
        [(name, Estimate(gap.value, gap.low, gap.high, gap.problems, 0)) for name, gap in gaps], say
    )

"""What the judge came to: the answers it settled, what that cost, and how far it can be trusted."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import msgspec

from overproof.estimators import Estimate, estimate_proportion
from overproof.judge.cases import OpenCases
from overproof.judge.verdicts import Verdicts, key_of
from overproof.runfolder import RunFolder
from overproof.teacher.budget import Amount, show_money


class JudgeSummary(msgspec.Struct, frozen=True):
    """Counts are of different answers, not of traces: the same answer to the same question is asked about once."""

    model: str
    open: int
    """Answers that the rules left open."""
    equal: int
    different: int
    no_verdict: int
    """Asked, but the judge refused or gave no verdict."""
    unasked: int
    """Not asked yet: the budget was used up, or the judge failed."""
    checks: int
    """Answers decided by the rules on which the judge gave a verdict too."""
    agreement: Estimate
    """Share of the checks on which judge and rules agree, with its 95 % interval."""
    lenient: int
    """Checks that the rules call wrong and the judge equal."""
    strict: int
    """Checks that the rules call right and the judge different."""
    silent: int
    """Answers of the sample on which the judge gave no verdict."""
    tokens: int
    """Charged in this run for judgements."""
    cost: Decimal
    currency: str
    trouble: str
    """What kept it from being asked about everything; empty where nothing did."""

    def lines(self) -> list[str]:
        """The summary for people, a line a fact."""
        rest = "".join(
            f", {count:,} {what}"
            for what, count in (("without a verdict", self.no_verdict), ("not asked", self.unasked))
            if count
        )
        paid = f"{self.tokens:,} tokens" + (f", {show_money(self.cost, self.currency)}" if self.cost else "")
        settled = f"{self.equal:,} equal, {self.different:,} different{rest} ({paid})"
        told = [f"judge {self.model}: of {self.open:,} answers that the rules leave open {settled}"]
        found = self.agreement
        if found.value is not None and found.low is not None and found.high is not None:
            told.append(
                f"it agrees with the rules on {found.value:.1%} of {self.checks:,} answers drawn by chance "
                f"({found.low:.1%} – {found.high:.1%}); {self.lenient:,} it calls equal and they wrong, "
                f"{self.strict:,} the other way"
            )
        return [*told, *([self.trouble] if self.trouble else [])]


def sum_up(
    found: OpenCases, known: Verdicts, model: str, *, currency: str, trouble: str, spent: Amount
) -> JudgeSummary:
    """What has been said about what there was to ask."""
    said = Counter(known.get(key_of(case, model), "unasked") for case in found.open)
    checks = [(check.is_correct, known.get(key_of(check.case, model))) for check in found.checks]
    pairs = Counter(checks)
    agreed = pairs[True, True] + pairs[False, False]
    given = agreed + pairs[True, False] + pairs[False, True]
    return JudgeSummary(
        model=model,
        open=len(found.open),
        equal=said[True],
        different=said[False],
        no_verdict=said[None],
        unasked=said["unasked"],
        checks=given,
        agreement=estimate_proportion(agreed, given),
        lenient=pairs[False, True],
        strict=pairs[True, False],
        silent=len(checks) - given,
        tokens=spent.tokens,
        cost=spent.cost,
        currency=currency,
        trouble=trouble,
    )


def read_summary(folder: RunFolder) -> JudgeSummary | None:
    """What the judge had come to when it was last consulted; None when it never was."""
    if not folder.judge_summary.exists():
        return None
    return msgspec.json.decode(folder.judge_summary.read_bytes(), type=JudgeSummary)

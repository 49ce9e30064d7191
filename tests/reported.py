"""Whole runs for tests of what is shown: traces with verdicts and decisions in a run folder that reports can read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from building import make_config, make_problem, make_score, make_trace, write_run

from overproof.config import RunConfig
from overproof.records import PreparedProblem, Score, Trace, Usage
from overproof.runfolder import Manifest, RunFolder
from overproof.selection import select_shard

VERSIONS = {"overproof": "0.0-test", "python": "3"}

HOSTILE = (
    "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    '\u2028<math><mi href="javascript:window.hacked=1">x</mi></math> $\\text{<script>window.hacked = 1</script>}$'
)
"""Text that would do harm wherever it is not shown as text."""


def write_reported(
    root: Path,
    config: RunConfig,
    problems: Sequence[PreparedProblem],
    scored: Sequence[tuple[Trace, Score | None]],
    *,
    shards: int = 1,
    decide: bool = True,
) -> RunFolder:
    """A run folder with its manifest, and unless told otherwise with its decisions and something of a dataset."""
    scores = [score for _, score in scored if score is not None]
    folder = write_run(root, problems, [trace for trace, _ in scored], scores, shards=shards)
    folder.write_manifest(Manifest(config.model_dump(mode="json"), shards, VERSIONS, {}))
    if decide:
        for shard in range(shards):
            select_shard(config, folder, shard)
        folder.dataset().mkdir(parents=True, exist_ok=True)
        (folder.dataset() / "README.md").write_text("a card")
    return folder


def sample_problem(problem: PreparedProblem, verdicts: str, **fields: Any) -> list[tuple[Trace, Score | None]]:
    """Traces of a problem, one for each letter: c correct, i incorrect, u unverifiable, t truncated, r refused, n not
    scored, f broken form.
    """
    scored: list[tuple[Trace, Score | None]] = []
    for index, letter in enumerate(verdicts):
        if letter == "r":
            trace = make_trace(problem, index, answer="", error="content_filter", finish_reason=None, **fields)
            scored.append((trace, make_score(trace, "unverifiable", None, think_format=None)))
        elif letter == "t":
            trace = make_trace(problem, index, answer="", finish_reason="length", **fields)
            scored.append((trace, make_score(trace, "incorrect", None, think_format=0.0)))
        else:
            right = letter in "cnf"
            answer = "4" if right else "5"
            trace = make_trace(problem, index, answer=f"The answer is \\boxed{{{answer}}}.", **fields)
            verdict = {"i": "incorrect", "u": "unverifiable"}.get(letter, "correct")
            form = 0.0 if letter == "f" else 1.0
            scored.append((trace, None if letter == "n" else make_score(trace, verdict, answer, think_format=form)))
    return scored


def make_rich_run(root: Path, *, name: str = "rich") -> RunFolder:
    """A run in which every section of the report has something to say, with mathematics and with hostile text."""
    config = make_config(
        sampling={"n": 4},
        budget={"input_price": 2, "output_price": 8, "currency": "CNY"},
        selections={"everything": {"policy": "all", "require": {}}},
    )
    hit = {
        "benchmark": "olympiad",
        "benchmark_id": "17",
        "method": "masked_numbers",
        "overlap": 0.9,
        "passages": [{"problem": "two and <b>two</b>", "benchmark": "three and <b>three</b>"}],
    }
    problems = [make_problem(f"plain/{number}") for number in range(12)]
    problems += [
        make_problem("suspect"),
        make_problem("known", contamination=[hit]),
        make_problem(f"hostile {HOSTILE}"),
    ]
    problems.append(make_problem("again", duplicate_of="plain/0", cluster="plain/0"))
    outcomes = ["cccc", "ccci", "ciii", "iiiu", "tcif", "rcci"] * 2
    scored = [
        pair for problem, letters in zip(problems, outcomes, strict=False) for pair in sample_problem(problem, letters)
    ]
    scored += sample_problem(problems[12], "iiii")
    scored += sample_problem(problems[13], "cccc")
    trace = make_trace(problems[14], 0, reasoning=f"Look: {HOSTILE}", answer=f"{HOSTILE} \\boxed{{4}}")
    scored.append((trace, make_score(trace, "correct", "4")))
    scored.append(_mathematical(problems[14]))
    scored += sample_problem(problems[15], "cc")
    return write_reported(root / name, config, problems, scored)


def _mathematical(problem: PreparedProblem) -> tuple[Trace, Score]:
    reasoning = (
        "We have $\\frac{1}{2} < x$ and \\(y^2\\). 这是 中文 的 句子 在 这里。\n"
        "\\[\\begin{aligned}a&=b\\\\c&=d\\end{aligned}\\]\n"
        + (
            "Then the sum of all the numbers from one to ten is computed again and again in the same words, as before, "
            "with nothing new in it at all, and then we go on. "
        )
        * 3
        + "A rule: $\\begin{tabular}{|c|}x\\\\\\hline\\end{tabular}$."
    )
    trace = make_trace(
        problem, 1, reasoning=reasoning, answer="So it is $\\boxed{\\tfrac{9}{4}}$.", usage=Usage(10, 90)
    )
    return trace, make_score(trace, "incorrect", "\\tfrac{9}{4}", language_consistency=0.4)

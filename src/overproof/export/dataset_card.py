"""The dataset card; only this module knows what it says.

The header is what `datasets` and the Hub read, the body is for people: what the rows are, how they were made, how many
were kept and why the rest was not. It holds no date and no path, so that the same traces make the same card.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import yaml

from overproof.config import RunConfig
from overproof.config.endpoint import SamplingConfig
from overproof.config.selection import POLICIES, SelectionConfig
from overproof.export.formats import RowForm, build_schema, describe_columns, describe_schema
from overproof.export.writing import SPLITS
from overproof.export.written import PERCENTILES, ExportSummary
from overproof.hygiene.contamination import benchmark_name
from overproof.selection.passrate import band_of
from overproof.selection.reasons import KEPT, REASONS


def render_card(config: RunConfig, name: str | None, summary: ExportSummary, form: RowForm) -> str:
    """README.md of a dataset whose rows have this form."""
    selection = config.selections[name] if name else config.selection
    sections = [
        f"# {config.export.title}",
        _say_what(config, summary),
        "## Rows\n\n" + _say_rows(config, summary),
        "## How it was made\n\n" + _say_how(config, selection, summary),
        "## What was kept, and why the rest was not\n\n" + _say_reasons(summary, selection),
        "Made with " + ", ".join(f"{package} {version}" for package, version in form.versions.items()) + ".",
        "## Use\n\n" + _say_use(config.export.format),
    ]
    header = _describe_set(config, summary) | _describe_files(summary, form, "parquet/", "parquet")
    return _join(header, "\n\n".join(sections))


def render_jsonl_card(summary: ExportSummary, form: RowForm) -> str:
    """README.md of the folder of JSON lines, which tells `datasets` the types of columns that begin empty."""
    return _join(
        _describe_files(summary, form, "", "jsonl"), "The rows of the dataset above this folder, as JSON lines."
    )


def _join(header: dict[str, Any], body: str) -> str:
    front = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n{body}\n"


def _describe_set(config: RunConfig, summary: ExportSummary) -> dict[str, Any]:
    header: dict[str, Any] = {"pretty_name": config.export.title}
    if config.export.license:
        header["license"] = config.export.license
    languages = sorted(language for language in summary.languages if language != "unknown")
    if languages:
        header["language"] = languages
    header["task_categories"] = ["text-generation"]
    header["tags"] = ["reasoning", "distillation", "rejection-sampling", "overproof"]
    header["size_categories"] = [_size_category(summary.rows.total())]
    return header


def _describe_files(summary: ExportSummary, form: RowForm, folder: str, ending: str) -> dict[str, Any]:
    """Where the rows of each split lie and of which types their columns are; nothing for a set without rows."""
    splits = [split for split in SPLITS if summary.rows[split]]
    if not splits:
        return {}
    files = [{"split": split, "path": f"{folder}{split}-*.{ending}"} for split in splits]
    return {
        "dataset_info": {"features": describe_schema(build_schema(form))},
        "configs": [{"config_name": "default", "data_files": files}],
    }


def _size_category(rows: int) -> str:
    """The Hub's name for a range of sizes."""
    bounds = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M")]
    return next((name for bound, name in bounds if rows < bound), "n>10M")


def _say_what(config: RunConfig, summary: ExportSummary) -> str:
    counts = f"{summary.kept:,} reasoning traces of {_teacher(config)}, kept of {summary.sampled:,} that were sampled."
    return f"{counts} {_say_verified(summary) if summary.kept else 'Nothing was kept.'}"


def _say_verified(summary: ExportSummary) -> str:
    """Which of the rows are known to be right, and by whose word."""
    verified, graded = summary.reasons["correct"], summary.grades
    if not verified:
        return "**Unverified: no answer in this set was graded as right.**"
    others = summary.kept - verified
    who = f"{verified:,} answers were" if others else "Every answer was"
    text = f"{who} graded by rule as equal to the reference"
    if graded["approximate"]:
        text += f", {graded['approximate']:,} of them after rounding to the reference's digits"
    if graded["judge"]:
        text += f"; {graded['judge']:,} of them were left open by the rules and judged by a model"
    return f"{text}. **The other {others:,} rows are not verified.**" if others else f"{text}."


def _say_rows(config: RunConfig, summary: ExportSummary) -> str:
    lines = ["| split | rows | problems |", "| --- | ---: | ---: |"]
    lines += [f"| {split} | {count:,} | {summary.problems[split]:,} |" for split, count in _largest(summary.rows)]
    lines.append(
        "\nThe splits are by problem: all traces of a problem, and of its near-duplicates, lie on one side."
        f" Columns: {describe_columns(config.export.format)}."
    )
    if len(summary.lengths):
        figures = ", ".join(
            f"{'longest' if share == 100 else f'{share} %'} {length:,}"
            for share, length in zip(PERCENTILES, summary.lengths.tolist(), strict=True)
        )
        lines.append(f"Characters of a reply at percentiles: {figures}.")
    for what, counts in (("source", summary.sources), ("language", summary.languages)):
        if counts:
            lines.append(
                f"Rows by {what}: " + ", ".join(f"{_plain(key)} {count:,}" for key, count in _largest(counts)) + "."
            )
    return "\n".join(lines)


def _plain(name: str) -> str:
    """A name of someone's source as text of one line, whatever Markdown or HTML it holds."""
    return re.sub(r"([\\`*_\[\]{}<>|#])", r"\\\1", " ".join(name.split()))[:200]


def _say_how(config: RunConfig, selection: SelectionConfig, summary: ExportSummary) -> str:
    teacher = config.teacher
    prompt = "the messages as sent" if config.export.prompt == "sent" else "the bare question"
    settings = f"temperature {teacher.temperature:g}, top_p {teacher.top_p:g}, at most {teacher.max_tokens:,} tokens"
    facts = [
        f"Teacher: {_teacher(config)}, {settings}; {_say_samples(config.sampling)} a problem.",
        f"Prompt: template `{config.prompt.template}`; rows hold {prompt}.",
    ]
    if teacher.is_imported:
        facts = [f"Traces: {_teacher(config)}, sampled elsewhere; the source says how."]
    facts += [
        f"Selection: {_say_selection(selection)}.",
        "Never kept: traces that were cut, refused, or hold control tokens or stray think tags.",
    ]
    if config.hygiene.benchmarks:
        names = ", ".join(benchmark_name(benchmark) for benchmark in config.hygiene.benchmarks)
        facts.append(f"Problems that share passages with these benchmarks were rejected: {names}.")
    decided = [
        f"{summary.overrides[action]:,} {done}" for action, done in _DECIDED.items() if summary.overrides[action]
    ]
    if decided:
        facts.append(f"References looked at by a person: {', '.join(decided)} (`overrides.jsonl` of the run says why).")
    return "\n".join(f"- {fact}" for fact in facts)


_DECIDED = {"keep": "found right", "replace": "replaced", "drop": "dropped with their problems"}


_SO_FAR = ", so far: replies are missing, short ones come in first and are right more often, so that it leans upwards"


def _say_samples(sampling: SamplingConfig) -> str:
    if sampling.want_correct is None:
        return f"{sampling.n} samples"
    return f"{sampling.least} to {sampling.most} samples, until {sampling.want_correct} were correct,"


def _say_selection(selection: SelectionConfig) -> str:
    requirements = ", ".join(f"{name} at least {least:g}" for name, least in selection.require.items()) or "nothing"
    parts = [POLICIES.get(selection.policy) or f"chosen by `{selection.policy}`", f"required: {requirements}"]
    if selection.has_band:
        low, high = selection.min_pass_rate or 0, 1 if selection.max_pass_rate is None else selection.max_pass_rate
        parts.append(f"of problems with a pass rate from {low:g} to {high:g}")
    if selection.one_per_answer_class:
        parts.append("one of each class of equivalent answers")
    if selection.max_similarity is not None:
        parts.append(f"none that overlaps with another of its problem by {selection.max_similarity:g} or more")
    if selection.k_per_problem is not None:
        parts.append(f"at most {selection.k_per_problem} a problem, order {selection.order}")
    return "; ".join(parts)


def _say_reasons(summary: ExportSummary, selection: SelectionConfig) -> str:
    lines = ["| | reason | meaning | traces |", "| --- | --- | --- | ---: |"]
    lines += [
        f"| {'kept' if reason in KEPT else 'rejected'} | {reason} | {meaning} | {summary.reasons[reason]:,} |"
        for reason, meaning in REASONS.items()
        if summary.reasons[reason]
    ]
    rate = summary.pass_rate
    if selection.has_band and (inside := summary.expect_inside(*band_of(selection))) is not None:
        lines.append(
            f"\nOf the problems kept for their pass rate about {inside:.0%} truly lie in the band: few samples favour "
            "those that were lucky, and a new sampling moves towards the middle (regression to the mean)."
        )
    if rate.value is not None:
        lines.append(
            f"\nThe teacher's pass rate is {rate.value:.3f} (95 % interval {rate.low:.3f} to {rate.high:.3f}, "
            f"mean over {rate.problems:,} problems{_SO_FAR if rate.so_far else ''}). A cut reply counts as not passed."
        )
    return "\n".join(lines)


def _say_use(form: str) -> str:
    lines = [
        "```python",
        "from datasets import load_dataset",
        'rows = load_dataset("path/of/this/folder", split="train")',
        "```",
        "",
        "The same rows lie under `parquet/` and `jsonl/`, each of which loads by itself. With TRL's SFTTrainer set",
        "`max_length` above the longest row: its default of 1,024 tokens cuts the answer off without a word.",
    ]
    if form in {"sharegpt", "input_reasoning_content"}:
        lines.append("TRL itself does not read these columns as a chat; `overproof sft` and other trainers do.")
    return "\n".join(lines)


def _teacher(config: RunConfig) -> str:
    return f"`{config.teacher.model or config.teacher.profile}`"


def _largest(counts: Counter[str]) -> list[tuple[str, int]]:
    """Counts from the largest down, equal ones by name, so that the order is always the same."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

"""The dataset card; only this module knows what it says.

It holds no date and no path, so that the same traces make the same card.
"""

from __future__ import annotations

from collections import Counter

import yaml

from overproof.config import RunConfig
from overproof.selection.reasons import KEPT, REASONS


def render_card(config: RunConfig, name: str | None, rows: dict[str, int], reasons: Counter[str]) -> str:
    """README.md of a dataset: a header that `datasets` and the Hub read, then what the set is and how it was made."""
    files = [
        {"split": split, "path": f"parquet/{split}-*.parquet"}
        for split, count in rows.items()
        if count or split == "train"
    ]
    header = {
        "configs": [{"config_name": "default", "data_files": files}],
        "task_categories": ["text-generation"],
        "tags": ["reasoning", "math", "rejection-sampling", "overproof"],
    }
    front = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n{_render_body(config, name, rows, reasons)}"


def _render_body(config: RunConfig, name: str | None, rows: dict[str, int], reasons: Counter[str]) -> str:
    selection = config.selections[name] if name else config.selection
    sampled = reasons.total()
    kept = sum(count for reason, count in reasons.items() if reason in KEPT)
    table = "\n".join(
        f"| {reason} | {REASONS[reason]} | {reasons[reason]:,} |" for reason in REASONS if reasons[reason]
    )
    splits = ", ".join(f"{count:,} {split}" for split, count in rows.items())
    return f"""# Reasoning traces, verified and selected

{kept:,} of {sampled:,} sampled traces are kept ({splits}), chosen by the policy `{selection.policy}`.
Teacher: `{config.teacher.model or config.teacher.profile}`. Each row's reply is exactly
`<think>`, the reasoning, `</think>`, a blank line, and the answer. The splits share no problem.

| reason | meaning | traces |
| --- | --- | ---: |
{table}
"""

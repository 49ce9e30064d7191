"""A problem file and a provider → a config to begin with, every choice in it explained; only this module writes one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from overproof.errors import ConfigError, InputError, suggest
from overproof.problems.outside import missing_options
from overproof.problems.presets import PRESETS
from overproof.problems.usual import REFERENCE, find_usual
from overproof.rows import Source, read_rows
from overproof.rows.columns import list_paths, look_up
from overproof.teacher.profiles import load_profile

_LOOKED_AT = 20
_QUESTIONS = ("question", "problem", "prompt", "instruction", "input", "query", "题目", "问题")
_REFERENCES = ("reference", "answer", "expected_answer", "final_answer", "solution", "ground_truth", "target", "答案")
"""What people call the two columns, the likeliest first."""
_GROUPS = {"source": ("source", "来源"), "level": ("level", "difficulty", "难度")}
"""What they call those by which a report tells groups apart."""
_MODELS = {
    "dashscope": "qwen3-235b-a22b-thinking-2507",
    "deepseek": "deepseek-v4-pro",
    "vllm": "Qwen/Qwen3-8B",
    "sglang": "Qwen/Qwen3-8B",
    "ollama": "qwen3:8b",
}
"""A model to begin with where the provider has none of its own: reasoning models, as of the shipped configs."""
_BOUND = {"max_tokens": 16384}
_BOUND_APART = {"max_tokens": 4096, "thinking_budget": 16384}
"""The longest reply; in two parts where a provider counts the reasoning apart, else no cap on a budget would hold."""
LOCAL = "http://127.0.0.1:8000/v1"
"""Where servers of one's own answer unless told otherwise."""


class FirstLook(msgspec.Struct, frozen=True):
    """What a first look at a problem file shows."""

    columns: list[str]
    question: str | None
    """The column that seems to hold the questions."""
    reference: str | None
    rows: int
    """How many rows were looked at."""
    append: tuple[str, ...] = ()
    """The columns with the options of a multiple choice that the questions do not list."""
    groups: dict[str, str] = {}
    """The columns with source and level, where so many rows share a value that a report can tell groups apart."""


class Whom(msgspec.Struct, frozen=True):
    """Who is to be asked: a profile, and where it leaves that open the model and the address."""

    provider: str
    model: str | None = None
    base_url: str | None = None


def needs_address(provider: str) -> bool:
    """Whether a profile is of servers anywhere. Raises ConfigError for one that no profile is called."""
    return not load_profile(provider).base_url and provider != "tiny"


def needs_model(provider: str) -> bool:
    """Whether a profile has no model to begin with."""
    return load_profile(provider).model is None and provider not in _MODELS


def look_at(problems: str) -> FirstLook:
    """The columns of a problem file, and which seem to be the two that matter; of a preset none need be named.

    Raises ConfigError for a file that is not there and InputError for one that holds no rows.
    """
    if problems in PRESETS:
        return FirstLook([], None, None, 0)
    if not Path(problems).suffix and not Path(problems).exists() and (hint := suggest(problems, PRESETS)):
        raise ConfigError(f"There is no file and no preset '{problems}'.{hint}")
    first = list(itertools.islice(read_rows(Source(path=problems, table="problems")), _LOOKED_AT))
    rows = [row.values for row in first]
    if not rows:
        raise InputError(f"{problems} holds no problems")
    columns = list(dict.fromkeys(path for row in rows for path in list_paths(row)))
    usual = (_pick(_QUESTIONS, columns), *(find_usual(row, "question") for row in first))
    question = next(filter(None, (*usual, *(name for name in columns if _is_long(rows, name)))), None)
    others = [name for name in columns if name != question]
    known = (_pick(_REFERENCES, others), *(find_usual(row, REFERENCE) for row in first))
    reference = next((name for name in known if name in others), None)
    texts = [{name: str(look_up(row, name)) for name in (question, reference) if name} for row in rows]
    options = [
        missing_options(row, said.get(question or "", ""), said.get(reference or "", ""))
        for row, said in zip(rows, texts, strict=True)
    ]
    return FirstLook(
        columns, question, reference, len(rows), next(filter(None, options), ()), _find_groups(rows, columns)
    )


def write_config(problems: str, whom: Whom, *, question: str | None, reference: str | None, n: int) -> str:
    """The text of a config that reads these problems and asks this provider.

    Raises ConfigError for a provider that no profile is called, a model that has to be named, or a column that is not
    in the file.
    """
    found = look_at(problems)
    for key, name in (("question", question), ("reference", reference)):
        if name and name not in found.columns and problems not in PRESETS:
            hint = suggest(name, found.columns)
            raise ConfigError(f"{problems} has no column '{name}' for --{key}.{hint} It has {', '.join(found.columns)}")
    question, reference = question or found.question, reference or found.reference
    if problems not in PRESETS and question is None:
        raise ConfigError(f"Which column of {problems} holds the question? Give --question: {', '.join(found.columns)}")
    profile = load_profile(whom.provider, whom.model)
    values = {"problems": _source_of(problems, question, reference, found), "teacher": _teacher_of(whom)}
    flow = {key: _in_a_line(value) for key, value in values.items()}
    key_line = f"# The key comes from the environment: export {profile.key_env}=…" if profile.key_env else ""
    without = "\n# No column with the known answers was found: traces are kept without being verified."
    graded = reference is not None or problems in PRESETS
    return f"""# overproof doctor THIS_FILE; overproof run THIS_FILE --limit 10; every key: overproof config THIS_FILE
{key_line}
# Where the problems come from, and which columns hold what.{"" if graded else without}
problems: {flow["problems"]}
# Who is asked. {_explain_bound(values["teacher"])}; models that reason at length need 16,000 and more.
teacher: {flow["teacher"]}
# How many traces a problem gets. {{probe: 2, want_correct: 2, max: 16}} asks for more only where it is needed.
sampling: {{n: {n}}}
# A hard cap, prompt and reply together. With input_price and output_price, max_cost caps money.
budget: {{max_tokens: 5000000}}
# What is kept: {
        "right answers in the form that was asked for, in the question's language, as R1 was filtered."
        if graded
        else "every complete trace of good form; without references nothing can be verified."
    }
selection:
  policy: {"correct" if graded else "all"}
  require: {{think_format: 1, language_consistency: 0.8, foreign_run: 1}}
# The dataset: chat messages with the reasoning inline, as every Qwen template keeps it.
export: {{format: messages, validation: 0.05}}
""".replace("\n\n", "\n")


def _teacher_of(whom: Whom) -> dict[str, Any]:
    profile = load_profile(whom.provider, whom.model)
    model = whom.model or profile.model or _MODELS.get(whom.provider)
    if model is None:
        raise ConfigError(f"Which model of {whom.provider}? Give --model with the name that the provider knows it by.")
    teacher = {"profile": whom.provider, "model": model, **_BOUND}
    if profile.max_tokens_covers == "answer" and profile.thinking_budget_key is not None:
        teacher |= _BOUND_APART
    address = whom.base_url or (LOCAL if needs_address(whom.provider) else None)
    return teacher | ({} if address is None else {"base_url": address})


def _explain_bound(teacher: Mapping[str, Any]) -> str:
    if "thinking_budget" in teacher:
        return "thinking_budget is the longest reasoning, max_tokens the longest answer after it"
    return "max_tokens is the longest reply"


def _in_a_line(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000).strip()


def key_variable(provider: str) -> str | None:
    """The environment variable with a provider's key, where it needs one."""
    profile = load_profile(provider)
    return profile.key_env if profile.key_required else None


def guess_source(problems: str) -> dict[str, Any]:
    """The `problems` table of a file or preset that is given without one, its columns as `look_at` finds them."""
    found = look_at(problems)
    return {key: value for key, value in _source_of(problems, found.question, found.reference, found).items() if value}


def _source_of(problems: str, question: str | None, reference: str | None, found: FirstLook) -> dict[str, Any]:
    if problems in PRESETS:
        return {"preset": problems}
    source: dict[str, Any] = {"path": problems, "question": question}
    if reference is not None:
        source["reference"] = reference
    if found.append:
        source["append"] = found.append[0] if len(found.append) == 1 else list(found.append)
    if "id" in found.columns:
        source["id"] = "id"
    source |= {key: column for key, column in found.groups.items() if column not in {question, reference}}
    return source


def _find_groups(rows: Sequence[Mapping[str, Any]], columns: list[str]) -> dict[str, str]:
    picked = {key: _pick(names, columns) for key, names in _GROUPS.items()}
    return {
        key: column
        for key, column in picked.items()
        if column is not None and len({str(look_up(row, column)) for row in rows}) * 2 <= len(rows)
    }


def _pick(wanted: tuple[str, ...], columns: list[str]) -> str | None:
    """The first column that bears one of the names, whatever its case; nested ones by their last part."""
    for name in wanted:
        for column in columns:
            if column.lower() == name or Path(column.replace(".", "/")).name.lower() == name:
                return column
    return None


def _is_long(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    """Whether most cells of a column are sentences."""
    texts = [value for row in rows if isinstance(value := look_up(row, column), str)]
    return sum(" " in text.strip() or len(text) > 20 for text in texts) * 2 > len(rows)

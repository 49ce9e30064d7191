"""Formats: every one loads with `datasets`, keeps its promise to the letter, and smuggles no control token."""

from pathlib import Path
from typing import Any, get_args

import datasets
import msgspec
import orjson
import pytest
from building import make_config, make_problem, make_score, make_trace, write_run
from hypothesis import given, settings
from hypothesis import strategies as st
from students import CONTROL_TOKENS, make_student, trl_template

from overproof.completion import split_completion
from overproof.config.output import Format
from overproof.export import export
from overproof.export.formats import KeptTrace, build_row, form_of
from overproof.export.written import ExportSummary
from overproof.records import Message, Trace
from overproof.selection import decide, select_shard
from overproof.selection.scored import ScoredProblem

FORMATS = list(get_args(Format))
QUESTION = "What is two and two in problem p0?"
SENT = f"{QUESTION}\n\n请一步一步推理。"
REASONING, ANSWER = 'Two \u2028 and two… 等于四。\n\nWait: "four" \\ 4.', "The answer is \\boxed{4}."
INLINE = f"<think>\n{REASONING}\n</think>\n\n{ANSWER}"
PROMPT = [{"role": "system", "content": "Think."}, {"role": "user", "content": SENT}]
REPLY = {"role": "assistant", "content": INLINE}

ROWS: dict[str, dict[str, Any]] = {
    "messages": {"messages": [*PROMPT, REPLY]},
    "messages_reasoning_content": {
        "messages": [*PROMPT, {"role": "assistant", "content": ANSWER, "reasoning_content": REASONING}]
    },
    "prompt_completion": {"prompt": PROMPT, "completion": [REPLY]},
    "prompt_completion_text": {"prompt": f"Think.\n\n{SENT}\n\n", "completion": INLINE},
    "sharegpt": {
        "conversations": [
            {"from": "system", "value": "Think."},
            {"from": "human", "value": SENT},
            {"from": "gpt", "value": INLINE},
        ]
    },
    "input_reasoning_content": {"input": f"Think.\n\n{SENT}", "reasoning_content": REASONING, "content": ANSWER},
}


def made_traces() -> list[Trace]:
    """A trace of each of ten problems: of five the reasoning is inline, of the others in a field of its own."""
    messages = [Message("system", "Think."), Message("user", SENT)]
    made = [make_trace(make_problem(f"p{n}"), reasoning=REASONING, answer=ANSWER, messages=messages) for n in range(10)]
    return made[:5] + [
        msgspec.structs.replace(trace, content=f"\n\n{ANSWER}", reasoning=f"{REASONING}\n", channel="reasoning_content")
        for trace in made[5:]
    ]


def export_made(root: Path, **tables: Any) -> ExportSummary:
    config = make_config(export={"validation": 0} | tables)
    traces = made_traces()
    problems = [make_problem(f"p{n}") for n in range(10)]
    folder = write_run(root, problems, traces, [make_score(trace) for trace in traces])
    select_shard(config, folder, 0)
    return export(config, folder, [0])


def test_every_format_is_tested() -> None:
    contrasting = {"preference", "kto", "prompts"}  # tested in test_contrast
    assert list(ROWS) == [name for name in FORMATS if name not in contrasting]


@pytest.mark.parametrize("name", ROWS)
def test_a_format_is_written_to_the_letter_wherever_the_reasoning_came_from(tmp_path: Path, name: str) -> None:
    summary = export_made(tmp_path, format=name)
    lines = (summary.folder / "jsonl" / "train-00000.jsonl").read_bytes().splitlines()
    rows = [orjson.loads(line) for line in lines]
    assert len(rows) == 10
    keys = set(ROWS[name]) if name == "input_reasoning_content" else {"id", *ROWS[name]}
    for row in rows:
        assert row.keys() == keys
        assert {key: row[key] for key in ROWS[name]} == ROWS[name]
    assert "等于四".encode() in lines[0]


@pytest.mark.parametrize("provenance", [False, True])
@pytest.mark.parametrize("name", ROWS)
def test_every_format_loads_with_datasets_from_both_of_its_forms(
    tmp_path: Path, name: str, *, provenance: bool
) -> None:
    summary = export_made(tmp_path, format=name, provenance=provenance)
    cache = str(tmp_path / "cache")
    loaded = datasets.load_dataset(str(summary.folder), split="train", cache_dir=cache)
    lines = datasets.load_dataset(str(summary.folder / "jsonl"), split="train", cache_dir=cache)
    assert len(loaded) == len(lines) == 10
    assert loaded.column_names == lines.column_names
    assert loaded.features == lines.features
    assert list(loaded) == list(lines)
    columns = form_of(make_config(), {}).provenance
    assert (set(columns) <= set(loaded.column_names)) is provenance


def test_the_question_can_stand_in_place_of_the_messages_sent(tmp_path: Path) -> None:
    summary = export_made(tmp_path, prompt="question")
    row = orjson.loads((summary.folder / "jsonl" / "train-00000.jsonl").read_bytes().splitlines()[0])
    assert row["messages"] == [{"role": "user", "content": QUESTION}, REPLY]


def test_provenance_says_where_a_row_comes_from_and_what_is_known_about_it(tmp_path: Path) -> None:
    summary = export_made(tmp_path, provenance=True)
    row = orjson.loads((summary.folder / "jsonl" / "train-00000.jsonl").read_bytes().splitlines()[0])
    assert {key: row[key] for key in ("problem_id", "source", "language", "reference", "verdict", "extracted")} == {
        "problem_id": "p0",
        "source": "made",
        "language": "en",
        "reference": "4",
        "verdict": "correct",
        "extracted": "4",
    }
    assert (row["reward_accuracy"], row["reward_think_format"]) == (1.0, 1.0)
    assert "reward_repetition" not in row  # not measured
    assert row["pass_rate"] is None  # one sample is too few
    assert orjson.loads(row["parameters"]) == {"temperature": 0.6, "seed": 0}
    assert (row["teacher"], row["completion_tokens"], row["reasoning_tokens"]) == ("teacher-of-tests", 30, None)
    assert "overproof" in orjson.loads(row["versions"])


def test_a_column_that_is_empty_for_megabytes_and_then_is_not_still_loads(tmp_path: Path) -> None:
    problems = [make_problem(f"p{n:02}", reference=None if n < 15 else "4") for n in range(20)]
    traces = [make_trace(problem, reasoning="so " * 400_000) for problem in problems]
    scores = [make_score(trace, None if n < 15 else "correct") for n, trace in enumerate(traces)]
    config = make_config(selection={"policy": "all"}, export={"validation": 0, "provenance": True})
    folder = write_run(tmp_path / "run", problems, traces, scores)
    select_shard(config, folder, 0)
    summary = export(config, folder, [0])
    for folder_of_rows in (summary.folder, summary.folder / "jsonl"):
        rows = datasets.load_dataset(str(folder_of_rows), split="train", cache_dir=str(tmp_path / "cache"))
        assert rows["verdict"][14:16] == [None, "correct"]


HOSTILE = st.lists(
    st.sampled_from(
        [
            *CONTROL_TOKENS,
            "<|im_",
            "start|>",
            "end|>",
            "<think>",
            "</think>",
            "<",
            "|",
            ">",
            "im_end",
            "\n",
            "\x00",
            "4",
        ]
    ),
    max_size=8,
).map("".join)


@settings(max_examples=150)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_row_that_is_kept_smuggles_a_control_token_into_the_tokens(
    tmp_path_factory: pytest.TempPathFactory, question: str, reasoning: str, answer: str
) -> None:
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.getbasetemp() / "student"
    if not folder.exists():
        make_student(folder, trl_template("qwen3"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    problem = make_problem()
    trace = make_trace(problem, reasoning=reasoning, answer=answer, messages=[Message("user", f"Solve {question} now")])
    score = make_score(trace)
    config = make_config(selection={"policy": "all", "require": {}})
    (decision,) = decide(ScoredProblem(problem, [trace], [score]), config.selection, config.sampling)
    if not decision.kept:
        return
    row = build_row(KeptTrace(problem, trace, score, None), form_of(config, {}))
    orjson.dumps(row)
    text = tokenizer.apply_chat_template(row["messages"], tokenize=False)
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    frame = [tokens.count(tokenizer.convert_tokens_to_ids(token)) for token in CONTROL_TOKENS]
    assert frame == [0, 2, 2], "one turn of the user and one of the assistant, and nothing more"
    (_, reply) = text.rsplit("<|im_start|>assistant\n", 1)
    parts = split_completion(reply.removesuffix("<|im_end|>\n"))
    assert (parts.reasoning, parts.answer) == (reasoning.strip(), answer.strip())


def test_general_data_is_exported_as_unverified_and_its_card_says_so(tmp_path: Path) -> None:
    problems = [make_problem(f"g{n}", reference=None) for n in range(4)]
    traces = [make_trace(problem, answer="春眠不觉晓") for problem in problems]
    scores = [make_score(trace, None, language_consistency=None) for trace in traces]
    config = make_config(selection={"policy": "all"}, export={"validation": 0, "format": "input_reasoning_content"})
    folder = write_run(tmp_path, problems, traces, scores)
    assert select_shard(config, folder, 0).reasons == {None: {"unverified": 4}}
    summary = export(config, folder, [0])
    assert summary.rows.total() == 4
    assert "**Unverified: no answer in this set was graded as right.**" in (summary.folder / "README.md").read_text()

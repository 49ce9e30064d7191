"""Importing: the trace sets of others become ordinary journal lines that the later stages take unchanged."""

import re
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from overproof import pipeline
from overproof.completion import split_completion
from overproof.config import load_config
from overproof.errors import ConfigError, InputError, RunFolderError
from overproof.importing import TraceSet, import_traces
from overproof.importing.layouts import ALIASES, LAYOUTS, recognise
from overproof.records import Trace, Usage
from overproof.runfolder import RunFolder

CASES = [
    orjson.loads(line) for line in (Path(__file__).parents[1] / "cases/trace_sets.jsonl").read_bytes().splitlines()
]


def write_rows(path: Path, *rows: Any) -> str:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return str(path)


def traces_of(folder: RunFolder, shards: int = 1) -> list[Trace]:
    return [trace for shard in range(shards) for trace in folder.read_traces(shard)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["schema"])
def test_a_row_of_every_schema_becomes_traces_of_its_problem(tmp_path: Path, case: dict[str, Any]) -> None:
    folder = RunFolder(tmp_path / "run")
    source = TraceSet(case["schema"], path=write_rows(tmp_path / "theirs.jsonl", case["row"]))
    summary = import_traces(source, folder)
    traces = traces_of(folder)
    assert (summary.problems, summary.traces, summary.skipped) == (1, len(case["replies"]), {})
    for trace, reply in zip(traces, case["replies"], strict=True):
        problem = msgspec.to_builtins(trace.problem)
        assert problem.pop("id") == case["problem"].get("id", trace.problem.id)
        assert problem == {key: value for key, value in case["problem"].items() if key != "id"}
        assert [[message.role, message.content] for message in trace.messages] == case["prompt"]
        assert trace.content == reply["content"]
        assert trace.reasoning == reply.get("reasoning")
        assert trace.finish_reason == reply["finish_reason"]
        assert trace.usage == Usage(**reply["usage"])
        assert trace.teacher == "imported:theirs"
    assert [trace.index for trace in traces] == list(range(len(traces)))


def test_every_schema_has_a_case() -> None:
    assert {case["schema"] for case in CASES} == LAYOUTS.keys() | ALIASES.keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["schema"])
def test_every_layout_is_recognised_by_itself(tmp_path: Path, case: dict[str, Any]) -> None:
    assert recognise(case["row"]).name == ALIASES.get(case["schema"], case["schema"])
    asked, by_itself = RunFolder(tmp_path / "asked"), RunFolder(tmp_path / "by_itself")
    path = write_rows(tmp_path / "theirs.jsonl", case["row"])
    import_traces(TraceSet(case["schema"], path=path), asked)
    import_traces(TraceSet(path=path), by_itself)
    assert traces_of(asked) == traces_of(by_itself)


def test_replies_to_one_question_in_several_rows_are_traces_of_one_problem(tmp_path: Path) -> None:
    rows = [{"input": f"q{n % 3}", "reasoning_content": f"r{n}", "content": "c"} for n in range(9)]
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    summary = import_traces(TraceSet("input_reasoning_content", path=path), folder)
    assert (summary.problems, summary.traces) == (3, 9)
    traces = traces_of(folder)
    assert len({trace.id for trace in traces}) == 9
    assert sorted((trace.problem.question, trace.index) for trace in traces) == [
        (f"q{problem}", index) for problem in range(3) for index in range(3)
    ]


def test_the_run_goes_on_from_its_own_config_through_every_later_stage(tmp_path: Path) -> None:
    thought = "<think>\nTwo and two are four, as everybody knows, so the answer must be four.\n</think>\n\n"
    rows = [
        {
            "problem": "What is 2 + 2?",
            "answer": "4",
            "uuid": "u-1",
            "generations": [f"{thought}\\boxed{{4}}", "<think>\nTwo"],
        },
        {
            "problem": "What is 4 / 8?",
            "answer": "1/2",
            "uuid": "u-2",
            "generations": [f"{thought}\\boxed{{0.5}}", f"{thought}\\boxed{{3}}"],
        },
    ]
    folder = RunFolder(tmp_path / "run")
    import_traces(TraceSet("openr1_math", path=write_rows(tmp_path / "theirs.jsonl", *rows)), folder)
    run = pipeline.Run(load_config(str(folder.config)), folder)
    for stage in (pipeline.prepare, pipeline.score, pipeline.select, pipeline.export_dataset):
        stage(run)
    reasons = {decision.trace_id[:5]: decision.reason for decision in folder.read_decisions(0)}
    assert reasons == {"u-1/0": "correct", "u-1/1": "truncated", "u-2/0": "correct", "u-2/1": "incorrect"}
    assert "2 reasoning traces of `imported:theirs`" in (folder.dataset() / "README.md").read_text()


def test_rows_that_hold_no_trace_are_skipped_and_counted_by_what_is_wrong(tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>a</think>b"}]}
    turns = {"messages": [*good["messages"], *good["messages"]]}
    rows = [good, turns, turns, {"messages": [{"role": "assistant"}]}, {"messages": "no"}, {"other": 1}]
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    summary = import_traces(TraceSet("messages", path=path), RunFolder(tmp_path / "run"))
    assert summary.traces == 1
    counts = {reason.partition(".")[0]: count for reason, count in summary.skipped.items()}
    assert counts["not one question and one reply, but user, assistant, user, assistant"] == 2
    assert counts["not one question and one reply, but assistant"] == 1
    assert sum(summary.skipped.values()) == 5


def test_a_set_of_another_schema_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", {"question": "q"})
    with pytest.raises(InputError, match=r"no row of theirs holds a trace: no question.*--question COLUMN"):
        import_traces(TraceSet("messages", path=path), folder)
    assert not folder.imported.exists()
    assert not folder.config.exists()


def test_a_wrong_schema_a_missing_source_and_a_used_folder_are_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", CASES[0]["row"])
    with pytest.raises(ConfigError, match=r"there is no schema 'r1'.*give one of: 110k"):
        import_traces(TraceSet("r1", path=path), folder)
    with pytest.raises(ConfigError, match="one of a file and a dataset"):
        import_traces(TraceSet("messages"), folder)
    import_traces(TraceSet("r1_distill_110k", path=path), folder)
    with pytest.raises(RunFolderError, match="holds a run already"):
        import_traces(TraceSet("r1_distill_110k", path=path), folder)


def test_the_limit_takes_the_first_rows(tmp_path: Path) -> None:
    rows = [{"input": f"q{n}", "reasoning_content": "r", "content": "c"} for n in range(9)]
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    summary = import_traces(TraceSet("input_reasoning_content", path=path, limit=4), RunFolder(tmp_path / "run"))
    assert summary.traces == 4


def test_columns_of_ones_own_come_before_any_layout_and_may_be_paths(tmp_path: Path) -> None:
    row = {
        "question": "not this one",
        "data": {"q": "Find x.", "gold": [4]},
        "think": "Two.",
        "replies": [{"text": "It is 4."}],
        "answer": "not this one",
    }
    columns = {"question": "data.q", "reasoning": "think", "answer": "replies[0].text", "reference": "data.gold"}
    path = write_rows(tmp_path / "theirs.jsonl", row)
    folder = RunFolder(tmp_path / "run")
    summary = import_traces(TraceSet(path=path, columns=columns), folder)
    (trace,) = traces_of(folder)
    assert (trace.problem.question, trace.problem.reference) == ("Find x.", "4")
    assert (trace.reasoning, trace.content) == ("Two.", "It is 4.")
    assert summary.taken["replies"] == {"replies[0].text": 1}


def test_reasoning_that_is_not_read_is_told_and_never_dropped_in_silence(tmp_path: Path) -> None:
    row = {"question": "q", "response": "4", "my_thinking_text": "Let me see. " * 20, "note": "short"}
    path = write_rows(tmp_path / "theirs.jsonl", row)
    summary = import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))
    assert summary.unread == ["my_thinking_text"]
    assert summary.without_reasoning == 1
    assert any("--reasoning or --answer 'my_thinking_text'" in line for line in summary.lines())
    columns = {"reasoning": "my_thinking_text"}
    mapped = import_traces(TraceSet(path=path, columns=columns), RunFolder(tmp_path / "mapped"))
    assert (mapped.unread, mapped.without_reasoning) == ([], 0)


def test_a_set_without_references_says_at_once_what_can_be_kept(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "theirs.jsonl", {"query": "q", "response": "<think>a</think>b"})
    summary = import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))
    assert summary.without_reference == 1
    assert any("selection.policy=correct_or_majority" in line for line in summary.lines())


def test_rows_with_one_question_are_one_problem_whatever_ids_they_bear(tmp_path: Path) -> None:
    rows = [{"id": n, "question": "q", "response": f"<think>a</think>{n}", "answer": "4"} for n in range(3)]
    rows.append({"id": 0, "question": "another", "response": "<think>a</think>4", "answer": "4"})
    folder = RunFolder(tmp_path / "run")
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), folder)
    assert (summary.problems, summary.traces) == (2, 4)
    assert {trace.problem.id for trace in traces_of(folder) if trace.problem.question == "q"} == {"0"}


def test_the_run_can_be_moved_and_goes_on_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "theirs.jsonl", {"query": "What is 2 + 2?", "response": "<think>a</think>4", "answer": "4"})
    monkeypatch.chdir(tmp_path)
    import_traces(TraceSet(path="theirs.jsonl"), RunFolder("run"))
    (tmp_path / "run").rename(tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = load_config("../moved")
    assert config.problems.path == str(tmp_path / "moved" / "imported.jsonl")
    pipeline.prepare(pipeline.Run(config, RunFolder("../moved")))


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    rows = [{"query": f"q{n}", "response": "<think>a</think>b"} for n in range(1000)]
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"), lambda done, total: told.append((done, total)))
    assert told == [(512, 1000), (1000, 1000)]


ASKED = "What is 2+2?"
SAID = "<think>\nTwo and two make four.\n</think>\n\n\\boxed{4}"
THOUGHT, ANSWER = "Two and two make four.", "\\boxed{4}"
API = {
    "choices": [{"message": {"role": "assistant", "content": ANSWER, "reasoning": THOUGHT}, "finish_reason": "stop"}]
}


@pytest.mark.parametrize(
    ("row", "reference", "reasoning"),
    [
        ({"问题": ASKED, "思考过程": THOUGHT, "回答": ANSWER, "答案": "4"}, "4", THOUGHT),
        ({"Problem": ASKED, "Solution": SAID, "Answer": "4"}, "4", THOUGHT),
        ({"question": ASKED, "answer": SAID}, None, THOUGHT),
        ({"prompt": ASKED, "reasoning": THOUGHT, "solution": ANSWER, "answer": "4"}, "4", THOUGHT),
        ({"request": {"messages": [{"role": "user", "content": ASKED}]}, "response": API}, None, THOUGHT),
        ({"messages": [{"role": "user", "content": ASKED}], **API}, None, THOUGHT),
        ({"prompt": ASKED, "chosen": SAID, "rejected": None}, None, THOUGHT),
        ({"conversations": [{"from": "human", "value": ASKED}], "chosen": {"from": "gpt", "value": SAID},
          "rejected": None},
         None, THOUGHT),
        ({"input": f"<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant\n", "output": SAID, "gts": "4"},
         "4", THOUGHT),
        ({"messages": [{"role": "User", "content": ASKED}, {"role": "Assistant", "content": SAID}]}, None, THOUGHT),
        ({"prompt": ASKED, "llm_response": SAID, "verification_info": '{"ground_truth": "4"}'}, "4", THOUGHT),
        ({"question": ASKED, "response": f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant"
          f"<|channel|>final<|message|>{ANSWER}<|return|>"}, None, THOUGHT),
        ({"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": ANSWER,
          "reasoning_details": [{"type": "reasoning.text", "text": THOUGHT}]}]}, None, THOUGHT),
        ({"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": [
          {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]},
          {"type": "output_text", "text": ANSWER}]}]}, None, THOUGHT),
        ({"contents": [{"role": "user", "parts": [{"text": ASKED}]},
          {"role": "model", "parts": [{"text": THOUGHT, "thought": True}, {"text": ANSWER}]}]}, None, THOUGHT),
        ({"question": ASKED, "reasoning": THOUGHT, "deepseek_solution": ANSWER, "answer": "4"}, "4", THOUGHT),
        ({"question": ASKED, "r1_reasoning": THOUGHT, "r1_answer": ANSWER, "expected_answer": "4"}, "4", THOUGHT),
        ({"conversations": [{"from": "human", "value": ASKED, "info": {"ground_truth": "4"}},
          {"from": "assistant", "value": SAID}]}, "4", THOUGHT),
        ({"prompt": ASKED, "llm_response": SAID, "metadata": '{"expected_answer": "4"}'}, "4", THOUGHT),
        ({"problem": ASKED, "generation": ANSWER, "_full_generation": SAID, "expected_answer": "4"}, "4", THOUGHT),
        ({"text": f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant"
          f"\n<|im_start|>think\n{THOUGHT}\n<|im_start|>answer\n{ANSWER}<|im_end|>\n"}, None, THOUGHT),
        ({"text": f"<｜begin▁of▁sentence｜><｜User｜>{ASKED}<｜Assistant｜>{SAID}<｜end▁of▁sentence｜>"},
         None, THOUGHT),
        ({"text": f"<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n{ASKED} [/INST] {SAID} </s>"}, None, THOUGHT),
        ({"text": f"<bos><start_of_turn>user\n{ASKED}<end_of_turn>\n<start_of_turn>model\n{SAID}<end_of_turn>"},
         None, THOUGHT),
        ({"text": f"Below is a task.\n\n### Instruction:\n{ASKED}\n\n### Response:\n{SAID}"}, None, THOUGHT),
        ({"prompt": f"<|start_header_id|>user<|end_header_id|>\n\n{ASKED}<|eot_id|><|start_header_id|>assistant"
          "<|end_header_id|>\n\n", "completion": SAID}, None, THOUGHT),
        ({"input": f"system\nBe brief.\nuser\n{ASKED}\nassistant\n<think>\n", "output": SAID, "gts": "4"},
         "4", THOUGHT),
    ],
)  # fmt: skip
def test_what_people_call_things_is_known(
    tmp_path: Path, row: dict[str, Any], reference: str | None, reasoning: str
) -> None:
    folder = RunFolder(tmp_path / "run")
    import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", row)), folder)
    (trace,) = traces_of(folder)
    parts = split_completion(trace.content, trace.reasoning)
    assert (trace.problem.question, trace.problem.reference) == (ASKED, reference)
    assert (str(parts.reasoning).strip(), parts.answer.strip()) == (reasoning, ANSWER)


def test_a_solution_that_is_the_reply_itself_is_no_reference_and_an_empty_reply_is_none(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": f"So it is {ANSWER}."}]
    silent = [{"role": "user", "content": "What is 3+3?"}, {"role": "assistant", "content": ""}]
    rows = [{"messages": chat, "solution": f"So it is {ANSWER}."}, {"messages": silent, "solution": "6"}]
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), RunFolder(tmp_path / "run"))
    assert (summary.traces, summary.without_reference) == (1, 1)
    assert any("'solution' is the reply itself, and no reference" in note for note in summary.notes)
    assert summary.skipped == {"the reply in 'messages' is empty": 1}


def test_a_row_that_is_a_list_of_messages_is_a_conversation(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    row = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": SAID}]
    import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", row, row)), folder)
    assert [trace.content for trace in traces_of(folder)] == [SAID, SAID]


def test_latex_that_lost_its_backslashes_in_a_reply_is_restored_or_the_row_is_told(tmp_path: Path) -> None:
    (tmp_path / "theirs.jsonl").write_text(
        r'{"question": "2+2?", "response": "so \boxed{4} and \frac{8}{2}"}'
        "\n"
        r'{"question": "2+3?", "response": "so \b{5}"}'
        "\n"
    )
    folder = RunFolder(tmp_path / "run")
    summary = import_traces(TraceSet(path=str(tmp_path / "theirs.jsonl")), folder)
    assert [trace.content for trace in traces_of(folder)] == [r"so \boxed{4} and \frac{8}{2}"]
    assert any("(\\boxed \\frac); mended" in note for note in summary.notes)
    assert "a reply holds a backspace" in next(iter(summary.skipped))


def test_what_is_in_the_way_is_said_with_what_to_give(tmp_path: Path) -> None:
    chat = [{"role": role, "content": "x"} for role in ("user", "assistant", "user", "assistant")]
    path = write_rows(tmp_path / "theirs.jsonl", {"messages": chat})
    with pytest.raises(InputError, match=r"give --question messages\[0\]\.content --answer messages\[1\]\.content"):
        import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))
    columns = {"question": "messages[0].content", "answer": "messages[1].content"}
    assert import_traces(TraceSet(path=path, columns=columns), RunFolder(tmp_path / "given")).traces == 1
    with pytest.raises(InputError, match="of the layout messages: leave out --schema"):
        import_traces(TraceSet("openr1", path=path), RunFolder(tmp_path / "run"))


def test_of_two_references_of_one_question_the_first_counts_and_the_other_is_told(tmp_path: Path) -> None:
    rows = [{"question": ASKED, "response": SAID, "answer": answer} for answer in ("4", "5", "4")]
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), RunFolder(tmp_path / "run"))
    assert any(
        "1 rows: have the question of an earlier row, whose reference is another" in one for one in summary.notes
    )


def rendered(asked: str, said: str = "") -> dict[str, str]:
    """A prompt as each template writes it, with the reply that it may go on with."""
    return {
        "chatml": f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n{said}",
        "llama 3": f"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{asked}<|eot_id|>"
        f"<|start_header_id|>assistant<|end_header_id|>\n\n{said}",
        "gemma": f"<bos><start_of_turn>user\n{asked}<end_of_turn>\n<start_of_turn>model\n{said}",
        "deepseek": f"<｜begin▁of▁sentence｜><｜User｜>{asked}<｜Assistant｜>{said}",
        "llama 2": f"<s>[INST] {asked} [/INST] {said}",
        "glm": f"[gMASK]<sop><|user|>\n{asked}<|assistant|>\n{said}",
        "alpaca": f"Solve the task.\n\n### Instruction:\n{asked}\n\n### Response:\n{said}",
    }


TEMPLATES = sorted(rendered(""))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_column_of_prompts_as_a_template_writes_them_is_read_as_what_they_ask(tmp_path: Path, template: str) -> None:
    rows = [{"prompt": rendered(f"What is {n} + 2?")[template], "response": SAID} for n in range(3)]
    folder = RunFolder(tmp_path / "run")
    import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), folder)
    assert [trace.problem.question for trace in traces_of(folder)] == [f"What is {n} + 2?" for n in range(3)]


@pytest.mark.parametrize("template", TEMPLATES)
def test_questions_that_quote_a_templates_marks_stay_as_they_are_asked(tmp_path: Path, template: str) -> None:
    whole = rendered("What is 1 + 2?")[template]
    questions = [whole, f"Which model is fed this: {whole}", whole.partition("What")[0], "What is 2 + 2?"]
    questions += [f"{whole}4\n\nWhat is wrong with this prompt?", f"{rendered('a')[template]}b{whole}"]
    folder = RunFolder(tmp_path / "run")
    rows = [{"question": question, "response": SAID} for question in dict.fromkeys(questions)]
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), folder)
    assert [trace.problem.question for trace in traces_of(folder)] == [row["question"].strip() for row in rows]
    assert (summary.problems, summary.skipped) == (len(rows), {})


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_reply_that_quotes_a_templates_marks_is_one_reply(tmp_path: Path, template: str) -> None:
    opening = rendered(ASKED)[template].partition(ASKED)[0].strip()
    said = f"The text begins so:\n{opening}\nand so on: \\boxed{{4}}."
    rows = [{"text": rendered(ASKED, said)[template]}, {"text": rendered(ASKED, f"{said} ")[template]}]
    folder = RunFolder(tmp_path / "run")
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), folder)
    assert [trace.content for trace in traces_of(folder)] == [said, said]
    assert summary.skipped == {}


LONG = "It is easy to see that two and two make four."


@pytest.mark.parametrize(
    ("columns", "reply", "reference"),
    [
        ({"gpt4_solution": LONG, "r1_solution": SAID, "answer": "4"}, "r1_solution", "4"),
        ({"response": LONG, "deepseek_response": SAID, "answer": "4"}, "deepseek_response", "4"),
        ({"instruction": ASKED, "output": LONG, "r1_output": SAID}, "r1_output", None),
        ({"solution": LONG, "answer": "4", "qwq_solution": SAID}, "qwq_solution", "4"),
        ({"solution": LONG, "answer": "4", "response": SAID}, "response", "4"),
        ({"gt_solution": LONG + ANSWER, "r1_solution": LONG}, "r1_solution", "4"),
        ({"annotated_solution": LONG + ANSWER, "model_output": LONG}, "model_output", "4"),
        ({"humanAnswer": "4", "modelAnswer": LONG}, "modelAnswer", "4"),
        ({"model_answer": "4", "model_output": LONG, "gold": "4"}, "model_output", "4"),
        ({"model_answer": "4", "output": LONG, "gold": "4"}, "output", "4"),
        ({"choices": ["3", "4"], "model_output": LONG, "answer": "B"}, "model_output", "B"),
        ({"response": LONG, "final_answer": "5", "ground_truth": "4"}, "response", "4"),
        ({"official_solution": SAID, "content": LONG}, "content", "4"),
        ({"my_trace": SAID, "prediction": "4", "target": "4"}, "my_trace", "4"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", [1, -1], ids=["as given", "backwards"])
def test_what_columns_hold_and_are_called_says_which_is_the_reply_and_their_order_does_not(
    tmp_path: Path, columns: dict[str, Any], reply: str, reference: str | None, way: int
) -> None:
    row = dict(list({"question": ASKED, **columns}.items())[::way])
    folder = RunFolder(tmp_path / "run")
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", row)), folder)
    (trace,) = traces_of(folder)
    assert summary.taken["replies"] == {reply: 1}
    assert (trace.content, trace.problem.reference) == (columns[reply], reference)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"gpt4_solution": LONG, "claude_solution": THOUGHT},
         "'gpt4_solution' and 'claude_solution' may both be the reply. Give --answer gpt4_solution or --answer "),
        ({"r1_solution": SAID, "qwq_solution": f"<think>\n{LONG}\n</think>\n\n{ANSWER}"},
         "may both be the reply"),
        ({"response": LONG, "output": THOUGHT}, "'response' and 'output' may both be the reply"),
        ({"response": ANSWER, "reasoning": LONG, "thinking": THOUGHT},
         "'reasoning' and 'thinking' may both be the reasoning. Give --reasoning reasoning or --reasoning thinking"),
        ({"response": ANSWER, "human_answer": "4", "expert_answer": "5"},
         "may both be the reference. Give --reference"),
        ({"gold_solution": SAID}, "no reply"),
    ],
)  # fmt: skip
def test_of_two_columns_that_may_both_be_meant_neither_is_taken(
    tmp_path: Path, columns: dict[str, str], message: str
) -> None:
    path = write_rows(tmp_path / "theirs.jsonl", {"question": ASKED, **columns})
    with pytest.raises(InputError, match=message):
        import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))


def test_a_row_without_the_reply_that_the_set_reasons_in_is_told_and_no_other_takes_its_place(tmp_path: Path) -> None:
    rows = [{"question": f"What is {n} + 2?", "gpt_solution": LONG, "r1_solution": SAID} for n in range(3)]
    rows[2]["r1_solution"] = ""
    folder = RunFolder(tmp_path / "run")
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), folder)
    assert (summary.traces, summary.skipped) == (2, {"the reply in 'r1_solution' is empty": 1})


def test_what_every_row_is_told_alike_is_not_the_question(tmp_path: Path) -> None:
    rows = [{"instruction": "Think.", "query": f"What is {n} + 2?", "response": SAID} for n in range(3)]
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), RunFolder(tmp_path / "run"))
    assert summary.problems == 3
    assert any("'instruction' says the same in every row" in note for note in summary.notes)
    tasks = [{"instruction": "Add.", "input": f"{n} + 2", "response": SAID} for n in range(3)]
    folder = RunFolder(tmp_path / "tasks")
    import_traces(TraceSet(path=write_rows(tmp_path / "tasks.jsonl", *tasks)), folder)
    assert [trace.problem.question for trace in traces_of(folder)] == [f"Add.\n{n} + 2" for n in range(3)]


@pytest.mark.parametrize(
    ("labels", "beside", "taken"),
    [
        ([1, 0], {"answer": ["3", "4"]}, "answer"),
        ([True, False], {"answer": ["True", "False"]}, None),
        ([1, 0], {"is_correct": [True, False]}, None),
        ([1, 0], {"reward": [1.0, 0.0]}, None),
    ],
)
def test_a_label_beside_other_columns_is_weighed_against_them(
    tmp_path: Path, labels: list[Any], beside: dict[str, list[Any]], taken: str | None
) -> None:
    rows = [
        {"prompt": "What is 2?", "completion": SAID, "label": label, **{key: of[n] for key, of in beside.items()}}
        for n, label in enumerate(labels)
    ]
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", *rows)), RunFolder(tmp_path / "run"))
    assert list(summary.taken.get("reference", ())) == ([taken] if taken else [])
    is_told = any("'label' says whether the reply is right" in note for note in summary.notes)
    assert is_told == (taken is None)


def test_of_a_label_that_may_say_either_the_user_is_asked(tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {n} + 2?", "completion": LONG, "label": n} for n in range(2)]
    path = write_rows(tmp_path / "theirs.jsonl", *rows)
    with pytest.raises(
        InputError, match=r"'label' may be the reference, or .* Give --reference label, or --reference ''"
    ):
        import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))
    for number, column in enumerate(("label", "")):
        given = TraceSet(path=path, columns={"reference": column})
        assert import_traces(given, RunFolder(tmp_path / f"{number}")).without_reference == (0 if column else 2)


RECORD = {"reasoning": THOUGHT, "answer": ANSWER}


@pytest.mark.parametrize(
    ("reply", "read", "left"),
    [
        (RECORD, [(THOUGHT, ANSWER)], []),
        (orjson.dumps(RECORD).decode(), [(THOUGHT, ANSWER)], []),
        (str(RECORD), [(THOUGHT, ANSWER)], []),
        ({"思考过程": THOUGHT, "回答": ANSWER}, [(THOUGHT, ANSWER)], []),
        ({"cot": THOUGHT, "content": ANSWER}, [(THOUGHT, ANSWER)], []),
        ({**RECORD, "critique": "I doubt it."}, [(THOUGHT, ANSWER)], ["critique"]),
        ({"role": "assistant", "content": ANSWER, "draft": LONG}, [(None, ANSWER)], ["draft"]),
        ([{"prompt": ASKED, "completion": ANSWER}, {"prompt": ASKED, "completion": LONG}],
         [(None, ANSWER), (None, LONG)], []),
        ({"text": [ANSWER, LONG]}, [(None, ANSWER), (None, LONG)], []),
        ({"output": ANSWER, "score": 1}, [(None, ANSWER)], []),
        ('{"answer": 4}', [(None, '{"answer": 4}')], []),
        ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]},
          {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]}],
         [(THOUGHT, ANSWER)], []),
        ([{"role": "assistant", "content": [{"type": "thinking", "thinking": THOUGHT, "signature": "x"},
                                            {"type": "text", "text": ANSWER}]}], [(THOUGHT, ANSWER)], []),
    ],
)  # fmt: skip
def test_a_record_in_the_column_of_replies_is_read_as_a_row_and_what_is_left_of_it_is_named(
    tmp_path: Path, reply: Any, read: list[tuple[str | None, str]], left: list[str]
) -> None:
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", {"question": ASKED, "response": reply, "reference": "4"})
    summary = import_traces(TraceSet(path=path), folder)
    assert [(trace.reasoning, trace.content) for trace in traces_of(folder)] == read
    told = [note for note in summary.notes if "within 'response' was not read" in note]
    assert [note.split("'")[1] for note in told] == left


@pytest.mark.parametrize(
    ("reply", "way_out"),
    [
        ({"comment": LONG}, "it holds comment. Give --answer response.KEY if one of them is the reply"),
        ({"draft": {"content": SAID}}, "it holds draft. Give --answer response.draft.content"),
        ({"meta": {"a": "b"}, "result": {"output": SAID}}, "Give --answer response.result.output"),
        ([{"draft": ANSWER}], "Give --answer response[0].draft"),
        ([{"draft": LONG}, {"draft": LONG}], "Call what each reply of 'response' says content"),
    ],
)
def test_a_record_without_a_reply_is_refused_with_what_it_holds_and_a_path_only_to_what_replies(
    tmp_path: Path, reply: Any, way_out: str
) -> None:
    path = write_rows(tmp_path / "theirs.jsonl", {"question": ASKED, "response": reply})
    with pytest.raises(InputError, match=re.escape(way_out)):
        import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))


@pytest.mark.parametrize(
    "columns",
    [
        {"response_1": SAID, "response_2": LONG},
        {"r1_output0": SAID, "r1_output1": LONG},
        {"回答1": SAID, "回答2": LONG},
        {"solution_1": SAID, "solution_2": LONG},
        {"responses": {"0": SAID, "1": LONG}},
    ],
)
def test_replies_that_are_told_apart_by_a_number_are_all_read(tmp_path: Path, columns: dict[str, Any]) -> None:
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", {"question": ASKED, **columns, "answer": 4})
    import_traces(TraceSet(path=path), folder)
    assert [trace.content for trace in traces_of(folder)] == [SAID, LONG]


def test_an_empty_instruction_leaves_the_input_to_ask(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", {"instruction": "", "input": ASKED, "output": SAID})
    import_traces(TraceSet(path=path), folder)
    assert [trace.problem.question for trace in traces_of(folder)] == [ASKED]


def test_a_column_with_an_answer_that_is_not_read_is_told(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "theirs.jsonl", {"question": ASKED, "draft": SAID, "final": "\\boxed{5}", "answer": 4})
    assert import_traces(TraceSet(path=path), RunFolder(tmp_path / "run")).unread == ["final"]


@pytest.mark.parametrize("columns", [{"options": ["3", "4"]}, {"A": "3", "B": "4"}, {"choices": "['3' '4']"}])
def test_options_outside_the_question_are_part_of_the_problem(tmp_path: Path, columns: dict[str, Any]) -> None:
    folder = RunFolder(tmp_path / "run")
    row = {"question": ASKED, **columns, "response": SAID, "answer": "B"}
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", row)), folder)
    assert list(summary.taken["append"]) == [", ".join(columns)]
    (trace,) = traces_of(folder)
    assert trace.problem.question == trace.messages[0].content == f"{ASKED}\nA. 3\nB. 4"


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({"a": 1, "b": -3, "c": 4, "answer": 4}, ""),
        ({"options": ["3", "4"], "answer": "4"}, "'options' may hold options of the question; no answer names"),
        ({"options": ["3", "5"], "answer": 1}, "'answer' counts the options in 'options', which the question lacks"),
        ({"option1": "3", "option2": "4", "answer": "B"}, "the options in 'option1', 'option2', which the"),
        ({"input": "Mind the sign.", "answer": 4}, "'input' may belong to the question and is not read"),
        ({"image": "a.png", "answer": 4}, "the picture in 'image' is not sent"),
    ],
)  # fmt: skip
def test_what_stands_beside_a_question_is_told_and_coefficients_are_not_options(
    tmp_path: Path, columns: dict[str, Any], note: str
) -> None:
    path = write_rows(tmp_path / "theirs.jsonl", {"question": ASKED, **columns, "response": SAID})
    summary = import_traces(TraceSet(path=path), RunFolder(tmp_path / "run"))
    assert [note in told for told in summary.notes] == [True] * bool(note)
    assert ("append" in summary.taken) == ("option1" in columns)


def test_reasoning_without_a_column_that_replies_is_refused_and_a_chinese_answer_replies(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    path = write_rows(tmp_path / "theirs.jsonl", {"题目": ASKED, "思考过程": THOUGHT, "答案": ANSWER})
    import_traces(TraceSet(path=path), folder)
    assert [(trace.reasoning, trace.content) for trace in traces_of(folder)] == [(THOUGHT, ANSWER)]
    path = write_rows(tmp_path / "bare.jsonl", {"question": ASKED, "reasoning": THOUGHT})
    with pytest.raises(InputError, match="no reply"):
        import_traces(TraceSet(path=path), RunFolder(tmp_path / "none"))


def test_no_layout_hides_a_reference_that_stands_beside_its_columns(tmp_path: Path) -> None:
    row = {"input": ASKED, "reasoning_content": THOUGHT, "content": ANSWER, "reference": "4"}
    summary = import_traces(TraceSet(path=write_rows(tmp_path / "theirs.jsonl", row)), RunFolder(tmp_path / "run"))
    assert (summary.layout, summary.taken["reference"]) == ("110k", {"reference": 1})
    assert all(layout.reference for layout in LAYOUTS.values())

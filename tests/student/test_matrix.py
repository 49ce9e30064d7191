"""Which way of training a student keeps which export format: found by trying, and never passed by substrings."""

from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from students import make_student, trl_template

from overproof.config.output import Format
from overproof.errors import ConfigError
from overproof.student import check_student, describe_check, describe_matrix
from overproof.student.conversation import read_conversation
from overproof.student.matrix import FORMATS, Way, find_ways, try_formats
from overproof.student.structure import compare, tokenise
from overproof.student.template import Rendered, find_end_of_turn, load_tokenizer, render, set_defaults

pytest.importorskip("transformers", reason="comes with overproof[train]")

R1_TOKENS = ["<｜begin▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"]
INLINE = "<think>\nTwo and two make four.\n</think>\n\nThe answer is \\boxed{4}."


def make(folder: Path, name: str, **keys: Any) -> str:
    if name == "deepseek_r1_distill":
        keys |= {"eos_token": R1_TOKENS[-1], "more_tokens": R1_TOKENS}
    return make_student(folder / "student", trl_template(name), **keys)


def chat(content: str, **fields: Any) -> dict[str, Any]:
    question = {"role": "user", "content": "What is two and two?"}
    return {"messages": [question, {"role": "assistant", "content": content}], **fields}


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "rows.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return folder / "rows.jsonl"


def test_the_matrix_knows_every_format_for_supervised_training() -> None:
    assert {*FORMATS} == {*get_args(Format)} - {"preference", "kto", "prompts"}


@pytest.mark.parametrize(
    ("template", "inline", "field", "no_thinking"),
    [
        ("qwen2_5", "kept", "lost", "kept"),
        ("qwen3", "kept", "kept", "kept"),
        ("qwen3_instruct_2507", "kept", "lost", "kept"),
        ("qwen3_5_think", "kept", "kept", "kept"),
        ("qwen3_5_nothink", "refused", "refused", "kept"),
        ("qwen3_6", "kept", "kept", "kept"),
        ("qwen3_8", "lost", "kept", "kept"),
        ("deepseek_r1_distill", "refused", "refused", "refused"),
    ],
)
def test_what_a_student_keeps_as_it_comes(
    tmp_path: Path, template: str, inline: str, field: str, no_thinking: str
) -> None:
    tokenizer = load_tokenizer(make(tmp_path, template))
    cells = try_formats(tokenizer, Way("", str(tokenizer.chat_template)))
    found = [cells[name].verdict for name in ("messages", "messages_reasoning_content", "no_thinking")]
    assert found == [inline, field, no_thinking]


@pytest.mark.parametrize(
    ("template", "way_out"),
    [
        ("qwen3_5_nothink", "train.template: {enable_thinking: true}"),
        ("qwen3_8", "export.format: messages_reasoning_content"),
        ("deepseek_r1_distill", "train.chat_template: deepseek_r1_distill"),
    ],
)
def test_a_refusal_names_the_way_that_was_tried_and_keeps_the_rows(tmp_path: Path, template: str, way_out: str) -> None:
    student = make(tmp_path, template)
    dataset = write(tmp_path, chat(INLINE))
    found = check_student(dataset, student)
    assert not found.passed
    assert way_out in " ".join(describe_check(found))
    table, _, value = way_out.partition(": ")
    if table == "train.template":
        assert check_student(dataset, student, template={"enable_thinking": True}).passed
    elif table == "train.chat_template":
        assert check_student(dataset, student, chat_template=value).passed


def test_a_second_block_around_whole_words_is_not_passed(tmp_path: Path) -> None:
    """All of the reply's words are there, and the student would still learn to open two blocks."""
    found = check_student(write(tmp_path, chat(INLINE)), make(tmp_path, "qwen3_8"))
    assert {finding.kind for finding in found.findings if finding.severity == "error"} == {"block_repeated"}


def test_a_mode_is_saved_as_the_default_of_the_template(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(make(tmp_path, "qwen3_5_nothink"), variables={"enable_thinking": True})
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True
    )
    assert str(asked).endswith("<think>\n")
    other = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    assert str(other).endswith("</think>\n\n")


def test_a_variable_that_the_template_does_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"template\.enable_thinkin: .* it reads enable_thinking"):
        set_defaults(trl_template("qwen3"), {"enable_thinkin": True})
    with pytest.raises(ConfigError, match=r"there is no template 'qwen33'.*chatml, plain, .*qwen3"):
        load_tokenizer(make(tmp_path, "qwen3"), "qwen33")


@pytest.mark.parametrize("in_loss", [False, True])
def test_the_empty_block_is_in_the_loss_or_out_of_it_by_choice(tmp_path: Path, *, in_loss: bool) -> None:
    tokenizer = load_tokenizer(make(tmp_path, "qwen3"))
    row = chat("The answer is 4.", chat_template_kwargs={"enable_thinking": False})
    rendered = render(tokenizer, read_conversation(row, "row"), empty_block_in_loss=in_loss)
    block = "<think>\n\n</think>\n\n"
    assert rendered.trained == (block if in_loss else "") + "The answer is 4.<|im_end|>\n"
    assert rendered.prompt.endswith("assistant\n" + ("" if in_loss else block))
    assert rendered.asked.endswith(block)


def test_both_modes_are_decoded_and_must_be_told_apart(tmp_path: Path) -> None:
    rows = [chat(INLINE), chat("The answer is 4.", chat_template_kwargs={"enable_thinking": False})]
    student = make(tmp_path, "qwen3")
    later = chat(INLINE.replace("Two", "Three"))
    found = check_student(write(tmp_path, *rows), student)
    assert found.passed
    assert check_student(write(tmp_path, *rows, later), student).shown == found.shown, "the first row of each mode"
    write(tmp_path, *rows)
    assert found.modes == {"thinking": 1, "non-thinking": 1}
    assert "⟦<think>\nTwo and two" in found.shown["thinking"]
    assert "</think>\n\n⟦The answer is 4.<|im_end|>" in found.shown["non-thinking"]
    alike = check_student(tmp_path / "rows.jsonl", student, chat_template="chatml")
    assert [finding.kind for finding in alike.findings if finding.severity == "error"] == ["modes_look_alike"]


def test_plain_text_is_warned_of_unless_the_student_will_be_asked_so(tmp_path: Path) -> None:
    row = {"prompt": "What is two and two?\n\n", "completion": INLINE}
    student = make(tmp_path, "qwen3")
    assert "plain_text" in {one.kind for one in check_student(write(tmp_path, row), student).findings}
    asked_so = check_student(tmp_path / "rows.jsonl", student, chat_template="plain")
    assert "plain_text" not in {one.kind for one in asked_so.findings}
    assert asked_so.passed


def test_a_tokenizer_that_gives_back_another_text_is_not_trained_with(tmp_path: Path) -> None:
    from tokenizers import normalizers

    tokenizer = load_tokenizer(make(tmp_path, "qwen3"))
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("\n", " ")
    rendered = render(tokenizer, read_conversation(chat(INLINE), "row"))
    assert tokenise(tokenizer, [rendered])[0].faults == ["text_not_kept"]


def test_a_prompt_whose_tokens_generation_never_sees_is_a_fault(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(make(tmp_path, "qwen3"))
    whole = render(tokenizer, read_conversation(chat(INLINE), "row"))
    torn = Rendered(whole.prompt[:-1], whole.prompt[-1] + whole.trained, whole.asked + "<thi", whole.opening)
    assert tokenise(tokenizer, [whole])[0].faults == []
    assert tokenise(tokenizer, [torn])[0].faults == ["prompt_tokens_differ"]
    assert compare(read_conversation(chat(INLINE), "row"), whole, find_end_of_turn(tokenizer)) == []


def test_the_matrix_is_a_table_of_ways_that_differ(tmp_path: Path) -> None:
    lines = describe_matrix(make(tmp_path, "qwen3_5_nothink"))
    ways = find_ways(load_tokenizer(str(tmp_path / "student")))
    assert [line.count("|") for line in lines[2:]] == [len(FORMATS) + 3] * (len(ways) + 2)
    assert [way.setting for way in ways][:2] == ["", "template: {enable_thinking: true}"]

"""A trained student loads anywhere: the class that was trained, adapters that are all there, ends, precision, files."""

import json
from pathlib import Path
from typing import Any

import pytest
from students import make_seeing_student, trl_template
from training import make_config, train, write_dataset

from overproof.errors import OverproofError
from overproof.runfolder import RunFolder
from overproof.train import sft
from overproof.train.resuming import Training

torch = pytest.importorskip("torch", reason="torch comes with overproof[train]")
pytest.importorskip("trl", reason="trl comes with overproof[train]")

LORA = {"r": 4, "alpha": 64.0}


@pytest.fixture
def seeing(tmp_path: Path) -> str:
    """A student that also sees, as the published Qwen3.5 checkpoints are."""
    write_dataset(tmp_path)
    return make_seeing_student(tmp_path / "student", trl_template("qwen3_5_think"))


def logits_of(folder: Path) -> Any:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    import transformers

    model = getattr(transformers, config.architectures[0]).from_pretrained(folder, dtype="float32")
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 40)[None]).logits


@pytest.mark.slow
def test_adapters_of_a_student_that_sees_are_merged_into_the_class_that_was_trained(
    tmp_path: Path, seeing: str
) -> None:
    from safetensors.torch import load_file

    summary = train(make_config(tmp_path, seeing, lora=LORA, sft={"learning_rate": 0.05}), tmp_path)
    output = tmp_path / "out"
    adapters = load_file(output / "adapter" / "adapter_model.safetensors")
    assert adapters
    assert not [name for name in adapters if "visual" in name]
    config = json.loads((output / "config.json").read_text())
    assert config["architectures"] == ["Qwen3_5ForConditionalGeneration"]
    assert (
        config["text_config"]["eos_token_id"]
        == json.loads((output / "generation_config.json").read_text())["eos_token_id"][0]
    )
    assert not torch.allclose(logits_of(output), logits_of(Path(seeing)), atol=1e-3)
    assert (output / "preprocessor_config.json").read_text() == '{"size": 1}'
    assert summary.steps == 6


@pytest.mark.slow
def test_a_failure_after_the_last_step_keeps_what_was_trained_and_the_same_command_goes_on(
    tmp_path: Path, seeing: str
) -> None:
    """The student's files are gone for a while, as on a network disk, just when the adapters are to be merged."""
    config = make_config(tmp_path, seeing, lora=LORA)
    weights, away = Path(seeing) / "model.safetensors", tmp_path / "away"
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if line.startswith("step 6 of 6"):
            weights.rename(away)

    with pytest.raises(OverproofError, match=r"All steps are done.*The same command goes on from here"):
        sft(config, RunFolder(tmp_path), tell)
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").is_file()
    away.rename(weights)
    others = tmp_path / "others"
    others.write_text("not ours")
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (tmp_path / "out" / name).unlink(missing_ok=True)
        (tmp_path / "out" / name).symlink_to(others)
    lines.clear()
    assert sft(config, RunFolder(tmp_path), lines.append).steps == 6
    assert any("going on with saving" in line for line in lines)
    assert not any(line.startswith("step ") for line in lines)
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert others.read_text() == "not ours", "written through a link"


@pytest.mark.parametrize("harm", ["missing", "unused"])
@pytest.mark.slow
def test_adapters_that_do_not_fit_the_student_are_not_merged(tmp_path: Path, seeing: str, harm: str) -> None:
    from safetensors.torch import load_file, save_file

    config = make_config(tmp_path, seeing, lora=LORA)
    train(config, tmp_path)
    file = tmp_path / "out" / "adapter" / "adapter_model.safetensors"
    weights = dict(load_file(file))
    name = next(iter(weights))
    moved = weights.pop(name)
    if harm == "unused":
        weights |= {name: moved, name.replace("layers", "floors"): moved.clone()}
    save_file(weights, file)
    begin_again(tmp_path / "out")
    with pytest.raises(OverproofError, match="are not those of this student"):
        train(config, tmp_path)


@pytest.mark.slow
def test_a_merged_student_that_answers_otherwise_than_the_trained_one_is_not_written(
    tmp_path: Path, seeing: str
) -> None:
    from safetensors.torch import load_file, save_file

    config = make_config(tmp_path, seeing, lora=LORA, sft={"learning_rate": 0.05})
    train(config, tmp_path)
    file = tmp_path / "out" / "adapter" / "adapter_model.safetensors"
    probe = {"ids": torch.arange(3, 40)[None], "logits": logits_of(tmp_path / "out")[0, -4:].contiguous()}
    save_file(probe, file.with_name("probe.safetensors"))
    save_file({name: torch.zeros_like(one) for name, one in load_file(file).items()}, file)
    begin_again(tmp_path / "out")
    with pytest.raises(OverproofError, match="is not the trained one"):
        train(config, tmp_path)


def begin_again(output: Path) -> None:
    """Have a finished training look as if saving had failed."""
    tree = json.loads((output / "training.json").read_text())
    (output / "training.json").write_text(json.dumps(tree | {"summary": None}))


@pytest.mark.parametrize("lora", [None, LORA])
@pytest.mark.slow
def test_a_bf16_student_comes_back_bf16_and_free_to_reason(tmp_path: Path, lora: dict[str, Any] | None) -> None:
    from safetensors.torch import load_file

    write_dataset(tmp_path)
    student = make_seeing_student(tmp_path / "student", trl_template("qwen3_5_think"), dtype="bfloat16")
    cutting = {"max_new_tokens": 2048, "repetition_penalty": 1.1, "do_sample": False, "eos_token_id": 0}
    (Path(student) / "generation_config.json").write_text(json.dumps(cutting))
    train(make_config(tmp_path, student, lora=lora), tmp_path)
    weights = load_file(tmp_path / "out" / "model.safetensors")
    assert {one.dtype for one in weights.values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert not {"max_new_tokens", "repetition_penalty"} & generation.keys()
    assert generation["do_sample"]
    assert generation["eos_token_id"] == [2, 0]


@pytest.mark.slow
def test_a_training_of_an_earlier_version_is_finished_or_refused_with_the_way_out(tmp_path: Path, seeing: str) -> None:
    config = make_config(tmp_path, seeing)
    done = train(config, tmp_path)
    file = tmp_path / "out" / "training.json"
    tree = json.loads(file.read_text())
    earlier = {key: value for key, value in tree.items() if key in {"settings", "versions", "summary"}}
    for key in ("template", "empty_block_in_loss"):
        del earlier["settings"][key]
    file.write_text(json.dumps(earlier | {"data": "of another kind"}))
    assert train(config, tmp_path) == done
    file.write_text(json.dumps(earlier | {"data": "of another kind", "summary": None}))
    with pytest.raises(OverproofError, match="Finish it with that version, or name another folder"):
        train(config, tmp_path)
    assert Training.__struct_fields__

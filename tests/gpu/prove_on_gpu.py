"""All that only a GPU can show, in one command of at most nine minutes; a CPU can rehearse it with smaller sizes.

    PYTHONPATH=src:tests python tests/gpu/prove_on_gpu.py OUT [--rehearse] [--only STEP …]

Every step runs in a process of its own with its own limit, so that one that hangs or crashes costs itself alone, and
`OUT/results.json` is written anew after each. Students have random weights and are made here; nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from students import make_checkpoint, trl_template
from training import make_reply, write_dataset

from overproof.config import ProofRun, SftRun, load_table, parse_table
from overproof.config.grpo import GrpoConfig
from overproof.runfolder import RunFolder

ALL_SECONDS = 540.0
GIB = 2**30
SHAPES: dict[str, dict[str, Any]] = {
    "0.6b": {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16},
    "1.5b": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12},
    "4b": {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36, "num_attention_heads": 32},
    "small": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4},
}
"""Of Qwen3-0.6B, Qwen2.5-1.5B and Qwen3-4B, from their config.json; `small` is for the rehearsal."""
KEY_VALUE_HEADS = {"0.6b": 8, "1.5b": 2, "4b": 8, "small": 2}
VOCABULARY = 151_936
FITS = (("0.6b", 16_384, False), ("4b", 8_192, True), ("4b", 16_384, True), ("1.5b", 32_768, False))


def make_real_size(folder: Path, shape: str) -> str:
    """A student of a real size with a small tokenizer: its embeddings are as many as a real one's."""
    import torch
    import transformers

    name = make_checkpoint(folder, trl_template("qwen3"))
    config = transformers.Qwen3Config(
        vocab_size=VOCABULARY if shape != "small" else 512,
        num_key_value_heads=KEY_VALUE_HEADS[shape],
        head_dim=128 if shape != "small" else 16,
        max_position_embeddings=65_536,
        tie_word_embeddings=True,
        **SHAPES[shape],
    )
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model: Any = transformers.Qwen3ForCausalLM(config)
        model.to(torch.bfloat16)
    model.save_pretrained(folder)
    return name


def write_long_rows(folder: Path, tokens: int, rows: int) -> None:
    """Rows of nearly so many tokens each; the small tokenizer writes about one a letter."""
    made = []
    for number in range(rows):
        thought = "so two and two make four, " * ((tokens - 200) // 26)
        reply = f"<think>\n{thought}\n</think>\n\nThe answer is \\boxed{{{number}}}."
        question = {"role": "user", "content": f"What is {number} + 0?"}
        made.append({"messages": [question, {"role": "assistant", "content": reply}]})
    (folder / "rows.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in made))


def sft_table(folder: Path, student: str, output: str = "out", **keys: Any) -> Any:
    """A `train` table over `folder/rows.jsonl`."""
    table = {"dataset": str(folder / "rows.jsonl"), "student": student, "output": str(folder / output), **keys}
    steps = {"per_device_train_batch_size": 1, "logging_steps": 1, "save_strategy": "no"}
    table["sft"] = steps | keys.get("sft", {})
    return parse_table({"train": table}, "gpu", SftRun).train


def fit(shape: str, tokens: int, *, lora: bool) -> Callable[[Path, bool], dict[str, Any]]:
    """A step that trains a real size on long rows: peak predicted and seen, and tokens a second."""

    def step(folder: Path, rehearse: bool) -> dict[str, Any]:  # noqa: FBT001 - a step's signature
        from overproof.train import sft
        from overproof.train.arguments import build_arguments, look_at_machine, read_peak
        from overproof.train.fit import predict
        from overproof.train.telling import be_silent

        length = 512 if rehearse else tokens
        student = make_real_size(folder / "student", "small" if rehearse else shape)
        write_long_rows(folder, length, 3)
        keys: dict[str, Any] = {"max_steps": 3, "max_length": length}
        if lora:
            keys["model_init_kwargs"] = {"dtype": "bfloat16"}
        config = sft_table(folder, student, lora={"r": 32} if lora else None, sft=keys)
        machine = look_at_machine()._replace(has_accelerator=True)
        memory = predict(config, build_arguments(config, folder / "out", machine), length)
        lines: list[str] = []
        summary = sft(config, RunFolder(folder), lines.append if rehearse else be_silent)
        seen = read_peak()
        return {
            "predicted_gib": round(memory.peak / GIB, 2),
            "seen_gib": round(seen / GIB, 2) if seen else None,
            "tokens_per_second": round(summary.tokens / summary.seconds),
            "loss": summary.loss,
        }

    return step


def isolation(folder: Path, rehearse: bool) -> dict[str, Any]:  # noqa: FBT001
    """Packed rows cannot see each other: training refuses or goes through, and says under which attention kernel."""
    del rehearse
    from overproof.errors import ConfigError
    from overproof.train import sft
    from overproof.train.telling import be_silent

    write_dataset(folder, 64)
    student = make_checkpoint(folder / "student", trl_template("qwen3"))
    found: dict[str, Any] = {}
    for kernel in ("sdpa", "eager", "flash_attention_2"):
        keys = {
            "packing": True,
            "max_steps": 2,
            "max_length": 512,
            "model_init_kwargs": {"attn_implementation": kernel},
        }
        try:
            summary = sft(sft_table(folder, student, kernel, sft=keys), RunFolder(folder), be_silent)
            found[kernel] = f"isolated, {summary.steps} steps"
        except ConfigError as error:
            found[kernel] = str(error)[:160]
    return found


def resume(folder: Path, rehearse: bool) -> dict[str, Any]:  # noqa: FBT001
    """Killed with -9 between two checkpoints and begun again, a training ends with the weights of one that was not."""
    del rehearse
    from safetensors.torch import load_file

    write_dataset(folder, 64)
    student = make_checkpoint(folder / "student", trl_template("qwen3"))
    keys = {"max_steps": 12, "save_strategy": "steps", "save_steps": 4, "learning_rate": 1e-3}
    for output in ("whole", "killed"):
        config = sft_table(folder, student, output, sft=keys)
        (folder / f"{output}.yaml").write_text(json.dumps({"train": config.model_dump(mode="json")}))
    command = [sys.executable, "-m", "overproof.train"]
    subprocess.run([*command, str(folder / "whole.yaml")], check=True, stdout=subprocess.DEVNULL)
    child = subprocess.Popen([*command, str(folder / "killed.yaml")], stdout=subprocess.DEVNULL)
    while child.poll() is None and not (folder / "killed" / "checkpoint-4" / "trainer_state.json").exists():
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    subprocess.run([*command, str(folder / "killed.yaml")], check=True, stdout=subprocess.DEVNULL)
    weights = [load_file(folder / output / "model.safetensors") for output in ("whole", "killed")]
    furthest = max(float((weights[0][name] - one).abs().max()) for name, one in weights[1].items())
    return {"largest_difference": furthest, "killed_with": child.returncode}


def merge(folder: Path, rehearse: bool) -> dict[str, Any]:  # noqa: FBT001
    """Adapters merge into the trained class; saving compares their logits and refuses where they differ."""
    from overproof.train import sft
    from overproof.train.telling import be_silent

    write_dataset(folder, 64)
    student = make_real_size(folder / "student", "small" if rehearse else "0.6b")
    keys = {"max_steps": 8, "learning_rate": 1e-3, "per_device_train_batch_size": 8}
    summary = sft(sft_table(folder, student, lora={"r": 16}, sft=keys), RunFolder(folder), be_silent)
    files = sorted(path.name for path in (folder / "out").iterdir())
    return {"loss": summary.loss, "files": files}


def overfit(folder: Path, rehearse: bool) -> dict[str, Any]:  # noqa: FBT001
    """Eight rows learnt by heart are said again by the saved student, with its end of turn."""
    del rehearse
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from overproof.train import sft
    from overproof.train.telling import be_silent

    write_dataset(folder, 8)
    student = make_real_size(folder / "student", "small")
    keys = {"max_steps": 300, "learning_rate": 3e-3, "per_device_train_batch_size": 8}
    summary = sft(sft_table(folder, student, sft=keys), RunFolder(folder), be_silent)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder / "out")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model: Any = AutoModelForCausalLM.from_pretrained(folder / "out", dtype="float32")
    model.to(device)
    said = 0
    for number in range(8):
        asked = [{"role": "user", "content": f"What is {number} + {number}?"}]
        text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        ids = torch.tensor([tokenizer(text)["input_ids"]], device=device)
        made = model.generate(input_ids=ids, max_new_tokens=120, do_sample=False)[0, ids.shape[1] :]
        said += tokenizer.decode(made, skip_special_tokens=False).strip() == make_reply(number) + "<|im_end|>"
    return {"loss": summary.loss, "said_again": said, "of": 8}


def grpo(folder: Path, rehearse: bool) -> dict[str, Any]:  # noqa: FBT001
    """GRPO on the shipped student: 20 steps, each reward at the beginning and at the end."""
    from overproof.grpo import train_grpo

    steps = 2 if rehearse else 20
    overrides = [f"output={folder / 'out'}", f"grpo.max_steps={steps}", "grpo.logging_steps=1", "problems.limit=200"]
    if rehearse:
        overrides += ["grpo.per_device_train_batch_size=4", "grpo.num_generations=4", "grpo.max_completion_length=32"]
    summary = train_grpo(load_table("grpo_tiny", GrpoConfig, overrides), lambda _: None)
    return {"steps": summary.steps, "rewards": summary.rewards}


def verified(folder: Path, rehearse: bool) -> dict[str, Any]:  # noqa: FBT001
    """A student of 30 million weights on procedural traces: verified against unverified, in points with an interval."""
    from overproof.prove import prove

    sizes = (40, 40, 20, 1) if rehearse else (5_000, 10_000, 300, 3)
    problems, rows, asked, epochs = sizes
    overrides = [
        f"problems.limit={problems}",
        f"prove.rows={rows}",
        f"evaluation.problems.limit={asked}",
        f"train.sft.num_train_epochs={epochs}",
        f"train.student={_thirty_million(folder / 'student', rehearse=rehearse)}",
        "prove.seeds=[0]",
        "prove.greedy=false",
        f"prove.jobs={os.cpu_count() or 2 if not rehearse else 1}",
    ]
    config = load_table("prove", ProofRun, overrides)
    kept = {name: config.selections[name] for name in ("unverified", "verified")}
    (proof,) = prove(config.model_copy(update={"selections": kept}), RunFolder(folder / "proof"))
    return {"lines": proof.lines()[:8]}


def _thirty_million(folder: Path, *, rehearse: bool) -> Path:
    """A student of the tiny models' kind that is wider and deeper, which the tiny server can still run."""
    import torch
    from tokenizers import Tokenizer
    from transformers import Qwen3ForCausalLM

    from overproof.resources import bundled
    from overproof.tiny.making import _new_model, _wrap, save

    tokenizer = Tokenizer.from_file(str(bundled("tiny-teacher") / "tokenizer.json"))
    torch.manual_seed(0)
    config: Any = _new_model(tokenizer).config
    if not rehearse:
        config.hidden_size, config.intermediate_size, config.num_hidden_layers = 512, 2048, 8
        config.layer_types = [config.layer_types[0]] * 8
    save(Qwen3ForCausalLM(config), _wrap(tokenizer), folder)
    return folder


STEPS: dict[str, tuple[float, Callable[[Path, bool], dict[str, Any]]]] = {
    **{
        f"fit_{shape}_{tokens}{'_lora' if lora else ''}": (60.0, fit(shape, tokens, lora=lora))
        for shape, tokens, lora in FITS
    },
    "isolation": (30.0, isolation),
    "resume": (60.0, resume),
    "merge": (40.0, merge),
    "overfit": (40.0, overfit),
    "grpo": (60.0, grpo),
    "verified": (150.0, verified),
}
"""Step → its limit in seconds on a GPU, and what it does; a rehearsal has five times as long."""


def run_step(name: str, out: Path, seconds: float, *, rehearse: bool) -> dict[str, Any]:
    """A step in a process group of its own, ended at its limit."""
    began = time.monotonic()
    command = [sys.executable, __file__, str(out), "--step", name, *(["--rehearse"] if rehearse else [])]
    with (out / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        try:
            said, _ = child.communicate(timeout=seconds)
            last = said.decode(errors="replace").rstrip().rpartition("\n")[2]
            found = (
                json.loads(last) if child.returncode == 0 else {"failed": f"exit code {child.returncode}", "log": last}
            )
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            found = {"failed": f"not done in {seconds:.0f} s"}
    return found | {"seconds": round(time.monotonic() - began, 1)}


def main() -> None:
    """Run the steps one after the other while there is time, and write down each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rehearse", action="store_true", help="small sizes, for a machine without a GPU")
    parser.add_argument("--only", nargs="+", choices=[*STEPS], help="these steps alone")
    parser.add_argument("--step", choices=[*STEPS], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        folder = arguments.out.resolve() / arguments.step
        folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(STEPS[arguments.step][1](folder, arguments.rehearse)))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    stretch = 5.0 if arguments.rehearse else 1.0
    end = time.monotonic() + ALL_SECONDS * stretch
    results: dict[str, Any] = {"machine": describe_machine(), "rehearsed": arguments.rehearse}
    for name in arguments.only or STEPS:
        left = end - time.monotonic()
        seconds = min(STEPS[name][0] * stretch, left)
        if seconds < 5:
            results[name] = {"failed": "no time left"}
        else:
            results[name] = run_step(name, arguments.out.resolve(), seconds, rehearse=arguments.rehearse)
        (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        print(name, json.dumps(results[name]), flush=True)
    sys.exit(any("failed" in one for one in results.values() if isinstance(one, dict)))


def describe_machine() -> dict[str, Any]:
    """The GPU and the versions that decide what is seen."""
    import importlib.metadata

    import torch

    versions = {name: importlib.metadata.version(name) for name in ("torch", "trl", "transformers", "peft")}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {"gpu": gpu, "cores": os.cpu_count(), **versions}


if __name__ == "__main__":
    main()

"""GRPO with the rule rewards on a local checkpoint: prompts and rewards of this package, training by TRL.

This is R1-Zero's recipe (DeepSeek-R1, arXiv 2501.12948, section 2.2): no reasoning is shown, only rewarded. Only this
module and `train` know TRL; it is imported where it is used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from overproof.completion import opens_reasoning
from overproof.config.grpo import GrpoConfig
from overproof.config.passed_on import check_foreign_keys
from overproof.errors import ConfigError, InputError, MissingExtraError
from overproof.journal import remove_links
from overproof.language import held_by, name_all, name_among
from overproof.problems import read_problems
from overproof.prompts import build_messages, contract_of
from overproof.records import Message, Problem
from overproof.rewards.rl import Sampler, reward_functions, reward_weights
from overproof.student.adapters import build_adapter
from overproof.student.architecture import read_architecture
from overproof.student.checkpoint import find_student
from overproof.student.template import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

_OURS = {"output_dir": "set output instead", "reward_weights": "set rewards.<name>.weight instead"}
"""Keys of TRL that our own tables set."""


class GrpoSummary(msgspec.Struct, frozen=True):
    """What a training came to."""

    steps: int
    rewards: dict[str, tuple[float, float]]
    """Reward → its mean over the first and over the last tenth of the logged steps."""
    output: str


def train_grpo(config: GrpoConfig, tell: Callable[[str], None] = print) -> GrpoSummary:
    """Train the student and save it under `config.output`; `tell` hears of each step that TRL logs, a line at a time.

    Raises ConfigError for a key that TRL does not know or refuses, for a student that cannot be read and for an output
    folder in use, InputError when there are no problems, and MissingExtraError without the train extra: all before
    the first step.
    """
    if find_spec("trl") is None:
        raise MissingExtraError("overproof grpo", "train")
    from trl.trainer.grpo_trainer import GRPOTrainer

    resume = bool(config.grpo.get("resume_from_checkpoint"))
    _check_output(Path(config.output), resume=resume)
    arguments = _build_arguments(config)
    student = find_student(config.student)
    tokenizer = _load_tokenizer(config, student)
    contract = config.prompt.contract or contract_of(config.prompt.template)
    _check_tags(tokenizer, config.student)
    rows = list(build_rows(read_problems(config.problems), config, is_chat=tokenizer.chat_template is not None))
    if not rows:
        raise InputError("problems: there are none to train on")
    trainer = GRPOTrainer(
        model=student,
        reward_funcs=[*reward_functions(config.rewards, contract=contract, sampler=_sampler(tokenizer, arguments))],
        args=arguments,
        train_dataset=_to_dataset(rows),
        processing_class=tokenizer,
        peft_config=build_adapter(config.lora, student),
    )
    for line in _describe(config, arguments, len(rows)):
        tell(line)
    _listen(trainer, tell)
    remove_links(Path(config.output), but="trainer_state.json")
    trainer.train(resume_from_checkpoint=resume)
    _save(trainer, config)
    return _summarise(trainer.state.log_history, trainer.state.global_step, config.output)


def _load_tokenizer(config: GrpoConfig, student: str) -> PreTrainedTokenizerBase:
    """The student's tokenizer as it will be saved with the trained student."""
    read_architecture(student)
    tokenizer = load_tokenizer(student, config.chat_template, config.template, needs_template=False)
    if config.eos_token is not None:
        if config.eos_token not in tokenizer.get_vocab():
            raise ConfigError(f"eos_token: '{config.eos_token}' is no token of {config.student}")
        tokenizer.eos_token = config.eos_token
    return tokenizer


def _describe(config: GrpoConfig, arguments: GRPOConfig, problems: int) -> list[str]:
    """What is going to be done, on one screen."""
    kind = f"adapters of rank {config.lora.r}" if config.lora else "every weight"
    replies = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
    where = f"vLLM, {arguments.vllm_mode}" if arguments.use_vllm else "transformers"
    sampled = (
        f"{replies:,} replies of up to {arguments.max_completion_length:,} tokens to "
        f"{replies // arguments.num_generations:,} problems"
    )
    weights = ", ".join(f"{name} {weight:g}" for name, weight in reward_weights_by_name(config))
    return [
        f"student      {config.student}, {kind}, template {config.chat_template or 'its own'}",
        f"problems     {problems:,}, prompt {config.prompt.template}",
        f"step         {sampled}, by {where}",
        f"rewards      {weights}",
    ]


def reward_weights_by_name(config: GrpoConfig) -> list[tuple[str, float]]:
    """Each reward that counts, with its weight."""
    contract = config.prompt.contract or contract_of(config.prompt.template)
    functions = reward_functions(config.rewards, contract=contract)
    return [
        (function.__name__, weight) for function, weight in zip(functions, reward_weights(config.rewards), strict=True)
    ]


def _save(trainer: GRPOTrainer, config: GrpoConfig) -> None:
    """Write the student; adapters beside the student that they are merged into."""
    remove_links(Path(config.output), but="trainer_state.json")
    if config.lora is None or not config.lora.merge:
        trainer.save_model()
        return
    trainer.save_model(str(Path(config.output) / "adapter"))
    if trainer.is_world_process_zero():
        model: Any = trainer.accelerator.unwrap_model(trainer.model)
        model.merge_and_unload().save_pretrained(config.output)
        tokenizer: Any = trainer.processing_class
        tokenizer.save_pretrained(config.output)


def build_rows(problems: Iterable[Problem], config: GrpoConfig, *, is_chat: bool) -> Iterator[dict[str, Any]]:
    """One row a problem: TRL's `prompt`, and the columns that the rewards read.

    The prompt is messages for a student with a chat template, else text (`User: … Assistant:`), as R1-Zero put
    questions to a base model.
    """
    problems = list(problems)
    names = name_all(problem.question for problem in problems)
    held = config.problems.languages or held_by(names)
    for problem, name in zip(problems, names, strict=True):
        language = name_among(problem.question, name, held)
        messages = build_messages(
            problem.question,
            template=config.prompt.template,
            system=config.prompt.system,
            language=config.prompt.language or language,
        )
        yield {
            "prompt": [msgspec.to_builtins(message) for message in messages] if is_chat else to_text(messages),
            "question": problem.question,
            "reference": problem.reference,
            "language": language,
        }


def _sampler(tokenizer: PreTrainedTokenizerBase, arguments: GRPOConfig) -> Sampler:
    """What the rewards must know of how replies are sampled: where they begin and how they end."""
    opens = False
    if tokenizer.chat_template is not None:
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": "?"}], add_generation_prompt=True, tokenize=False
        )
        opens = opens_reasoning([Message("user", str(prompt))])
    ends = {tokenizer.eos_token_id, tokenizer.pad_token_id} - {None}
    return Sampler(opens, arguments.max_completion_length, frozenset(int(end) for end in ends))


def to_text(messages: Sequence[Message]) -> str:
    """Messages as the plain text of a conversation that the assistant is to go on with."""
    lines = [message.content if message.role == "system" else f"User: {message.content}" for message in messages]
    return "\n\n".join([*lines, "Assistant:"])


def _check_output(output: Path, *, resume: bool) -> None:
    checkpoints = list(output.glob("checkpoint-*"))
    if resume and not checkpoints:
        raise ConfigError(f"grpo.resume_from_checkpoint: {output} holds no checkpoint to go on from")
    if not resume and output.is_dir() and any(output.iterdir()):
        raise ConfigError(
            f"output: {output} is in use. Name another folder, or go on with --set grpo.resume_from_checkpoint=true"
        )


def _build_arguments(config: GrpoConfig) -> GRPOConfig:
    """TRL's own config: its keys as given, ours from our tables, and a plain CPU where there is no accelerator."""
    import torch
    from trl.trainer.grpo_config import GRPOConfig

    known = {field.name for field in dataclasses.fields(GRPOConfig)}
    given: dict[str, Any] = {"report_to": "none", "disable_tqdm": True}
    if not torch.accelerator.is_available():
        new = "activation_checkpointing" in known  # older versions of transformers call it otherwise
        given |= {"activation_checkpointing" if new else "gradient_checkpointing": False}
        given |= {"use_cpu": True, "bf16": False, "dataloader_pin_memory": False}
    if config.grpo.get("use_vllm") and find_spec("vllm") is None:
        raise ConfigError("grpo.use_vllm: vLLM is not installed here: pip install 'trl[vllm]', or leave it out")
    given |= check_foreign_keys("grpo", config.grpo, known, _OURS, library="TRL")
    given |= {"output_dir": config.output, "reward_weights": reward_weights(config.rewards)}
    try:
        return GRPOConfig(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"grpo: TRL refuses this: {error}") from None


def _check_tags(tokenizer: PreTrainedTokenizerBase, student: str) -> None:
    """Refuse a tokenizer that would hide the reasoning tags: TRL decodes completions without special tokens."""
    ids = {tag: tokenizer(tag, add_special_tokens=False).input_ids for tag in ("<think>", "</think>")}
    lost = [tag for tag, found in ids.items() if tag not in tokenizer.decode(found, skip_special_tokens=True)]
    if lost:
        raise ConfigError(
            f"student: the tokenizer of {student} marks {' and '.join(lost)} as special tokens, which TRL removes from "
            "completions before they are rewarded. Mark them as ordinary added tokens"
        )


def _to_dataset(rows: list[dict[str, Any]]) -> Any:
    from datasets import Dataset

    return Dataset.from_list(rows)


def _listen(trainer: GRPOTrainer, tell: Callable[[str], None]) -> None:
    """Have the trainer tell each log as a line, in place of printing it as a dict."""
    from transformers import PrinterCallback, TrainerCallback

    class RewardTeller(TrainerCallback):
        """Turns logs into lines."""

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002 - their signature
            if "reward" in kwargs["logs"] and state.is_world_process_zero:
                tell(describe_log(kwargs["logs"], state.global_step, state.max_steps))

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(RewardTeller())


def describe_log(logs: dict[str, Any], step: int, steps: int) -> str:
    """One log of TRL's GRPOTrainer as a line: means over the replies, weighted total first.

    A group of replies that all earned the same teaches nothing; how many there are is told too, as are answers that
    nobody could decide and references that nobody can read.
    """
    said = [f"step {step:,} of {steps:,}", f"reward {_show(logs['reward'])}"]
    said += [
        f"{name.removeprefix('rewards/').removesuffix('/mean')} {_show(logs[name])}"
        for name in logs
        if name.startswith("rewards/") and name.endswith("/mean")
    ]
    said += [f"{float(share):.1%} {meaning}" for name, meaning in _SHARES.items() if (share := logs.get(name))]
    length, cut = float(logs["completions/mean_length"]), float(logs["completions/clipped_ratio"])
    said += [
        f"{length:.0f} tokens a reply, {cut:.0%} cut",
        f"{float(logs['frac_reward_zero_std']):.0%} of groups alike",
        f"gradient {_show(logs.get('grad_norm'))}",
    ]
    return " · ".join(said)


_SHARES = {
    "undecided_answers": "of answers undecided, taken for wrong",
    "unreadable_references": "of references unreadable",
}
"""What `rewards.rl` logs beside the rewards; said where there is any."""


def _show(value: Any) -> str:
    return "–" if value is None else f"{float(value):.3f}"


def _summarise(log: Sequence[dict[str, Any]], steps: int, output: str) -> GrpoSummary:
    """The first and the last tenth of each reward's means, from TRL's log."""
    rewards = {}
    for key in dict.fromkeys(key for row in log for key in row):
        if key == "reward" or (key.startswith("rewards/") and key.endswith("/mean")):
            values = [float(row[key]) for row in log if row.get(key) is not None]  # None: nothing was measured
            if values:
                tenth = max(1, len(values) // 10)
                name = key.removeprefix("rewards/").removesuffix("/mean")
                rewards[name] = (sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth)
    return GrpoSummary(steps, rewards, output)

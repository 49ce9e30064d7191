"""Supervised fine-tuning with TRL: rows that were checked, the loss on the reply alone, and nothing cut in silence.

    arguments    the `train` table and this machine → TRL's own config
    rows         the dataset → prompt and completion; which rows are too long
    output       what lies in the output folder; whether a training may go on there
    inspection   what the loss covers and what packing mixes, looked at before the first step
    progress     how a training tells of itself
    saving       the trained student as any server loads it
    card         the model card

`python -m overproof.train CONFIG` is `overproof sft CONFIG` for `accelerate launch -m`.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import overproof
from overproof.config.training import TrainConfig
from overproof.errors import ConfigError, InputError
from overproof.journal import write_bytes
from overproof.records import decode, encode
from overproof.runfolder import RunFolder
from overproof.student import check_student, describe_check
from overproof.student.checkpoint import find_student
from overproof.student.template import load_tokenizer
from overproof.train.arguments import build_adapter, build_arguments, check_installed, look_at_machine
from overproof.train.inspection import check_isolation, check_labels
from overproof.train.output import (
    ROWS,
    Training,
    TrainSummary,
    check_same,
    last_checkpoint,
    read_training,
    settings_of,
    write_training,
)
from overproof.train.saving import save_student
from overproof.train.student_card import render_card
from overproof.train.telling import Tell, bars_on_terminals_only, be_silent, listen
from overproof.train.training_rows import Survey, TrainingRows, find_limit, survey_rows, write_rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer


def sft(config: TrainConfig, folder: RunFolder, tell: Tell = print) -> TrainSummary:
    """Train the student and save it with its tokenizer, its chat template and a model card.

    `folder` is where the dataset comes from and the student goes to unless the config says otherwise. The same call
    resumes from the last checkpoint, and does nothing when the training is finished. Raises before the first step:
    MissingExtraError without the train extra; ConfigError for a key that TRL does not know or refuses, a student that
    cannot be read or has no chat template, and an output folder that holds something else; InputError for rows without
    a known schema, that the student's template would spoil, or that are all too long.
    """
    check_installed()
    dataset = Path(config.dataset) if config.dataset else folder.dataset()
    output = Path(config.output) if config.output else folder.student
    earlier = read_training(output)
    arguments = build_arguments(config, output, look_at_machine())
    is_first = arguments.process_index == 0
    with bars_on_terminals_only():
        try:
            return _train(config, dataset, earlier, arguments, tell if is_first else be_silent)
        finally:
            if is_first:
                shutil.rmtree(output / ROWS, ignore_errors=True)


def _train(
    config: TrainConfig, dataset: Path, earlier: Training | None, arguments: SFTConfig, tell: Tell
) -> TrainSummary:
    """All that needs TRL's arguments: check, train, save, write down."""
    output, is_first = Path(str(arguments.output_dir)), arguments.process_index == 0
    tokenizer = _load_tokenizer(config, arguments)
    _check_student(config, dataset, arguments, tell)
    rows, survey = _prepare_rows(config, dataset, tokenizer, arguments)
    training = Training(settings_of(config.model_dump(mode="json")), rows.fingerprint, _versions())
    if earlier is not None:
        check_same(output, earlier, training)
        if earlier.summary is not None:
            tell(f"{output} holds this training, finished: nothing to do")
            return earlier.summary
    tell(rows.line())
    trainer = _build_trainer(config, tokenizer, arguments, rows)
    if survey is not None:
        check_labels(trainer, survey.digests)
    if is_first:
        write_training(output, training)
    summary = _run(trainer, rows, output, tell)
    save_student(trainer, config, output)
    if is_first:
        finished = msgspec.structs.replace(training, summary=summary)
        write_bytes(output / "README.md", render_card(config, rows, finished, arguments).encode())
        write_training(output, finished)
    return summary


def _load_tokenizer(config: TrainConfig, arguments: SFTConfig) -> PreTrainedTokenizerBase:
    """The student's tokenizer as it will be saved with the trained student."""
    tokenizer = load_tokenizer(find_student(config.student), config.chat_template)
    if arguments.eos_token is not None:
        if arguments.eos_token not in tokenizer.get_vocab():
            raise ConfigError(f"train.sft.eos_token: '{arguments.eos_token}' is no token of {config.student}")
        tokenizer.eos_token = arguments.eos_token
    return tokenizer


def _check_student(config: TrainConfig, dataset: Path, arguments: SFTConfig, tell: Tell) -> None:
    """Ask the student check, and refuse what it refuses."""
    check = check_student(
        dataset,
        find_student(config.student),
        chat_template=config.chat_template,
        eos_token=arguments.eos_token,
    )
    lines = describe_check(check)
    if not check.passed:
        raise InputError("\n".join([f"{config.student} cannot be trained on {dataset}.", *lines]))
    for line in lines:
        tell(line)


def _prepare_rows(
    config: TrainConfig, dataset: Path, tokenizer: PreTrainedTokenizerBase, arguments: SFTConfig
) -> tuple[TrainingRows, Survey | None]:
    """Write the rows to train on, and to validate on, beside the checkpoints.

    The first process of each machine does so and gets the survey; the others read what it wrote down.
    """
    cache = Path(str(arguments.output_dir)) / ROWS
    with arguments.main_process_first(desc="preparing the rows"):
        if arguments.local_process_index != 0:
            return decode((cache / "train.json").read_bytes(), TrainingRows), None
        survey = survey_rows(dataset, tokenizer)
        limit = find_limit(
            dataset,
            survey,
            max_length=arguments.max_length,
            percentile=config.length_percentile,
            positions=_count_positions(config.student),
        )
        rows = write_rows(dataset, survey, limit, cache / "train.arrow")
        if arguments.eval_strategy != "no":
            validation = survey_rows(dataset, tokenizer, "validation")
            write_rows(dataset, validation, limit, cache / "validation.arrow", "validation")
        write_bytes(cache / "train.json", encode(rows))
        return rows, survey


def _count_positions(student: str) -> int | None:
    """Positions that the student's config promises; None when it says nothing."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(find_student(student))
    except (OSError, ValueError) as error:
        raise ConfigError(f"train.student: {student} is no checkpoint that transformers can read: {error}") from None
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return positions if isinstance(positions, int) else None


def _build_trainer(
    config: TrainConfig, tokenizer: PreTrainedTokenizerBase, arguments: SFTConfig, rows: TrainingRows
) -> SFTTrainer:
    """TRL's trainer over the rows. Nothing can be cut: rows that are too long are gone already."""
    from datasets import Dataset
    from trl.trainer.sft_trainer import SFTTrainer

    cache = Path(str(arguments.output_dir)) / ROWS
    arguments.max_length = rows.limit if arguments.packing else None
    validation = Dataset.from_file(str(cache / "validation.arrow")) if arguments.eval_strategy != "no" else None
    try:
        trainer = SFTTrainer(
            model=find_student(config.student),
            args=arguments,
            train_dataset=Dataset.from_file(str(cache / "train.arrow")),
            eval_dataset=validation,
            processing_class=tokenizer,
            peft_config=build_adapter(config),
        )
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"train: TRL cannot train {config.student} so: {error}") from error
    if arguments.packing:
        check_isolation(trainer)
    return trainer


def _run(trainer: SFTTrainer, rows: TrainingRows, output: Path, tell: Tell) -> TrainSummary:
    listen(trainer, tell)
    checkpoint = last_checkpoint(output)
    if checkpoint is not None:
        tell(f"going on from {checkpoint}")
    done = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    log = trainer.state.log_history
    losses = [float(row["loss"]) for row in log if "loss" in row] or [float(done.training_loss)]
    return TrainSummary(
        output=str(output),
        rows=rows.rows,
        dropped=rows.dropped,
        limit=rows.limit,
        steps=trainer.state.global_step,
        epochs=round(float(trainer.state.epoch or 0), 3),
        tokens=max((int(row["num_tokens"]) for row in log if "num_tokens" in row), default=0),
        seconds=float(done.metrics["train_runtime"]),
        loss=(losses[0], losses[-1]),
        resumed_from=int(checkpoint.name.rpartition("-")[2]) if checkpoint else None,
    )


def _versions() -> dict[str, str]:
    """Versions of what decides what is learned."""
    libraries = {name: importlib.metadata.version(name) for name in ("torch", "trl", "transformers")}
    return {"overproof": overproof.__version__, "python": platform.python_version(), **libraries}

"""Supervised fine-tuning with TRL: rows that were checked, the loss on the reply alone, and nothing cut in silence.

    arguments       the `train` table and this machine → TRL's own config
    training_rows   the dataset → tokens and labels; which rows are too long
    output          what lies in the output folder; whether a training may go on there
    inspection      what the loss covers and what packing mixes, looked at before the first step
    memory          how much memory a training needs, before there is a weight
    fit             will it fit into a GPU, and what would instead
    screen          what is going to be done, before the first step
    telling         how a training tells of itself
    saving          the trained student as any server loads it
    student_card    the model card

`python -m overproof.train CONFIG` is `overproof sft CONFIG` for `torchrun -m` and `accelerate launch -m`.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import overproof
from overproof.config.training import TrainConfig
from overproof.errors import ConfigError, InputError, OverproofError
from overproof.journal import write_bytes
from overproof.runfolder import RunFolder
from overproof.student import check_student, describe_check, name_datasets
from overproof.student.adapters import build_adapter
from overproof.student.architecture import count_positions, read_architecture
from overproof.student.checkpoint import find_student
from overproof.student.template import load_tokenizer
from overproof.train.arguments import (
    advise_packages,
    build_arguments,
    check_installed,
    find_room,
    look_at_machine,
    read_peak,
)
from overproof.train.fit import describe_fit
from overproof.train.inspection import check_isolation, check_labels
from overproof.train.memory import GIB
from overproof.train.output import (
    FORM,
    ROWS,
    Training,
    TrainSummary,
    check_same,
    compare_settings,
    last_checkpoint,
    read_training,
    refuse_changes,
    settings_of,
    write_training,
)
from overproof.train.saving import finish_student, holds_trained, write_trained
from overproof.train.screen import check_launch, describe_training
from overproof.train.student_card import render_card
from overproof.train.telling import Tell, bars_on_terminals_only, be_silent, listen
from overproof.train.training_rows import (
    Survey,
    TrainingRows,
    find_limit,
    hand_over,
    open_rows,
    summarise,
    tokenise_rows,
    wait_for_rows,
    withdraw,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

_MUCH_PADDING = 0.1
"""Share of padding from which rows are ordered by length."""


def sft(config: TrainConfig, folder: RunFolder, tell: Tell = print) -> TrainSummary:
    """Train the student and save it with its tokenizer, its chat template and a model card.

    `folder` is where the dataset comes from and the student goes to unless the config says otherwise. The same call
    resumes from the last checkpoint, or where saving failed after the last step, and does nothing when the training is
    finished. Raises before the first step: MissingExtraError without the train extra; ConfigError for a key that TRL
    does not know or refuses, a student that cannot be read or has no chat template, and an output folder that holds
    something else; InputError for rows without a known schema, that the student's template would spoil, or that are
    all too long.
    """
    check_installed(config.sft)
    output = Path(config.output) if config.output else folder.student
    earlier = read_training(output)
    if os.environ.get("LOCAL_RANK", "0") == "0":
        withdraw(output / ROWS)  # the processes meet before any of them looks for rows
    arguments = build_arguments(config, output, look_at_machine())
    check_launch(arguments.world_size)
    is_first = arguments.process_index == 0
    with bars_on_terminals_only():
        try:
            return _train(config, _find_datasets(config, folder), earlier, arguments, tell if is_first else be_silent)
        finally:
            if is_first:
                shutil.rmtree(output / ROWS, ignore_errors=True)


def _find_datasets(config: TrainConfig, folder: RunFolder) -> list[Path]:
    named = [config.dataset] if isinstance(config.dataset, str) else config.dataset
    return [Path(one) for one in named] if named else [folder.dataset()]


def _train(
    config: TrainConfig, datasets: list[Path], earlier: Training | None, arguments: SFTConfig, tell: Tell
) -> TrainSummary:
    """All that needs TRL's arguments: check, train, save, write down."""
    output, is_first = Path(str(arguments.output_dir)), arguments.process_index == 0
    settings = settings_of(config.model_dump(mode="json"))
    tokenizer = _load_tokenizer(config, arguments)
    if earlier is not None and earlier.trained is not None and earlier.summary is None and holds_trained(output):
        refuse_changes(output, compare_settings(earlier, settings))
        tell(f"{output} holds this training with all its steps done: going on with saving the student")
        return _finish(config, earlier, tokenizer, arguments, is_first=is_first)
    rows, survey = _prepare_rows(config, datasets, tokenizer, arguments, tell)
    training = Training(settings, rows.fingerprint, _versions(), rows=rows, form=FORM)
    if earlier is not None:
        check_same(output, earlier, training)
        if earlier.summary is not None:
            tell(f"{output} holds this training, finished: nothing to do")
            return earlier.summary
    trainer = _build_trainer(config, tokenizer, arguments, rows)
    if survey is not None:
        check_labels(trainer, survey.digests)
    fit, room = [], find_room()
    if is_first and room is not None:
        fit = describe_fit(config, arguments, rows.limit if arguments.packing else rows.longest, room)
    for line in describe_training(config, rows, arguments, trainer, fit):
        tell(line)
    if is_first:
        write_training(output, training)
    summary = _run(trainer, rows, output, tell)
    if (seen := read_peak()) is not None:
        tell(f"memory       {seen / GIB:.1f} GiB was the most that tensors held of a GPU")
    model_class = write_trained(trainer, config, output)
    training = msgspec.structs.replace(training, trained=summary, model_class=model_class)
    if is_first:
        write_training(output, training)
    return _finish(config, training, tokenizer, arguments, is_first=is_first)


def _finish(
    config: TrainConfig, training: Training, tokenizer: PreTrainedTokenizerBase, arguments: SFTConfig, *, is_first: bool
) -> TrainSummary:
    """Make a student of what was trained, and write down that all is done. A failure names the way on."""
    output, summary = Path(str(arguments.output_dir)), training.trained
    assert summary is not None, "the steps are done"
    assert training.rows is not None, "a training of this version knows its rows"
    if is_first:
        try:
            finish_student(config, training.model_class, tokenizer, output)
        except (OverproofError, OSError, ValueError, RuntimeError, AttributeError) as error:
            raise OverproofError(
                f"All steps are done and what was trained is kept in {output}, but saving the student failed: {error}. "
                "The same command goes on from here"
            ) from error
        finished = msgspec.structs.replace(training, summary=summary)
        write_bytes(output / "README.md", render_card(config, training.rows, finished, arguments).encode())
        write_training(output, finished)
    return summary


def _load_tokenizer(config: TrainConfig, arguments: SFTConfig) -> PreTrainedTokenizerBase:
    """The student's tokenizer as it will be saved with the trained student."""
    tokenizer = load_tokenizer(find_student(config.student), config.chat_template, config.template)
    if arguments.eos_token is not None:
        if arguments.eos_token not in tokenizer.get_vocab():
            raise ConfigError(f"train.sft.eos_token: '{arguments.eos_token}' is no token of {config.student}")
        tokenizer.eos_token = arguments.eos_token
    return tokenizer


def _check_student(config: TrainConfig, datasets: list[Path], arguments: SFTConfig, tell: Tell) -> None:
    """Ask the student check, and refuse what it refuses."""
    check = check_student(
        datasets,
        find_student(config.student),
        chat_template=config.chat_template,
        template=config.template,
        eos_token=arguments.eos_token,
        empty_block_in_loss=config.empty_block_in_loss,
    )
    lines = describe_check(check)
    if not check.passed:
        raise InputError("\n".join([f"{config.student} cannot be trained on {name_datasets(datasets)}.", *lines]))
    for line in lines:
        tell(line)


def _prepare_rows(
    config: TrainConfig, datasets: list[Path], tokenizer: PreTrainedTokenizerBase, arguments: SFTConfig, tell: Tell
) -> tuple[TrainingRows, Survey | None]:
    """Write the rows to train on, and to validate on, beside the checkpoints.

    The first process of each machine does so and gets the survey; the others read what it wrote down.
    """
    cache = Path(str(arguments.output_dir)) / ROWS
    if arguments.local_process_index != 0:
        return wait_for_rows(cache), None
    _check_student(config, datasets, arguments, tell)
    model_type = str(read_architecture(find_student(config.student)).get_text_config().model_type)
    for line in advise_packages(model_type, has_accelerator=find_room() is not None):
        tell(line)
    in_loss = config.empty_block_in_loss
    survey = tokenise_rows(datasets, tokenizer, cache / "train.arrow", empty_block_in_loss=in_loss)
    limit = find_limit(
        datasets,
        survey,
        max_length=arguments.max_length,
        percentile=config.length_percentile,
        positions=count_positions(find_student(config.student)),
    )
    if arguments.eval_strategy != "no":
        tokenise_rows(datasets, tokenizer, cache / "validation.arrow", "validation", empty_block_in_loss=in_loss)
    rows = summarise(survey, limit, arguments.per_device_train_batch_size)
    hand_over(cache, rows)
    return rows, survey


def _build_trainer(
    config: TrainConfig, tokenizer: PreTrainedTokenizerBase, arguments: SFTConfig, rows: TrainingRows
) -> SFTTrainer:
    """TRL's trainer over the rows. Nothing can be cut: rows that are too long are gone already."""
    from trl.trainer.sft_trainer import SFTTrainer

    cache = Path(str(arguments.output_dir)) / ROWS
    arguments.max_length = rows.limit if arguments.packing else None
    _order_by_length(config, arguments, rows)
    validation = open_rows(cache / "validation.arrow", rows.limit) if arguments.eval_strategy != "no" else None
    student = find_student(config.student)
    try:
        trainer = SFTTrainer(
            model=student,
            args=arguments,
            train_dataset=open_rows(cache / "train.arrow", rows.limit),
            eval_dataset=validation,
            processing_class=tokenizer,
            peft_config=build_adapter(config.lora, student),
        )
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"train: TRL cannot train {config.student} so: {error}") from error
    if arguments.packing:
        check_isolation(trainer)
    return trainer


def _order_by_length(config: TrainConfig, arguments: SFTConfig, rows: TrainingRows) -> None:
    """Put rows of like length into one batch where batches of any rows would be padded much and nothing packs them."""
    key = "train_sampling_strategy"
    if hasattr(arguments, key) and key not in config.sft and not arguments.packing and rows.padding > _MUCH_PADDING:
        setattr(arguments, key, "group_by_length")


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

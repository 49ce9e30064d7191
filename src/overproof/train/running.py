"""A training from its config to the saved student: checked, trained, resumed after a stop, saved."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import overproof
from overproof.config.training import TrainConfig
from overproof.errors import ConfigError, InputError, OverproofError
from overproof.journal import remove_links, write_bytes
from overproof.runfolder import RunFolder
from overproof.student import check_student, describe_check, name_datasets
from overproof.student.architecture import count_positions, count_vocabulary, read_architecture
from overproof.student.checkpoint import find_student
from overproof.student.template import load_tokenizer
from overproof.train.arguments import (
    advise_packages,
    check_installed,
    find_room,
    look_at_machine,
    read_peak,
)
from overproof.train.fit import describe_fit
from overproof.train.memory import GIB
from overproof.train.method import Method
from overproof.train.preference import Preference
from overproof.train.resuming import (
    FORM,
    ROWS,
    Training,
    TrainSummary,
    check_same,
    compare_settings,
    last_checkpoint,
    read_training,
    refuse_changes,
    rows_folder,
    settings_of,
    write_training,
)
from overproof.train.saving import finish_student, holds_trained, write_trained
from overproof.train.screen import check_launch, describe_training, packs
from overproof.train.student_card import render_card
from overproof.train.supervised import Supervised
from overproof.train.telling import Tell, bars_on_terminals_only, be_silent, listen
from overproof.train.training_rows import (
    Survey,
    TrainingRows,
    find_limit,
    hand_over,
    summarise,
    wait_for_rows,
    withdraw,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


_WORDS_OF_FULL_DISKS = (
    *("No space left", "File too large", "Disk quota", "Read-only file system"),
    *("PytorchStreamWriter", "iostream", "I/O error"),
)
"""What the system, torch and safetensors say when nothing more can be written."""


def sft(config: TrainConfig, folder: RunFolder, tell: Tell = print) -> TrainSummary:
    """Train the student and save it with its tokenizer, its chat template and a model card.

    `folder` is where the dataset comes from and the student goes to unless the config says otherwise. The same call
    resumes from the last checkpoint, or where saving failed after the last step, and does nothing when the training is
    finished. Raises before the first step: MissingExtraError without the train extra; ConfigError for a key that TRL
    does not know or refuses, a student that cannot be read or has no chat template, and an output folder that holds
    something else; InputError for rows without a known schema, that the student's template would spoil, or that are
    all too long.
    """
    return _train_in_folder(Supervised(), config, folder, tell)


def dpo(config: TrainConfig, folder: RunFolder, tell: Tell = print) -> TrainSummary:
    """Train the student on pairs of a right and a wrong reply, and save it as `sft` does.

    The dataset is one of preference rows (export.format: preference); both replies of every row are checked as `sft`
    checks its one. Resumes, and raises, as `sft` does.
    """
    return _train_in_folder(Preference(), config, folder, tell)


def _train_in_folder(method: Method, config: TrainConfig, folder: RunFolder, tell: Tell) -> TrainSummary:
    """One training from an empty or begun output folder to the saved student."""
    check_installed(getattr(config, method.key), method.key)
    output = Path(config.output) if config.output else method.output(folder)
    earlier = read_training(output)
    if os.environ.get("LOCAL_RANK", "0") == "0":
        remove_links(output, but="trainer_state.json")
        withdraw(rows_folder(output))  # the processes meet before any of them looks for rows
    arguments = method.build_arguments(config, output, look_at_machine())
    check_launch(arguments.world_size)
    is_first = arguments.process_index == 0
    with bars_on_terminals_only():
        try:
            datasets = _find_datasets(config, folder)
            return _train(method, config, datasets, earlier, arguments=arguments, tell=tell if is_first else be_silent)
        finally:
            if is_first:
                shutil.rmtree(output / ROWS, ignore_errors=True)


def _find_datasets(config: TrainConfig, folder: RunFolder) -> list[Path]:
    named = [config.dataset] if isinstance(config.dataset, str) else config.dataset
    return [Path(one) for one in named] if named else [folder.dataset()]


def _train(
    method: Method, config: TrainConfig, datasets: list[Path], earlier: Training | None, *, arguments: Any, tell: Tell
) -> TrainSummary:
    """All that needs TRL's arguments: check, train, save, write down."""
    output, is_first = Path(str(arguments.output_dir)), arguments.process_index == 0
    settings = settings_of(config.model_dump(mode="json"), method.key)
    tokenizer = _load_tokenizer(config, arguments)
    if earlier is not None and earlier.trained is not None and earlier.summary is None and holds_trained(output):
        refuse_changes(output, compare_settings(earlier, settings))
        tell(f"{output} holds this training with all its steps done: going on with saving the student")
        return _finish(config, earlier, tokenizer, arguments, is_first=is_first)
    rows, survey = _prepare_rows(method, config, datasets, tokenizer, arguments=arguments, tell=tell)
    training = Training(settings, rows.fingerprint, _versions(), rows=rows, form=FORM)
    if earlier is not None:
        check_same(output, earlier, training)
        if earlier.summary is not None:
            tell(f"{output} holds this training, finished: nothing to do")
            return earlier.summary
    trainer = _build_trainer(method, config, tokenizer, arguments, rows)
    if survey is not None:
        method.inspect(trainer, survey)
    fit, room = [], find_room()
    if is_first and room is not None:
        fit = describe_fit(config, arguments, rows.limit if packs(arguments) else rows.longest, room)
    for line in describe_training(config, rows, arguments, len(trainer.train_dataset), fit, unit=method.unit):
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
    config: TrainConfig, training: Training, tokenizer: PreTrainedTokenizerBase, arguments: Any, *, is_first: bool
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


def _load_tokenizer(config: TrainConfig, arguments: Any) -> PreTrainedTokenizerBase:
    """The student's tokenizer as it will be saved with the trained student."""
    tokenizer = load_tokenizer(find_student(config.student), config.chat_template, config.template)
    if (end := getattr(arguments, "eos_token", None)) is not None:
        if end not in tokenizer.get_vocab():
            raise ConfigError(f"train.sft.eos_token: '{end}' is no token of {config.student}")
        tokenizer.eos_token = end
    return tokenizer


def _check_student(method: Method, config: TrainConfig, datasets: list[Path], arguments: Any, tell: Tell) -> None:
    """Ask the student check, and refuse what it refuses."""
    check = check_student(
        datasets,
        find_student(config.student),
        chat_template=config.chat_template,
        template=config.template,
        eos_token=getattr(arguments, "eos_token", None),
        pairs=method.pairs,
        empty_block_in_loss=config.empty_block_in_loss,
    )
    lines = describe_check(check)
    if not check.passed:
        raise InputError("\n".join([f"{config.student} cannot be trained on {name_datasets(datasets)}.", *lines]))
    for line in lines:
        tell(line)


def _prepare_rows(
    method: Method,
    config: TrainConfig,
    datasets: list[Path],
    tokenizer: PreTrainedTokenizerBase,
    *,
    arguments: Any,
    tell: Tell,
) -> tuple[TrainingRows, Survey | None]:
    """Write the rows to train on, and to validate on, beside the checkpoints.

    The first process of each machine does so and gets the survey; the others read what it wrote down.
    """
    cache = rows_folder(Path(str(arguments.output_dir)))
    if arguments.local_process_index != 0:
        return wait_for_rows(cache), None
    _check_student(method, config, datasets, arguments, tell)
    model_type = str(read_architecture(find_student(config.student)).get_text_config().model_type)
    for line in advise_packages(model_type, has_accelerator=find_room() is not None):
        tell(line)
    survey = method.tokenise(config, datasets, tokenizer, cache / "train.arrow", "train")
    _check_vocabulary(config, tokenizer, survey.largest)
    limit = find_limit(
        datasets,
        survey,
        max_length=arguments.max_length,
        percentile=config.length_percentile,
        positions=count_positions(find_student(config.student)),
        table=method.key,
    )
    if arguments.eval_strategy != "no":
        method.tokenise(config, datasets, tokenizer, cache / "validation.arrow", "validation")
    rows = summarise(survey, limit, arguments.per_device_train_batch_size)
    hand_over(cache, rows)
    return rows, survey


def _check_vocabulary(config: TrainConfig, tokenizer: PreTrainedTokenizerBase, largest: int) -> None:
    """Raise ConfigError when rows hold a token that the student has no embedding for: a GPU would only crash."""
    known = count_vocabulary(find_student(config.student))
    if known is not None and largest >= known:
        token = tokenizer.convert_ids_to_tokens(largest)
        raise ConfigError(
            f"train.student: the rows hold the token {token} (number {largest:,}), and {config.student} has embeddings "
            f"for {known:,} tokens alone. Take the tokenizer that belongs to it, or resize its embeddings first"
        )


def _build_trainer(
    method: Method, config: TrainConfig, tokenizer: PreTrainedTokenizerBase, arguments: Any, rows: TrainingRows
) -> Any:
    try:
        return method.build_trainer(config, tokenizer, arguments, rows)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"train: TRL cannot train {config.student} so: {error}") from error


def _run(trainer: Any, rows: TrainingRows, output: Path, tell: Tell) -> TrainSummary:
    from safetensors import SafetensorError

    listen(trainer, tell)
    checkpoint = last_checkpoint(output)
    if checkpoint is not None:
        tell(f"going on from {checkpoint}")
    try:
        done = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except ValueError as error:
        if trainer.state.global_step:
            raise
        raise ConfigError(f"train: TRL refuses the first step: {error}") from error
    except (OSError, SafetensorError, RuntimeError) as error:
        if not _failed_writing(error):
            raise
        raise OverproofError(
            f"A checkpoint could not be written to {output}: {error}. Make room there; the same command goes on from "
            f"{last_checkpoint(output) or 'the first step'}"
        ) from error
    log = trainer.state.log_history
    apart = [float(row["rewards/accuracies"]) for row in log if "rewards/accuracies" in row]
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
        told_apart=(apart[0], apart[-1]) if apart else None,
        resumed_from=int(checkpoint.name.rpartition("-")[2]) if checkpoint else None,
    )


def _failed_writing(error: Exception) -> bool:
    """Whether a training ended because its disk took no more; each library says so in its own way."""
    return any(word in str(error) for word in _WORDS_OF_FULL_DISKS)


def _versions() -> dict[str, str]:
    """Versions of what decides what is learned."""
    libraries = {name: importlib.metadata.version(name) for name in ("torch", "trl", "transformers")}
    return {"overproof": overproof.__version__, "python": platform.python_version(), **libraries}

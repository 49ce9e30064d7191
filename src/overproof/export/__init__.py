"""Kept traces → a chat dataset that `datasets` loads and TRL trains on; only this package writes rows for training.

`export_shard` writes the rows of one shard and can run anywhere; `finish_export` closes a dataset with its card once
every shard is written; `export` does both. The same traces give the same bytes, whatever the order in which they
arrived and however many processes wrote them: rows stand by shard, problem and index, and nothing else is written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

import overproof
from overproof.completion import read_completion
from overproof.config import RunConfig
from overproof.config.output import ExportConfig
from overproof.errors import RunFolderError
from overproof.export.contrast import is_wrong, pair_up
from overproof.export.dataset_card import render_card, render_jsonl_card
from overproof.export.formats import (
    KeptTrace,
    Row,
    RowForm,
    build_answer_row,
    build_label_row,
    build_preference_row,
    build_prompt_row,
    build_row,
    build_schema,
    form_of,
)
from overproof.export.writing import FORMS, SplitWriter, is_row_file
from overproof.export.written import ExportSummary, ShardExport, summarise
from overproof.journal import write_bytes
from overproof.records import Decision, PreparedProblem, Score, Trace, Verdict, problem_id_of
from overproof.runfolder import RunFolder
from overproof.sampling.plan import has_all_samples
from overproof.selection.passrate import count_draws, estimate_pass_rate, has_passed, rate_problem


def export(config: RunConfig, folder: RunFolder, shards: Iterable[int], name: str | None = None) -> ExportSummary:
    """Write the dataset of a selection (the unnamed one when `name` is None) from the decisions of these shards."""
    return finish_export(config, folder, [export_shard(config, folder, shard, name) for shard in shards], name)


def pair_rows(config: RunConfig, folder: RunFolder, shards: Iterable[int], name: str | None = None) -> Iterator[Row]:
    """The preference rows of a selection, whatever format it is exported in; nothing is written."""
    export = config.export.model_copy(update={"format": "preference", "non_thinking": 0.0, "provenance": False})
    form = form_of(config.model_copy(update={"export": export}), _versions(folder))
    for shard in shards:
        scores = {score.trace_id: score for score in folder.read_scores(shard)}
        decisions = list(folder.read_decisions(shard, name))
        for problem, *sides in _read_traces(folder, shard, decisions, scores, form):
            kept, wrong = (
                [KeptTrace(problem, trace, scores.get(trace.id), None) for trace in traces] for traces in sides
            )
            yield from _build_rows(kept, wrong, form)


def export_shard(config: RunConfig, folder: RunFolder, shard: int, name: str | None = None) -> ShardExport:
    """Write the rows of one shard. Holds one problem's traces and one row group at a time.

    The card of an earlier export is removed first, so that a dataset only half replaced is not taken for whole. Raises
    RunFolderError when the shard has no decisions yet.
    """
    if not folder.has([folder.decisions(shard, name)]):
        raise RunFolderError(f"{folder.decisions(shard, name)} does not exist: select before you export")
    decisions = list(folder.read_decisions(shard, name))
    scores = {score.trace_id: score for score in folder.read_scores(shard)}
    outcomes = _collect_outcomes(decisions, scores)
    form = form_of(config, _versions(folder))
    schema = build_schema(form)
    done = ShardExport(reasons=Counter(decision.reason for decision in decisions))
    done.pass_rates.update(rate_problem(passed, config.sampling) for passed in outcomes.values())
    done.draws.update(count_draws(passed, config.sampling) for passed in outcomes.values())
    for one in folder.read_problems(shard):
        done.unfinished["problems"] += not has_all_samples(one, outcomes.get(one.problem.id, []), config.sampling)
        if one.override is not None:
            done.overrides[one.override] += 1
    folder.remove(folder.dataset(name) / "README.md")
    with ExitStack() as stack:
        writers: dict[str, SplitWriter] = {}
        for problem, traces, wrong in _read_traces(folder, shard, decisions, scores, form):
            pass_rate = estimate_pass_rate(outcomes[problem.problem.id], config.sampling)
            kept, refuted = (
                [KeptTrace(problem, trace, scores.get(trace.id), pass_rate) for trace in some]
                for some in (traces, wrong)
            )
            rows = list(_build_rows(kept, refuted, form))
            if not rows:
                continue
            split = split_of(problem, config.export)
            if split not in writers:
                writers[split] = stack.enter_context(SplitWriter(folder.dataset(name), split, shard, schema))
                done.files.extend(path.name for path in writers[split].paths)
            done.kept_draws[count_draws(outcomes[problem.problem.id], config.sampling)] += 1
            for row in rows:
                writers[split].write(row)
            _count(done, split, kept, len(rows))
    folder.push(*(path for writer in writers.values() for path in writer.paths))
    return done


def _build_rows(kept: list[KeptTrace], wrong: list[KeptTrace], form: RowForm) -> Iterator[Row]:
    """The rows of one problem; `wrong` are traces whose answer is proved wrong, where the format wants them."""
    config = form.config
    match config.format:
        case "preference":
            yield from (build_preference_row(*pair, form) for pair in pair_up(kept, wrong, config))
        case "kto":
            yield from (build_label_row(one, form, is_right=True) for one in kept)
            yield from (build_label_row(one, form, is_right=False) for one in wrong)
        case "prompts":
            yield build_prompt_row(kept[0], form)
        case _:
            for one in kept:
                yield build_row(one, form)
                if _is_drawn(one.trace.id, config.non_thinking / (1 - config.non_thinking), config.seed):
                    yield build_answer_row(one, form)


def _is_drawn(trace_id: str, chance: float, seed: int) -> bool:
    digest = hashlib.blake2b(f"{seed}/mode/{trace_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < chance * 2**64


def _count(done: ShardExport, split: str, kept: list[KeptTrace], rows: int) -> None:
    """Add the rows of one problem to what was written."""
    problem = kept[0].problem
    done.problems[split] += 1
    done.rows[split] += rows
    done.sources[problem.problem.source or "unnamed"] += rows
    done.languages[problem.language or "unknown"] += rows
    for one in kept:
        done.lengths[len(one.trace.content) + len(one.trace.reasoning or "")] += 1
        done.grades.update(_how_verified(one.score))


def finish_export(
    config: RunConfig, folder: RunFolder, parts: Iterable[ShardExport], name: str | None = None
) -> ExportSummary:
    """Delete what an earlier export left and write the card; a dataset without its card is not finished."""
    target = folder.dataset(name)
    whole = ShardExport()
    for part in parts:
        whole.add(part)
    written = set(whole.files)
    there = [path for form in FORMS for path in folder.list_files(target / form)]
    folder.remove(*(path for path in there if is_row_file(path) and path.name not in written))
    summary = summarise(target, whole)
    form = form_of(config, _versions(folder))
    write_bytes(target / "jsonl" / "README.md", render_jsonl_card(summary, form).encode())
    write_bytes(target / "README.md", render_card(config, name, summary, form).encode())
    folder.push(target / "jsonl" / "README.md", target / "README.md")
    return summary


def _versions(folder: RunFolder) -> dict[str, str]:
    """The versions that the run was made with."""
    manifest = folder.read_manifest()
    return (manifest.versions if manifest else {}) or {"overproof": overproof.__version__}


def _how_verified(score: Score | None) -> list[str]:
    """How a kept answer was found right; empty where it was not."""
    grade = score.grade if score else None
    if grade is None or grade.verdict not in {Verdict.CORRECT, Verdict.APPROXIMATE}:
        return []
    return ["judge" if grade.layer == "judge" else str(grade.verdict)]


def _collect_outcomes(decisions: list[Decision], scores: dict[str, Score]) -> dict[str, list[bool | None]]:
    """For each problem whether each of its traces passed, in the order of the decisions, which is that of the index."""
    outcomes: dict[str, list[bool | None]] = {}
    for decision in decisions:
        passed = has_passed(decision.reason, scores.get(decision.trace_id))
        outcomes.setdefault(problem_id_of(decision.trace_id), []).append(passed)
    return outcomes


def _read_traces(
    folder: RunFolder, shard: int, decisions: list[Decision], scores: dict[str, Score], form: RowForm
) -> Iterator[tuple[PreparedProblem, list[Trace], list[Trace]]]:
    """Each problem of which a trace is kept, its kept traces, and those proved wrong where wanted."""
    kept = {decision.trace_id for decision in decisions if decision.kept}
    wants_wrong = form.config.format in {"preference", "kto"}
    wanted = kept | {name for name, score in scores.items() if wants_wrong and score.grade is not None}
    for problem, traces in folder.read_groups(shard, only=wanted):
        right = [trace for trace in traces if trace.id in kept]
        wrong = [trace for trace in traces if wants_wrong and is_wrong(trace, scores.get(trace.id))]
        wrong = list({read_completion(trace).text: trace for trace in reversed(wrong)}.values())[
            ::-1
        ]  # the first of a text
        if wants_wrong:  # a selection may keep what is wrong or undecided; that does not make it right
            right = [trace for trace in right if _how_verified(scores.get(trace.id))]
        if problem is not None and right:
            yield problem, right, wrong


def split_of(problem: PreparedProblem, config: ExportConfig) -> str:
    """The split of all rows of a problem and of its near-duplicates: a hash of their cluster, so that none crosses."""
    key = f"{config.seed}/{problem.cluster or problem.problem.id}"
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return "validation" if int.from_bytes(digest, "big") < config.validation * 2**64 else "train"

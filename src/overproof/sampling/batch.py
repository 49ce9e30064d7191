"""Sampling through files: pending requests out as a batch, results back into the same journal.

The format is that of OpenAI's batch API, which DashScope and vLLM's `run_batch` share. Results may come from any
other engine too, as lines of `{"custom_id": …, "content": …}` with, if known, `reasoning`, `finish_reason` and
`usage`. Whatever way a trace came, it is graded and recorded alike.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from overproof.config import RunConfig
from overproof.errors import EndpointError, InputError, explain_os_error
from overproof.journal import Sink, write_bytes
from overproof.keys import environment_keys
from overproof.records import Trace, trace_id_of
from overproof.runfolder import RunFolder
from overproof.sampling.background import Correctness, grade_correctness
from overproof.sampling.inventory import take_inventory
from overproof.sampling.resume import Earlier
from overproof.sampling.settings import Asking, Settings
from overproof.teacher.advice import close, find_cure
from overproof.teacher.budget import Budget, Prices
from overproof.teacher.dispatch import Request, unreported_usage
from overproof.teacher.envelopes import error_or_none
from overproof.teacher.failures import classify, shorten
from overproof.teacher.parameters import encode_request, worst_case
from overproof.teacher.receive import receive_object
from overproof.teacher.reply import Failure, Reply, decode_tolerantly, kept_of
from overproof.teacher.secrecy import gather_secrets, keep_secret

LONGEST_ID = 64
"""Characters a custom_id may have everywhere; longer trace ids are replaced by a digest."""

_URL = "/v1/chat/completions"


class BatchOut(msgspec.Struct, frozen=True):
    """What was written."""

    files: list[Path]
    requests: int
    is_capped: bool
    """Whether the budget left out requests that are wanted."""


class BatchIn(msgspec.Struct, frozen=True):
    """What was read."""

    traces: int
    """Lines that became traces, refusals included."""
    already_there: int
    """Lines whose trace was in the journal before."""
    failed: dict[str, int]
    """Lines of failed requests by state; the next batch asks for them again."""
    unknown: int
    """Lines of no sample that this run wants."""
    bad: list[str]
    """Lines that are no result, each as `file:line` and what is wrong with it."""


def write_batch(
    config: RunConfig, folder: RunFolder, shards: Sequence[int], path: Path, *, correctness: Correctness | None = None
) -> BatchOut:
    """Write every request that is wanted now to `path`, and to `path-00001`, … where the provider's limits say so.

    With adaptive sampling that is the next round: the probe, then whatever the traces read back so far call for,
    which `correctness` decides. Requests that the budget does not cover at their worst case are left out.
    """
    settings = Settings(config)
    found = take_inventory(settings, folder, shards)
    prices = Prices(config.budget)
    budget = Budget(config.budget, found.outlook.spent)
    files = _BatchFiles(path, settings)
    for shard, journaled in zip(shards, found.journals, strict=True):
        for prepared in folder.read_problems(shard):
            asking = settings.ask(prepared)
            for index in _missing(settings, asking, journaled.samples.get(prepared.problem.id), correctness):
                worst = prices.of_worst(worst_case(asking.messages, settings.dialect.most_reply_tokens))
                if not budget.set_aside(worst):
                    return BatchOut(files.close(), files.requests, is_capped=True)
                files.add(asking, index)
    return BatchOut(files.close(), files.requests, is_capped=False)


def read_batch(config: RunConfig, folder: RunFolder, shards: Sequence[int], paths: Sequence[Path]) -> BatchIn:
    """Take the results in `paths` into the journal. Reading the same file twice changes nothing.

    A line that is no result is passed over and told. Raises InputError when a file is missing or none of its lines
    belongs to this run; nothing is written then.
    """
    settings = Settings(config)
    found = take_inventory(settings, folder, shards)
    wanted = {}
    for shard, journaled in zip(shards, found.journals, strict=True):
        for prepared in folder.read_problems(shard):
            asking = settings.ask(prepared)
            earlier = journaled.samples.get(prepared.problem.id)
            for index in range(settings.most(prepared)):
                is_there = earlier is not None and index in earlier.places
                wanted[_custom_id(asking, index)] = _SampleKey(shard, asking, index, is_there)
    _check(paths, wanted)
    answered = (one.fingerprint is not None for journaled in found.journals for one in journaled.samples.values())
    return _ingest(settings, folder, paths, wanted, has_answered=any(answered))


class _SampleKey(NamedTuple):
    """A sample that a result can belong to."""

    shard: int
    asking: Asking
    sample: int
    is_there: bool


class _BatchFiles:
    """The files of one batch, each within the provider's limits."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.requests = 0
        self._path = path
        self._settings = settings
        self._files: list[Path] = []
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, asking: Asking, index: int) -> None:
        dialect = self._settings.dialect
        seed = self._settings.identity.seed_of(asking.prepared.problem.id, index)
        body = encode_request(dialect.model, asking.messages, dialect.body(seed, is_stream=False))
        line = msgspec.json.encode(
            {"custom_id": _custom_id(asking, index), "method": "POST", "url": _URL, "body": msgspec.Raw(body)}
        )
        profile = dialect.profile
        if len(self._lines) >= profile.batch_requests or self._size + len(line) + 1 > profile.batch_bytes:
            self._write()
        self._lines.append(line)
        self._size += len(line) + 1
        self.requests += 1

    def close(self) -> list[Path]:
        if self._lines:
            self._write()
        return self._files

    def _write(self) -> None:
        number = len(self._files)
        path = self._path if not number else self._path.with_stem(f"{self._path.stem}-{number:05d}")
        write_bytes(path, b"".join(line + b"\n" for line in self._lines))
        self._files.append(path)
        self._lines, self._size = [], 0


def _missing(settings: Settings, asking: Asking, earlier: Earlier | None, correctness: Correctness | None) -> list[int]:
    """The samples that a problem wants now and does not have."""
    verdicts: dict[int, bool | None] = dict.fromkeys(earlier.places) if earlier is not None else {}
    if earlier is not None and settings.needs_verdicts(asking.prepared):
        correctness = correctness or grade_correctness(settings.config)
        verdicts = {trace.index: correctness(trace) for trace in earlier.read(asking.prepared.problem)}
    return [index for index in range(settings.wanted(asking.prepared, verdicts)) if index not in verdicts]


def _custom_id(asking: Asking, index: int) -> str:
    """The id of a request in a batch: the trace's own where every provider takes it."""
    trace_id = trace_id_of(asking.prepared.problem.id, index, asking.fingerprint)
    if len(trace_id) <= LONGEST_ID and trace_id.isascii() and trace_id.isprintable():
        return trace_id
    return hashlib.blake2b(trace_id.encode(), digest_size=16).hexdigest()


class _BadLine(NamedTuple):
    """A line that is no result."""

    where: str
    what: str


def _read_results(paths: Sequence[Path]) -> Iterator[dict[str, Any] | _BadLine]:
    """Every result, and every line that is none. Raises InputError for a file that cannot be read."""
    for path in paths:
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield _read_result(line, f"{path}:{number}")
        except FileNotFoundError:
            raise InputError(f"There is no file {path} with batch results.") from None
        except OSError as error:
            raise InputError(f"Batch results: {explain_os_error(error, path, 'read')}") from None


def _read_result(line: bytes, where: str) -> dict[str, Any] | _BadLine:
    """One line, mended as a reply over the wire is."""
    try:
        row, _ = decode_tolerantly(line)
    except ValueError as error:
        return _BadLine(where, f"is not JSON ({error})")
    if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
        return _BadLine(where, "has no 'custom_id', so nobody can tell what it answers")
    if not {"response", "error", "content"} & row.keys():
        return _BadLine(where, f"has no 'response', 'error' or 'content'; it has {shorten(', '.join(row))}")
    if "content" not in row and not isinstance(row.get("response"), dict | None):
        return _BadLine(where, f"has a 'response' that is {type(row['response']).__name__} and no object")
    return row


def _check(paths: Sequence[Path], wanted: dict[str, _SampleKey]) -> None:
    """Read everything once before anything is written."""
    ids: list[str] = []
    bad: list[_BadLine] = []
    for row in _read_results(paths):
        if isinstance(row, _BadLine):
            bad.append(row)
        else:
            ids.append(row["custom_id"])
    if bad and not ids:
        raise InputError(f"None of {len(bad):,} lines is a result; {bad[0].where} {bad[0].what}.")
    if ids and not any(custom_id in wanted for custom_id in ids):
        first = f" (the first is '{shorten(ids[0])}')" if ids else ""
        worst = f"; {bad[0].where} {bad[0].what}" if bad else ""
        raise InputError(
            f"None of the {len(ids) + len(bad):,} results belongs to this run{first}{worst}. They were asked for "
            "with other settings, or for another run folder."
        )


def _ingest(
    settings: Settings, folder: RunFolder, paths: Sequence[Path], wanted: dict[str, _SampleKey], *, has_answered: bool
) -> BatchIn:
    """Refusals are final only beside a reply, in these results or before (`has_answered`), as over the wire."""
    already_there = unknown = 0
    failed: Counter[str] = Counter()
    bad: list[str] = []
    refusals: dict[str, tuple[_SampleKey, Failure]] = {}
    last: Failure | None = None
    secrets = gather_secrets(environment_keys(), said=(settings.dialect.model, *settings.dialect.config.served_as))
    with _Intake(settings, folder) as intake:
        for row in _read_results(paths):
            if isinstance(row, _BadLine):
                bad.append(f"{row.where} {row.what}")
                continue
            custom_id = row["custom_id"]
            target = wanted.get(custom_id)
            if target is None:
                unknown += 1
                continue
            if target.is_there or custom_id in intake.done:
                already_there += 1
                continue
            outcome = keep_secret(_outcome(settings, row), secrets)
            if isinstance(outcome, Reply):
                intake.take(custom_id, target, outcome)
                continue
            last = outcome
            if outcome.meaning == "refused":
                refusals[custom_id] = (target, outcome)
            else:
                failed[outcome.state] += 1
        if last is not None and not (intake.done or already_there or has_answered):
            raise _all_failed(settings, last, len(refusals) + failed.total())
        for custom_id, (target, refusal) in refusals.items():
            if custom_id not in intake.done:
                intake.take(custom_id, target, refusal)
        return BatchIn(len(intake.done), already_there, dict(failed), unknown, bad)


class _Intake:
    """Where results are written down; journals are opened as they are needed."""

    def __init__(self, settings: Settings, folder: RunFolder) -> None:
        self.done: set[str] = set()
        self._settings = settings
        self._folder = folder
        self._journals: dict[int, Sink] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for journal in self._journals.values():
            journal.close()

    def take(self, custom_id: str, target: _SampleKey, outcome: Reply | Failure) -> None:
        if target.shard not in self._journals:
            self._journals[target.shard] = self._folder.open_journal(target.shard)
        self._journals[target.shard].append(_trace(self._settings, target, outcome))
        self.done.add(custom_id)


def _all_failed(settings: Settings, last: Failure, count: int) -> EndpointError:
    return EndpointError(
        f"None of the {count:,} results is a reply: {close(last.words)} {find_cure(last, settings.dialect)} Nothing is "
        "written down; the next batch asks for them again."
    )


def _outcome(settings: Settings, row: dict[str, Any]) -> Reply | Failure:
    """What a result amounts to."""
    profile = settings.dialect.profile
    if "content" in row:
        message = {key: row.get(key) for key in ("content", "reasoning", "reasoning_content")}
        choice = {"message": message, "finish_reason": row.get("finish_reason", "stop")}
        return receive_object({"choices": [choice], "usage": row.get("usage")}, profile)
    response = row.get("response") or {}
    status, body = _status_of(response.get("status_code")), response.get("body")
    if isinstance(body, str) and body.lstrip().startswith("{"):  # some engines write the body as it came, as a text
        try:
            body, _ = decode_tolerantly(body.encode("utf-8", "replace"))
        except ValueError:
            return Failure("not_json", "transient", "the body is not JSON", is_billed=True)
    if error_or_none(row.get("error")) or status >= 400 or not isinstance(body, dict):  # 4xx and 5xx as over the wire
        error = error_or_none(row.get("error")) or (body.get("error") if isinstance(body, dict) else body) or body
        return classify(error, profile, status=status if status >= 400 else 500)
    return receive_object(body, profile)


def _status_of(value: Any) -> int:
    """An HTTP status as a number, however it is written; 200 where a result gives none, 500 for what is none."""
    if value is None:
        return 200
    text = str(value).removesuffix(".0")
    return int(text) if re.fullmatch("[1-5][0-9]{2}", text) else 500


def _trace(settings: Settings, target: _SampleKey, outcome: Reply | Failure) -> Trace:
    dialect = settings.dialect
    seed = settings.identity.seed_of(target.asking.prepared.problem.id, target.sample)
    parameters = dialect.body(seed, is_stream=False)
    request = Request(target.asking.messages, seed, attempts=1)
    worst = worst_case(target.asking.messages, dialect.most_reply_tokens)
    request.unreported = unreported_usage(outcome, worst)
    if isinstance(outcome, Failure):
        return settings.trace(target.asking, target.sample, parameters, kept_of(outcome), cost=request, refusal=outcome)
    return settings.trace(target.asking, target.sample, parameters, outcome, cost=request, refusal=None)

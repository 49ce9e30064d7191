"""What a cluster's workers share, and what they find out, put together again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from building import make_config
from endpoint import Ask, Wire, serve
from sampled import answer, config_for, make_folder, numbered, read_all

from overproof.config import RunConfig
from overproof.engine import Engine
from overproof.engine.cluster import Hosted
from overproof.journal import write_records
from overproof.judge.cases import Case
from overproof.judge.verdicts import Judgement
from overproof.runfolder import RunFolder
from overproof.sampling import SamplingSummary, outlook, sample
from overproof.sampling.coordinator import Ledger, standing_start
from overproof.sampling.distributed import LedgerSession, inventory_there
from overproof.teacher.budget import Amount

CAP = 1_300


class HostedHere(Hosted):
    """A ledger that is spoken to as if it lay in another process: every answer takes a moment."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()

    def ask(self, method: str, *arguments: Any) -> Any:
        with self._lock:
            return getattr(self._ledger, method)(*arguments)

    async def ask_async(self, method: str, *arguments: Any) -> Any:
        await asyncio.sleep(0.003)
        result = self.ask(method, *arguments)
        await asyncio.sleep(0.003)
        return result

    def tell(self, method: str, *arguments: Any) -> None:
        self.ask(method, *arguments)


def sample_by_workers(config: RunConfig, folder: RunFolder, shards: Iterable[int], at_once: int = 2) -> list[Any]:
    """Sample the shards in sessions that share a ledger, so many at once; returns what each came to."""
    ledger = HostedHere(Ledger(config.budget, config.teacher.concurrency, standing_start(0, 0, 0, 0, Amount())))

    def work(shard: int) -> SamplingSummary | BaseException:
        worker = LedgerSession(ledger, shard)
        try:
            return sample(
                config,
                folder,
                [shard],
                purse=worker,
                partner=worker,
                progress=worker.listen,
                open_sink=folder.open_parts,
            )
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            ledger.ask("leave", worker.name, worker.latest)

    with ThreadPoolExecutor(at_once) as threads:
        return list(threads.map(work, shards))


def test_workers_whose_one_endpoint_dies_go_on_with_the_other_and_wait_for_nothing(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(40), shards=4)
    asked = threading.Event()

    def script(ask: Ask) -> Wire:
        asked.set()
        return Wire([(0.02, answer(ask).pieces[0][1])])

    with ExitStack() as mortal, serve(answer) as living, ThreadPoolExecutor(1) as thread:
        dying = mortal.enter_context(serve(script))
        addresses = [{"base_url": dying.base_url}, {"base_url": living.base_url}]
        config = config_for(living, teacher={"endpoints": addresses, "concurrency": 8})
        ends = thread.submit(sample_by_workers, config, folder, range(4))
        assert asked.wait(30)
        mortal.close()
        summaries = ends.result()
    traces = read_all(folder, shards=4)
    assert len(traces) == sum(summary.samples_new for summary in summaries) == 80
    assert not any(summary.given_up for summary in summaries)
    assert max(trace.attempts for trace in traces) <= 3, "where it died, perhaps over a new connection, and elsewhere"


def test_workers_under_one_cap_end_when_it_is_used_up_and_never_pass_it(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(40), shards=4)
    with serve(answer) as endpoint:
        config = config_for(endpoint, teacher={"max_tokens": 40, "concurrency": 4}, budget={"max_tokens": CAP})
        summaries = sample_by_workers(config, folder, range(4))
    spent = sum((t.usage.prompt_tokens or 0) + (t.usage.completion_tokens or 0) for t in read_all(folder, shards=4))
    assert "budget" in {summary.ended for summary in summaries}
    assert CAP - 400 < spent <= CAP, "no request fits any more: at its worst each takes 372"


def test_what_the_judge_has_cost_is_counted_once_however_many_shards_there_are(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(30), shards=4)
    write_records(folder.judgements(), [Judgement(Case("q", "r", "a"), "judge", equal=True, tokens=102)])
    config = make_config(teacher={"model": "m", "base_url": "http://127.0.0.1:9/v1"}, sampling={"n": 2})
    there = inventory_there(Engine(1), config, folder, range(4)).outlook
    assert there.spent.tokens == 102
    assert there == outlook(config, folder, range(4))

"""Sampling by many processes of a cluster: a shard each, the run's budget and ceilings shared through a ledger.

A worker samples its shard as one machine would, into parts that are flushed every few seconds; when it dies, another
goes on from these.
"""

from __future__ import annotations

import asyncio
import functools
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from overproof.config import RunConfig
from overproof.config.endpoint import AddressConfig
from overproof.engine import Engine
from overproof.engine.cluster import Hosted, count_nodes, map_on_cluster
from overproof.errors import EndpointError, RunFolderError, Terminated
from overproof.journal import Sink
from overproof.runfolder import RunFolder
from overproof.sampling.coordinator import Ledger, Share, Standing, standing_start
from overproof.sampling.forecast import Outlook
from overproof.sampling.inventory import Inventory, add_judged, inventory_traces
from overproof.sampling.opening import Inspect
from overproof.sampling.progress import Listener, Notice, Progress
from overproof.sampling.session import SamplingSummary
from overproof.sampling.settings import Settings
from overproof.stopping import GRACE_SECONDS, describe_wait, hearing, patience_of
from overproof.teacher import Dialect, Endpoint
from overproof.teacher.budget import Amount, Answer, add_usage
from overproof.teacher.dispatch import Dispatch


def inventory_shard(config: RunConfig, folder: RunFolder, shard: int) -> Inventory:
    """`inventory_traces` of one shard without its journal: what can be added up and sent."""
    return msgspec.structs.replace(inventory_traces(Settings(config), folder, [shard]), journals=[])


def inventory_there(engine: Engine, config: RunConfig, folder: RunFolder, shards: Sequence[int]) -> Inventory:
    """`take_inventory` by the workers of a cluster."""
    found = engine.run_shards(functools.partial(inventory_shard, _as_shipped(config), folder), shards)
    return add_judged(functools.reduce(_add_inventories, found), folder)


def sample_there(
    engine: Engine,
    config: RunConfig,
    folder: RunFolder,
    shards: Sequence[int],
    *,
    found: Inventory,
    progress: Listener,
    inspect: Inspect | None = None,
    grace: float = GRACE_SECONDS,
) -> SamplingSummary:
    """`sampling.sample` by the workers of a cluster, of what `inventory_there` has just found. Raises as that does.

    The first interrupt ends every worker after what it has in flight, a second one leaves them; SIGTERM does as the
    first one, and is over within `grace` seconds.
    """
    assert engine.terms is not None, "only a cluster samples elsewhere"
    out = found.outlook
    start = standing_start(out.problems, out.problems_done, found.samples, found.samples_done, out.spent)
    ledger = Hosted(Ledger, config.budget, config.teacher.concurrency, start)
    work = functools.partial(
        _sample_shard,
        _as_shipped(config),
        folder,
        ledger,
        mark=engine.terms.mark,
        keys=_find_keys(config),
        inspect=inspect,
    )

    driver = _Driver(ledger, progress, grace)
    try:
        with hearing(driver.hear, _leave):
            ends = list(
                map_on_cluster(
                    work,
                    shards,
                    engine.terms,
                    at_once=lambda: _shards_at_once(config, driver.starved),
                    died=driver.replace,
                    beat=driver.look,
                    is_over=lambda: driver.is_over,
                )
            )
            driver.look()
        return _sum_up(found, _summaries_of(ends), ledger.ask("view").progress)
    finally:
        ledger.end()


class Interrupted(msgspec.Struct, frozen=True):
    """How a worker's session ended that was told to stop."""


End = SamplingSummary | EndpointError | Interrupted


def _summaries_of(ends: Sequence[End | None]) -> list[SamplingSummary]:
    """What the sessions came to. None: a shard that was never begun, as the run was ending.

    Raises the error that ended one of them, for which the others were only told to stop.
    """
    for end in ends:
        if isinstance(end, EndpointError):
            raise end
    summaries = [end for end in ends if isinstance(end, SamplingSummary)]
    if len(summaries) < len(ends):
        raise KeyboardInterrupt
    return summaries


class _Driver:
    """What the driver sees of the workers, and a signal to it on its way to them.

    A signal is heard between any two steps, also within a call to the cluster, and passed on at the next look.
    """

    def __init__(self, ledger: Hosted, progress: Listener, grace: float) -> None:
        self.is_over = False
        """Whether nothing more is to be begun."""
        self.starved = 0
        """Workers that have nothing more to start."""
        self._ledger = ledger
        self._progress = progress
        self._grace = grace
        self._heard: KeyboardInterrupt | None = None
        self._ends_at = float("inf")

    def hear(self, error: KeyboardInterrupt) -> None:
        """Take the first signal."""
        self._heard = error
        if isinstance(error, Terminated):
            self._ends_at = time.monotonic() + self._grace

    def look(self) -> None:
        """Tell people how it goes, and the workers what was heard. Raises that when the grace is over."""
        self._pass_on()
        view = self._ledger.ask("view")
        self.is_over = self.is_over or view.is_stopped
        self.starved = view.starved
        for text in view.notices:
            self._progress(Notice(text))
        self._progress(view.progress)

    def replace(self, shard: int) -> None:
        """Take from the ledger what the worker of a shard held, which has died."""
        self._ledger.tell("forget", shard)
        self._progress(Notice(f"The worker of shard {shard} died; another goes on from what it had written."))

    def _pass_on(self) -> None:
        if self._heard is None:
            return
        if not self.is_over:
            self.is_over = True
            self._ledger.ask("stop", patience_of(self._heard, self._grace))  # waited for: what is told next is true
            self._progress(Notice(describe_wait(self._heard, self._grace)))
        if time.monotonic() > self._ends_at:
            raise self._heard


def _shards_at_once(config: RunConfig, starved: int) -> int:
    """How many shards are sampled at the same time: workers that only wait for their last replies hold up none."""
    workers = config.ray.sampling_workers or count_nodes()
    return min(workers + min(starved, workers), config.teacher.concurrency)


def _leave(error: KeyboardInterrupt) -> None:
    raise error


def _sample_shard(
    config: RunConfig,
    folder: RunFolder,
    ledger: Hosted,
    shard: int,
    *,
    mark: str,
    keys: dict[str, str],
    inspect: Inspect | None,
) -> End:
    """Runs in a worker."""
    from overproof.sampling import sample

    for name, value in keys.items():
        os.environ.setdefault(name, value)
    worker = LedgerSession(ledger, shard)
    try:
        return sample(
            config,
            folder,
            [shard],
            inspect=inspect,
            purse=worker,
            partner=worker,
            progress=worker.listen,
            open_sink=lambda one: _Watched(folder.open_parts(one), folder, mark),
        )
    except EndpointError as error:
        ledger.ask("stop")
        return error
    except KeyboardInterrupt:
        return Interrupted()
    finally:
        ledger.ask("leave", worker.name, worker.latest)


class _Watched:
    """A journal of a worker that ends where another driver has taken its run over, which asks for the same again."""

    def __init__(self, sink: Sink, folder: RunFolder, mark: str) -> None:
        self._sink = sink
        self._folder = folder
        self._mark = mark
        self.append = sink.append
        self.close = sink.close

    def flush(self) -> None:
        self._sink.flush()
        if self._folder.read_mark() != self._mark:
            raise RunFolderError(
                f"Another driver has taken {self._folder} over. What came here is kept; let that one go on"
            )


class LedgerSession:
    """One session's side of the ledger: its purse and its partner."""

    def __init__(self, ledger: Hosted, shard: int) -> None:
        """Speak for a session that samples this shard."""
        self.name = f"{shard}/{uuid.uuid4().hex}"
        self.spent = Amount()
        self.latest: Progress | None = None
        """Where the session stood when it last told."""
        self._ledger = ledger
        self._shard = shard
        self._is_interrupted = False
        self._told: dict[str, float] = {}
        """Until when endpoints are paused as all know it, so that what was heard is not told as news again and again,
        each time a bit later."""

    def listen(self, event: Progress | Notice) -> None:
        """Pass notices on; progress goes when the session meets the ledger, with what comes back for it, and leaves."""
        if isinstance(event, Notice):
            self._ledger.tell("notify", event.text)
        else:
            self.latest = event

    async def meet(self, dispatch: Dispatch, progress: Progress) -> None:
        """Tell how the session stands and do as the share says."""
        now = asyncio.get_running_loop().time()
        endpoints = dispatch.teacher.endpoints
        standing = Standing(
            progress=progress,
            is_starved=dispatch.is_starved,
            troubles={one.name: one.trouble for one in endpoints if one.trouble},
            pauses=self._pauses(endpoints, now),
        )
        share: Share = await self._ledger.ask_async("meet", self.name, self._shard, standing)
        self.spent = share.spent
        dispatch.share(share.fraction)
        for endpoint in endpoints:
            if endpoint.name in share.troubles and not endpoint.trouble:
                dispatch.lose(endpoint, share.troubles[endpoint.name])
            if endpoint.name in share.pauses:
                dispatch.pause(endpoint, share.pauses[endpoint.name])
                until = asyncio.get_running_loop().time() + share.pauses[endpoint.name]
                self._told[endpoint.name] = max(until, self._told.get(endpoint.name, 0.0))
        if share.is_stopped and not self._is_interrupted:
            self._is_interrupted = True
            dispatch.stop(KeyboardInterrupt(), share.patience)

    def _pauses(self, endpoints: Sequence[Endpoint], now: float) -> dict[str, float]:
        """Seconds of the pauses that are news."""
        news = {}
        for one in endpoints:
            until = one.governor.paused_until
            if until > max(now, self._told.get(one.name, 0.0)):
                news[one.name] = until - now
                self._told[one.name] = until
        return news

    async def reserve(self, amount: Amount) -> Answer:
        """Set the amount aside in the run's budget, or say why not."""
        answer: Answer = await self._ledger.ask_async("reserve", self.name, amount)
        return answer

    def settle(self, reserved: Amount, charged: Amount) -> None:
        """Give a reservation back and charge what was used."""
        self._ledger.tell("settle", self.name, reserved, charged)


def _as_shipped(config: RunConfig) -> RunConfig:
    """The config for a worker, which has another working directory."""
    profile = config.teacher.profile
    if not profile.endswith(".toml"):
        return config
    teacher = config.teacher.model_copy(update={"profile": str(Path(profile).absolute())})
    return config.model_copy(update={"teacher": teacher})


def _find_keys(config: RunConfig) -> dict[str, str]:
    """What the endpoints want of the environment, by variable: keys and headers travel with the work, unwritten."""
    profile = Dialect(config.teacher).profile
    addresses = config.teacher.endpoints or [AddressConfig()]
    names = {address.key_env or config.teacher.key_env or profile.key_env for address in addresses}
    names.update(config.teacher.headers.values())
    return {name: os.environ[name] for name in names if name and name in os.environ}


def _add_inventories(one: Inventory, other: Inventory) -> Inventory:
    return Inventory(
        _add_outlooks(one.outlook, other.outlook),
        [],
        one.samples_done + other.samples_done,
        one.samples + other.samples,
    )


def _add_outlooks(one: Outlook, other: Outlook) -> Outlook:
    bounds = (one.worst.completion_tokens, other.worst.completion_tokens)
    worst = add_usage((one.worst, other.worst))
    if None in bounds:  # what nothing bounds has no sum
        worst = msgspec.structs.replace(worst, completion_tokens=None)
    costs = (one.worst_cost, other.worst_cost)
    return Outlook(
        problems=one.problems + other.problems,
        problems_done=one.problems_done + other.problems_done,
        problems_unfit=one.problems_unfit + other.problems_unfit,
        requests_least=one.requests_least + other.requests_least,
        requests_most=one.requests_most + other.requests_most,
        worst=worst,
        worst_cost=None if costs[0] is None or costs[1] is None else costs[0] + costs[1],
        spent=one.spent + other.spent,
        currency=one.currency,
        samples_done=one.samples_done + other.samples_done,
    )


def _sum_up(found: Inventory, parts: Sequence[SamplingSummary], end: Progress) -> SamplingSummary:
    def count(name: str) -> dict[str, int]:
        return dict(sum((Counter(getattr(part, name)) for part in parts), Counter()))

    return SamplingSummary(
        ended="budget" if any(part.ended == "budget" for part in parts) else "finished",
        problems=found.outlook.problems,
        problems_done=sum(part.problems_done for part in parts),
        samples=sum(part.samples for part in parts),
        samples_new=sum(part.samples_new for part in parts),
        complete=sum(part.complete for part in parts),
        cut=sum(part.cut for part in parts),
        refused=count("refused"),
        given_up=count("given_up"),
        failures=count("failures"),
        marks=count("marks"),
        usage=add_usage(part.usage for part in parts),
        spent=end.spent,
        currency=found.outlook.currency,
        seconds=end.seconds,
        forecast=None,
        alarms=list(_distinct(alarm for part in parts for alarm in part.alarms)),
    )


def _distinct(texts: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(texts)

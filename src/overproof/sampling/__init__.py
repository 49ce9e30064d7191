"""Problems × n → traces: adaptive, budgeted, resumable; the stage that costs money.

    inventory    what there is and what is missing, before a token is paid for
    identity     fingerprint and seed of a sample
    plan         how many samples a problem gets
    requests     problems → requests, replies → journal
    distributed  the same by many processes of a cluster, each with a shard
    coordinator  what they share: budget, ceilings, troubles, progress
    session      one run of `sample`, its progress and its end
    forecast     what it will cost
    batch        the same through files
    doctor       two calls before it all

`teacher.dispatch` sends the requests; `journal` keeps the lines.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Sequence

from overproof.config import RunConfig
from overproof.journal import Sink
from overproof.judge.verdicts import read_spent as judge_spent
from overproof.runfolder import RunFolder
from overproof.sampling.background import BackgroundGrading, Correctness, grade_correctness
from overproof.sampling.forecast import Outlook
from overproof.sampling.inventory import Inventory, take_inventory
from overproof.sampling.opening import FIRST_REPLIES, Inspect
from overproof.sampling.progress import Listener, Notice, Progress
from overproof.sampling.resume import read_journal
from overproof.sampling.session import Partner, SamplingSummary, Session
from overproof.sampling.settings import Settings
from overproof.stopping import GRACE_SECONDS
from overproof.teacher import connect, run_to_end
from overproof.teacher.budget import Amount, Budget, Prices, Purse

__all__ = ["Inventory", "Notice", "Outlook", "Progress", "SamplingSummary", "look", "outlook", "read_spent", "sample"]


def outlook(config: RunConfig, folder: RunFolder, shards: Sequence[int]) -> Outlook:
    """What sampling would ask for and may cost at the most. Makes no call. Raises as `sample` does before its first."""
    return look(config, folder, shards).outlook


def look(config: RunConfig, folder: RunFolder, shards: Sequence[int], only: Container[str] | None = None) -> Inventory:
    """What there is and what is missing, for `sample` to go on from. Raises as `sample` does before its first call.

    `only` names the problems that are asked; None asks all.
    """
    return take_inventory(Settings(config, only), folder, shards)


def sample(
    config: RunConfig,
    folder: RunFolder,
    shards: Sequence[int],
    *,
    found: Inventory | None = None,
    only: Container[str] | None = None,
    correctness: Correctness | None = None,
    inspect: Inspect | None = None,
    purse: Purse | None = None,
    progress: Listener | None = None,
    open_sink: Callable[[int], Sink] | None = None,
    partner: Partner | None = None,
    grace: float = GRACE_SECONDS,
) -> SamplingSummary:
    """Sample everything that the shards' problems still lack, and write each trace down the moment it is known.

    `found` is what `look` has just found and is used up; None looks now. `only` is as in `look`. `correctness` tells
    adaptive sampling what is correct (default: grading and `rewards.is_correct`). `inspect` looks at the first replies,
    which stop the session when none of them can be kept. `purse` is the budget when it is shared with others, None
    makes one from the config and the shards' journals. `open_sink` opens a shard's journal, by default
    `RunFolder.open_journal`; `partner` speaks for other sessions that sample the run at the same time. The first
    interrupt (Ctrl-C) ends the session after what is in flight, which is paid for already; a second one abandons that.
    SIGTERM does as the first interrupt, and is over within `grace` seconds.

    Raises ConfigError, InputError and RunFolderError before the first call, EndpointError when the endpoint cannot
    serve the run, and KeyboardInterrupt after an interrupt; everything finished is in the journal by then.
    """
    settings = Settings(config, only)
    found = found or take_inventory(settings, folder, shards)
    session = Session(settings, found, purse or Budget(config.budget, found.outlook.spent), progress, inspect)
    session.opening.recall(itertools.islice(found.read_traces(), FIRST_REPLIES))
    session.partner = partner
    session.grace = grace
    if not found.outlook.requests_most:
        return session.summary("finished")

    async def run() -> SamplingSummary:
        if config.sampling.is_adaptive:
            session.grading = BackgroundGrading(correctness or grade_correctness(config), session.changed)
        source = session.open_source(folder, shards, open_sink or folder.open_journal)
        try:
            async with connect(config.teacher) as teacher:
                return await session.run(teacher, source)
        finally:
            session.close(source)

    return run_to_end(run())


def read_spent(config: RunConfig, folder: RunFolder, shards: Sequence[int]) -> Amount:
    """What a run has spent, over both paid stages and all sessions. Imported traces were paid for elsewhere."""
    prices = Prices(config.budget)
    spent = judge_spent(folder)
    for shard in () if config.teacher.is_imported else shards:
        spent += read_journal(folder, shard, prices).spent
    return spent

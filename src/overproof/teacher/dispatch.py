"""Many requests to one teacher: when each starts, when it is tried again, and when to stop.

A single loop starts requests as the endpoints' windows and the budget allow; each attempt is a task of its own that
ends in a reply or a failure. A request that waits to be tried again holds no place in a window. What is asked for
and what becomes of replies is the `RequestSource`'s business; both paid stages are such sources.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple, Protocol

import msgspec

from overproof.errors import EndpointError
from overproof.records import Message, Usage
from overproof.teacher import Dialect, Endpoint, Teacher
from overproof.teacher.advice import close, find_cure
from overproof.teacher.budget import Amount, Answer, Prices, Purse, add_usage
from overproof.teacher.failures import NAMES_INPUT, OWN_REFUSALS
from overproof.teacher.parameters import MESSAGE_OVERHEAD_TOKENS, worst_case
from overproof.teacher.reply import Failure, Reply
from overproof.teacher.usage import estimate_tokens

MOST_ATTEMPTS = {"empty_content": 3, "tool_calls": 1}
"""Attempts a request gets against a failure of one kind, where it is not DEFAULT_ATTEMPTS. Throttles are free."""
DEFAULT_ATTEMPTS = 10
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0
START_PATIENCE_SECONDS = 5.0
"""How long an endpoint that has never answered may be unreachable, or answer with web pages."""
ASK_AGAIN_SECONDS = 0.1
"""How long a request is held back before a purse is asked again in which others may make room."""
REFUSALS_IN_A_ROW = 8
"""Refusals of one meaning without a success between them, from which on they are taken to be about every request."""

_HOPELESS_AT_START = frozenset({"unreachable", "not_json", "model_not_found"})


class Request(msgspec.Struct, eq=False):
    """One completion that is wanted, and what its attempts have cost so far."""

    messages: Sequence[Message]
    seed: int
    tag: Any = None
    """Whatever the source knows it by."""
    attempts: int = 0
    failures: dict[str, int] = {}
    """Failed attempts by state, throttles not counted."""
    retried: Usage = Usage()
    """Tokens reported for failed attempts."""
    unreported: Usage = Usage()
    """Worst case of the attempts that reported nothing."""
    failed_at: frozenset[str] = frozenset()
    """Endpoints that broke an attempt off; the others are tried before these."""


class Refusal(NamedTuple):
    """A request that an endpoint has refused."""

    endpoint: Endpoint
    request: Request
    failure: Failure


class RequestSource(Protocol):
    """Where requests come from and where their outcomes go. Its methods must not block.

    The three that take an outcome may raise EndpointError when it shows that going on would be useless.
    """

    def next(self) -> Request | None:
        """The next request to start, or None when there is none at this moment."""

    def is_waiting(self) -> bool:
        """Whether more requests may come though none is in flight (a verdict is still being worked out)."""

    def reply(self, request: Request, reply: Reply) -> None:
        """A request has its reply."""

    def refused(self, request: Request, failure: Failure) -> None:
        """A request was refused for good."""

    def given_up(self, request: Request, failure: Failure) -> None:
        """A request failed as often as it may in one session; a later session may try again."""


class Dispatch:
    """One session of sending a source's requests."""

    def __init__(
        self,
        teacher: Teacher,
        source: RequestSource,
        *,
        purse: Purse,
        prices: Prices,
        changed: asyncio.Event,
        notice: Callable[[str], None],
    ) -> None:
        """`changed` is set by whoever has news: this session when an attempt ends, the source when it has more."""
        self.teacher = teacher
        self.source = source
        self.is_capped = False
        """Whether the session ended because the budget was used up."""
        self.failures: Counter[str] = Counter()
        """Failed attempts by state."""
        self.most_in_flight = teacher.dialect.config.concurrency
        """Attempts that may be under way at once, over all endpoints."""
        self._purse = purse
        self._prices = prices
        self._changed = changed
        self._notice = notice
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retries: list[tuple[float, int, Request]] = []
        self._order = count()
        self._held_back: Request | None = None
        self._asks_again_at = 0.0
        self._has_succeeded = False
        self._refusals: list[Refusal] = []
        """Since the last success; they are final only once another comes."""
        self._began = self._loop.time()
        self._trouble_since: float | None = None
        self._stopped_by: EndpointError | KeyboardInterrupt | None = None
        self._is_left = False
        self._crash: BaseException | None = None
        self._is_starved = False
        self._mean_reply_tokens = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return len(self._tasks)

    @property
    def window(self) -> int:
        """Attempts that may be under way now."""
        windows = sum(int(e.governor.limit) for e in self.teacher.endpoints if not e.trouble)
        return min(windows, self.most_in_flight)

    @property
    def is_starved(self) -> bool:
        """Whether there was no request to start when one was last looked for."""
        return self._is_starved

    def share(self, fraction: float) -> None:
        """From now on take this part of concurrency and ceilings; others have the rest. 0 starts nothing."""
        self.most_in_flight = int(fraction * self.teacher.dialect.config.concurrency + 1e-9)
        for endpoint in self.teacher.endpoints:
            endpoint.governor.share(fraction, self._loop.time())
        self._changed.set()

    def lose(self, endpoint: Endpoint, trouble: str) -> None:
        """Go on without an endpoint; without any the session ends."""
        is_news = not endpoint.trouble
        endpoint.trouble = trouble
        if all(other.trouble for other in self.teacher.endpoints):
            self.stop(EndpointError(trouble))
        elif is_news:
            self._notice(f"{trouble} Going on without this endpoint.")

    def pause(self, endpoint: Endpoint, seconds: float) -> None:
        """Start nothing at an endpoint for so long, as somebody else was told to."""
        until = self._loop.time() + seconds
        endpoint.governor.paused_until = max(endpoint.governor.paused_until, until)

    def stop(self, error: EndpointError | KeyboardInterrupt, within: float | None = None) -> None:
        """Start nothing more, and once what is in flight has ended let `run` raise the error.

        What has not ended `within` so many seconds is left; None waits for all of it.
        """
        if self._stopped_by is None and isinstance(error, EndpointError) and len(self._tasks) > 1:
            self._notice(f"Stopping. Waiting for {len(self._tasks)} requests in flight, which may be paid for.")
        self._stopped_by = self._stopped_by or error
        if within is not None:
            self._loop.call_later(within, self.leave)
        self._changed.set()

    def leave(self) -> None:
        """Once stopped, do not wait for what is in flight."""
        self._is_left = True
        self._changed.set()

    def fail(self, error: BaseException | None) -> None:
        """Abandon everything and let `run` raise the error; None does nothing."""
        self._crash = self._crash or error
        self._changed.set()

    async def run(self) -> None:
        """Send until the source has nothing left or the budget is used up. Raises what `stop` or `fail` was given.

        Cancelling this abandons what is in flight.
        """
        try:
            while True:
                self._changed.clear()
                if self._stopped_by is None:
                    await self._start_what_may_start()
                if self._crash is not None:
                    raise self._crash
                if self._is_over():
                    break
                self._arm_timer()
                await self._changed.wait()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await self._abandon()
        self._end()

    async def _start_what_may_start(self) -> None:
        self._is_starved = False
        while self._loop.time() >= self._asks_again_at:
            now = self._loop.time()
            free = self._free_endpoints(now)
            if not free:
                return
            request = self._take_next(now, free)
            if request is None:
                self._is_starved = not (self._retries and self._retries[0][0] <= now)
                return
            worst = worst_case(request.messages, self.teacher.dialect.most_reply_tokens)
            amount = self._prices.of_worst(worst)
            answer = await self._purse.reserve(amount)
            free = self._free_endpoints(self._loop.time())  # a share may have become smaller meanwhile
            if answer == "yes" and free and self._stopped_by is None and self._crash is None:
                self._launch(self._choose(request, free), request, worst, amount)
                continue
            self._hold_back(request, amount, answer)
            return

    def _hold_back(self, request: Request, amount: Amount, answer: Answer) -> None:
        """Keep a request that must not start, or not now."""
        self._held_back = request
        if answer == "yes":  # the session was stopped, or its share taken back, while it asked
            self._purse.settle(amount, Amount())
        elif answer == "stopped":
            self.stop(KeyboardInterrupt())
        elif answer == "wait":
            self._asks_again_at = self._loop.time() + ASK_AGAIN_SECONDS
        else:
            self.is_capped = True

    def _free_endpoints(self, now: float) -> list[Endpoint]:
        """The endpoints that may start a request now."""
        if len(self._tasks) >= self.most_in_flight:
            return []
        return [one for one in self.teacher.endpoints if not one.trouble and one.governor.may_start(now)]

    def _choose(self, request: Request, free: Sequence[Endpoint]) -> Endpoint:
        """The least loaded endpoint, of those that have not failed the request where there is one."""
        return min(free, key=lambda one: (one.name in request.failed_at, one.governor.in_flight / one.weight))

    def _has_better(self, request: Request) -> bool:
        """Whether an endpoint that works has not failed the request yet: it waits for that one and no other."""
        return any(
            not one.trouble and not one.governor.is_in_trouble and one.name not in request.failed_at
            for one in self.teacher.endpoints
        )

    def _take_next(self, now: float, free: Sequence[Endpoint]) -> Request | None:
        """A request that one of these endpoints is fit for; one that waits for another holds up nobody."""
        if self._held_back is not None:
            request, self._held_back = self._held_back, None
            return request
        names = {one.name for one in free}
        passed = []
        found = None
        while found is None and self._retries and self._retries[0][0] <= now:
            entry = heapq.heappop(self._retries)
            if names <= entry[2].failed_at and self._has_better(entry[2]):
                passed.append(entry)
            else:
                found = entry[2]
        for entry in passed:
            heapq.heappush(self._retries, entry)
        return found or self.source.next()

    def _launch(self, endpoint: Endpoint, request: Request, worst: Usage, amount: Amount) -> None:
        now = self._loop.time()
        expected = (worst.prompt_tokens or 0) / 4 + (self._mean_reply_tokens or (worst.completion_tokens or 0) / 4)
        endpoint.governor.started(now, expected)
        task = self._loop.create_task(self._attempt(endpoint, request, worst, amount, expected))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _attempt(
        self, endpoint: Endpoint, request: Request, worst: Usage, amount: Amount, expected: float
    ) -> None:
        started = self._loop.time()
        request.attempts += 1
        charged, used = Amount(), 0.0
        try:
            outcome = await self.teacher.attempt(endpoint, request.messages, request.seed)
            request.attempts += outcome.sends - 1
            unreported = unreported_usage(outcome, worst)
            charged = self._prices.of(outcome.usage) + self._prices.of_unreported(unreported)
            used = charged.tokens - expected
        finally:
            self._purse.settle(amount, charged)
            endpoint.governor.ended(used)
        request.unreported = add_usage((request.unreported, unreported))
        try:
            if isinstance(outcome, Reply):
                self._succeeded(endpoint, outcome)
                self.source.reply(request, outcome)
            else:
                self.failures[outcome.state] += 1
                self._failed(endpoint, request, outcome, started)
        except EndpointError as error:  # the source has seen that going on is useless
            self.stop(error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._asks_again_at = 0.0
        if not task.cancelled():
            self.fail(task.exception())
        self._changed.set()

    def _succeeded(self, endpoint: Endpoint, reply: Reply) -> None:
        endpoint.governor.succeeded()
        self._trouble_since = None
        tokens = reply.usage.completion_tokens
        if tokens is not None:
            weight = 0.05 if self._mean_reply_tokens else 1.0
            self._mean_reply_tokens += weight * (tokens - self._mean_reply_tokens)
        self._has_succeeded = True
        self._confirm_refusals()

    def _failed(self, endpoint: Endpoint, request: Request, failure: Failure, started: float) -> None:
        if failure.meaning == "refused":
            self._refused(endpoint, request, failure)
            return
        request.retried = add_usage((request.retried, failure.usage))
        if failure.meaning == "fatal":
            self._lost_endpoint(endpoint, request, failure)
        elif trouble := self._outlasting(endpoint, failure):
            self._retry(request, 0.0)
            self.lose(endpoint, trouble)
        elif failure.meaning == "throttle":
            self._throttled(endpoint, request, failure, started)
        else:
            self._retry_or_end(endpoint, request, failure, started)

    def _refused(self, endpoint: Endpoint, request: Request, failure: Failure) -> None:
        """A refusal is believed to be about its input once the endpoint has answered another request after it."""
        endpoint.governor.succeeded()
        if failure.state in OWN_REFUSALS:
            self.source.refused(request, failure)
            return
        self._refusals.append(Refusal(endpoint, request, failure))
        if self._is_refusing_all(failure.state):
            self.stop(_all_refused(self._refusals, self.teacher.dialect, has_succeeded=self._has_succeeded))

    def _is_refusing_all(self, state: str) -> bool:
        """Whether the latest refusals are of one meaning and about no input in particular.

        Refusals come back sooner than replies. Where each names its own input, they must be of that many inputs and as
        many as the requests still under way, so that a few filtered questions among slow replies stop nothing.
        """
        latest = self._refusals[-REFUSALS_IN_A_ROW:]
        if len(latest) < REFUSALS_IN_A_ROW or any(one.failure.state != state for one in latest):
            return False
        if state not in NAMES_INPUT:
            return True
        inputs = {tuple(message.content for message in one.request.messages) for one in self._refusals}
        return len(inputs) >= REFUSALS_IN_A_ROW and len(self._refusals) >= len(self._tasks) - 1

    def _confirm_refusals(self) -> None:
        """Something has succeeded: what was refused before it is written down."""
        refusals, self._refusals = self._refusals, []
        for _, request, failure in refusals:
            self.source.refused(request, failure)

    def _lost_endpoint(self, endpoint: Endpoint, request: Request, failure: Failure) -> None:
        """This endpoint cannot serve the run; the others go on, and without any the session ends."""
        self._retry(request, 0.0)
        cure = find_cure(failure, self.teacher.dialect)
        self.lose(endpoint, f"{endpoint.name} answered {close(failure.explanation)} {cure}".rstrip())

    def _throttled(self, endpoint: Endpoint, request: Request, failure: Failure, started: float) -> None:
        now = self._loop.time()
        if endpoint.governor.throttled(now, started, failure.retry_after):
            wait = endpoint.governor.paused_until - now
            self._notice(f"{endpoint.name} is throttling ({failure.explanation}): all requests wait {wait:.0f} s")
        is_pause = endpoint.governor.paused_until > now  # which holds this request back with all others
        self._retry(request, 0.0 if is_pause else failure.retry_after or FIRST_RETRY_SECONDS)
        self._lose_patience(endpoint, failure, now)

    def _retry_or_end(self, endpoint: Endpoint, request: Request, failure: Failure, started: float) -> None:
        """After a transient failure: try again, or settle for what there is."""
        times = request.failures.get(failure.state, 0) + 1
        request.failures = {**request.failures, failure.state: times}
        if failure.reply is not None:
            endpoint.governor.succeeded()
        else:
            request.failed_at |= {endpoint.name}
            self._note_sickness(endpoint, failure, started)
        if times < MOST_ATTEMPTS.get(failure.state, DEFAULT_ATTEMPTS):
            is_elsewhere = failure.reply is None and self._has_better(request)
            delay = 0.0 if is_elsewhere else min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** (times - 1))
            self._retry(request, max(delay, failure.retry_after or 0.0))
        elif failure.reply is not None:
            self._settle_for(request, failure, failure.reply)
        else:
            self.source.given_up(request, failure)

    def _settle_for(self, request: Request, failure: Failure, reply: Reply) -> None:
        """Keep the last reply as it is: it was paid for, and asking again brought nothing better."""
        request.retried = _minus(request.retried, failure.usage)  # it is the trace's own usage now
        self.source.reply(request, msgspec.structs.replace(reply, marks=[*reply.marks, failure.state]))

    def _note_sickness(self, endpoint: Endpoint, failure: Failure, started: float) -> None:
        now = self._loop.time()
        if endpoint.governor.failed(now, started):
            wait = endpoint.governor.paused_until - now
            self._notice(
                f"{endpoint.name} failed {endpoint.governor.failures_in_a_row} times in a row ({failure.explanation}); "
                f"one request will try it again in {wait:.0f} s"
            )
            endpoint.client.recycle()
            self._trouble_since = self._trouble_since or now
        self._lose_patience(endpoint, failure, now)

    def _retry(self, request: Request, delay: float) -> None:
        due = self._loop.time() + delay * random.uniform(0.75, 1.25)  # noqa: S311 - jitter is no secret
        heapq.heappush(self._retries, (due, next(self._order), request))

    def _outlasting(self, endpoint: Endpoint, failure: Failure) -> str:
        """What to say of an endpoint that asks to wait for longer than patience lasts; empty where it does not.

        Time without a success counts only where no other endpoint may bring one.
        """
        if failure.retry_after is None:
            return ""
        patience, since = self.teacher.dialect.config.patience_seconds, self._trouble_since
        is_alone = all(one is endpoint or one.trouble or one.governor.is_in_trouble for one in self.teacher.endpoints)
        waited = self._loop.time() - since if is_alone and since is not None else 0.0
        if waited + failure.retry_after <= patience:
            return ""
        already = f" after {waited:.0f} s without a success" if waited else ""
        return (
            f"{endpoint.name} asks to wait {failure.retry_after:.0f} s{already} ({failure.explanation}), "
            f"longer than teacher.patience_seconds ({patience:g}) lasts. Run again then."
        )

    def _lose_patience(self, endpoint: Endpoint, failure: Failure, now: float) -> None:
        """End the session when nothing has worked for too long."""
        if failure.meaning == "throttle" or failure.retry_after is not None:  # a wait begins that counts
            self._trouble_since = self._trouble_since or now
        if self._has_succeeded or failure.state not in _HOPELESS_AT_START:
            patience, since = self.teacher.dialect.config.patience_seconds, self._trouble_since
        else:
            patience, since = START_PATIENCE_SECONDS, self._began
        is_hopeless = all(other.trouble or other.governor.is_in_trouble for other in self.teacher.endpoints)
        if is_hopeless and since is not None and now - since >= patience:
            advice = "Check teacher.base_url and that the server is up"
            if failure.meaning == "throttle":
                advice = "It still asks for fewer requests: lower teacher.concurrency, or run again later"
            self.stop(
                EndpointError(
                    f"{endpoint.name}: nothing has succeeded for {now - since:.0f} s ({failure.explanation}). "
                    f"{advice}; teacher.patience_seconds says how long to wait for one that recovers."
                )
            )

    def _is_over(self) -> bool:
        if self._is_left:
            return True
        if self._tasks:
            return False
        if self._stopped_by is not None or self.is_capped:
            return True
        return self._is_starved and not self._retries and self._held_back is None and not self.source.is_waiting()

    def _arm_timer(self) -> None:
        """Wake up when a retry falls due or a window may have changed."""
        now = self._loop.time()
        times = [e.governor.wakes_at(now) for e in self.teacher.endpoints if not e.trouble]
        times += [at for at in (self._asks_again_at, *(due for due, _, _ in self._retries[:1])) if at > now]
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(min(times, default=now + 1.0), self._changed.set)

    async def _abandon(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end(self) -> None:
        if self._stopped_by is not None:
            raise self._stopped_by
        if self._refusals and not self._has_succeeded:
            raise _all_refused(self._refusals, self.teacher.dialect, has_succeeded=False)
        self._confirm_refusals()  # fewer than would tell of every request, after others that were answered


def unreported_usage(outcome: Reply | Failure, worst: Usage) -> Usage:
    """What an attempt may be billed for and did not report: by the text that came, else the worst case."""
    if isinstance(outcome, Failure) and not outcome.is_billed:
        return Usage()
    usage = outcome.usage
    received = outcome.size if isinstance(outcome, Reply) else outcome.received
    if received is None:
        estimate = worst
    else:
        prompt = estimate_tokens((worst.prompt_tokens or 0) - MESSAGE_OVERHEAD_TOKENS)
        estimate = Usage(prompt_tokens=prompt, completion_tokens=estimate_tokens(received))
    return Usage(
        prompt_tokens=estimate.prompt_tokens if usage.prompt_tokens is None else None,
        completion_tokens=estimate.completion_tokens if usage.completion_tokens is None else None,
    )


def _minus(total: Usage, part: Usage) -> Usage:
    """Field-wise difference, where the part was once added to the total."""
    left = {
        field: (getattr(total, field) or 0) - (getattr(part, field) or 0) or None for field in Usage.__struct_fields__
    }
    return Usage(**left)


def _all_refused(refusals: Sequence[Refusal], dialect: Dialect, *, has_succeeded: bool) -> EndpointError:
    endpoint, _, failure = refusals[-1]
    before = "has refused the last" if has_succeeded else "turned away every one of"
    since = "" if has_succeeded else " and has answered none"
    return EndpointError(
        f"{endpoint.name} {before} {len(refusals)} requests{since}: {close(failure.words)} "
        f"{find_cure(failure, dialect)} None of them is written down; the same command asks them again."
    )

"""How many requests one endpoint may have in flight at this moment; knows nothing of what they are.

The window of TCP, for the same reason: nobody says where the limit is, and going over it costs everybody. It starts
small and doubles each second that was clean and full. A throttle stops all starts together for as long as the
endpoint asks and lowers the target by how many are turned away (the idea of DCTCP): where it is more than `STRAY` of
the answers, the target becomes what was in flight less what was turned away, at least half of it. Then the window
begins again from the start size: doubling up to the target, after that by one place for each window of successes and
one `STEP`-th of the ceiling each clean second. Where throttles go on coming but stay strays, as from a pool that others
share, each costs a place and only the request that met it waits: pausing all for each would leave nothing but pauses.
Waits carry jitter, so that clients do not come back as one. An endpoint that fails many times in a row is rested in
the same way and tried again by a single request, for longer each time that this fails too.

Time is passed in, so that the rules can be read and tested without waiting.
"""

from __future__ import annotations

import random

STRAY = 0.15
"""Share of the latest answers up to which throttles are strays."""
STRAY_SECONDS = 5.0
"""An endpoint that asks for a longer wait means everybody."""
LATEST = 32
"""How many answers count as the latest (the memory of a moving average)."""
MOST_CUT = 0.5
"""Share of the window that one burst of throttles takes at the most."""
CUT_EACH = 1.25
"""Places that each request of a burst takes which was turned away."""
STEP = 64
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
SICK_AFTER = 8
"""Failures in a row, without a success between them, after which an endpoint is rested."""
TROUBLE_AFTER = 3
"""Failures in a row from which on an endpoint counts as being in trouble."""
SAVED_SECONDS = 0.1
"""How much of an unused rate may be made up for later: as late as a busy loop wakes up, or the rate is never reached,
and no more, since providers count each second by itself."""
JITTER = 0.25
"""Share of a pause that is added at random."""


class Governor:
    """The window of one endpoint."""

    def __init__(
        self,
        *,
        ceiling: int,
        start: int,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        generator: random.Random | None = None,
    ) -> None:
        """Allow `start` requests in the first second and never more than `ceiling`."""
        self.ceiling = ceiling
        self.limit = float(min(start, ceiling))
        """Requests that may be in flight now."""
        self.in_flight = 0
        self.paused_until = 0.0
        self.throttles = 0
        """Throttles met so far."""
        self.failures_in_a_row = 0
        self._start = self.limit
        self._whole_ceiling = ceiling
        self._whole_start = self.limit
        self._target = float(ceiling)
        self._second_ends: float | None = None
        self._was_full = False
        self._cut_at = 0.0
        self._burst_window = 0.0
        self._burst_throttles = 0
        self._target_before = self._target
        self._share_throttled = 0.0
        self._pauses_in_a_row = 0
        self._requests = None if requests_per_minute is None else _Bucket(requests_per_minute / 60, needed=1.0)
        self._tokens = None if tokens_per_minute is None else _Bucket(tokens_per_minute / 60, needed=0.0)
        self._random = generator or random.Random()  # noqa: S311 - jitter is no secret

    def share(self, fraction: float, now: float) -> None:
        """From now on take this part of all ceilings; the rest is for others who ask the same endpoint.

        At 0 the rates stand still and the window stays as it is, for when there is a part again.
        """
        for bucket in self._buckets():
            bucket.share(fraction, now)
        if not fraction:
            return
        ceiling = max(1, int(fraction * self._whole_ceiling))
        was_at_ceiling = self._target >= self.ceiling
        self._start = max(1.0, fraction * self._whole_start)
        self.ceiling = ceiling
        self._target = float(ceiling) if was_at_ceiling else min(self._target, float(ceiling))
        self.limit = min(self.limit, self._target) if self._second_ends is not None else min(self._start, self._target)

    @property
    def is_in_trouble(self) -> bool:
        """Whether the endpoint has lately only failed or throttled."""
        return self._pauses_in_a_row > 0 or self.failures_in_a_row >= TROUBLE_AFTER

    def may_start(self, now: float) -> bool:
        """Whether another request may start now."""
        self._grow(now)
        if self.in_flight >= int(self.limit):
            self._was_full = True
            return False
        return now >= self.paused_until and all(bucket.has_enough(now) for bucket in self._buckets())

    def wakes_at(self, now: float) -> float:
        """Earliest time at which `may_start` can change of itself, without any request ending."""
        times = [self.paused_until, *(bucket.enough_at(now) for bucket in self._buckets())]
        if self._second_ends is not None and self._was_full:
            times.append(self._second_ends)
        later = [time for time in times if time > now]
        return min(later) if later else now + 1.0

    def started(self, now: float, tokens: float) -> None:
        """A request that will use about so many tokens has started."""
        self.in_flight += 1
        if self._second_ends is None:
            self._second_ends = now + 1.0
        if self._requests is not None:
            self._requests.take(1.0)
        if self._tokens is not None:
            self._tokens.take(tokens)

    def ended(self, tokens_over: float = 0.0) -> None:
        """A request has ended, having used `tokens_over` more tokens than was said when it started."""
        self.in_flight -= 1
        if self._tokens is not None:
            self._tokens.take(tokens_over)

    def succeeded(self) -> None:
        """The endpoint answered."""
        self.failures_in_a_row = 0
        self._pauses_in_a_row = 0
        self._share_throttled -= self._share_throttled / LATEST
        if self.limit >= self._target:
            self._widen(1 / self.limit)

    def throttled(self, now: float, started_at: float, retry_after: float | None) -> bool:
        """The endpoint said "too fast" to a request that had started at `started_at`; True when all wait anew."""
        self.throttles += 1
        if self._is_stray(started_at, retry_after):
            self._share_throttled += (1 - self._share_throttled) / LATEST
            self._target = max(1.0, self._target - CUT_EACH)
            self.limit = min(self.limit, self._target)
            return False
        is_news = started_at >= self._cut_at
        if is_news:
            self._burst_window = self.in_flight + 1.0
            self._burst_throttles = 0
            self._target_before = self._target
            self._pauses_in_a_row += 1
            self._cut_at = now
            self._pause(now, retry_after if retry_after is not None else self._growing_pause())
        elif retry_after is not None and now + retry_after > self.paused_until:
            self._pause(now, retry_after)
        self._burst_throttles += 1
        self._share_throttled += (1 - self._share_throttled) / LATEST
        self._target = max(1.0, self._target_after_burst())
        self.limit = min(self._start, self._target)
        return is_news

    def _is_stray(self, started_at: float, retry_after: float | None) -> bool:
        """Whether a throttle is one of few that keep coming: after an earlier one, outside its burst, seldom, brief."""
        is_seldom = 0.5 / LATEST <= self._share_throttled <= STRAY - 1 / LATEST
        is_alone = started_at >= self._cut_at and not self._pauses_in_a_row
        return is_seldom and is_alone and (retry_after or 0.0) <= STRAY_SECONDS

    def failed(self, now: float, started_at: float) -> bool:
        """The endpoint broke off a request that had started at `started_at`; True when it is rested (again) for it."""
        self.failures_in_a_row += 1
        if self.failures_in_a_row < SICK_AFTER or now < self.paused_until or started_at < self._cut_at:
            return False
        self._pauses_in_a_row += 1
        self._cut_at = now
        self.limit = 1.0
        self._pause(now, self._growing_pause())
        return True

    def _target_after_burst(self) -> float:
        cut = CUT_EACH * self._burst_throttles
        if self._share_throttled <= STRAY:
            return self._target_before - cut
        return self._burst_window - min(cut, MOST_CUT * self._burst_window)

    def _pause(self, now: float, seconds: float) -> None:
        jittered = seconds * (1 + JITTER * self._random.random())
        self.paused_until = max(self.paused_until, now + jittered)
        self._second_ends = self.paused_until + 1.0

    def _growing_pause(self) -> float:
        return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (self._pauses_in_a_row - 1))

    def _grow(self, now: float) -> None:
        """Widen the window once for a second that has ended clean and in which it was full."""
        if self._second_ends is None or now < self._second_ends:
            return
        if self._was_full and self.failures_in_a_row < SICK_AFTER:
            if self.limit < self._target:
                self.limit = min(2 * self.limit, self._target)
            else:
                self._widen(self.ceiling / STEP)
        self._was_full = False
        self._second_ends = now + 1.0

    def _widen(self, places: float) -> None:
        """Beyond the target, where the next limit may be."""
        self.limit = self._target = min(self.limit + places, float(self.ceiling))

    def _buckets(self) -> list[_Bucket]:
        return [bucket for bucket in (self._requests, self._tokens) if bucket is not None]


class _Bucket:
    """So many a second, evenly; may go into debt, which is paid by waiting."""

    def __init__(self, per_second: float, *, needed: float) -> None:
        """`needed` is what must be there for the next request to start."""
        self.per_second = per_second
        self._whole_per_second = per_second
        self._needed = needed
        self._most = needed + per_second * SAVED_SECONDS
        self._level = needed
        self._seen_at: float | None = None

    def share(self, fraction: float, now: float) -> None:
        """Fill at another rate from now on. What is saved stays, so that a slow rate comes to a whole request too."""
        if self._seen_at is None:
            self._level = 0.0  # what is there at the beginning belongs to all together
        self._fill(now)
        self.per_second = fraction * self._whole_per_second
        self._most = self._needed + self.per_second * SAVED_SECONDS

    def has_enough(self, now: float) -> bool:
        self._fill(now)
        return self._level >= self._needed

    def take(self, amount: float) -> None:
        self._level -= amount

    def enough_at(self, now: float) -> float:
        """When there will be enough; now when there is. Without a rate: when to ask again."""
        self._fill(now)
        if not self.per_second:
            return now + 1.0
        return now + max(0.0, (self._needed - self._level) / self.per_second)

    def _fill(self, now: float) -> None:
        if self._seen_at is not None:
            self._level = min(self._most, self._level + (now - self._seen_at) * self.per_second)
        self._seen_at = now

"""When an endpoint says to come back is read wherever it says so."""

from __future__ import annotations

import datetime as dt
import email.utils
import time
from typing import Any

import pytest

from overproof.teacher.failures import classify
from overproof.teacher.profiles import load_profile
from overproof.teacher.waits import read_retry_after

GENERIC = load_profile("generic")


NOW = 1_800_000_000.0
LATER = NOW + 300
HTTP_LATER = email.utils.formatdate(LATER, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1m30s"}, 90),
        ({"retry-after": "7s"}, 7),
        ({"retry-after": HTTP_LATER}, 300),
        ({"retry-after": dt.datetime.fromtimestamp(LATER, dt.UTC).isoformat()}, 300),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"llm_provider-retry-after": "4"}, 4),
        ({"ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-reset": str(LATER)}, 300),
        ({"x-ratelimit-reset": str(round(1000 * LATER))}, 300),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m"}, 60),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m0s"}, None),
        ({"retry-after": "0"}, None),
        ({"ratelimit": '"default";r=0;t=30'}, 30),
        ({"ratelimit": "limit=10, remaining=0, reset=30"}, 30),
        ({"retry-after": "soon", "x-retry-after": "2"}, 2),
        ({"retry-after": "nan"}, None),
        ({"retry-after": HTTP_LATER, "date": email.utils.formatdate(LATER - 40, usegmt=True)}, 40),
        ({"x-ratelimit-reset": str(LATER), "date": email.utils.formatdate(LATER - 5, usegmt=True)}, 5),
        ({"retry-after": HTTP_LATER, "date": "yesterday"}, 300),
        ({"retry-after": "7", "date": email.utils.formatdate(0, usegmt=True)}, 7),
    ],
)
def test_a_wait_is_read_from_every_header_that_tells_it(
    headers: dict[str, str], seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert read_retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"message": "slow", "details": [{"@type": "RetryInfo", "retryDelay": "34.5s"}]}, 34.5),
        ({"message": "Rate limit reached. Please try again in 1m2s."}, 62),
        ({"message": "No deployments available, Try again in 5 seconds."}, 5),
        ({"message": "too many requests, retry after 200 ms"}, 0.2),
        ({"message": "too many requests (30 a minute)"}, None),
    ],
)
def test_a_wait_is_read_from_the_error_itself(error: Any, seconds: float | None) -> None:
    failure = classify(error, GENERIC, status=429)
    assert (failure.meaning, failure.retry_after) == ("throttle", seconds)


def test_an_empty_account_is_no_throttle_because_its_message_asks_to_try_again() -> None:
    error = {"message": "Deployment crossed budget. Try again in 5 seconds."}
    assert classify(error, GENERIC, status=429).kind == "money"

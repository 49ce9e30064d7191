"""What makes a trace the one that was asked for: its fingerprint and its seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from overproof.records import Message, Trace
from overproof.teacher import Dialect
from overproof.teacher.parameters import TRANSPORT

SEEDS = 1 << 31
"""Seeds lie in 0 … 2^31 − 1, the range of the narrowest provider."""


class Identity:
    """The sampling settings of a run, as far as they change what a reply is.

    Two runs with the same identity draw from the same distribution with the same seeds. Address, key, how many
    samples, concurrency and budget are no part of it, so that what was paid for is used again when they change.
    """

    def __init__(self, dialect: Dialect, seed: int) -> None:
        """Settings of `dialect` under the base seed `sampling.seed`."""
        self.model = dialect.model
        self.profile = dialect.profile.name
        self.parameters = dialect.parameters
        self.seed = seed
        settings = [self.model, self.profile, self.parameters, seed]
        self._settings = msgspec.json.encode(settings, order="deterministic")

    def fingerprint(self, messages: Sequence[Message]) -> str:
        """Hex digest over messages, model, profile, sampling parameters and base seed."""
        digest = hashlib.blake2b(self._settings, digest_size=16)
        digest.update(msgspec.json.encode(messages))
        return digest.hexdigest()

    def seed_of(self, problem_id: str, index: int) -> int:
        """The seed of one sample: distinct for every index of a problem, and scattered over problems."""
        digest = hashlib.blake2b(f"{self.seed}\0{problem_id}".encode(), digest_size=8).digest()
        # An odd multiple is a bijection modulo a power of two: no two indices share a seed.
        return (int.from_bytes(digest, "big") + index * 0x9E3779B1) % SEEDS

    def differences(self, trace: Trace, messages: Sequence[Message]) -> Iterator[str]:
        """What differs between an earlier trace and what would be asked now, in the config's words."""
        if trace.teacher != self.model:
            yield f"teacher.model was {trace.teacher} and is {self.model}"
        if trace.profile != self.profile:
            yield f"teacher.profile was {trace.profile} and is {self.profile}"
        old = {key: value for key, value in trace.parameters.items() if key not in TRANSPORT}
        for key in sorted({*old, *self.parameters}):
            was, now = old.get(key), self.parameters.get(key)
            if was != now:
                yield f"{_config_key(key)} was {_shown(was)} and is {_shown(now)}"
        if list(trace.messages) != list(messages):
            yield f"the messages of problem '{trace.problem.id}' (its question, or the prompt table)"
        sent = trace.parameters.get("seed")
        if sent is not None and sent != self.seed_of(trace.problem.id, trace.index):
            yield "sampling.seed"


def _config_key(parameter: str) -> str:
    """Where a request key is set."""
    own = {"temperature", "top_p", "max_tokens", "thinking_budget"}
    return f"teacher.{parameter}" if parameter in own else f"teacher's request key {parameter}"


def _shown(value: Any) -> str:
    return "unset" if value is None else str(value)

"""Many replies at once from one network: each takes a slot, all advance a token at a time, and the next one moves in.

Plain synchronous code: whoever drives it (the server between two requests, a measurement in a loop) calls `advance`.
"""

from __future__ import annotations

import codecs
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from tokenizers import Tokenizer

from overproof.tiny.chat import SPECIAL_TOKENS
from overproof.tiny.model import SLOTS, TEMPLATE_FILE, TOKENIZER_FILE, Network
from overproof.tiny.nucleus import choose_tokens

FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply's tokens are chosen and when it ends."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = None
    """None goes on to the end of the context."""
    stop: tuple[str, ...] = ()
    """Texts that end the reply and are not part of it."""


class Generated:
    """One reply while it is being made. `finish_reason` is None until it is over."""

    def __init__(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        seed: tuple[int, int],
        on_change: Callable[[Generated], None] | None = None,
    ) -> None:
        """A reply to the prompt's tokens; every choice follows from `seed` (the request's, and the choice's index).

        `on_change` is called after each token.
        """
        self.prompt = prompt
        self.sampling = sampling
        self.draws = np.random.default_rng(seed)
        self.on_change = on_change
        self.last_token = -1
        self.completion_tokens = 0
        self.finish_reason: FinishReason | None = None
        self.text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._released = 0

    def cancel(self) -> None:
        """Ask for no more of it; the slot is free from the next step on."""
        self.finish_reason = self.finish_reason or "cancelled"

    def append(self, token: int, piece: bytes, *, is_end: bool, is_last: bool) -> None:
        """Take the next token: its bytes, whether it is an end token, and whether there is room for no more."""
        self.last_token = token
        self.completion_tokens += 1
        self.text += self._decoder.decode(piece, final=is_end or is_last)
        if self._cut_at_stop() or is_end:
            self.finish_reason = "stop"
        elif is_last:
            self.finish_reason = "length"
        if self.on_change:
            self.on_change(self)

    def take_piece(self) -> str:
        """The text that came since the last call, less an end that may turn out to begin a stop text."""
        ready = len(self.text) - (0 if self.finish_reason else self._held_back())
        piece = self.text[self._released : ready]
        self._released = max(ready, self._released)
        return piece

    def _cut_at_stop(self) -> bool:
        found = [place for stop in self.sampling.stop if (place := self.text.find(stop, self._released)) >= 0]
        if found:
            self.text = self.text[: min(found)]
        return bool(found)

    def _held_back(self) -> int:
        """Length of the longest end of the text with which a stop text begins."""
        longest = max(map(len, self.sampling.stop), default=0)
        for length in range(min(longest, len(self.text)), 0, -1):
            if any(stop.startswith(self.text[-length:]) for stop in self.sampling.stop):
                return length
        return 0


class TinyEngine:
    """A loaded model folder and the replies that are waiting or in its slots."""

    def __init__(self, folder: Path) -> None:
        """Load a model folder. Raises InputError when it is not one."""
        self.network = Network(folder)
        self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        template = folder / TEMPLATE_FILE
        self.has_switch = template.is_file() and "enable_thinking" in template.read_text(encoding="utf-8")
        """Whether it can be asked to answer without reasoning."""
        self._pieces = _token_bytes(self.tokenizer)
        self._waiting: deque[Generated] = deque()
        self._active: list[Generated] = []

    @property
    def is_busy(self) -> bool:
        """Whether `advance` has anything to do."""
        return bool(self._waiting or self._active)

    def encode(self, prompt: str) -> list[int]:
        """A rendered prompt's tokens."""
        tokens: list[int] = self.tokenizer.encode(prompt).ids
        return tokens

    def submit(self, reply: Generated) -> None:
        """Queue a reply. Its prompt must leave room for at least one token of the context."""
        self._waiting.append(reply)

    def advance(self) -> None:
        """Let waiting replies into free slots, then append one token to every reply that is in a slot."""
        self._leave()
        self._admit()
        if self._active:
            logits = self.network.step([reply.last_token for reply in self._active])
            self._append(self._active, logits)

    def _admit(self) -> None:
        while self._waiting and len(self._active) < SLOTS:
            reply = self._waiting.popleft()
            if reply.finish_reason is None:
                self._active.append(reply)
                logits = self.network.read_prompt(len(self._active) - 1, reply.prompt)
                self._append([reply], logits[None])
                self._leave()

    def _leave(self) -> None:
        """Free the slots of replies that are over; the last one's slot moves into the gap."""
        for slot in reversed(range(len(self._active))):
            if self._active[slot].finish_reason is not None:
                last = self._active.pop()
                if slot < len(self._active):
                    self._active[slot] = last
                    self.network.move(len(self._active), slot)

    def _append(self, replies: Sequence[Generated], logits: np.ndarray) -> None:
        """Choose and append the next token of each reply, given its row of the logits."""
        tokens = choose_tokens(
            logits,
            np.array([reply.sampling.temperature for reply in replies]),
            np.array([reply.sampling.top_p for reply in replies]),
            np.array([reply.draws.random() for reply in replies]),
        )
        shape = self.network.architecture
        for reply, token in zip(replies, tokens.tolist(), strict=True):
            count = reply.completion_tokens + 1
            is_last = count == reply.sampling.max_tokens or len(reply.prompt) + count >= shape.context_length
            reply.append(token, self._pieces[token], is_end=token in shape.end_tokens, is_last=is_last)


def _token_bytes(tokenizer: Tokenizer) -> list[bytes]:
    """What each token adds to a reply; special tokens add nothing."""
    alphabet = _byte_alphabet()
    added = {token["content"] for token in json.loads(tokenizer.to_str())["added_tokens"]}
    pieces = []
    for number in range(tokenizer.get_vocab_size()):
        token = tokenizer.id_to_token(number) or ""
        if token in SPECIAL_TOKENS:
            pieces.append(b"")
        elif token in added:
            pieces.append(token.encode())
        else:
            pieces.append(bytes(alphabet[letter] for letter in token))
    return pieces


def _byte_alphabet() -> dict[str, int]:
    """The letters with which byte-level BPE writes bytes: printable ones stand for themselves (GPT-2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}

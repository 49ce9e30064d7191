"""A scripted chat endpoint on a real loopback socket: what it answers is a function of the messages and the seed.

    with serve(lambda ask: json_reply("4")) as endpoint:
        ... endpoint.base_url ...; endpoint.asked

An answer is a `Wire`: pieces of bytes with pauses between them, and whether the connection is closed, kept or left
hanging afterwards. Nothing is parsed or repaired on the way, so that any misbehaviour can be written down.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

USAGE = {"prompt_tokens": 11, "completion_tokens": 20, "total_tokens": 31}


@dataclass(frozen=True)
class Ask:
    """One request as it arrived."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    attempt: int
    """Which request with these messages and this seed it is, from 1."""
    number: int
    """Which request to the endpoint it is, from 1."""

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])

    @property
    def seed(self) -> int:
        return int(self.body.get("seed", 0))

    def chance(self, what: str = "") -> float:
        """A number in [0, 1) that depends on the messages, the seed and `what` alone."""
        digest = hashlib.blake2b(f"{self.prompt}\0{self.seed}\0{what}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64


@dataclass(frozen=True)
class Wire:
    """Bytes to send, each piece after a pause in seconds, and what happens then."""

    pieces: Sequence[tuple[float, bytes]]
    then: str = "keep"
    """keep the connection for the next request, close it, or hang."""
    until: Callable[[], bool] | None = None
    """Nothing is sent before this holds."""


@dataclass
class Endpoint:
    """What the test sees of a running endpoint."""

    base_url: str = ""
    asked: list[Ask] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    connections: int = 0


Script = Callable[[Ask], Wire]


@contextmanager
def serve(script: Script) -> Iterator[Endpoint]:
    """Run the endpoint in a thread of its own."""
    endpoint = Endpoint()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def run() -> None:
        connections: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            endpoint.connections += 1
            try:
                await _talk(endpoint, script, seen, reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                connections.discard(task)
                writer.close()

        seen: Counter[tuple[str, int]] = Counter()
        server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=4096)
        endpoint.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        ready.set()
        await stop.wait()
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


async def _talk(
    endpoint: Endpoint,
    script: Script,
    seen: Counter[tuple[str, int]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    while True:
        ask = await _read_request(reader, endpoint, seen)
        if ask is None:
            return
        if ask.body:
            endpoint.asked.append(ask)
        endpoint.in_flight += 1
        endpoint.most_in_flight = max(endpoint.most_in_flight, endpoint.in_flight)
        try:
            wire = script(ask)
            while wire.until is not None and not wire.until():  # noqa: ASYNC110 - any predicate, with no event behind it
                await asyncio.sleep(0.005)
            for pause, piece in wire.pieces:
                if pause:
                    await asyncio.sleep(pause)
                writer.write(piece)
                await writer.drain()
            if wire.then == "hang":
                await asyncio.sleep(3600)
            if wire.then == "close":
                return
        finally:
            endpoint.in_flight -= 1


async def _read_request(reader: asyncio.StreamReader, endpoint: Endpoint, seen: Counter[tuple[str, int]]) -> Ask | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if value}
    body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
    key = (json.dumps(body.get("messages")), body.get("seed", 0))
    seen[key] += 1
    return Ask(body, headers, first.split(" ")[1], seen[key], len(endpoint.asked) + 1)


def message(content: Any, finish: str | None = "stop", *, usage: Any = USAGE, **fields: Any) -> dict[str, Any]:
    """The object of a whole reply."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **fields}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage}


def http(body: bytes, *, status: str = "200 OK", content_type: str = "application/json", **headers: str) -> bytes:
    """A response with its length."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def json_reply(content: Any, finish: str | None = "stop", **fields: Any) -> Wire:
    """A whole reply."""
    return object_reply(message(content, finish, **fields))


def object_reply(value: Any, *, status: str = "200 OK", **headers: str) -> Wire:
    """Any JSON body."""
    return Wire([(0, http(json.dumps(value).encode(), status=status, **headers))])


def error(status: int, message: str = "boom", *, code: str | None = None, **headers: str) -> Wire:
    """An HTTP error in OpenAI's envelope."""
    return object_reply({"error": {"message": message, "code": code}}, status=f"{status} Error", **headers)


def body_reply(body: bytes, *, content_type: str = "application/json", status: str = "200 OK") -> Wire:
    """Any bytes as the whole body."""
    return Wire([(0, http(body, content_type=content_type, status=status))])


def delta(finish: str | None = None, **fields: Any) -> bytes:
    """One streamed piece of a reply as an event."""
    return event({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})


def usage_event(usage: Any = USAGE) -> bytes:
    """The event that carries the usage."""
    return event({"choices": [], "usage": usage})


def event(value: Any) -> bytes:
    """Any object as a data event."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def stream(*events: bytes, pause: float = 0.0, then: str = "keep") -> Wire:
    """Events as a chunked response; `then` is keep for a clean end, close for a broken one, or hang."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = [(pause, b"%x\r\n%s\r\n" % (len(one), one)) for one in events if one]
    end = [(0.0, b"0\r\n\r\n")] if then == "keep" else []
    return Wire([(0.0, head), *chunks, *end], then)


def stream_reply(
    content: str, finish: str | None = "stop", *, reasoning: str = "", field: str = "reasoning_content"
) -> Wire:
    """A well-behaved streamed reply, a word an event."""
    words = [delta(**{field: word + " "}) for word in reasoning.split()] + [delta(content=content)]
    return stream(*words, delta(finish), usage_event(), DONE)


HANG = Wire([], "hang")
"""The request is taken and never answered."""
DROP = Wire([], "close")
"""The connection is closed without an answer."""

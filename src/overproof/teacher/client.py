"""One request over the wire, and what became of it: the only user of the OpenAI SDK.

The SDK builds and sends the request and opens the response; its bytes are read and judged by `receive`, because the
SDK's own objects take half a reply, a web page or an error in a 200 for success and cost ten times as much per token.
Retries, limits and waiting are not done here: an attempt ends in a `Reply` or a `Failure`, never in an exception. No
field of either holds a key that was sent.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl

import aiohttp
import httpx2
import msgspec
import openai

from overproof.records import clean_text
from overproof.teacher.deadline import Deadline
from overproof.teacher.failures import classify, shorten
from overproof.teacher.profiles import Profile
from overproof.teacher.proxies import PROXY_STATES, explain_proxy, is_loopback
from overproof.teacher.receive import Receiver
from overproof.teacher.reply import LONGEST_NAME, Failure, Reply, decode_tolerantly
from overproof.teacher.secrecy import NO_SECRETS, Secrets, blot_tree, keep_secret
from overproof.teacher.waits import read_retry_after

CONNECT_SECONDS = 20.0
"""Longest wait for a connection, TLS included."""
KEEPALIVE_SECONDS = 20.0
GRACE_AFTER_DONE_SECONDS = 2.0
"""How long the end of the response may take after [DONE], for the connection to be used again."""
UNBILLED_WITHIN_SECONDS = 1.0
"""A connection lost so soon, with nothing received, was most likely an idle one that the server had closed."""
STALE_CONNECTIONS = 3
"""Kept connections found closed by the server, after which none are kept: llama-server closes each after a stream."""

_NETWORK_ERRORS = (openai.APIConnectionError, httpx2.HTTPError, aiohttp.ClientError, OSError, EOFError)
_NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
_UNFORESEEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What code that reads a reply raises where nobody has foreseen that reply: it costs this attempt, and not the session
with all that is in flight."""
_NAMED_FOR_UTF8 = ("utf-8", "utf_8", "ascii", "iso8859", "latin", "cp125")
_PLACEHOLDER_KEY = "none"
_JSON_HEADERS = {"Content-Type": "application/json"}


class _Limits(NamedTuple):
    """How one request is sent, and how long it may take."""

    is_stream: bool
    total_seconds: float
    stall_seconds: float


class Client:
    """A pool of connections to one endpoint. Belongs to the event loop in which it was made."""

    def __init__(
        self,
        base_url: str,
        key: str | None,
        profile: Profile,
        *,
        connections: int,
        headers: Mapping[str, str] | None = None,
        secrets: Secrets = NO_SECRETS,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """Prepare a pool of at most `connections`; nothing is sent yet. No outcome repeats one of the `secrets`.

        `connect_seconds` must end before an attempt does: else what was never sent is taken for paid.
        """
        self.base_url = base_url
        self._connect_seconds = connect_seconds
        self._key = key
        self._headers = dict(headers or {})
        self._secrets = secrets
        self._profile = profile
        self._connections = connections
        self._keeps = True
        self._stale = 0
        self._has_answered = False
        self._pool = _SdkClient(self._open())
        self._retired: list[_SdkClient] = []

    async def attempt(
        self, body: bytes, *, is_stream: bool, timeout_seconds: float, stall_seconds: float
    ) -> Reply | Failure:
        """Send one chat completion request and wait for its outcome."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        limits = _Limits(is_stream, timeout_seconds, stall_seconds)
        was_kept = self._keeps and self._has_answered
        outcome = await self._send(self._pool, body, limits)
        sends = 1
        if was_kept and _is_lost_unsent(outcome):
            outcome, sends = await self._send_afresh(body, limits), 2
        self._has_answered |= isinstance(outcome, Reply)
        outcome = self._settle(outcome)
        return msgspec.structs.replace(outcome, seconds=round(loop.time() - started, 3), sends=sends)

    async def _send(self, pool: _SdkClient, body: bytes, limits: _Limits) -> Reply | Failure:
        deadline = Deadline(limits.total_seconds, limits.stall_seconds if limits.is_stream else None)
        with pool as sdk:
            exchange = _Exchange(sdk, self._profile, is_stream=limits.is_stream)
            try:
                async with deadline:
                    return await exchange.run(body, deadline)
            except TimeoutError:
                return exchange.timed_out(deadline.state, limits)
            except _UNFORESEEN as error:
                return Failure("unreadable", "transient", shorten(f"{error!r}"), is_billed=True)

    async def _send_afresh(self, body: bytes, limits: _Limits) -> Reply | Failure:
        """Send once more what was most likely never sent, over a connection of its own."""
        pool = _SdkClient(self._open(keeps=False))
        try:
            outcome = await self._send(pool, body, limits)
        finally:
            await pool.close()
        if _is_lost_unsent(outcome) or (isinstance(outcome, Failure) and outcome.state == "unreachable"):
            return outcome  # the server has gone, and not only the connection
        self._stale += 1
        if self._stale == STALE_CONNECTIONS:
            self._keeps = False
            self.recycle()
        return outcome

    async def list_models(self) -> list[dict[str, Any]] | Failure:
        """What the endpoint says of each model it offers, or why it does not say."""
        value = await self._ask("/models")
        if isinstance(value, Failure):
            return value
        rows = value.get("data") if isinstance(value, dict) else value
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    async def read_props(self) -> Any:
        """What a llama.cpp server says of itself; None where the endpoint has no such page."""
        root = self.base_url.partition("?")[0].rstrip("/").removesuffix("/v1")
        value = await self._ask(f"{root}/props")
        return None if isinstance(value, Failure) else value

    async def _ask(self, path: str) -> Any:
        """The JSON of a page, or what went wrong."""
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._connect_seconds):
                response = await self._pool.sdk.get(path, cast_to=httpx2.Response)
            value, _ = decode_tolerantly(response.content)
        except openai.APIStatusError as error:
            return self._settle(_status_failure(error, self._profile))
        except TimeoutError:
            return Failure("deadline", "transient", f"no answer within {self._connect_seconds:g} s")
        except _NETWORK_ERRORS as error:
            return self._settle(_lost(error, asyncio.get_running_loop().time() - started))
        except ValueError:
            return Failure("not_json", "transient", f"the answer to {path} is not JSON")
        return blot_tree(value, self._secrets)

    def recycle(self) -> None:
        """Open a fresh pool for later requests: one whose calls all time out may be broken for good.

        Requests under way stay with the old pool, which closes when the last of them has ended.
        """
        self._pool.retire()
        self._retired = [pool for pool in self._retired if not pool.is_closed] + [self._pool]
        self._pool = _SdkClient(self._open())

    async def close(self) -> None:
        """Close every connection."""
        for pool in (*self._retired, self._pool):
            await pool.close()

    def _open(self, *, keeps: bool | None = None) -> openai.AsyncOpenAI:
        is_keeping = self._keeps if keeps is None else keeps
        limits = httpx2.Limits(
            max_connections=self._connections,
            max_keepalive_connections=self._connections if is_keeping else 0,
            keepalive_expiry=KEEPALIVE_SECONDS if is_keeping else 0.0,
        )
        timeout = httpx2.Timeout(None, connect=self._connect_seconds)
        # Redirects are not followed: they would carry the key to another host, and turn a POST into a GET.
        # Without TLS there is nothing to verify, and loading the certificates takes longer than many a request.
        transport = openai.DefaultAioHttpClient(
            limits=limits,
            timeout=timeout,
            follow_redirects=False,
            verify=self.base_url.startswith("https:"),
            trust_env=not is_loopback(self.base_url),  # what the environment has for us is its proxies
        )
        address, _, query = self.base_url.partition("?")
        own = {self._profile.key_header: self._key} if self._profile.key_header and self._key else {}
        sdk = openai.AsyncOpenAI(
            base_url=address,
            default_query=dict(parse_qsl(query)),
            api_key=self._key or _PLACEHOLDER_KEY,
            max_retries=0,
            default_headers=own | self._headers,
            timeout=timeout,
            http_client=transport,
        )
        if self._profile.name != "openai":  # read from OPENAI_* variables, and no other provider's business
            sdk.organization = sdk.project = None
        return sdk

    def _settle(self, outcome: Reply | Failure) -> Reply | Failure:
        """The outcome without keys, and with what a proxy may have to do with it."""
        outcome = keep_secret(outcome, self._secrets)
        if isinstance(outcome, Failure) and outcome.state in PROXY_STATES:
            return msgspec.structs.replace(outcome, message=outcome.message + explain_proxy(self.base_url))
        return outcome


class _SdkClient:
    """One SDK client, closed once it is retired and no request uses it any more."""

    def __init__(self, sdk: openai.AsyncOpenAI) -> None:
        self.sdk = sdk
        self._users = 0
        self._is_retired = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def is_closed(self) -> bool:
        return self._closing is not None and self._closing.done()

    def __enter__(self) -> openai.AsyncOpenAI:
        self._users += 1
        return self.sdk

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        self._close_when_idle()

    def retire(self) -> None:
        self._is_retired = True
        self._close_when_idle()

    async def close(self) -> None:
        if self._closing is None:
            await self.sdk.close()
        else:
            await self._closing

    def _close_when_idle(self) -> None:
        if self._is_retired and not self._users and self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self.sdk.close())


class _Exchange:
    """One request and its response, as far as it came."""

    def __init__(self, sdk: openai.AsyncOpenAI, profile: Profile, *, is_stream: bool) -> None:
        self._sdk = sdk
        self._profile = profile
        self._is_stream = is_stream
        self._receiver: Receiver | None = None
        self._request_id: str | None = None

    async def run(self, body: bytes, deadline: Deadline) -> Reply | Failure:
        """Send and receive everything. Only TimeoutError of the deadline escapes."""
        started = asyncio.get_running_loop().time()
        try:
            response = await self._post(body)
            self._request_id = clean_text(response.headers.get("x-request-id") or "")[:LONGEST_NAME]
            self._receiver = Receiver(self._profile, is_stream=self._is_stream)
            try:
                await self._receive(response, self._receiver, deadline)
            finally:
                await response.aclose()
        except openai.APIStatusError as error:
            return _status_failure(error, self._profile)
        except _NETWORK_ERRORS as error:
            if self._receiver is None or not self._receiver.has_reply:
                return _lost(error, asyncio.get_running_loop().time() - started, self._receiver)
        return self._outcome(self._receiver)

    def timed_out(self, state: str, limits: _Limits) -> Reply | Failure:
        """The reply, if it was all there and only the rest hung; else the deadline that passed."""
        if self._receiver is not None and self._receiver.has_reply:
            return self._outcome(self._receiver)
        message = f"no end within {limits.total_seconds:g} s"
        if state == "stalled":
            message = f"no token for {limits.stall_seconds:g} s"
        received = self._receiver.received if self._receiver is not None else 0
        return Failure(state, "transient", message, is_billed=True, received=received or None)

    async def _post(self, body: bytes) -> httpx2.Response:
        # With this cast_to the SDK hands the open response over; its type says otherwise.
        response = await self._sdk.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            content=body,
            options={"headers": _JSON_HEADERS},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        return cast("httpx2.Response", response)

    async def _receive(self, response: httpx2.Response, receiver: Receiver, deadline: Deadline) -> None:
        was_whole = False
        decoder = _find_decoder(response.charset_encoding)
        async for data in response.aiter_bytes():
            if decoder is not None:
                data = decoder.decode(data).encode()  # noqa: PLW2901 - the same data
            if receiver.feed(data):
                deadline.progress()
            if receiver.is_oversized:
                return
            if receiver.is_whole and not was_whole:
                was_whole = True
                deadline.end_within(GRACE_AFTER_DONE_SECONDS)
        receiver.end()

    def _outcome(self, receiver: Receiver) -> Reply | Failure:
        outcome = receiver.outcome()
        if isinstance(outcome, Reply) and self._request_id:
            return msgspec.structs.replace(outcome, request_id=self._request_id)
        return outcome


def _find_decoder(charset: str | None) -> codecs.IncrementalDecoder | None:
    """How bytes of another charset than UTF-8 are read; those of the West are named by servers that send UTF-8."""
    if charset is None:
        return None
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        return None
    return None if name.startswith(_NAMED_FOR_UTF8) else codecs.getincrementaldecoder(name)("replace")


def _status_failure(error: openai.APIStatusError, profile: Profile) -> Failure:
    """What an HTTP error means. The SDK keeps `error.body` without its envelope, where some say how long to wait."""
    retry_after = read_retry_after(error.response.headers)
    location = error.response.headers.get("location")
    if location is not None:
        message = f"the endpoint redirects to {location}; set teacher.base_url to where it really is"
        return Failure(f"http_{error.status_code}", "fatal", message)
    try:
        body, _ = decode_tolerantly(error.response.content)
    except ValueError:
        body = error.body or error.message
    return classify(body or error.message, profile, status=error.status_code, retry_after=retry_after)


def _lost(error: Exception, seconds: float, receiver: Receiver | None = None) -> Failure:
    """A connection that could not be made or broke off."""
    causes: list[BaseException] = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    text = shorten(str(causes[-1])) or type(causes[-1]).__name__
    if isinstance(causes[-1], asyncio.CancelledError | TimeoutError):
        text = f"no connection within {seconds:.1f} s"
    if any(isinstance(one, _NEVER_CONNECTED) for one in causes):
        return Failure("unreachable", "transient", text)
    if receiver is None and seconds <= UNBILLED_WITHIN_SECONDS:
        return Failure("connection", "transient", text)
    received = receiver.received if receiver is not None else 0
    return Failure("connection", "transient", text, is_billed=True, received=received or None)


def _is_lost_unsent(outcome: Reply | Failure) -> bool:
    """Whether the connection was gone before anything came back, so soon that it was most likely an idle one."""
    return isinstance(outcome, Failure) and outcome.state == "connection" and not outcome.is_billed

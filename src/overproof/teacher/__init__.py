"""Endpoint → replies: `connect` opens a teacher (or student), `dispatch.Dispatch` sends it many requests.

profiles     what each provider does differently, as data
parameters   config and profile → what is sent, and the longest reply that can come back
client       one attempt over the wire; the only user of the OpenAI SDK
receive      bytes → reply or failure (`stream` cuts events, `reply` judges, `foreign` knows other APIs, `envelopes`
             reads errors, `failures` classes them by lists and `topics` by their words, `waits` tells how long to wait)
secrecy      no key in anything that an endpoint says
unseen       what a server fills in that no request shows
naming       which names mean one model
governor     how many requests an endpoint may have in flight now
budget       prices, reservations, caps
dispatch     many requests: starts, retries, pauses, stops
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from overproof.config.endpoint import AddressConfig, EndpointConfig
from overproof.errors import ConfigError
from overproof.keys import find_odd_character, holds_key
from overproof.records import Message
from overproof.resources import bundled
from overproof.teacher.governor import Governor
from overproof.teacher.naming import is_same_model
from overproof.teacher.parameters import (
    build_body,
    build_parameters,
    encode_request,
    most_reply_tokens,
    wants_stream,
)
from overproof.teacher.profiles import Profile, load_profile
from overproof.teacher.reply import Failure, Reply
from overproof.teacher.secrecy import Secrets, gather_secrets

if TYPE_CHECKING:
    from overproof.teacher.client import Client

Result = TypeVar("Result")

SPARE_CONNECTIONS = 16
"""Connections a pool may have beyond the concurrency, for those that are still closing."""
SPARE_FILES = 256
"""Open files the process needs beside its connections."""


class Dialect:
    """How one model is asked: what a config and its profile amount to, with nothing opened yet."""

    def __init__(self, config: EndpointConfig) -> None:
        """Raises ConfigError where the config cannot be run as written."""
        self.config = config
        self.profile: Profile = load_profile(config.profile, config.model)
        model = config.model or self.profile.model
        if not model:
            raise ConfigError(f"teacher.model is missing: profile '{config.profile}' has no model of its own")
        self.model: str = model
        self.parameters: dict[str, Any] = build_parameters(config, self.profile)
        """What is sent with every request beside model, messages, seed and the streaming keys."""
        self.is_stream: bool = wants_stream(config, self.profile)
        self.most_reply_tokens: int | None = most_reply_tokens(config, self.profile)
        """Most tokens a reply can be billed for; None when nothing bounds it."""
        self.stall_seconds: float = config.stall_seconds or self.profile.stall_seconds

    def body(
        self, seed: int, parameters: dict[str, Any] | None = None, *, is_stream: bool | None = None
    ) -> dict[str, Any]:
        """What one request sends beside model and messages; `parameters` in place of the config's."""
        stream = self.is_stream if is_stream is None else is_stream
        unsent = {*self.profile.unsent, *self.config.unsent}
        return build_body(parameters or self.parameters, seed, stream=stream, unsent=unsent)

    def is_served_as(self, name: str | None) -> bool:
        """Whether replies that bear this model's name are of the model that was asked; True where they bear none.

        Also any name that `teacher.served_as` holds, in whatever copy of that model.
        """
        if name is None or self.profile.renames_models or self.config.profile == "tiny":
            return True
        return any(is_same_model(one, name) for one in (self.model, *self.config.served_as))

    def encode(self, messages: Sequence[Message], seed: int, parameters: dict[str, Any] | None = None) -> bytes:
        """One request as JSON."""
        return encode_request(self.model, messages, self.body(seed, parameters))


class Endpoint:
    """One address that serves the model: its connections and its window."""

    def __init__(self, name: str, client: Client, governor: Governor, weight: float) -> None:
        """`name` is shown to people; it holds no secret."""
        self.name = name
        self.client = client
        self.governor = governor
        self.weight = weight
        self.trouble = ""
        """Why the endpoint is out of use for the rest of the session; empty while it is in use."""


class Teacher:
    """A model that is connected: attempts are made through one of its endpoints."""

    def __init__(self, dialect: Dialect, endpoints: Sequence[Endpoint]) -> None:
        """Bind the dialect to open endpoints."""
        self.dialect = dialect
        self.endpoints = list(endpoints)

    async def attempt(
        self,
        endpoint: Endpoint,
        messages: Sequence[Message],
        seed: int,
        parameters: dict[str, Any] | None = None,
    ) -> Reply | Failure:
        """One request, once, with `parameters` in place of the config's. Never raises for what an endpoint does."""
        dialect = self.dialect
        return await endpoint.client.attempt(
            dialect.encode(messages, seed, parameters),
            is_stream=dialect.is_stream,
            timeout_seconds=dialect.config.timeout_seconds,
            stall_seconds=dialect.stall_seconds,
        )


def check_settings(config: EndpointConfig) -> None:
    """Raise ConfigError when the profile, an address or a key variable is missing. Sends nothing, imports nothing."""
    dialect = Dialect(config)
    _read_headers(config)
    if config.profile != "tiny":
        for address in config.endpoints or [AddressConfig()]:
            _locate(address, config, dialect.profile)


@asynccontextmanager
async def connect(config: EndpointConfig) -> AsyncIterator[Teacher]:
    """Open the model that `config` names, for use within the running event loop; closes it at the end.

    `profile: tiny` starts the model that ships with the package on a loopback port and talks to it like to any other.
    Raises ConfigError naming the missing key variable, address or model. Sends nothing by itself.
    """
    # The SDK takes a second to import; commands that send nothing do without.
    from overproof.teacher.client import CONNECT_SECONDS, Client

    dialect = Dialect(config)
    most = min(CONNECT_SECONDS, config.patience_seconds, 0.8 * config.timeout_seconds, 0.8 * dialect.stall_seconds)
    async with AsyncExitStack() as stack:
        has_address = config.endpoints and all(address.base_url for address in config.endpoints)
        if config.profile == "tiny" and config.base_url is None and not has_address:
            config = config.model_copy(update={"base_url": stack.enter_context(_serve_tiny(dialect))})
        connections = config.concurrency + SPARE_CONNECTIONS
        _allow_open_files(len(config.endpoints or [None]) * connections + SPARE_FILES)
        endpoints = []
        addresses = config.endpoints or [AddressConfig()]
        total_weight = sum(address.weight for address in addresses)
        for address in addresses:
            base_url, key_env, key = _locate(address, config, dialect.profile)
            headers = _read_headers(config)
            client = Client(
                base_url,
                key,
                dialect.profile,
                connections=connections,
                headers=headers,
                secrets=_gather_secrets(dialect, base_url, key, headers),
                connect_seconds=most,  # never as long as an attempt
            )
            stack.push_async_callback(client.close)
            governor = Governor(
                ceiling=config.concurrency,
                start=max(1, round(config.start_concurrency * address.weight / total_weight)),
                requests_per_minute=config.requests_per_minute,
                tokens_per_minute=config.tokens_per_minute,
            )
            name = base_url if key_env is None or len(addresses) == 1 else f"{base_url} ({key_env})"
            endpoints.append(Endpoint(name, client, governor, address.weight))
        yield Teacher(dialect, endpoints)


def run_to_end(work: Coroutine[None, None, Result]) -> Result:
    """Run a paid stage, also where an event loop is running already, as in a notebook: then in a thread beside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


def _locate(address: AddressConfig, config: EndpointConfig, profile: Profile) -> tuple[str, str | None, str | None]:
    """Address, key variable and key of one endpoint."""
    base_url = address.base_url or config.base_url or profile.base_url
    if base_url is None:
        raise ConfigError(f"teacher.base_url is missing: profile '{profile.name}' has no address of its own")
    key_env = address.key_env or config.key_env or profile.key_env
    key = os.environ.get(key_env, "").strip() if key_env is not None else ""
    is_named = bool(address.key_env or config.key_env)
    if not key and key_env is not None and (profile.key_required or is_named):
        raise ConfigError(f"The environment variable {key_env} is not set; it must hold the key for {base_url}.")
    if key and (odd := find_odd_character(key)):
        raise ConfigError(
            f"The key in the environment variable {key_env} holds a character that no key has ({odd}): a dash, quote "
            "or space that a text program has put there, or more than the key. Copy it again."
        )
    return base_url, key_env, key or None


def _read_headers(config: EndpointConfig) -> dict[str, str]:
    """The further headers with their values from the environment."""
    headers = {}
    for name, variable in config.headers.items():
        value = os.environ.get(variable, "").strip()
        if not value:
            raise ConfigError(
                f"The environment variable {variable} is not set; teacher.headers.{name} takes its value."
            )
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(f"The environment variable {variable} holds characters that no header can carry.")
        headers[name] = value
    return headers


def _gather_secrets(dialect: Dialect, base_url: str, key: str | None, headers: Mapping[str, str]) -> Secrets:
    """The key, and those headers that hold one by their name, by their variable's name or by their looks."""
    named = [key] if key else []
    others: list[str] = []
    for name, value in headers.items():
        is_named = holds_key(name) or holds_key(dialect.config.headers[name])
        (named if is_named else others).append(value)
    return gather_secrets(named, others, said=(dialect.model, *dialect.config.served_as, base_url))


def _serve_tiny(dialect: Dialect) -> AbstractContextManager[str]:
    """Start the tiny model that ships with the package, or another one in the folder that `model` names."""
    from overproof.tiny.server import serve

    is_shipped = dialect.model == dialect.profile.model
    return serve(bundled("tiny-teacher") if is_shipped else Path(dialect.model), dialect.model)


def _allow_open_files(count: int) -> None:
    """Raise the process's own limit on open files as far as needed and allowed: each connection is one."""
    try:
        import resource  # absent on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

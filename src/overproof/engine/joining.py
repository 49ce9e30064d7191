"""Joining a Ray cluster: what is said where that fails, in one line with its cure, instead of Ray's pages of it.

Ray tells most of its reasons on the process's standard error and by exceptions that say something else; both are read
here. A cluster that is there is not called absent.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from overproof.errors import ConfigError, OverproofError, install_command

CLIENT_PORT = 10001
KNOCK_SECONDS = 10
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""What a client of HTTP/2 begins with, and an empty frame of settings."""
_SETTINGS = 4

_BOTH_SIDES = (
    "set RAY_AUTH_MODE=token for this command too, with the cluster's token in RAY_AUTH_TOKEN or in ~/.ray/auth_token "
    "(overproof guide clusters)"
)
_CAUSES = (
    (
        re.compile(r"Unauthenticated|InvalidAuthToken|[Aa]uthentication token|AuthenticationError"),
        f"The Ray cluster {{where}} asks for a token, and this process has none or another one: {_BOTH_SIDES}",
    ),
    (
        re.compile(r"Ray Client requires pip package"),
        "{address} needs Ray's client part, which is not installed here. Install it: {install}",
    ),
    (
        re.compile(r"[Cc]lient connection tim(?:eout|ed out)"),
        (
            f"Something listens at {{address}} and has not answered as a Ray cluster does. If it asks for a token, "
            f"{_BOTH_SIDES}; else give the port of its client server ({CLIENT_PORT} unless it was set)"
        ),
    ),
    (
        re.compile(r"Could not find any running Ray instance"),
        (
            "This machine belongs to no Ray cluster, which ray.address {address} means. Start one with: ray start "
            "--head, or give ray.address host:6379"
        ),
    ),
)
"""What Ray says, and what that means; the first that fits."""
_VERSIONS = re.compile(
    r"cluster was started with:\s*Ray: (\S+)\s*Python: (\S+)\s*This process.*?was started with:\s*Ray: (\S+)\s*"
    r"Python: (\S+)",
    re.DOTALL,
)
_LINE_HEAD = re.compile(r"^\[[^\]]*\]\s*")
_LONGEST_WORDS = 200


def knock(address: str | None) -> None:
    """Raise ConfigError when nobody listens at an address, for which Ray would wait for minutes."""
    if not address:
        return
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        if not parts.hostname or not parts.port:
            return
        with socket.create_connection((parts.hostname, parts.port), timeout=KNOCK_SECONDS) as door:
            is_ray = _speaks_grpc(door) or os.environ.get("RAY_USE_TLS") == "1"
    except socket.gaierror as error:
        raise ConfigError(f"There is no host '{parts.hostname}', which ray.address {address} names ({error})") from None
    except OSError as error:
        cure = "Start one with: ray start --head"
        if parts.scheme == "ray":
            cure = (
                f"A head opens its client port ({CLIENT_PORT} unless it was set) only where Ray's client part is "
                "installed: there install overproof with its extra [ray], then ray start --head. Without ray://, "
                "ray.address host:6379 needs no client part"
            )
        raise ConfigError(f"There is no Ray cluster at ray.address {address} ({error}). {cure}") from None
    except ValueError as error:  # a port that is no number
        raise ConfigError(f"ray.address {address} is no address ({error}). Write it as host:6379") from None
    if not is_ray:
        raise ConfigError(
            f"What listens at ray.address {address} is no Ray cluster. Give the port that ray start --head has told "
            "(6379 unless it was set)"
        )


def _speaks_grpc(door: socket.socket) -> bool:
    """Whether a server greets as every gRPC server does (RFC 9113, 3.4): Ray waits for minutes for any other."""
    door.sendall(_GREETING)
    try:
        answer = door.recv(9)
    except ConnectionError:
        return False
    return len(answer) > 3 and answer[3] == _SETTINGS


def explain(address: str | None, error: Exception, said: str) -> OverproofError:
    """Why a cluster could not be joined, by what Ray has raised and what it has `said` on standard error."""
    text = f"{error}\n{said}"
    where = "of this machine" if address in {None, "auto"} else f"at {address}"
    if (versions := _VERSIONS.search(text)) is not None:
        ray, python, own_ray, own_python = versions.groups()
        return ConfigError(
            f"The Ray cluster {where} runs Ray {ray} on Python {python}, and this process Ray {own_ray} on Python "
            f"{own_python}: both must be the same. Here: pip install ray=={ray}, with Python {python}"
        )
    for pattern, meaning in _CAUSES:
        if pattern.search(text):
            return ConfigError(meaning.format(address=address or "local", where=where, install=install_command("ray")))
    words = _last_words(text) or type(error).__name__
    if address is None:
        return ConfigError(f"Ray cannot be started on this machine: {words}")
    return ConfigError(
        f"The Ray cluster {where} could not be joined: {words}. Look at the port (6379 unless it was set), and "
        "with ray status on that machine whether the cluster is well"
    )


@contextmanager
def muffled() -> Iterator[list[str]]:
    """Within it nothing comes out of this process's standard error; at its end what would have lies in the list."""
    heard: list[str] = []
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        outside = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield heard
        finally:
            sys.stderr.flush()
            os.dup2(outside, 2)
            os.close(outside)
            file.seek(0)
            heard.append(file.read().decode(errors="replace"))


def _last_words(text: str) -> str:
    """The last line that says something, without the clock and the place in Ray's source before it."""
    lines = [_LINE_HEAD.sub("", line).strip(" ).") for line in text.splitlines()]
    return next((line[:_LONGEST_WORDS] for line in reversed(lines) if any(c.isalpha() for c in line)), "")

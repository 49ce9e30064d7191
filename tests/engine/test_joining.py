"""A Ray cluster that cannot be joined: one line that says why and what to do, and none of Ray's own pages."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from endpoint import serve

from overproof.engine.joining import explain, knock, muffled
from overproof.errors import ConfigError

UNAUTHENTICATED = """\
[2026-01-02 19:49:43,118 W 16997 16997] gcs_client.cc:210: Failed to get cluster ID from GCS server: Unauthenticated: \
RPC error: InvalidAuthToken: Authentication token is missing or incorrect
"""
MISMATCH = """Version mismatch: The cluster was started with:
    Ray: 2.60.0
    Python: 3.11.7
This process on node 192.0.2.2 was started with:
    Ray: 2.51.0
    Python: 3.12.1
"""
CASES = {
    "a cluster that asks for a token": (
        ("10.0.0.1:6379", ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379"), UNAUTHENTICATED),
        ["Ray cluster at 10.0.0.1:6379 asks for a token", "RAY_AUTH_MODE=token", "~/.ray/auth_token"],
    ),
    "the cluster of this machine asks for one": (
        ("auto", ConnectionError("Failed to connect to Ray cluster"), UNAUTHENTICATED),
        ["Ray cluster of this machine asks for a token"],
    ),
    "another version of Ray": (
        ("10.0.0.1:6379", RuntimeError(MISMATCH), ""),
        ["runs Ray 2.60.0 on Python 3.11.7", "this process Ray 2.51.0 on Python 3.12.1", "pip install ray==2.60.0"],
    ),
    "no client part here": (
        (
            "ray://h:10001",
            ValueError("Ray Client requires pip package `ray[client]`. If you"),
            "",
        ),
        ["pip install", "[ray]"],
    ),
    "a client server that does not answer": (
        ("ray://h:10001", ConnectionError("ray client connection timeout"), ""),
        ["listens at ray://h:10001", "RAY_AUTH_MODE=token", "10001 unless it was set"],
    ),
    "no cluster on this machine": (
        ("auto", ConnectionError("Could not find any running Ray instance. Please specify"), ""),
        ["belongs to no Ray cluster", "ray start --head", "host:6379"],
    ),
    "what nobody has foreseen": (
        ("h:6379", RuntimeError("something odd"), "[2026-01-02 W 1 1] a.cc:1: The disk is on fire.\n\n"),
        ["Ray cluster at h:6379 could not be joined: a.cc:1: The disk is on fire.", "ray status"],
    ),
    "a cluster that cannot be started here": (
        (None, Exception("The current node timed out during startup."), ""),
        ["cannot be started on this machine: The current node timed out during startup"],
    ),
}


@pytest.mark.parametrize(("failure", "parts"), CASES.values(), ids=CASES)
def test_each_reason_is_told_in_one_line_with_its_cure(
    failure: tuple[str | None, Exception, str], parts: list[str]
) -> None:
    text = str(explain(*failure))
    assert all(part in text for part in parts), text
    assert "\n" not in text
    assert "no Ray cluster at" not in text, "it is there"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", r"no Ray cluster at ray\.address 127\.0\.0\.1:1.*refused.*ray start --head"),
        (
            "ray://127.0.0.1:1",
            r"client port.*there install overproof with its extra \[ray\].*host:6379 needs no client part",
        ),
        ("no-such-host.invalid:6379", "no host 'no-such-host.invalid'"),
        ("127.0.0.1:port", "is no address.*Write it as host:6379"),
    ],
)
def test_an_address_where_nobody_listens_is_refused_at_once(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        knock(address)


def test_a_server_of_another_kind_is_not_waited_for() -> None:
    with (
        serve(lambda _: pytest.fail("nobody asks")) as web,
        pytest.raises(ConfigError, match=r"is no Ray cluster.*6379 unless it was set"),
    ):
        knock(web.base_url.removeprefix("http://").removesuffix("/v1"))


@contextmanager
def listening(answer: bytes) -> Iterator[str]:
    """A port that says this to whoever has said something."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def talk() -> None:
            door, _ = server.accept()
            with door:
                door.recv(64)
                door.sendall(answer)

        threading.Thread(target=talk, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_greets_as_grpc_does_is_let_pass() -> None:
    with listening(bytes([0, 0, 6, 4, 0, 0, 0, 0, 0])) as address:
        knock(address)


def test_what_a_library_writes_to_standard_error_is_heard_and_not_seen(capfd: pytest.CaptureFixture[str]) -> None:
    with muffled() as heard:
        os.write(2, b"page after page\n")
    os.write(2, b"after it\n")
    assert heard == ["page after page\n"]
    assert capfd.readouterr().err == "after it\n"


JOIN = """
import sys
from overproof.config.execution import RayConfig
from overproof.engine.cluster import connected
from overproof.errors import OverproofError
try:
    with connected(RayConfig(address=sys.argv[1])):
        print("joined")
except OverproofError as error:
    print(error)
"""
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2}
OTHER_RAY = "import ray\nray.__version__ = '2.51.0'\n"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster that asks for a token."""
    pytest.importorskip("ray", reason="the cluster needs the ray extra")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    place = tmp_path_factory.mktemp("ray")
    small = ["--num-cpus", "0", "--include-dashboard", "false", "--object-store-memory", str(80 << 20)]
    begin = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port", str(port)]
    with subprocess.Popen(
        [*begin, "--temp-dir", str(place), *small],
        env={**os.environ, **TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as head:
        assert head.stdout is not None
        try:
            assert any("Ray runtime started" in line for line in head.stdout)
            yield f"127.0.0.1:{port}"
        finally:
            head.terminate()


def join(address: str, variables: dict[str, str], site: Path | None = None) -> str:
    """What is said to someone who joins in a process of his own; Ray itself says nothing."""
    path = os.pathsep.join([str(Path(__file__).parents[2] / "src"), *([] if site is None else [str(site)])])
    environment = {**os.environ, "PYTHONPATH": path, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", **variables}
    command = [sys.executable, "-c", JOIN, address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
def test_a_real_cluster_says_what_is_wrong_with_whoever_joins_it(guarded: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(OTHER_RAY)
    assert join(guarded, TOKEN) == "joined\n"
    assert "asks for a token" in join(guarded, {"RAY_AUTH_MODE": "disabled"})
    assert "pip install ray==" in join(guarded, TOKEN, tmp_path)

"""A local checkpoint → an endpoint to ask it at; only this module knows which servers can run one.

    a tiny student       exported to ONNX, by the tiny server: one core is enough, and replies repeat by their seed
    with vLLM installed  by vLLM
    else                 by `transformers serve`, one request at a time: the last resort

A student is named by its folder and a digest of its weights, so that the answers of two trainings are never mixed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from overproof.config.endpoint import EndpointConfig
from overproof.errors import ConfigError, EndpointError, OverproofError
from overproof.student.checkpoint import find_student
from overproof.tiny.export import export_onnx, is_tiny
from overproof.tiny.server import serve

START_SECONDS = 1800.0
"""Longest wait for a server that loads a large model."""
_STOP_SECONDS = 30.0
_PROMPT_ROOM = 2048
"""Tokens of a question beside those of its reply."""


@contextmanager
def serve_student(config: EndpointConfig, trained: Path) -> Iterator[EndpointConfig]:
    """The endpoint of a student; with `profile: path` a server is run for the checkpoint as long as the context lasts.

    `config.model` is then a folder, a Hub id, or `tiny-student`; None takes `trained`. Any other profile is an endpoint
    that runs already and is passed on. Raises ConfigError when there is no such checkpoint, and OverproofError when
    nothing that could serve it is installed or when its server does not come up.
    """
    if config.profile != "path":
        yield config
        return
    student = find_student(config.model) if config.model else str(trained)
    folder = Path(student)
    if folder.is_dir() or not config.model:
        _check_checkpoint(folder)
    name = f"{folder.resolve().name}-{hash_weights(folder)}" if folder.is_dir() else student
    if folder.is_dir() and is_tiny(folder):
        with _serve_tiny(folder, name) as base_url:
            yield _point(config, profile="tiny", model=name, base_url=base_url)
    elif find_spec("vllm") is not None:
        with _serve_vllm(student, name, vllm_options(config, student)) as base_url:
            yield _point(config, profile="vllm", model=name, base_url=base_url)
    elif find_spec("fastapi") is not None and find_spec("uvicorn") is not None and find_spec("torch") is not None:
        with _serve_transformers(folder, name) as base_url:
            yield _point(config, profile="generic", model=name, base_url=base_url, stream=False, concurrency=1)
    else:
        raise OverproofError(
            f"Nothing here can serve the checkpoint {student}. Install a server (pip install vllm, or pip install "
            "'transformers[serving]' as a slow last resort), or start one yourself and give student.base_url"
        )


def hash_weights(folder: Path) -> str:
    """Eight hex digits over the weights of a checkpoint."""
    digest = hashlib.blake2b(digest_size=4)
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.name.encode())
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _check_checkpoint(folder: Path) -> None:
    if (folder / "adapter_config.json").is_file():
        raise ConfigError(
            f"student.model: {folder} holds low-rank adapters alone. Train with lora: {{merge: true}}, or serve them "
            "with their base model yourself and give student.base_url"
        )
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ConfigError(
            f"student.model: {folder} holds no checkpoint (config.json and *.safetensors). Train one with overproof "
            "sft, or name another folder"
        )


def _point(config: EndpointConfig, **keys: Any) -> EndpointConfig:
    """The student's config with the address and name that its server has."""
    return EndpointConfig.model_validate(config.model_dump(exclude_unset=True) | keys)


@contextmanager
def _serve_tiny(folder: Path, name: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="overproof-serve-") as scratch:
        exported = Path(scratch) / "network"
        export_onnx(folder, exported, name=name)
        with serve(exported) as base_url:
            yield base_url


def vllm_options(config: EndpointConfig, student: str) -> list[str]:
    """VLLM's options for a student: `student.serve` as it is given, and a context no longer than its replies need.

    Without that vLLM reserves memory for all the student's positions, which a small GPU does not have.
    """
    options = dict(config.serve)
    if "tensor_parallel" in options:
        options["tensor_parallel_size"] = options.pop("tensor_parallel")
    file = Path(student) / "config.json"
    tree = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    positions = tree.get("text_config", tree).get("max_position_embeddings")
    if isinstance(positions, int):
        options.setdefault("max_model_len", min(positions, config.max_tokens + _PROMPT_ROOM))
    words: list[str] = []
    for key, value in options.items():
        name = "--" + key.replace("_", "-")
        if value is False:
            words.append(name.replace("--", "--no-", 1))
        else:
            words += [name] if value is True else [name, str(value)]
    return words


@contextmanager
def _serve_vllm(student: str, name: str, options: list[str]) -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", student]
    # vLLM's own defaults in place of those of generation_config.json: what is sent is all that counts
    command += ["--served-model-name", name, "--generation-config", "vllm", "--host", "127.0.0.1", "--port", str(port)]
    command += options
    with tempfile.TemporaryDirectory(prefix="overproof-serve-") as scratch, _run(command, Path(scratch), port):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _serve_transformers(folder: Path, name: str) -> Iterator[str]:
    """Run `transformers serve`; its generation config must allow sampling, or it ignores every temperature."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="overproof-serve-") as scratch:
        if folder.is_dir():
            _link_sampling(folder.resolve(), Path(scratch) / name)
        command = [sys.executable, "-c", "from transformers.cli.transformers import main; main()", "serve", name]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        with _run(command, Path(scratch), port):
            yield f"http://127.0.0.1:{port}/v1"


def _link_sampling(folder: Path, link: Path) -> None:
    """A folder of links to a checkpoint's files, but for a generation config that samples."""
    link.mkdir()
    for file in folder.iterdir():
        if file.is_file() and file.name != "generation_config.json":
            (link / file.name).symlink_to(file)
    given = folder / "generation_config.json"
    settings = json.loads(given.read_text(encoding="utf-8")) if given.is_file() else {}
    (link / given.name).write_text(json.dumps(settings | {"do_sample": True}), encoding="utf-8")


@contextmanager
def _run(command: list[str], scratch: Path, port: int) -> Iterator[None]:
    """Run a server in `scratch` until the context ends; it must answer on /health."""
    log = scratch / "server.log"
    with log.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603 - a server for our own checkpoint
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=scratch, start_new_session=True
        )
    try:
        _await_health(child, port, log)
        yield
    finally:
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _await_health(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return once the server says that it is well. Raises EndpointError with its last words when it ends before."""
    end = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < end:
        if _is_healthy(port):
            return
        time.sleep(0.2)
    state = "said nothing in time" if child.poll() is None else f"ended with exit code {child.returncode}"
    last_words = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
    raise EndpointError(f"The student's server {state}. Its last words:\n{last_words}")


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

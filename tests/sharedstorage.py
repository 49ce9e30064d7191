"""An S3 server on loopback that can be cut off and brought back with all it holds."""

from __future__ import annotations

import logging
import os
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

BUCKET = "runs"
KEYS = {
    "AWS_ACCESS_KEY_ID": "anybody",
    "AWS_SECRET_ACCESS_KEY": "anything",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
}


class Shared:
    """The server. Its objects live in this process, so that they outlast a cut."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, self._port = self._server.get_host_and_port()
        self.address = f"http://{host}:{self._port}"

    def new_url(self) -> str:
        """A place where nothing is yet."""
        return f"s3://{BUCKET}/{uuid.uuid4().hex}"

    def read(self, url: str) -> dict[str, bytes]:
        """Every object under a URL by its name there."""
        prefix = url.removeprefix(f"s3://{BUCKET}/") + "/"
        found = self._client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        keys = [item["Key"] for page in found for item in page.get("Contents", [])]
        return {
            key.removeprefix(prefix): self._client().get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys
        }

    def write(self, url: str, content: bytes) -> None:
        self._client().put_object(Bucket=BUCKET, Key=url.removeprefix(f"s3://{BUCKET}/"), Body=content)

    def remove(self, url: str) -> None:
        self._client().delete_object(Bucket=BUCKET, Key=url.removeprefix(f"s3://{BUCKET}/"))

    def make_bucket(self) -> None:
        self._client().create_bucket(Bucket=BUCKET)

    def cut(self) -> None:
        """Refuse every connection from now on."""
        self._server.stop()

    def mend(self) -> None:
        """Answer again at the same address."""
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()

    def ask_for_keys(self, *, really: bool) -> None:
        """Refuse keys that nobody has given out, as a real server does; the tests' own are such."""
        request = urllib.request.Request(f"{self.address}/moto-api/reset-auth", b"0" if really else b"1000000000")
        request.add_header("Content-Type", "text/plain")
        urllib.request.urlopen(request).close()

    def close(self) -> None:
        self._server.stop()

    def _client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.address)


@contextmanager
def serve_storage() -> Iterator[Shared]:
    """Serve, with this process's environment pointing at it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    before = dict(os.environ)
    os.environ.update(KEYS)
    server = Shared()
    os.environ["AWS_ENDPOINT_URL"] = server.address
    try:
        server.make_bucket()
        yield server
    finally:
        server.close()
        S3FileSystem.clear_instance_cache()  # which would remember this server's address
        os.environ.clear()
        os.environ.update(before)

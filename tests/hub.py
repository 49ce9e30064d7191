"""A stand-in for the Hub on loopback: as much of its HTTP interface as uploading and loading a dataset needs.

Files travel by plain commits and by Git LFS (Xet, the Hub's newer path, is not spoken). Everything is in memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0" * 39


class Hub(ThreadingHTTPServer):
    """Repositories as {name: {path: bytes}}, and the number of commits."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.objects: dict[str, bytes] = {}
        self.commits = 0
        self.token = "let-me-in"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = unquote(urlsplit(self.path).path)
        if self.headers.get("authorization") != f"Bearer {self.server.token}":
            self.reply(401, {"error": "Invalid username or password."})
        elif path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            is_new = name not in self.server.repositories
            self.server.repositories.setdefault(name, {})
            self.server.private.setdefault(name, asked.get("visibility") == "private" or asked.get("private") is True)
            answer = {"url": f"{self.server.url}/datasets/{name}", "name": name, "id": name}
            self.reply(200 if is_new else 409, answer)
        elif match := re.fullmatch(r"/api/datasets/(.+)/preupload/[^/]+", path):
            self.reply(200, {"files": [self.plan(file["path"]) for file in json.loads(body)["files"]]})
        elif match := re.fullmatch(r"/datasets/(.+)\.git/info/lfs/objects/batch", path):
            self.reply(200, {"transfer": "basic", "objects": [self.offer(one) for one in json.loads(body)["objects"]]})
        elif match := re.fullmatch(r"/api/datasets/(.+)/commit/[^/]+", path):
            self.commit(self.server.repositories[match[1]], [json.loads(line) for line in body.splitlines()])
            url = f"{self.server.url}/datasets/{match[1]}/commit/{self.sha()}"
            self.reply(200, {"commitUrl": url, "commitOid": self.sha(), "success": True})
        else:
            self.reply(200 if path == "/api/validate-yaml" else 404, {})

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        self.server.objects[hashlib.sha256(content).hexdigest()] = content
        self.reply(200, {})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if match := re.fullmatch(r"/api/datasets/(.+)/tree/[^/]+(?:/(.*))?", path):
            self.reply(200, self.tree(match[1], match[2] or "", recursive="recursive=true" in self.path.lower()))
        elif match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/revision/[^/]+)?", path):
            files = [{"rfilename": name} for name in self.server.repositories.get(match[1], {})]
            known = match[1] in self.server.repositories
            self.reply(200 if known else 404, {"id": match[1], "sha": self.sha(), "siblings": files, "private": False})
        elif match := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            content = self.server.repositories.get(match[1], {}).get(match[2])
            self.reply(200 if content is not None else 404, content or b"")
        else:
            self.reply(404, {})

    def do_HEAD(self) -> None:
        self.do_GET()

    def plan(self, path: str) -> dict[str, Any]:
        return {"path": path, "uploadMode": "lfs" if path.endswith(".parquet") else "regular", "shouldIgnore": False}

    def offer(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return wanted | {"actions": {"upload": {"href": f"{self.server.url}/lfs/{wanted['oid']}"}}}

    def commit(self, files: dict[str, bytes], operations: list[dict[str, Any]]) -> None:
        self.server.commits += 1
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
            elif operation["key"] == "deletedFile":
                del files[value["path"]]

    def tree(self, name: str, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
        """The files below a folder, or what lies directly in it: files, then folders."""
        prefix = f"{folder}/" if folder else ""
        files = self.server.repositories.get(name, {})
        inside = {path.removeprefix(prefix): files[path] for path in files if path.startswith(prefix)}
        entries: list[dict[str, Any]] = [
            {"type": "file", "path": prefix + path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for path, content in inside.items()
            if recursive or "/" not in path
        ]
        below = {path.split("/")[0] for path in inside if "/" in path and not recursive}
        return entries + [{"type": "directory", "path": prefix + one, "size": 0, "oid": "0" * 40} for one in below]

    def sha(self) -> str:
        return f"{COMMIT}{self.server.commits}"

    def reply(self, status: int, content: Any) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.send_header("x-repo-commit", self.sha())
        self.send_header("etag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """A Hub that answers while the context lasts."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()

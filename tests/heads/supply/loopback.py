"""Servers on 127.0.0.1 that stand in for a package index (PEP 503) and for a model hub."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tiny_models import sha256


class Handler(BaseHTTPRequestHandler):
    """Answers quietly; what is answered is the subclass's."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def reply(self, status: int, body: bytes, kind: str = "text/html", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@contextmanager
def serving(handler: type[Handler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Index:
    """A package index over a folder of wheels, with the faults that a test asks for."""

    folder: Path
    url: str = ""
    downloads: list[str] = field(default_factory=list)
    drops: set[str] = field(default_factory=set)
    """Wheels whose connection breaks after half of the bytes."""
    gate: threading.Event = field(default_factory=threading.Event)
    """Downloads wait until it is set; it is set unless a test clears it."""
    held: set[str] | None = None
    """The wheels that wait for the gate; None for all."""
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set once a download waits."""


@contextmanager
def package_index(folder: Path) -> Iterator[Index]:
    index = Index(folder)
    index.gate.set()

    class IndexHandler(Handler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path).path.strip("/").split("/")
            if parts[0] == "simple":
                stem = parts[1].replace("-", "_")
                names = [path.name for path in sorted(folder.glob(f"{stem}-*.whl"))]
                links = "".join(f'<a href="/files/{name}">{name}</a>' for name in names)
                self.reply(200 if names else 404, f"<!DOCTYPE html><html><body>{links}</body></html>".encode())
                return
            index.downloads.append(parts[1])
            if index.held is None or parts[1] in index.held:
                index.arrived.set()
                assert index.gate.wait(timeout=60)
            content = (folder / parts[1]).read_bytes()
            if parts[1] in index.drops:
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
                return
            self.reply(200, content, "application/octet-stream")

    with serving(IndexHandler) as address:
        index.url = f"{address}/simple"
        yield index


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """A hub with one repository, `tiny/llama`, whose files are those of a folder."""

    folder: Path
    url: str = ""
    gated: bool = False
    lies_about_hashes: bool = False
    requests: list[str] = field(default_factory=list)
    branches: set[str] = field(default_factory=lambda: {"main"})
    drops: Counter[str] = field(default_factory=Counter)
    """How many more connections break for a file once half of it was sent."""
    stalls: set[str] = field(default_factory=set)
    """Files of which half is sent and the rest only when `gate` is set."""
    gate: threading.Event = field(default_factory=threading.Event)
    stalled: threading.Event = field(default_factory=threading.Event)
    """Set once half of such a file was sent."""


@contextmanager
def model_hub(folder: Path) -> Iterator[Hub]:
    hub = Hub(folder)

    class HubHandler(Handler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            hub.requests.append(f"{self.command} {path}")
            if "tiny/llama" not in path:
                self.reply(404, b"{}", X_Error_Code="RepoNotFound")
            elif hub.gated:
                self.reply(403, b"{}", X_Error_Code="GatedRepo")
            elif path in (
                "/api/models/tiny/llama",
                *(f"/api/models/tiny/llama/revision/{r}" for r in (*hub.branches, COMMIT)),
            ):
                self.reply(200, json.dumps(self.description()).encode(), "application/json")
            elif path.startswith(f"/tiny/llama/resolve/{COMMIT}/"):
                self.give(path.rsplit("/", 1)[1])
            else:
                self.reply(404, b"{}", X_Error_Code="RevisionNotFound")

        def give(self, name: str) -> None:
            """A file, from the byte that is asked for."""
            content = (folder / name).read_bytes()
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            about = {"ETag": f'"{sha256(content)}"', "X_Repo_Commit": COMMIT}
            if start:
                hub.requests[-1] += f" from {start}"
                about["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            status = 206 if start else 200
            if self.command == "GET" and hub.drops[name] > 0:
                hub.drops[name] -= 1
                self.send_response(status)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                self.wfile.write(content[start : len(content) // 2])
                self.close_connection = True
                return
            if self.command == "GET" and name in hub.stalls and not hub.gate.is_set():
                self.send_response(status)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                self.wfile.write(content[start : len(content) // 2])
                hub.stalled.set()
                hub.gate.wait(timeout=60)
                with suppress(OSError):  # who asked may have been killed
                    self.wfile.write(content[max(start, len(content) // 2) :])
                return
            self.reply(status, content[start:], "application/octet-stream", **about)

        def description(self) -> dict[str, object]:
            files: list[dict[str, object]] = []
            for path in sorted(folder.iterdir()):
                content = path.read_bytes()
                digest = "0" * 64 if hub.lies_about_hashes else sha256(content)
                lfs = {"sha256": digest, "size": len(content), "pointerSize": 130}
                entry: dict[str, object] = {"rfilename": path.name, "size": len(content), "blobId": "0" * 40}
                files.append(entry | ({"lfs": lfs} if path.suffix == ".safetensors" else {}))
            return {"id": "tiny/llama", "modelId": "tiny/llama", "sha": COMMIT, "siblings": files, "tags": []}

    with serving(HubHandler) as address:
        hub.url = address
        yield hub

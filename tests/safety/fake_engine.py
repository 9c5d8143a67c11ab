"""A container engine that only tells: enough of the Docker API to be listed and inspected, and a record of every ask.

It runs in this process, on a Unix socket or on a loopback port, so that a set-up may be as hostile as it likes.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PROJECT = "shop"
STAGED = {"drill.staging": "true"}


@dataclass(frozen=True)
class Box:
    """One container. ``labels``: besides those of Compose, which are left out where ``project`` is empty."""

    service: str = "api"
    project: str = PROJECT
    number: int = 1
    labels: Mapping[str, str] = field(default_factory=lambda: dict(STAGED))
    env: Mapping[str, str] = field(default_factory=dict)
    argv: tuple[str, ...] = ("serve",)
    oneoff: bool = False
    name: str = ""

    @property
    def id(self) -> str:
        return f"{abs(hash((self.service, self.project, self.number, self.name))):064x}"[:64]

    def all_labels(self) -> dict[str, str]:
        own = dict(self.labels)
        if not self.project:
            return own
        prefix = "com.docker.compose."
        told = {"project": self.project, "service": self.service, "oneoff": str(self.oneoff)}
        return own | {prefix + key: value for key, value in (told | {"container-number": str(self.number)}).items()}

    def full_name(self) -> str:
        return self.name or f"{self.project}_{self.service}_{self.number}"

    def inspected(self) -> dict[str, Any]:
        state = {"Status": "running", "Running": True, "Paused": False, "Restarting": False, "Pid": 0, "ExitCode": 0}
        dates = {"StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z"}
        env = [f"{key}={value}" for key, value in self.env.items()]
        return {
            "Id": self.id,
            "Name": f"/{self.full_name()}",
            "Image": "sha256:" + "0" * 64,
            "Path": self.argv[0],
            "Args": list(self.argv[1:]),
            "State": state | dates,
            "Mounts": [],
            "Config": {"Labels": self.all_labels(), "Env": env, "Cmd": list(self.argv), "Entrypoint": None, "User": ""},
            "HostConfig": {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "PortBindings": {}},
            "NetworkSettings": {"Networks": {}, "Ports": {}},
        }


class FakeEngine:
    """``asked``: method and path of every request, in order."""

    def __init__(self, boxes: list[Box], engine_id: str) -> None:
        self.boxes = boxes
        self.engine_id = engine_id
        self.asked: list[tuple[str, str]] = []

    def answer(self, method: str, target: str) -> tuple[int, Any]:
        url = urlsplit(target)
        self.asked.append((method, url.path))
        words = [word for word in url.path.split("/") if word and not word.startswith("v1.")]
        match words:
            case ["version"]:
                return 200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.0"}
            case ["info"]:
                return 200, {"ID": self.engine_id, "MemTotal": 1 << 34}
            case ["containers", "json"]:
                wanted = json.loads(parse_qs(url.query).get("filters", ["{}"])[0]).get("label", [])
                return 200, [_listed(box) for box in self.boxes if _fits(box, wanted)]
            case ["containers", name, "json"]:
                found = [box for box in self.boxes if name in (box.id, box.full_name())]
                return (200, found[0].inspected()) if found else (404, {"message": f"No such container: {name}"})
        return 501, {"message": f"this engine only tells: {method} {url.path}"}


def _listed(box: Box) -> dict[str, Any]:
    return {"Id": box.id, "Names": [f"/{box.full_name()}"], "Labels": box.all_labels(), "State": "running"}


def _fits(box: Box, wanted: list[str]) -> bool:
    labels = box.all_labels()
    pairs = [one.partition("=") for one in wanted]
    return all(labels.get(key) == value if equals else key in labels for key, equals, value in pairs)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _reply(self) -> None:
        engine: FakeEngine = self.server.engine  # type: ignore[attr-defined]  # set below
        code, body = engine.answer(self.command, self.path)
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _reply  # noqa: N815 - the base class's names

    def address_string(self) -> str:
        return "test"

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True


@contextmanager
def serving(engine: FakeEngine, socket: Path, *, remote: bool = False) -> Iterator[str]:
    """Serve it; yields the endpoint, as DOCKER_HOST takes it. ``remote``: a loopback port instead of the socket."""
    server = _Tcp(("127.0.0.1", 0), _Handler) if remote else _Unix(str(socket), _Handler)
    server.engine = engine  # type: ignore[union-attr]  # read by the handler
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.socket.getsockname()[1]}" if remote else f"unix://{socket}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

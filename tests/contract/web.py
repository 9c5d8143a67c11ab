"""A small HTTP server on loopback whose answers a test scripts, and a stack that knows only its address."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from drill.model.config import ServiceSpec
from drill.ports import Stack

Handle = Callable[[str, str, Any], tuple[int, Any]]


class Known:
    """The part of a stack that probes and sinks use."""

    def __init__(self, **ports: int) -> None:
        self.ports = ports
        self.asked = 0

    def address(self, service: str, port: str) -> tuple[str, int]:
        self.asked += 1
        return "127.0.0.1", self.ports[port]

    def specs(self) -> list[ServiceSpec]:
        return [ServiceSpec(name="api", ports=self.ports, flags="/internal/flags"), ServiceSpec(name="plain")]

    def as_stack(self) -> Stack:
        return cast(Stack, self)


@contextmanager
def serving(handle: Handle) -> Iterator[int]:
    """The port of a server; ``handle(method, path, body)`` gives status and JSON body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, content = handle(self.command, self.path, body)
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_PUT = do_GET  # noqa: N815 - as above

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()

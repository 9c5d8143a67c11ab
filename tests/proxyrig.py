"""For tests of proxies: the shipped server as a process, its API called plainly, and upstreams to look from."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
BOUND_S = 10.0


class Reply(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]


class Server:
    """A server with the Toxiproxy API."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """JSON in and out; text that is no JSON comes as it is."""
        connection = http.client.HTTPConnection(*self.address, timeout=40)
        try:
            raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            connection.request(method, path, raw, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            text = answer.read().decode()
            found = {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()
        with contextlib.suppress(ValueError):
            return Reply(answer.status, json.loads(text), found)
        return Reply(answer.status, text, found)

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """A call that has to succeed; its body."""
        reply = self.call(method, path, body)
        assert reply.status < 300, reply
        return reply.body


class Proxied:
    """One proxy of a server."""

    def __init__(self, server: Server, made: dict[str, Any]) -> None:
        self.server, self.name, self.path = server, made["name"], f"/proxies/{made['name']}"
        host, _, port = made["listen"].rpartition(":")
        self.address = (host, int(port))

    def connect(self, timeout_s: float = BOUND_S) -> socket.socket:
        return socket.create_connection(self.address, timeout_s)

    def add(
        self, kind: str, stream: str = "downstream", name: str = "", toxicity: float = 1.0, **attributes: Any
    ) -> str:
        body = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        made = self.server.must("POST", f"{self.path}/toxics", body | ({"name": name} if name else {}))
        return str(made["name"])

    def change(self, name: str, **body: Any) -> Any:
        return self.server.must("PATCH", f"{self.path}/toxics/{name}", body)

    def remove(self, name: str) -> None:
        self.server.must("DELETE", f"{self.path}/toxics/{name}")

    def enable(self, enabled: bool) -> None:
        self.server.must("PATCH", self.path, {"enabled": enabled})


@contextlib.contextmanager
def own_server(*args: str) -> Iterator[tuple[Server, subprocess.Popen[str]]]:
    """``python -m drill.proxy`` on a free port, with nothing of ours in its environment.

    DRILL_PROXY_COMMAND starts it otherwise: with another Python and h11, for example, as the container has them.
    """
    begin = os.environ.get("DRILL_PROXY_COMMAND", f"{sys.executable} -m drill.proxy")
    command = [*shlex.split(begin), "--port", "0", *args]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        words = process.stdout.readline().split()
        assert words, f"the proxy did not start: {process.wait(BOUND_S)}"
        host, _, port = words[-1].rpartition(":")
        yield Server(host, int(port)), process
    finally:
        process.terminate()
        process.wait(BOUND_S)
        process.stdout.close()


@contextlib.contextmanager
def any_server() -> Iterator[Server]:
    """The server at TOXIPROXY_URL, else our own."""
    if url := os.environ.get("TOXIPROXY_URL"):
        parts = urlsplit(url)
        yield Server(parts.hostname or "127.0.0.1", parts.port or 8474)
        return
    with own_server() as (server, _):
        yield server


Serve = Callable[[socket.socket], None]


class Upstream:
    """A TCP server on loopback: each connection is served by ``serve`` in a thread of its own."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.settimeout(0.2)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted = 0
        self._ending = False
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while not self._ending:
            try:
                found, _ = self._listener.accept()
            except OSError:
                continue
            self.accepted += 1
            self._sockets.append(found)
            thread = threading.Thread(target=self._one, args=(found,), daemon=True)
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]
            thread.start()

    def _one(self, found: socket.socket) -> None:
        found.settimeout(BOUND_S)
        with found, contextlib.suppress(OSError):
            self._serve(found)

    def close(self) -> None:
        self._ending = True
        self._accepting.join(5)
        self._listener.close()
        for found in self._sockets:
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)


@contextlib.contextmanager
def upstream(serve: Serve) -> Iterator[Upstream]:
    """An upstream that ends with the block."""
    made = Upstream(serve)
    try:
        yield made
    finally:
        made.close()


def echo(found: socket.socket) -> None:
    """Send back what comes; half-close when the client does."""
    while data := found.recv(65536):
        found.sendall(data)
    found.shutdown(socket.SHUT_WR)


class Collecting:
    """Keeps what each connection sent, and how it ended: ``eof``, ``reset`` or nothing yet."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.end = ""

    def __call__(self, found: socket.socket) -> None:
        try:
            while data := found.recv(65536):
                self.data += data
            self.end = "eof"
        except ConnectionResetError:
            self.end = "reset"


def http_upstream(seen: list[bytes]) -> Serve:
    """A keep-alive HTTP server: answers its request's path and body as JSON, and notes the request line in ``seen``."""

    def serve(found: socket.socket) -> None:
        stream = found.makefile("rb")
        with stream:
            while line := stream.readline():
                length, headers = 0, []
                while (header := stream.readline().strip()) not in (b"", b"\r\n"):
                    headers.append(header.lower())
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                body = stream.read(length)
                seen.append(line.strip())
                text = json.dumps({"path": line.split()[1].decode(), "body": body.decode()}).encode()
                head = b"HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Length: %d\r\n\r\n" % len(text)
                found.sendall(head + (b"" if line.startswith(b"HEAD") else text))

    return serve


def read_exactly(found: socket.socket, count: int) -> bytes:
    """So many bytes, fewer when the stream ends."""
    data = bytearray()
    while len(data) < count and (more := found.recv(count - len(data))):
        data += more
    return bytes(data)


def read_all(found: socket.socket) -> bytes:
    """Until the stream ends."""
    data = bytearray()
    while more := found.recv(65536):
        data += more
    return bytes(data)


def silent(found: socket.socket, seconds: float) -> bool:
    """Nothing comes, not even an end, for so long."""
    before = found.gettimeout()
    found.settimeout(seconds)
    try:
        found.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    finally:
        found.settimeout(before)
    return False


def how_it_ends(found: socket.socket) -> str:
    """``eof`` or ``reset``, whatever data comes before."""
    try:
        read_all(found)
    except ConnectionResetError:
        return "reset"
    return "eof"


def rst_on_close(found: socket.socket) -> None:
    """Closing this socket sends a reset."""
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def s(self) -> float:
        return time.monotonic() - self._began

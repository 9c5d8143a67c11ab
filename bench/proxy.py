"""What the shipped proxy adds: round trips and throughput through it, against the same upstream directly, on loopback.

    python bench/proxy.py

The upstream and the proxy are processes of their own, as in a stack. Each row: both sides, and their ratio. Takes under
a minute.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.request import Request, urlopen

from table import machine

_TURNS = 20
_ROUND_TRIPS = 300
_WARM_UP = 20
_MIB = 256
_ANSWER = len(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
_UPSTREAM = """
import socket, threading
def serve(found):
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    order = found.recv(1)
    if order == b"e":
        while data := found.recv(65536):
            found.sendall(data)
    elif order == b"G":  # GET: an HTTP connection has no letter of ours in front
        while found.recv(65536):
            found.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    elif order == b"p":
        for _ in range({mib}):
            found.sendall(bytes(1 << 20))
    found.close()
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

Address = tuple[str, int]


@contextlib.contextmanager
def _process(*args: str) -> Iterator[str]:
    """A Python process that says on its first line where it listens; the line."""
    process = subprocess.Popen(
        [sys.executable, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline()
    finally:
        process.terminate()
        process.wait(5)
        process.stdout.close()


def _call(method: str, url: str, body: object) -> dict[str, str]:
    request = Request(url, json.dumps(body).encode(), method=method)  # noqa: S310 - our own server on loopback
    with urlopen(request, timeout=5) as answer:  # noqa: S310 - as above
        made: dict[str, str] = json.load(answer)
    return made


def _connected(address: Address, order: bytes) -> socket.socket:
    found = socket.create_connection(address, 10)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.sendall(order)
    return found


Sides = tuple[Address, Address]
"""The upstream directly, and through the proxy."""


def _round_trips(sides: Sides, order: bytes, message: bytes) -> list[list[float]]:
    """Seconds of each round trip of a message, for both sides. They take turns: the machine's moods hit both."""
    spent: list[list[float]] = [[], []]
    with _connected(sides[0], order) as direct, _connected(sides[1], order) as through:
        for _ in range(_TURNS):
            for client, found in zip((direct, through), spent, strict=True):
                found += [_timed(client, message) for _ in range(_WARM_UP + _ROUND_TRIPS)][_WARM_UP:]
    return spent


def _timed(client: socket.socket, message: bytes) -> float:
    began = time.perf_counter()
    client.sendall(message)
    size = len(message) if message[:3] != b"GET" else _ANSWER
    while size > 0:
        size -= len(client.recv(65536))
    return time.perf_counter() - began


def _connections(sides: Sides) -> list[list[float]]:
    """Seconds from connecting to the end of one echo, each on a connection of its own, for both sides in turn."""
    spent: list[list[float]] = [[], []]
    for turn in range(2000):
        began = time.perf_counter()
        with _connected(sides[turn % 2], b"ex") as client:
            client.recv(1)
        spent[turn % 2].append(time.perf_counter() - began)
    return spent


def _throughput(address: Address) -> float:
    """MiB a second from the upstream to us."""
    buffer = bytearray(1 << 20)
    with _connected(address, b"p") as client:
        began, size = time.perf_counter(), 0
        while count := client.recv_into(buffer):
            size += count
    assert size == _MIB << 20
    return _MIB / (time.perf_counter() - began)


def _latency_row(what: str, sides: list[list[float]]) -> None:
    for name, at in (("p50", 0.5), ("p99", 0.99)):
        one, two = (sorted(each)[int(len(each) * at)] * 1e6 for each in sides)
        words = f"direct {one:6.0f} µs · proxied {two:6.0f} µs · added {two - one:6.0f} µs"
        print(f"{what:<34} {name}  {words}   ratio {two / one:.1f}")


def _throughput_row(what: str, sides: Sides) -> None:
    spent = [[_throughput(side) for side in sides] for _ in range(5)]
    one, two = (statistics.median(each) for each in zip(*spent, strict=True))
    print(f"{what:<34}      direct {one:6.0f} MiB/s · proxied {two:6.0f} MiB/s          ratio {two / one:.2f}")


def _measure(sides: Sides, toxic: Callable[[str, dict[str, object]], None]) -> None:
    echo, get = b"x" * 64, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    _round_trips(sides, b"e", echo)  # a process that has just begun is slower
    _latency_row("64 bytes there and back", _round_trips(sides, b"e", echo))
    _latency_row("connect, 1 byte there and back", _connections(sides))
    _throughput_row(f"{_MIB} MiB one way", sides)
    toxic("noop", {})
    _latency_row("64 bytes, a noop toxic", _round_trips(sides, b"e", echo))
    _throughput_row(f"{_MIB} MiB, a noop toxic", sides)
    toxic("http_status", {"route": "/never"})
    _latency_row("GET, an HTTP toxic that lets pass", _round_trips(sides, b"", get))


def main() -> None:
    """Measure and print the table."""
    machine()
    with _process("-c", _UPSTREAM.format(mib=_MIB)) as port, _process("-m", "drill.proxy", "--port", "0") as said:
        api = f"http://{said.split()[-1]}/proxies"
        made = _call("POST", api, {"name": "b", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{int(port)}"})
        through = ("127.0.0.1", int(made["listen"].rpartition(":")[2]))

        def toxic(kind: str, attributes: dict[str, object]) -> None:
            _call("POST", f"{api}/b/toxics", {"type": kind, "attributes": attributes})

        _measure((("127.0.0.1", int(port)), through), toxic)


if __name__ == "__main__":
    main()

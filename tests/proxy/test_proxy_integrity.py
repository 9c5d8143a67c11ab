"""No byte is lost, doubled or reordered, whatever comes and goes: a property, and a soak of short connections."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proxyrig import Proxied, Serve, echo, read_all, upstream

from drill.proxy.api import Api, Call
from drill.proxy.collection import Collection

Front = Callable[[Serve], Proxied]

TOXICS = st.sampled_from(
    [
        ("latency", {"latency": 30, "jitter": 20}),
        ("latency", {"latency": 2000}),
        ("bandwidth", {"rate": 400}),
        ("bandwidth", {"rate": 1}),
        ("slicer", {"average_size": 300, "size_variation": 200, "delay": 50}),
        ("slow_close", {"delay": 100}),
        ("limit_data", {"bytes": 1 << 40}),
        ("noop", {}),
        ("http_status", {"status": 500}),
    ]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 60_000)),
        st.tuples(st.just("add"), st.tuples(TOXICS, st.sampled_from(["upstream", "downstream"]), st.booleans())),
        st.tuples(st.just("update"), st.integers(0, 5)),
        st.tuples(st.just("remove"), st.integers(0, 5)),
        st.tuples(st.just("pause"), st.integers(0, 15)),
    ),
    min_size=3,
    max_size=25,
)
NAMES = itertools.count()


def through(proxy: Proxied, steps: list[tuple[str, object]], seed: int) -> tuple[bytes, bytes]:
    """What was sent and what came back through an echo, while toxics come and go."""
    chance, sent, there = random.Random(seed), bytearray(), []
    with proxy.connect(20) as client:
        got: list[bytes] = []
        reading = threading.Thread(target=lambda: got.append(read_all(client)))
        reading.start()
        for step, value in steps:
            if step == "send":
                data = chance.randbytes(int(str(value)))
                sent += data
                client.sendall(data)
            elif step == "add":
                (kind, attributes), stream, certain = value  # type: ignore[misc]  # as the strategy makes it
                there.append(proxy.add(kind, stream, f"t{next(NAMES)}", 1.0 if certain else 0.5, **attributes))
            elif step == "pause":
                time.sleep(int(str(value)) / 1000)  # part of the drawn sequence; nothing is waited for
            elif there:
                name = there[int(str(value)) % len(there)]
                if step == "remove":
                    there.remove(name)
                    proxy.remove(name)
                else:
                    proxy.change(name, attributes={"jitter": 1, "delay": 1})
        client.shutdown(socket.SHUT_WR)
        for name in there:
            proxy.remove(name)
        reading.join(20)
        assert not reading.is_alive(), "the end of the stream never came"
    return bytes(sent), got[0] if got else b"(an error)"


def test_no_byte_is_lost_or_reordered_while_toxics_come_and_go(shipped_front: Front) -> None:
    proxy = shipped_front(echo)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=STEPS, seed=st.integers(0, 2**31))
    def holds(steps: list[tuple[str, object]], seed: int) -> None:
        sent, got = through(proxy, steps, seed)
        assert (len(got), got == sent) == (len(sent), True)

    holds()


def digest(found: socket.socket) -> None:
    """Answer what came with its hash."""
    found.sendall(hashlib.sha256(read_all(found)).digest())


def short_connection(proxy: Proxied, number: int) -> bool:
    """A connection of its own; whether every byte arrived upstream and the whole answer here."""
    data = random.Random(number).randbytes(200 + number % 3000)
    with proxy.connect(30) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return read_all(client) == hashlib.sha256(data).digest()


def churn(proxy: Proxied, ending: threading.Event) -> int:
    """Toxics come and go until the end; how many did."""
    kinds = [("latency", {"latency": 2}), ("slicer", {"average_size": 500, "size_variation": 100}), ("noop", {})]
    for count in itertools.count():
        kind, attributes = kinds[count % 3]
        name = proxy.add(kind, ("upstream", "downstream")[count % 2], f"c{count}", 0.7, **attributes)
        ending.wait(0.01)
        proxy.remove(name)
        if ending.is_set():
            return count
    raise AssertionError


def soak(proxy: Proxied, connections: int) -> tuple[int, int, float]:
    """How many connections lost nothing, how many toxics came and went, and the seconds it took."""
    ending, began = threading.Event(), time.monotonic()
    with ThreadPoolExecutor(9) as pool:
        churning = pool.submit(churn, proxy, ending)
        try:
            whole = sum(pool.map(lambda number: short_connection(proxy, number), range(connections)))
        finally:
            ending.set()
        return whole, churning.result(), time.monotonic() - began


def test_short_connections_lose_nothing_while_toxics_come_and_go(shipped_front: Front) -> None:
    whole, toxics, _ = soak(shipped_front(digest), 1000)
    assert whole == 1000
    assert toxics > 10


@pytest.mark.slow
def test_ten_thousand_short_connections_lose_nothing_within_a_minute(shipped_front: Front) -> None:
    whole, toxics, spent_s = soak(shipped_front(digest), 10_000)
    assert whole == 10_000
    assert toxics > 100
    assert spent_s < 60


def test_a_handler_that_waits_for_a_stuck_client_gives_up_and_the_removal_still_loses_nothing() -> None:
    data = random.Random(1).randbytes(32 * 1024 * 1024)

    async def story(address: str) -> bytes:
        collection = Collection()
        api = Api(collection, handler_s=0.3)

        async def call(method: str, path: str, body: bytes = b"") -> int:
            return (await api.answer(Call(method, path, "", body))).status

        asked = f'{{"name": "p", "listen": "127.0.0.1:0", "upstream": "{address}"}}'
        assert await call("POST", "/proxies", asked.encode()) == 201
        assert await call("POST", "/proxies/p/toxics", b'{"type": "latency", "attributes": {"latency": 300}}') == 200
        host, port = collection.get("p").listen.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            first = await reader.readexactly(1)
            assert await call("DELETE", "/proxies/p/toxics/latency_downstream") == 503
            assert await call("GET", "/proxies/p/toxics/latency_downstream") == 404
            assert await call("POST", "/proxies/p/toxics", b'{"type": "noop"}') == 503
            return first + await reader.read()
        finally:
            writer.close()
            collection.stop()

    with upstream(lambda found: found.sendall(data)) as behind:
        assert asyncio.run(asyncio.wait_for(story(behind.address), 30)) == data

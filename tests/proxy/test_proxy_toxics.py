"""What each toxic does, on the server at TOXIPROXY_URL or our own, seen through real sockets on both sides."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest
from observers import until
from proxyrig import (
    Collecting,
    Proxied,
    Serve,
    Stopwatch,
    echo,
    how_it_ends,
    read_all,
    read_exactly,
    rst_on_close,
    silent,
)

Front = Callable[[Serve], Proxied]


def say_hello(client: socket.socket) -> None:
    """A byte there and back: the connection is open on both sides."""
    client.sendall(b"h")
    assert read_exactly(client, 1) == b"h"


def round_trip(client: socket.socket, data: bytes = b"ping") -> float:
    """Seconds of a round trip through an echo."""
    watch = Stopwatch()
    client.sendall(data)
    assert read_exactly(client, len(data)) == data
    return watch.s


# No toxic at all


def test_bytes_pass_both_ways_unchanged(front: Front) -> None:
    data = bytes(range(256)) * 8192
    with front(echo).connect() as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        assert read_exactly(client, len(data)) == data
        sender.join(5)


def test_a_half_closed_connection_stays_half_open(front: Front) -> None:
    def count(found: socket.socket) -> None:
        size = len(read_all(found))
        found.sendall(b"%d bytes" % size)

    with front(count).connect() as client:
        client.sendall(b"12345")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"5 bytes"


def test_a_reset_of_the_client_ends_the_connection_upstream(front: Front) -> None:
    seen = Collecting()
    client = front(seen).connect()
    client.sendall(b"x")
    assert until(lambda: seen.data == b"x")
    rst_on_close(client)
    client.close()
    assert until(lambda: seen.end != "")


def test_an_upstream_that_is_not_there_closes_the_client(front: Front) -> None:
    proxy = front(echo)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        gone = f"127.0.0.1:{nobody.getsockname()[1]}"
    proxy.server.must("PATCH", proxy.path, {"upstream": gone})
    with proxy.connect() as client:
        assert how_it_ends(client) in ("eof", "reset")


def test_a_client_that_does_not_read_stops_the_upstream(front: Front) -> None:
    sent = [0]

    def pour(found: socket.socket) -> None:
        while True:
            sent[0] += found.send(bytes(65536))

    with front(pour).connect() as client:
        before = -1
        while sent[0] != before:  # until the buffers of the kernel are full, here and there
            before = sent[0]
            threading.Event().wait(0.3)
        assert before > 0
        assert sent[0] < 64 * 1024 * 1024
        read_exactly(client, sent[0])
        assert until(lambda: sent[0] > before)


# Latency


def test_latency_delays_each_chunk_and_is_gone_when_removed(front: Front) -> None:
    proxy = front(echo)
    with proxy.connect() as client:
        say_hello(client)
        name = proxy.add("latency", latency=150)
        assert 0.145 <= round_trip(client) < 1
        proxy.change(name, attributes={"latency": 300})
        assert 0.295 <= round_trip(client) < 1.5
        proxy.remove(name)
        assert round_trip(client) < 0.14


def test_latency_works_in_both_streams(front: Front) -> None:
    proxy = front(echo)
    proxy.add("latency", "upstream", latency=100)
    proxy.add("latency", "downstream", latency=100)
    with proxy.connect() as client:
        assert 0.195 <= round_trip(client) < 1


def test_latency_counts_from_arrival_so_that_throughput_stays(front: Front) -> None:
    data = bytes(4 * 1024 * 1024)
    proxy = front(lambda found: found.sendall(data))
    proxy.add("latency", latency=200)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert read_exactly(client, len(data)) == data
        assert 0.195 <= watch.s < 2


def test_jitter_varies_the_delay(front: Front) -> None:
    proxy = front(echo)
    proxy.add("latency", latency=40, jitter=35)
    with proxy.connect() as client:
        spent = [round_trip(client) for _ in range(20)]
    assert max(spent) - min(spent) > 0.01
    assert min(spent) >= 0.004


def test_removing_latency_hands_over_what_it_held(front: Front) -> None:
    proxy = front(echo)
    name = proxy.add("latency", latency=20_000)
    with proxy.connect() as client:
        for number in range(10):
            client.sendall(bytes([number]) * 100)
        assert silent(client, 0.3)
        proxy.remove(name)
        assert read_exactly(client, 1000) == b"".join(bytes([number]) * 100 for number in range(10))


def test_a_toxicity_of_none_spares_every_connection(front: Front) -> None:
    proxy = front(echo)
    proxy.add("latency", toxicity=0.0, latency=5000)
    with proxy.connect() as client:
        assert round_trip(client) < 1


def test_toxicity_is_a_share_of_connections_not_of_data(front: Front) -> None:
    proxy = front(echo)
    # Long enough for a busy machine: a round trip without the toxic must never look like one with it.
    proxy.add("latency", toxicity=0.5, latency=200)
    slow = 0
    for _ in range(24):
        with proxy.connect() as client:
            kinds = {round_trip(client) >= 0.199 for _ in range(2)}
            assert len(kinds) == 1
            slow += kinds.pop()
    assert 2 <= slow <= 22  # a fair coin leaves this range three times in a million


# Bandwidth


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_bandwidth_paces(front: Front, stream: str) -> None:
    proxy = front(echo)
    proxy.add("bandwidth", stream, rate=200)
    data = bytes(100_000)
    with proxy.connect() as client:
        assert 0.45 <= round_trip(client, data) < 1.5


def test_bandwidth_below_a_chunk_sends_pieces_of_100_ms(front: Front) -> None:
    proxy = front(echo)
    proxy.add("bandwidth", rate=10)
    with proxy.connect() as client:
        client.sendall(bytes(3000))
        watch = Stopwatch()
        assert len(client.recv(3000)) == 1000
        assert 0.05 <= watch.s < 0.5


def test_a_rate_of_zero_is_no_limit(front: Front) -> None:
    proxy = front(echo)
    proxy.add("bandwidth", rate=0)
    with proxy.connect() as client:
        assert round_trip(client, bytes(100_000)) < 2


def test_removing_bandwidth_hands_over_the_rest_at_once(front: Front) -> None:
    proxy = front(echo)
    name = proxy.add("bandwidth", rate=1)
    with proxy.connect() as client:
        data = bytes(range(200)) * 250
        client.sendall(data)
        assert read_exactly(client, 100) == data[:100]
        proxy.remove(name)
        watch = Stopwatch()
        assert read_exactly(client, len(data) - 100) == data[100:]
        assert watch.s < 3


# Slow close


def test_slow_close_holds_the_close_back_and_not_the_data(front: Front) -> None:
    proxy = front(lambda found: found.sendall(b"all"))
    proxy.add("slow_close", delay=300)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert read_exactly(client, 3) == b"all"
        assert watch.s < 0.25
        assert client.recv(1) == b""
        assert 0.29 <= watch.s < 2


# Timeout


def test_timeout_drops_data_and_closes_after_the_time(front: Front) -> None:
    seen = Collecting()
    proxy = front(seen)
    proxy.add("timeout", "upstream", timeout=300)
    with proxy.connect() as client:
        watch = Stopwatch()
        client.sendall(b"lost")
        assert how_it_ends(client) in ("eof", "reset")
        assert 0.25 <= watch.s < 2
    assert until(lambda: seen.end != "")
    assert seen.data == b""


def test_a_timeout_of_zero_never_closes_and_its_removal_does(front: Front) -> None:
    proxy = front(echo)
    with proxy.connect() as client:
        say_hello(client)
        name = proxy.add("timeout", timeout=0)
        client.sendall(b"lost")
        assert silent(client, 0.5)
        proxy.remove(name)
        assert how_it_ends(client) in ("eof", "reset")
    with proxy.connect() as client:
        say_hello(client)


# Reset


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_reset_peer_resets_after_the_first_data_and_the_time(front: Front, stream: str) -> None:
    proxy = front(echo)
    proxy.add("reset_peer", stream, timeout=200)
    with proxy.connect() as client:
        assert silent(client, 0.3)
        watch = Stopwatch()
        client.sendall(b"x")
        assert how_it_ends(client) == "reset"
        assert 0.19 <= watch.s < 2


# Slicer


def test_the_slicer_cuts_and_spaces_and_loses_nothing(front: Front) -> None:
    data = bytes(range(100)) * 10
    proxy = front(lambda found: found.sendall(data))
    proxy.add("slicer", average_size=100, size_variation=10, delay=20_000)
    with proxy.connect() as client:
        watch, pieces = Stopwatch(), []
        while piece := client.recv(4096):
            pieces.append(piece)
        spent = watch.s
    assert b"".join(pieces) == data
    assert len(pieces) >= 5
    assert max(map(len, pieces)) <= 400
    assert 0.1 <= spent < 2


def test_the_slicers_delay_is_in_microseconds(front: Front) -> None:
    data = bytes(2000)
    proxy = front(lambda found: found.sendall(data))
    proxy.add("slicer", average_size=20, size_variation=5, delay=100)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert read_all(client) == data
        assert watch.s < 2


# Limit


def test_limit_data_closes_after_so_many_bytes(front: Front) -> None:
    proxy = front(echo)
    proxy.add("limit_data", bytes=10)
    with proxy.connect() as client:
        client.sendall(b"12345")
        assert read_exactly(client, 5) == b"12345"
        client.sendall(b"67890abc")
        assert read_all(client) == b"67890"


def test_the_count_of_limit_data_survives_an_update(front: Front) -> None:
    proxy = front(echo)
    name = proxy.add("limit_data", bytes=100)
    with proxy.connect() as client:
        client.sendall(bytes(8))
        assert len(read_exactly(client, 8)) == 8
        proxy.change(name, attributes={"bytes": 10})
        client.sendall(bytes(8))
        assert len(read_all(client)) == 2


def test_limit_data_upstream_passes_no_more_to_the_upstream(front: Front) -> None:
    seen = Collecting()
    proxy = front(seen)
    proxy.add("limit_data", "upstream", bytes=3)
    with proxy.connect() as client:
        client.sendall(b"abcdef")
        assert how_it_ends(client) in ("eof", "reset")
    assert until(lambda: seen.end != "")
    assert seen.data == b"abc"


# Several


def test_toxics_work_in_the_order_in_which_they_came(front: Front) -> None:
    proxy = front(lambda found: found.sendall(bytes(1000)))
    proxy.add("limit_data", bytes=100)
    proxy.add("latency", latency=200)
    with proxy.connect() as client:
        watch = Stopwatch()
        assert len(read_all(client)) == 100
        assert 0.19 <= watch.s < 2


def test_a_toxic_reaches_open_connections_and_leaves_other_proxies_alone(front: Front) -> None:
    hit, spared = front(echo), front(echo)
    with hit.connect() as one, spared.connect() as other:
        say_hello(one)
        say_hello(other)
        hit.add("latency", latency=200)
        assert round_trip(one) >= 0.19
        assert round_trip(other) < 0.15


def test_removing_one_toxic_leaves_the_others(front: Front) -> None:
    proxy = front(echo)
    with proxy.connect() as client:
        say_hello(client)
        first = proxy.add("latency", name="first", latency=100)
        proxy.add("latency", name="second", latency=150)
        assert round_trip(client) >= 0.245
        proxy.remove(first)
        assert 0.145 <= round_trip(client) < 0.24


def test_a_disabled_proxy_has_its_toxics_when_it_is_enabled_again(front: Front) -> None:
    proxy = front(echo)
    proxy.add("latency", latency=150)
    proxy.enable(False)
    proxy.enable(True)
    with proxy.connect() as client:
        assert round_trip(client) >= 0.145

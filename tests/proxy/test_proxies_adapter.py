"""The adapter over the PyPI client: on the server at TOXIPROXY_URL or our own, and on servers that fail or lie."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable

import pytest
from proxyrig import Proxied, Serve, Server, Stopwatch, echo, own_server, read_exactly, upstream

from drill.errors import StackError
from drill.model.proxies import ToxicState
from drill.proxies import ToxiproxyClient

Front = Callable[[Serve], Proxied]
SLOW = ToxicState(name="mine", type="latency", stream="upstream", toxicity=0.3, attributes={"latency": 5})


@pytest.fixture
def client(server: Server) -> ToxiproxyClient:
    return ToxiproxyClient(lambda: server.address)


def test_every_proxy_is_read_with_its_toxics(front: Front, client: ToxiproxyClient) -> None:
    proxy = front(echo)
    client.add_toxic(proxy.name, SLOW)
    found = client.all()[proxy.name]
    assert (found.name, found.enabled) == (proxy.name, True)
    assert found.listen == "{}:{}".format(*proxy.address)
    (toxic,) = found.toxics
    assert (toxic.name, toxic.type, toxic.stream) == ("mine", "latency", "upstream")
    assert toxic.toxicity == pytest.approx(0.3)
    assert toxic.attributes == {"latency": 5, "jitter": 0}


def test_a_toxic_goes_and_its_absence_is_fine(front: Front, client: ToxiproxyClient) -> None:
    proxy = front(echo)
    client.add_toxic(proxy.name, SLOW)
    for _ in range(2):
        client.remove_toxic(proxy.name, "mine")
        assert client.all()[proxy.name].toxics == ()
    client.remove_toxic("no-such-proxy", "mine")


def test_an_update_changes_what_it_says_and_nothing_else(front: Front, client: ToxiproxyClient) -> None:
    proxy = front(echo)
    client.add_toxic(proxy.name, ToxicState(name="mine", type="latency", attributes={"latency": 5, "jitter": 2}))
    client.add_toxic(proxy.name, ToxicState(name="others", type="latency", attributes={"latency": 5}))
    client.update_toxic(proxy.name, ToxicState(name="mine", type="latency", toxicity=0.3, attributes={"latency": 50}))
    mine, others = client.all()[proxy.name].toxics
    assert (mine.attributes, mine.stream) == ({"latency": 50, "jitter": 2}, "downstream")
    assert mine.toxicity == pytest.approx(0.3)
    assert (others.attributes, others.toxicity) == ({"latency": 5, "jitter": 0}, 1.0)


def test_an_update_reaches_a_connection_that_is_open(front: Front, client: ToxiproxyClient) -> None:
    proxy = front(echo)
    client.add_toxic(proxy.name, ToxicState(name="mine", type="latency", attributes={"latency": 1}))
    with proxy.connect() as connection:
        for latency, least_s in ((1, 0.0), (200, 0.195), (1, 0.0)):
            client.update_toxic(proxy.name, ToxicState(name="mine", type="latency", attributes={"latency": latency}))
            watch = Stopwatch()
            connection.sendall(b"x")
            assert read_exactly(connection, 1) == b"x"
            assert least_s <= watch.s < least_s + 0.15


def test_an_update_brackets_the_change(front: Front, client: ToxiproxyClient) -> None:
    proxy = front(echo)
    client.add_toxic(proxy.name, SLOW)
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    moment = client.update_toxic(proxy.name, SLOW)
    assert before <= moment.at_ns - moment.uncertainty_ns <= moment.at_ns + moment.uncertainty_ns
    assert moment.at_ns + moment.uncertainty_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_an_update_of_what_is_not_there_is_a_stack_error_and_adds_nothing(
    front: Front, client: ToxiproxyClient
) -> None:
    proxy = front(echo)
    with pytest.raises(StackError, match="toxic not found"):
        client.update_toxic(proxy.name, SLOW)
    with pytest.raises(StackError, match="proxy not found"):
        client.update_toxic("no-such-proxy", SLOW)
    assert client.all()[proxy.name].toxics == ()


def test_enabled_and_upstream_are_set(front: Front, client: ToxiproxyClient) -> None:
    proxy = front(echo)
    client.set_enabled(proxy.name, False)
    assert client.all()[proxy.name].enabled is False
    client.set_upstream(proxy.name, "127.0.0.1:9")
    client.set_enabled(proxy.name, True)
    now = client.all()[proxy.name]
    assert (now.enabled, now.upstream) == (True, "127.0.0.1:9")


def test_what_the_server_refuses_is_a_stack_error_with_its_words(front: Front, client: ToxiproxyClient) -> None:
    proxy = front(echo)
    client.add_toxic(proxy.name, SLOW)
    with pytest.raises(StackError, match="toxic already exists"):
        client.add_toxic(proxy.name, SLOW)
    with pytest.raises(StackError, match="invalid toxic type"):
        client.add_toxic(proxy.name, ToxicState(name="x", type="gravity"))
    with pytest.raises(StackError, match="proxy not found"):
        client.set_enabled("no-such-proxy", True)
    with pytest.raises(StackError, match="proxy not found"):
        client.add_toxic("no-such-proxy", SLOW)


def test_a_port_where_nobody_listens_is_a_stack_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = nobody.getsockname()[:2]
    with pytest.raises(StackError, match=r"does not answer GET /proxies: .*drill stack status"):
        ToxiproxyClient(lambda: address).all()


def test_two_servers_from_many_threads_do_not_get_mixed_up() -> None:
    with own_server() as (one, _), own_server() as (two, _):
        for name, server in (("one", one), ("two", two)):
            server.must("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": "x:1"})
        seen: list[tuple[str, ...]] = []

        def look(name: str, server: Server) -> None:
            client = ToxiproxyClient(lambda: server.address)
            seen.extend((name, *client.all()) for _ in range(20))

        threads = [threading.Thread(target=look, args=each) for each in (("one", one), ("two", two)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(seen) == 80
    assert set(seen) == {("one", "one"), ("two", "two")}


# Servers that fail or lie


def replying(*answers: tuple[int, object]) -> Serve:
    """Gives the answers in turn, one a connection."""
    left = list(answers)

    def serve(found: socket.socket) -> None:
        found.recv(65536)
        status, body = left.pop(0)
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        found.sendall(b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (status, len(raw), raw))

    return serve


PROXY = {"name": "p", "listen": "127.0.0.1:1", "upstream": "u:1", "enabled": True, "Logger": {}, "toxics": []}
HELD = PROXY | {"toxics": [{"name": "mine", "type": "noop", "stream": "downstream", "toxicity": 1, "attributes": {}}]}


def asking(serve: Serve, ask: Callable[[ToxiproxyClient], object]) -> str:
    """The error's text."""
    with upstream(serve) as behind:
        host, port = behind.address.split(":")
        with pytest.raises(StackError) as caught:
            ask(ToxiproxyClient(lambda: (host, int(port))))
    return str(caught.value)


def test_unknown_keys_are_let_be() -> None:
    with upstream(replying((200, {"p": PROXY}))) as behind:
        host, port = behind.address.split(":")
        assert ToxiproxyClient(lambda: (host, int(port))).all()["p"].toxics == ()


def test_a_toxic_that_is_not_there_afterwards_is_an_error() -> None:
    assert "is None" in asking(replying((200, {}), (200, {"p": PROXY})), lambda client: client.add_toxic("p", SLOW))


def test_attributes_that_the_server_did_not_take_are_an_error() -> None:
    taken = {"name": "mine", "type": "latency", "stream": "upstream", "toxicity": 0.3, "attributes": {"latency": 0}}
    answers = replying((200, {}), (200, {"p": PROXY | {"toxics": [taken]}}))
    assert "asked for" in asking(answers, lambda client: client.add_toxic("p", SLOW))


def test_an_update_that_the_server_did_not_take_is_an_error() -> None:
    same = {"name": "mine", "type": "latency", "stream": "upstream", "toxicity": 0.3, "attributes": {"latency": 1}}
    answers = replying((200, {}), (200, {"p": PROXY | {"toxics": [same]}}))
    assert "asked for" in asking(answers, lambda client: client.update_toxic("p", SLOW))


def test_a_removal_that_is_answered_503_counts_by_what_is_there_afterwards() -> None:
    still = replying((200, {"p": HELD}), (503, ""), (200, {"p": HELD}))
    assert "still there" in asking(still, lambda client: client.remove_toxic("p", "mine"))
    with upstream(replying((200, {"p": HELD}), (503, ""), (200, {"p": PROXY}))) as behind:
        host, port = behind.address.split(":")
        ToxiproxyClient(lambda: (host, int(port))).remove_toxic("p", "mine")


def test_a_setting_that_did_not_take_is_an_error() -> None:
    same = ((200, PROXY), (200, {"p": PROXY}))
    assert "still True" in asking(replying(*same), lambda client: client.set_enabled("p", False))
    assert "upstream is u:1" in asking(replying(*same), lambda client: client.set_upstream("p", "v:2"))


@pytest.mark.parametrize("answer", [(200, "no json"), (200, []), (200, {"p": {}}), (500, {}), (503, "")])
def test_an_answer_that_is_none_is_a_stack_error(answer: tuple[int, object]) -> None:
    assert "toxiproxy" in asking(replying(answer), ToxiproxyClient.all)


def test_an_answer_that_trickles_is_given_up_after_a_total_time() -> None:
    ended = threading.Event()

    def trickle(found: socket.socket) -> None:
        found.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not ended.wait(0.1):
            found.sendall(b" ")

    began = time.monotonic()
    try:
        assert "does not answer" in asking_until(trickle, ended)
        assert time.monotonic() - began < 3
    finally:
        ended.set()


def asking_until(serve: Serve, ended: threading.Event) -> str:
    """As ``asking``; then lets the server end, so that its thread does."""
    with upstream(serve) as behind:
        host, port = behind.address.split(":")
        with pytest.raises(StackError) as caught:
            ToxiproxyClient(lambda: (host, int(port)), call_s=0.5).all()
        ended.set()
    return str(caught.value)

"""The toxics for HTTP, which are our own: on the shipped server only, seen through plain HTTP clients and sockets."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from observers import until
from proxyrig import Proxied, Serve, Server, Stopwatch, echo, http_upstream, read_all, read_exactly, silent

Front = Callable[[Serve], Proxied]


class Web:
    """An HTTP client on one kept connection, the proxy, and what the upstream saw."""

    def __init__(self, front: Front) -> None:
        self.seen: list[bytes] = []
        self.proxy = front(http_upstream(self.seen))
        self.client = http.client.HTTPConnection(*self.proxy.address, timeout=10)

    def get(self, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        self.client.request(method, path, body, headers)
        answer = self.client.getresponse()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, answer.read()

    def passes(self, path: str = "/", **more: Any) -> bool:
        """Whether the upstream answers it, and saw it."""
        before = len(self.seen)
        status, body = self.get(path, **more)
        return (status, json.loads(body or b"{}").get("path"), len(self.seen)) == (200, path, before + 1)


@pytest.fixture
def web(shipped_front: Front) -> Any:
    made = Web(shipped_front)
    yield made
    made.client.close()


# http_status


def test_http_status_answers_without_the_upstream(web: Web) -> None:
    web.proxy.add("http_status", status=502, body='{"error": "down"}')
    assert web.get("/a") == (502, b'{"error": "down"}')
    assert web.headers["content-type"] == "application/json"
    assert web.seen == []


def test_http_status_reaches_a_connection_that_was_open_before_and_keeps_it(web: Web) -> None:
    assert web.passes("/before")
    port = web.client.sock.getsockname()[1]
    name = web.proxy.add("http_status", status=500, body="no")
    assert [web.get("/during") for _ in range(3)] == [(500, b"no")] * 3
    web.proxy.remove(name)
    assert web.passes("/after")
    assert web.client.sock.getsockname()[1] == port
    assert len(web.seen) == 2


def test_only_the_route_and_the_method_are_hit(web: Web) -> None:
    web.proxy.add("http_status", status=503, route="/payments", method="post")
    assert web.passes("/other", method="POST", body=b"x")
    assert web.passes("/payments?x=1")
    assert web.get("/payments/charges?x=1", method="POST", body=b"x")[0] == 503
    assert web.passes("/other", method="POST", body=b"y")


def test_a_share_is_of_requests(web: Web) -> None:
    web.proxy.add("http_status", status=503, share=50)
    statuses = [web.get()[0] for _ in range(60)]
    assert set(statuses) == {200, 503}
    assert len(web.seen) == statuses.count(200)
    web.proxy.change("http_status_downstream", attributes={"share": 0})
    assert all(web.passes() for _ in range(20))


def test_a_body_of_a_request_is_read_before_the_next(web: Web) -> None:
    web.proxy.add("http_status", status=503, route="/big")
    assert web.get("/big", method="POST", body=bytes(300_000))[0] == 503
    assert web.passes("/small")


def test_a_chunked_request_is_answered_too(web: Web) -> None:
    web.proxy.add("http_status", status=503)
    web.client.request(
        "POST", "/", iter([b"one", b"two"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    answer = web.client.getresponse()
    assert (answer.status, answer.read()) == (503, b"")
    assert web.get()[0] == 503


def test_head_and_204_have_no_body(web: Web) -> None:
    name = web.proxy.add("http_status", status=503, body="text")
    assert web.get(method="HEAD") == (503, b"")
    assert web.headers["content-length"] == "4"
    web.proxy.change(name, attributes={"status": 204})
    assert web.get() == (204, b"")
    web.proxy.remove(name)
    assert web.passes()


@pytest.mark.parametrize(
    "request_head", [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]
)
def test_a_client_that_wants_the_connection_closed_gets_it_closed(web: Web, request_head: bytes) -> None:
    web.proxy.add("http_status", status=503, body="no")
    with web.proxy.connect() as client:
        client.sendall(request_head)
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in answer.lower()


def test_expect_100_is_answered_finally_and_closed(web: Web) -> None:
    web.proxy.add("http_status", status=503, body="no")
    with web.proxy.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 503 ")


def test_pipelined_answers_keep_their_order(web: Web) -> None:
    web.proxy.add("http_status", status=503, route="/bad", body="bad")
    paths = ["/1", "/bad", "/2", "/bad", "/bad", "/3"] * 40
    with web.proxy.connect() as client:
        requests = b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode() for path in paths)
        sender = threading.Thread(target=client.sendall, args=(requests,))
        sender.start()
        answers = []
        for _ in paths:
            answer = http.client.HTTPResponse(client)
            # Read byte by byte: a buffer here would swallow the next answer.
            answer.fp.close()
            answer.fp = client.makefile("rb", buffering=0)
            answer.begin()
            text = answer.read()
            answers.append(json.loads(text)["path"] if answer.status == 200 else f"/{text.decode()}")
        sender.join(5)
    assert answers == paths


def test_the_answer_passes_the_toxics_of_the_downstream(web: Web) -> None:
    web.proxy.add("http_status", status=503)
    web.proxy.add("latency", latency=150)
    watch = Stopwatch()
    assert web.get()[0] == 503
    assert watch.s >= 0.145


def test_requests_in_small_pieces_are_understood(web: Web) -> None:
    web.proxy.add("slicer", "upstream", average_size=1)
    web.proxy.add("http_status", status=503, route="/bad")
    assert web.get("/bad")[0] == 503
    assert web.passes("/good", method="POST", body=b"body")


# http_rate_limit


def test_a_limit_of_zero_limits_everything(web: Web) -> None:
    web.proxy.add("http_rate_limit", retry_after=7)
    assert [web.get()[0] for _ in range(3)] == [429] * 3
    assert web.headers["retry-after"] == "7"
    assert web.seen == []


def test_a_limit_lets_so_many_pass_and_more_after_a_while(web: Web) -> None:
    web.proxy.add("http_rate_limit", limit=3, window=1500, status=503, retry_after=0)
    assert [web.get()[0] for _ in range(5)] == [200, 200, 200, 503, 503]
    assert "retry-after" not in web.headers
    assert until(lambda: web.get()[0] == 200, within_s=5)


def test_the_limit_holds_over_all_connections_and_bursts(web: Web) -> None:
    web.proxy.add("http_rate_limit", limit=1, window=60_000, burst=4)
    statuses = []
    for _ in range(6):
        statuses.append(web.get()[0])
        web.client.close()
    assert statuses == [200] * 4 + [429] * 2


# http_delay


def test_http_delay_holds_requests_of_its_route_back(web: Web) -> None:
    web.proxy.add("http_delay", delay=200, route="/slow")
    watch = Stopwatch()
    assert web.passes("/fast")
    assert watch.s < 0.18
    watch = Stopwatch()
    assert web.passes("/slow")
    assert 0.19 <= watch.s < 2


def test_removing_http_delay_lets_a_waiting_request_go(web: Web) -> None:
    name = web.proxy.add("http_delay", delay=30_000)
    web.client.request("GET", "/")
    assert silent(web.client.sock, 0.3)
    web.proxy.remove(name)
    assert web.client.getresponse().status == 200


# http_body


def test_a_truncated_body_ends_early(web: Web) -> None:
    web.proxy.add("http_body", mode="truncate", bytes=5)
    with pytest.raises(http.client.IncompleteRead) as caught:
        web.get("/x")
    assert caught.value.partial == b'{"pat'


def test_malformed_and_replaced_bodies_come_with_the_upstreams_head(web: Web) -> None:
    name = web.proxy.add("http_body", mode="malformed")
    status, body = web.get("/x")
    assert status == 200
    with pytest.raises(ValueError):  # noqa: PT011 - any
        json.loads(body)
    assert web.headers["x-upstream"] == "yes"
    web.proxy.change(name, attributes={"mode": "replace", "body": "[]"})
    assert web.get("/x") == (200, b"[]")
    assert web.get("/x", method="HEAD") == (200, b"")
    web.proxy.remove(name)
    assert web.passes("/x")
    assert len(web.seen) == 4


def chunked(found: socket.socket) -> None:
    """Answers each request in chunks."""
    while found.recv(65536):
        found.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")


def test_a_chunked_answer_is_cut_in_its_payload_or_passes_as_it_is(shipped_front: Front) -> None:
    proxy = shipped_front(chunked)
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    proxy.add("http_body", mode="truncate", bytes=7, route="/cut")
    with proxy.connect() as client:
        client.sendall(request)
        whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
        assert read_exactly(client, len(whole)) == whole
        client.sendall(request.replace(b"/ ", b"/cut "))
        assert read_all(client) == whole[: whole.index(b" world") + 2]


# What is no HTTP


@pytest.mark.parametrize(
    "said", [b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"*1\r\n$4\r\nPING\r\n", b"PING\r\n", b"\x16\x03\x01\x02", b"h"]
)
def test_another_protocol_passes_untouched(shipped_front: Front, said: bytes) -> None:
    proxy = shipped_front(echo)
    proxy.add("http_status", status=503)
    with proxy.connect() as client:
        client.sendall(said)
        assert read_exactly(client, len(said)) == said
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_exactly(client, 18) == b"GET / HTTP/1.1\r\n\r\n"


def test_a_server_that_speaks_first_passes_untouched(shipped_front: Front) -> None:
    def smtp(found: socket.socket) -> None:
        found.sendall(b"220 ready\r\n")
        echo(found)

    proxy = shipped_front(smtp)
    proxy.add("http_status", status=503)
    with proxy.connect() as client:
        assert read_exactly(client, 11) == b"220 ready\r\n"
        client.sendall(b"EHLO x\r\n")
        assert read_exactly(client, 8) == b"EHLO x\r\n"


def test_an_upgraded_connection_passes_untouched(shipped_front: Front) -> None:
    def switch(found: socket.socket) -> None:
        found.recv(65536)
        found.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhi")
        echo(found)

    proxy = shipped_front(switch)
    proxy.add("http_status", status=503, route="/no")
    with proxy.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        assert read_all_of(client, b"\r\n\r\nhi")
        client.sendall(b"GET /no HTTP/1.1\r\n\r\n")
        assert read_all_of(client, b"GET /no HTTP/1.1\r\n\r\n")


def read_all_of(client: socket.socket, wanted: bytes) -> bool:
    data = b""
    while not data.endswith(wanted) and (more := client.recv(4096)):
        data += more
    return data.endswith(wanted)


def test_expect_100_passes_through_to_the_upstream(shipped_front: Front) -> None:
    def patient(found: socket.socket) -> None:
        found.recv(65536)
        found.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = read_exactly(found, 5)
        found.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body)

    proxy = shipped_front(patient)
    proxy.add("http_status", status=503, route="/no")
    with proxy.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert read_exactly(client, 25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hello")
        assert read_all_of(client, b"\r\n\r\nhello")


# The API of these toxics

BAD = [
    ("http_status", {"status": 99}),
    ("http_status", {"status": "503"}),
    ("http_status", {"route": 5}),
    ("http_status", {"share": 101}),
    ("http_rate_limit", {"window": 0}),
    ("http_rate_limit", {"limit": -1}),
    ("http_body", {"mode": "eat"}),
    ("http_body", {"bytes": -1}),
    ("http_delay", {"delay": "5s"}),
]


@pytest.mark.parametrize(("kind", "attributes"), BAD)
def test_bad_attributes_are_refused(web: Web, kind: str, attributes: dict[str, Any]) -> None:
    reply = web.proxy.server.call("POST", f"{web.proxy.path}/toxics", {"type": kind, "attributes": attributes})
    assert reply.status == 400
    assert reply.body["error"].startswith(f"bad request body: attribute {next(iter(attributes))}: ")


def test_our_server_says_that_it_is_ours(shipped_server: Server) -> None:
    assert shipped_server.must("GET", "/version") == {"version": "2.12.0", "server": "drill"}

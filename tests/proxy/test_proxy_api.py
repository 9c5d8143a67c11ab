"""The HTTP API, on the server at TOXIPROXY_URL or our own: every call, its status and its error."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from proxyrig import Proxied, Serve, Server, echo, read_exactly, upstream

NAMES = ("api-one", "api-two")


@pytest.fixture(autouse=True)
def _tidy(server: Server) -> Iterator[None]:
    yield
    for name in NAMES:
        server.call("DELETE", f"/proxies/{name}")


def body(name: str = "api-one", **more: Any) -> dict[str, Any]:
    return {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", **more}


def error(server: Server, method: str, path: str, given: Any = None) -> tuple[int, str]:
    """Status and message of an error, whose form is checked."""
    reply = server.call(method, path, given)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.body["status"] == reply.status
    return reply.status, reply.body["error"]


def connects(made: dict[str, Any]) -> bool:
    host, _, port = made["listen"].rpartition(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
    except OSError:
        return False
    return True


def test_the_version_is_that_of_the_api(server: Server) -> None:
    reply = server.call("GET", "/version")
    assert (reply.status, reply.body["version"]) == (200, "2.12.0")
    assert reply.headers["content-type"].startswith("application/json")


def test_metrics_are_off(server: Server) -> None:
    assert server.call("GET", "/metrics").status == 404


def test_a_browser_is_turned_away(server: Server) -> None:
    reply = server.call("GET", "/proxies", User_Agent="Mozilla/5.0 (X11)")
    assert reply.status == 403
    assert server.call("GET", "/proxies", User_Agent="curl/8 Mozilla/5.0").status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/proxies"), ("GET", "/reset"), ("PUT", "/proxies/x"), ("POST", "/version")]
)
def test_another_method_is_405(server: Server, method: str, path: str) -> None:
    assert server.call(method, path).status == 405


def test_another_path_is_404(server: Server) -> None:
    assert server.call("GET", "/nothing").status == 404


# Proxies


def test_a_proxy_is_made_shown_listed_and_deleted(server: Server) -> None:
    reply = server.call("POST", "/proxies", body())
    assert reply.status == 201
    made = reply.body
    assert made["listen"].startswith("127.0.0.1:")
    assert not made["listen"].endswith(":0")
    assert {"name": "api-one", "upstream": "127.0.0.1:9", "enabled": True, "toxics": []}.items() <= made.items()
    assert connects(made)
    assert server.must("GET", "/proxies/api-one") == made
    assert server.must("GET", "/proxies")["api-one"] == made
    assert server.call("DELETE", "/proxies/api-one").status == 204
    assert not connects(made)
    assert error(server, "GET", "/proxies/api-one") == (404, "proxy not found")
    assert error(server, "DELETE", "/proxies/api-one") == (404, "proxy not found")


def test_a_proxy_can_begin_disabled(server: Server) -> None:
    made = server.must("POST", "/proxies", body(enabled=False))
    assert made["enabled"] is False
    enabled = server.must("PATCH", "/proxies/api-one", {"enabled": True})
    assert enabled["enabled"] is True
    assert connects(enabled)


def test_a_name_that_is_taken_is_409(server: Server) -> None:
    server.must("POST", "/proxies", body())
    assert error(server, "POST", "/proxies", body()) == (409, "proxy already exists")


def test_missing_fields_are_400(server: Server) -> None:
    assert error(server, "POST", "/proxies", {"upstream": "x:1"}) == (400, "missing required field: name")
    assert error(server, "POST", "/proxies", {"name": "api-one"}) == (400, "missing required field: upstream")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"name": 5}', b'{"name": "api-one", "enabled": "yes"}'])
def test_a_body_that_is_none_is_400(server: Server, raw: bytes) -> None:
    status, message = error(server, "POST", "/proxies", raw)
    assert status == 400
    assert message.startswith("bad request body: ")


def test_an_address_that_cannot_be_bound_is_500(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert error(server, "POST", "/proxies", body(listen=listen))[0] == 500
    assert server.call("GET", "/proxies/api-one").status == 404


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_fields_left_out_of_an_update_stay(server: Server, method: str) -> None:
    made = server.must("POST", "/proxies", body())
    changed = server.call(method, "/proxies/api-one", {"upstream": "127.0.0.1:10"})
    assert changed.status == 200
    assert changed.body == made | {"upstream": "127.0.0.1:10"}
    assert error(server, method, "/proxies/api-two", {})[0] == 404
    assert error(server, method, "/proxies/api-one", b"{")[0] == 400


def test_disabled_a_proxy_refuses_closes_its_connections_and_keeps_its_toxics(
    front: Callable[[Serve], Proxied],
) -> None:
    proxy = front(echo)
    proxy.add("noop")
    with proxy.connect() as client:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
        proxy.enable(False)
        assert client.recv(1) == b""
    with pytest.raises(OSError):  # noqa: PT011 - refused, whatever the platform calls it
        proxy.connect()
    assert [toxic["name"] for toxic in proxy.server.must("GET", proxy.path)["toxics"]] == ["noop_downstream"]
    proxy.enable(True)
    with proxy.connect() as client:
        client.sendall(b"y")
        assert read_exactly(client, 1) == b"y"


def test_another_upstream_closes_open_connections_and_takes_new_ones_there(
    front: Callable[[Serve], Proxied],
) -> None:
    proxy = front(echo)
    with proxy.connect() as client, upstream(lambda found: found.sendall(b"other")) as other:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
        proxy.server.must("PATCH", proxy.path, {"upstream": other.address})
        assert client.recv(1) == b""
        with proxy.connect() as again:
            assert read_exactly(again, 5) == b"other"


# Populate and reset


def test_populate_makes_leaves_and_replaces(server: Server) -> None:
    first = server.call("POST", "/populate", [body(), body("api-two", enabled=False)])
    assert first.status == 201
    one, two = first.body["proxies"]
    assert (one["enabled"], two["enabled"]) == (True, False)
    server.must("POST", "/proxies/api-one/toxics", {"type": "noop"})
    same = body(listen=one["listen"])
    assert server.must("POST", "/populate", [same])["proxies"][0]["toxics"] != []
    other = server.must("POST", "/populate", [same | {"upstream": "127.0.0.1:11"}])["proxies"][0]
    assert (other["upstream"], other["toxics"]) == ("127.0.0.1:11", [])


@pytest.mark.parametrize("field", ["name", "upstream"])
def test_populate_says_which_proxy_lacks_a_field(server: Server, field: str) -> None:
    bad = body("api-two")
    del bad[field]
    for place, given in ((1, [bad]), (2, [body(), bad])):
        reply = server.call("POST", "/populate", given)
        assert reply.status == 400
        assert reply.body == {
            "error": f"missing required field: {field} at proxy {place}",
            "status": 400,
            "proxies": None,
        }
    assert server.call("GET", "/proxies/api-one").status == 404


def test_populate_with_a_body_that_is_no_array_is_400(server: Server) -> None:
    reply = server.call("POST", "/populate", b"{")
    assert reply.status == 400
    assert reply.body["proxies"] is None


def test_reset_enables_every_proxy_and_removes_every_toxic(server: Server) -> None:
    server.must("POST", "/proxies", body())
    server.must("POST", "/proxies", body("api-two", enabled=False))
    for stream in ("upstream", "downstream"):
        server.must("POST", "/proxies/api-one/toxics", {"type": "latency", "stream": stream})
    assert server.call("POST", "/reset").status == 204
    found = server.must("GET", "/proxies")
    assert [(found[name]["enabled"], found[name]["toxics"]) for name in NAMES] == [(True, []), (True, [])]


# Toxics

ATTRIBUTES = {
    "latency": {"latency", "jitter"},
    "bandwidth": {"rate"},
    "slow_close": {"delay"},
    "timeout": {"timeout"},
    "reset_peer": {"timeout"},
    "slicer": {"average_size", "size_variation", "delay"},
    "limit_data": {"bytes"},
}


@pytest.fixture
def toxics(server: Server) -> str:
    server.must("POST", "/proxies", body())
    return "/proxies/api-one/toxics"


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_a_toxic_has_defaults(server: Server, toxics: str, kind: str) -> None:
    reply = server.call("POST", toxics, {"type": kind})
    assert reply.status == 200
    zeros = dict.fromkeys(ATTRIBUTES[kind], 0)
    wanted = {"name": f"{kind}_downstream", "type": kind, "stream": "downstream", "toxicity": 1, "attributes": zeros}
    assert reply.body == wanted
    assert server.must("GET", f"{toxics}/{kind}_downstream") == wanted
    assert server.must("GET", toxics) == [wanted]
    assert server.must("GET", "/proxies/api-one")["toxics"] == [wanted]
    assert server.call("DELETE", f"{toxics}/{kind}_downstream").status == 204
    assert error(server, "DELETE", f"{toxics}/{kind}_downstream") == (404, "toxic not found")


def test_noop_has_no_attributes_of_its_own(server: Server, toxics: str) -> None:
    assert not server.must("POST", toxics, {"type": "noop"})["attributes"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_an_update_merges_attributes_and_changes_the_toxicity_only(server: Server, toxics: str, method: str) -> None:
    server.must("POST", toxics, {"type": "latency", "name": "slow", "attributes": {"latency": 5, "jitter": 2}})
    change = {"attributes": {"latency": 7}, "toxicity": 0.5, "stream": "upstream", "type": "timeout"}
    assert server.call(method, f"{toxics}/slow", change).status == 200
    found = server.must("GET", f"{toxics}/slow")
    assert found["attributes"] == {"latency": 7, "jitter": 2}
    assert (found["toxicity"], found["stream"], found["type"]) == (0.5, "downstream", "latency")
    assert error(server, method, f"{toxics}/other", {}) == (404, "toxic not found")


def test_unknown_attributes_are_ignored(server: Server, toxics: str) -> None:
    made = server.must("POST", toxics, {"type": "latency", "attributes": {"latency": 1, "colour": "red"}})
    assert made["attributes"] == {"latency": 1, "jitter": 0}


def test_what_makes_no_toxic_is_refused(server: Server, toxics: str) -> None:
    wrong_stream = (400, "stream was invalid, can be either upstream or downstream")
    assert error(server, "POST", toxics, {"type": "latency", "stream": "sideways"}) == wrong_stream
    assert error(server, "POST", toxics, {"type": "gravity"}) == (400, "invalid toxic type")
    assert error(server, "POST", toxics, {}) == (400, "invalid toxic type")
    server.must("POST", toxics, {"type": "noop"})
    assert error(server, "POST", toxics, {"type": "noop"}) == (409, "toxic already exists")
    assert error(server, "GET", f"{toxics}/other") == (404, "toxic not found")
    assert error(server, "GET", "/proxies/api-two/toxics") == (404, "proxy not found")
    assert error(server, "POST", "/proxies/api-two/toxics", {"type": "noop"}) == (404, "proxy not found")


@pytest.mark.parametrize("value", ["5", 1.5, [1], True])
def test_attributes_of_a_wrong_type_are_refused(server: Server, toxics: str, value: object) -> None:
    status, message = error(server, "POST", toxics, {"type": "latency", "attributes": {"latency": value}})
    assert (status, message[:18]) == (400, "bad request body: ")
    assert server.must("GET", toxics) == []
    server.must("POST", toxics, {"type": "latency", "attributes": {"latency": 3}})
    assert error(server, "PATCH", f"{toxics}/latency_downstream", {"attributes": {"latency": value}})[0] == 400
    assert server.must("GET", toxics)[0]["attributes"]["latency"] == 3


def test_a_toxicity_may_be_a_whole_number_and_then_a_part(server: Server, toxics: str) -> None:
    server.must("POST", toxics, {"type": "noop", "name": "t", "toxicity": 1})
    for toxicity in (0, 0.5, 1):
        assert server.must("PATCH", f"{toxics}/t", {"toxicity": toxicity})["toxicity"] == toxicity


def test_a_toxicity_of_a_wrong_type_is_refused(server: Server, toxics: str) -> None:
    assert error(server, "POST", toxics, {"type": "noop", "toxicity": "all"})[0] == 400


def test_upstream_toxics_are_listed_first_each_stream_in_order(server: Server, toxics: str) -> None:
    for name, stream in (("d1", "downstream"), ("u1", "upstream"), ("d2", "downstream"), ("u2", "upstream")):
        server.must("POST", toxics, {"type": "noop", "name": name, "stream": stream})
    assert [toxic["name"] for toxic in server.must("GET", toxics)] == ["u1", "u2", "d1", "d2"]


def test_several_calls_on_one_kept_connection(server: Server) -> None:
    with socket.create_connection(server.address, 5) as client:
        request = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
        client.sendall(request * 3)
        data = b""
        while data.count(b'"version"') < 3:
            more = client.recv(65536)
            assert more
            data += more
    assert data.count(b"HTTP/1.1 200") == 3

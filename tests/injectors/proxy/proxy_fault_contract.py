"""What every fault of this family promises, on our real proxy as a process; `hit` is how an outsider sees the fault."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from observers import Watch, until
from proxyrig import Server, http_upstream, own_server, upstream

from drill.engine.ramp import STEPS, at_share
from drill.errors import ActionFailed, InvalidInput, StackError
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment, StackIdentity
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import Seconds
from drill.ports import Injector, Proxies, Ramped, ServiceState, Stack
from drill.proxies import ToxiproxyClient
from injectors.proxy.target import Toxic

SERVICE = "toxiproxy"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Talk(NamedTuple):
    """What a raw client got: the data, in how many pieces, after how many seconds the end, and which:
    ``eof``, ``reset``, or ``silent`` when it did not come."""

    data: bytes
    pieces: int
    seconds: float
    end: str


class Rig:
    """A stack of one service, the proxy, with two proxies in front of an HTTP server; and a plain look at them."""

    def __init__(self, folder: Path) -> None:
        self._all = ExitStack()
        self._running = ExitStack()
        self.seen: list[bytes] = []
        behind = self._all.enter_context(upstream(http_upstream(self.seen)))
        self._config = folder / "proxies.json"
        names = ("payments", "llm")
        self._write([{"name": name, "listen": "127.0.0.1:0", "upstream": behind.address} for name in names])
        self._port = "0"
        self.start()
        # A restart has to come back at the same addresses.
        self._port = str(self.server.address[1])
        found = self.server.must("GET", "/proxies")
        self._write([{key: found[name][key] for key in ("name", "listen", "upstream")} for name in names])
        self.addresses = {name: found[name]["listen"].split(":") for name in names}

    def _write(self, proxies: list[dict[str, str]]) -> None:
        self._config.write_text(json.dumps(proxies))

    def start(self) -> None:
        started = own_server("--port", self._port, "--config", str(self._config))
        self.server: Server
        self.process: subprocess.Popen[str] | None
        self.server, self.process = self._running.enter_context(started)
        self.pid: int | None = self.process.pid

    def stop(self) -> None:
        self._running.close()
        self.process = self.pid = None

    def deaf(self) -> None:
        """The API of the server, which the stack sees running, does not answer."""
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            self.server = Server(*nobody.getsockname()[:2])

    def coming_up(self) -> None:
        """The server was started again, and its API does not answer yet."""
        self.stop()
        self.pid = 1

    def restart(self) -> None:
        self.stop()
        self.start()

    def renew(self) -> None:
        """Everything as in the configuration file."""
        if self.process is None or self.server.address[1] != int(self._port):
            self.restart()
        self.server.must("POST", "/populate", json.loads(self._config.read_text()))
        self.server.must("POST", "/reset")
        self.seen.clear()

    def close(self) -> None:
        self._running.close()
        self._all.close()

    # What injectors use of a stack

    def services(self) -> dict[str, ServiceState]:
        """As of a container: another process has the same instance."""
        running = self.pid is not None
        state = ServiceState(name=SERVICE, instance="c", running=running, paused=False, healthy=True, pid=self.pid)
        return {SERVICE: state}

    def proxies(self, service: str) -> Proxies:
        assert service == SERVICE
        return ToxiproxyClient(lambda: self.server.address)

    def address(self, service: str, port: str) -> tuple[str, int]:
        assert (service, port) == (SERVICE, "api")
        return self.server.address

    def as_stack(self) -> Stack:
        return cast(Stack, self)

    # From outside

    def get(self, proxy: str = "payments", path: str = "/", method: str = "GET") -> tuple[int, dict[str, str], float]:
        """Status (0 for no answer), headers and seconds of a request over a new connection."""
        host, port = self.addresses[proxy]
        client, began = http.client.HTTPConnection(host, int(port), timeout=5), time.monotonic()
        try:
            client.request(method, path)
            answer = client.getresponse()
            answer.read()
            return answer.status, dict(answer.getheaders()), time.monotonic() - began
        except (OSError, http.client.HTTPException):
            return 0, {}, time.monotonic() - began
        finally:
            client.close()

    def connect(self, proxy: str = "payments", within_s: float = 2.0) -> socket.socket:
        host, port = self.addresses[proxy]
        return socket.create_connection((host, int(port)), within_s)

    def talk(self, request: bytes = GET, proxy: str = "payments", within_s: float = 2.0) -> Talk:
        """Send a request over a new connection, half-close it, and take what comes until the other side closes."""
        data, pieces, end, began = b"", 0, "eof", time.monotonic()
        with self.connect(proxy, within_s) as client:
            try:
                client.sendall(request)
                client.shutdown(socket.SHUT_WR)
                while more := client.recv(65536):
                    data, pieces = data + more, pieces + 1
            except TimeoutError:
                end = "silent"
            except ConnectionError:
                end = "reset"
        return Talk(data, pieces, time.monotonic() - began, end)

    def whole(self, proxy: str = "payments") -> bool:
        """A request passes, in one piece, and its connection ends, both without delay."""
        seen = self.talk(proxy=proxy)
        return seen.data.startswith(b"HTTP/1.1 200 OK") and seen.data.endswith(b"}") and seen.seconds < 0.15

    def state(self, proxy: str = "payments") -> Any:
        return self.server.must("GET", f"/proxies/{proxy}")


def fault(injector: Injector, params: Mapping[str, ParamValue]) -> FaultSpec:
    return FaultSpec(id="f1", kind=injector.kind, target=SERVICE, max_duration=Seconds(30), params=params)


def post(size: int) -> bytes:
    """A request with so large a body, which the upstream sends back."""
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size


def planned(injector: Injector, rig: Rig, params: Mapping[str, ParamValue], lease_id: str = "D-1/f1") -> Lease:
    draft = Lease(
        id=lease_id,
        drill_id="D",
        fault_id="f1",
        kind=injector.kind,
        service=SERVICE,
        instance="",
        reversibility=injector.reversibility,
        stack=StackIdentity(kind="process", project="p", endpoint="e", engine_id="i"),
        boot_id="b",
        expires_at_ns=1,
        expires_utc="",
        settle_s=0,
    )
    return injector.plan(fault(injector, params), rig.as_stack(), draft)


class ProxyFaultContract:
    """Subclass with ``injector``, ``params`` and ``hit``."""

    injector: Injector
    params: Mapping[str, ParamValue]

    def hit(self, rig: Rig) -> bool:
        """Whether a request of an outsider suffers from the fault."""
        raise NotImplementedError

    def test_plan_touches_nothing(self, rig: Rig) -> None:
        before = rig.server.must("GET", "/proxies")
        planned(self.injector, rig, self.params)
        assert rig.server.must("GET", "/proxies") == before

    def test_the_lease_says_how_to_undo_and_survives_json(self, rig: Rig) -> None:
        lease = planned(self.injector, rig, self.params)
        assert lease.instance == rig.services()[SERVICE].instance
        assert lease.settle_s > 0
        assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease

    def test_the_step_by_hand_undoes_it(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        assert self.hit(rig)
        command = lease.manual[0].split("`")[1]
        assert command.startswith("curl ")
        subprocess.run(["bash", "-c", f"{command} -sS"], check=True, timeout=10, capture_output=True)
        assert self.injector.undone(lease, stack)
        assert rig.whole()

    def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        assert rig.whole()
        assert not self.injector.active(lease, stack)
        self.injector.apply(lease, stack)
        assert self.hit(rig)
        assert rig.whole("llm")
        assert self.injector.active(lease, stack)
        assert not self.injector.undone(lease, stack)
        self.injector.undo(lease, stack)
        assert self.injector.undone(lease, stack)
        assert not self.injector.active(lease, stack)
        assert until(rig.whole)
        assert rig.state()["toxics"] == []

    def test_the_onset_is_true_within_its_uncertainty(self, rig: Rig) -> None:
        lease = planned(self.injector, rig, self.params)
        before = rig.state()
        with Watch(lambda: rig.state() != before) as watch:
            onset = self.injector.apply(lease, rig.as_stack())
        earliest, latest = watch.span()
        assert onset.at_ns - onset.uncertainty_ns <= latest
        assert earliest <= onset.at_ns + onset.uncertainty_ns

    def test_toxics_of_others_survive(self, rig: Rig) -> None:
        rig.server.must("POST", "/proxies/payments/toxics", {"type": "noop", "name": "others"})
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        rig.server.must("POST", "/proxies/payments/toxics", {"type": "noop", "name": "later"})
        self.injector.undo(lease, stack)
        assert [toxic["name"] for toxic in rig.state()["toxics"]] == ["others", "later"]
        assert rig.whole()

    def test_undo_twice_and_undo_without_apply_change_nothing(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        before = rig.server.must("GET", "/proxies")
        self.injector.undo(lease, stack)
        self.injector.undo(lease, stack)
        assert self.injector.undone(lease, stack)
        assert rig.server.must("GET", "/proxies") == before

    def test_a_server_that_was_restarted_ends_clean(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        rig.restart()
        assert not self.injector.active(lease, stack)
        self.injector.undo(lease, stack)
        assert self.injector.undone(lease, stack)
        assert rig.whole()

    def test_a_server_or_a_proxy_that_is_gone_ends_clean(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        rig.server.must("DELETE", "/proxies/payments")
        for _ in range(2):
            assert not self.injector.active(lease, stack)
            self.injector.undo(lease, stack)
            assert self.injector.undone(lease, stack)
            rig.stop()

    def test_while_a_server_that_was_restarted_comes_up_nothing_is_left_and_nothing_fails(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        rig.coming_up()
        assert not self.injector.active(lease, stack)
        self.injector.undo(lease, stack)
        assert self.injector.undone(lease, stack)

    def test_a_server_that_does_not_answer_proves_nothing(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        rig.deaf()
        for question in (self.injector.active, self.injector.undo, self.injector.undone):
            with pytest.raises(StackError, match="does not answer"):
                question(lease, stack)

    def test_another_server_than_the_planned_one_is_left_alone(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        rig.restart()
        with pytest.raises(ActionFailed, match="restarted while the fault was planned"):
            self.injector.apply(lease, stack)
        assert rig.whole()

    def test_an_apply_that_does_nothing_is_seen(self, rig: Rig) -> None:
        class Broken(type(self.injector)):  # type: ignore[misc]  # the class is chosen by the subclass
            def apply(self, lease: Lease, stack: Stack) -> Moment:
                return Moment(at_ns=0, uncertainty_ns=0, source="call")

        broken: Injector = Broken()
        lease = planned(broken, rig, self.params)
        broken.apply(lease, rig.as_stack())
        assert not broken.active(lease, rig.as_stack())
        assert not self.hit(rig)

    def test_an_undo_that_does_nothing_is_seen(self, rig: Rig) -> None:
        class Broken(type(self.injector)):  # type: ignore[misc]  # as above
            def undo(self, lease: Lease, stack: Stack) -> None:
                """Nothing."""

        broken: Injector = Broken()
        lease = planned(broken, rig, self.params)
        broken.apply(lease, rig.as_stack())
        broken.undo(lease, rig.as_stack())
        assert not broken.undone(lease, rig.as_stack())
        assert broken.active(lease, rig.as_stack())
        assert self.hit(rig)

    @pytest.mark.parametrize("proxy", ["paymnets", 5, ""])
    def test_another_proxy_is_refused_with_those_that_there_are(self, rig: Rig, proxy: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="llm, payments"):
            planned(self.injector, rig, {**self.params, "proxy": proxy})

    def test_a_missing_proxy_and_an_unknown_parameter_are_refused(self, rig: Rig) -> None:
        with pytest.raises(InvalidInput, match="'colour'"):
            planned(self.injector, rig, {**self.params, "colour": "red"})
        without = {name: value for name, value in self.params.items() if name != "proxy"}
        with pytest.raises(InvalidInput, match="proxy None"):
            planned(self.injector, rig, without)

    def test_a_proxy_that_is_disabled_or_a_server_that_is_down_is_refused(self, rig: Rig) -> None:
        rig.server.must("PATCH", "/proxies/payments", {"enabled": False})
        with pytest.raises(InvalidInput, match="disabled already"):
            planned(self.injector, rig, self.params)
        rig.stop()
        with pytest.raises(InvalidInput, match="does not run"):
            planned(self.injector, rig, self.params)


class ToxicContract(ProxyFaultContract):
    """For the faults that are one toxic."""

    injector: Toxic

    def test_a_proxy_that_somebody_disabled_is_not_active_but_not_undone(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        rig.server.must("PATCH", "/proxies/payments", {"enabled": False})
        assert not self.injector.active(lease, stack)
        assert not self.injector.undone(lease, stack)
        self.injector.undo(lease, stack)
        assert self.injector.undone(lease, stack)
        assert rig.state()["enabled"] is False

    def test_a_toxic_that_somebody_made_harmless_is_not_active_but_not_undone(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        toxic = rig.state()["toxics"][0]
        harmless: list[dict[str, Any]] = [{"attributes": {name: 0}} for name in self.injector.strength]
        for change in [{"toxicity": 0}, *harmless]:
            rig.server.must("PATCH", f"/proxies/payments/toxics/{toxic['name']}", change)
            assert rig.whole()
            assert not self.injector.active(lease, stack)
            assert not self.injector.undone(lease, stack)
            rig.server.must("PATCH", f"/proxies/payments/toxics/{toxic['name']}", toxic)
            assert self.injector.active(lease, stack)

    def test_a_proxy_that_was_made_again_under_another_name_is_cleaned(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        old = rig.state()
        rig.server.must("DELETE", "/proxies/payments")
        rig.server.must("POST", "/proxies", {**old, "name": "renamed"})
        for toxic in [{**old["toxics"][0]}, {"type": "noop", "name": "others"}]:
            rig.server.must("POST", "/proxies/renamed/toxics", toxic)
        try:
            assert self.injector.active(lease, stack)
            assert not self.injector.undone(lease, stack)
            self.injector.undo(lease, stack)
            assert self.injector.undone(lease, stack)
            assert [toxic["name"] for toxic in rig.state("renamed")["toxics"]] == ["others"]
        finally:
            rig.server.must("DELETE", "/proxies/renamed")

    def test_two_leases_do_not_meet(self, rig: Rig) -> None:
        stack = rig.as_stack()
        one, two = (planned(self.injector, rig, self.params, name) for name in ("D/1", "D/2"))
        self.injector.apply(one, stack)
        self.injector.apply(two, stack)
        self.injector.undo(one, stack)
        assert self.injector.undone(one, stack)
        assert self.injector.active(two, stack)
        assert [toxic["name"] for toxic in rig.state()["toxics"]] == ["drill-D-2"]

    def test_a_toxicity_hits_a_share_of_the_connections(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, {**self.params, "toxicity": 0.5}), rig.as_stack()
        self.injector.apply(lease, stack)
        assert self.injector.active(lease, stack)
        assert rig.state()["toxics"][0]["toxicity"] == 0.5
        assert until(lambda: self.hit(rig))
        assert until(rig.whole)

    @pytest.mark.parametrize("value", [0, 1.1, -1, "half", True])
    def test_a_toxicity_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="toxicity"):
            planned(self.injector, rig, {**self.params, "toxicity": value})


class StreamContract(ToxicContract):
    """For the toxics that hit one direction."""

    @pytest.mark.parametrize("stream", ["upstream", "downstream"])
    def test_either_stream_can_be_hit(self, rig: Rig, stream: str) -> None:
        lease, stack = planned(self.injector, rig, {**self.params, "stream": stream}), rig.as_stack()
        self.injector.apply(lease, stack)
        assert rig.state()["toxics"][0]["stream"] == stream
        assert self.hit(rig)
        self.injector.undo(lease, stack)
        assert rig.whole()

    def test_another_stream_is_refused(self, rig: Rig) -> None:
        with pytest.raises(InvalidInput, match="'sideways' is none of downstream, upstream"):
            planned(self.injector, rig, {**self.params, "stream": "sideways"})


class GrowingContract(ToxicContract):
    """For the toxics that can grow."""

    def test_it_grows_to_the_whole(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        injector = self.injector
        assert isinstance(injector, Ramped)
        assert any(lease.params[name] for name in injector.ramps)
        injector.apply(at_share(lease, injector.ramps, 1), stack)
        began = rig.state()["toxics"][0]
        assert injector.active(lease, stack)
        injector.adjust(lease, stack)
        grown = rig.state()["toxics"][0]
        for name, value in grown["attributes"].items():
            part = began["attributes"][name]
            assert part * STEPS == value if name in injector.ramps else part == value
        assert {**grown, "attributes": {}} == {**began, "attributes": {}}
        assert self.hit(rig)

    def test_one_that_a_responder_removed_does_not_grow_back(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        assert isinstance(self.injector, Ramped)
        self.injector.apply(lease, stack)
        rig.server.must("DELETE", f"/proxies/payments/toxics/{rig.state()['toxics'][0]['name']}")
        with pytest.raises(StackError, match="toxic not found"):
            self.injector.adjust(lease, stack)
        assert rig.state()["toxics"] == []
        assert rig.whole()


class HttpContract(GrowingContract):
    """For the toxics that look at whole requests: ``told`` in place of ``hit``."""

    def test_method_route_and_share_choose_requests(self, rig: Rig) -> None:
        params = {**self.params, "method": "POST", "route": "/charges"}
        lease, stack = planned(self.injector, rig, params), rig.as_stack()
        self.injector.apply(lease, stack)
        assert rig.get(path="/charges")[0] == 200
        assert not self.hit(rig)
        assert self.told(rig, "POST", "/charges/1")
        assert not self.told(rig, "POST", "/other")

    def test_a_share_of_the_requests_is_hit(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, {**self.params, "share": 50}), rig.as_stack()
        self.injector.apply(lease, stack)
        assert until(lambda: self.hit(rig))
        assert until(rig.whole)

    @pytest.mark.parametrize(("name", "value"), [("share", 0), ("share", 101), ("route", 5), ("method", True)])
    def test_a_match_that_makes_no_sense_is_refused(self, rig: Rig, name: str, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match=name):
            planned(self.injector, rig, {**self.params, name: value})

    def hit(self, rig: Rig) -> bool:
        return self.told(rig, "GET", "/")

    def told(self, rig: Rig, method: str, path: str) -> bool:
        """Whether this request suffers."""
        raise NotImplementedError

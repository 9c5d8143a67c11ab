"""What every fault of this family promises, on our real proxy as a process; `hit` is how an outsider sees the fault."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from observers import Watch, until
from proxyrig import Server, http_upstream, own_server, upstream

from drill.errors import InvalidInput
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment, StackIdentity
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import Seconds
from drill.ports import Injector, Proxies, ServiceState, Stack
from drill.proxies import ToxiproxyClient

SERVICE = "toxiproxy"


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

    def stop(self) -> None:
        self._running.close()
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def renew(self) -> None:
        """Everything as in the configuration file."""
        if self.process is None:
            self.start()
        self.server.must("POST", "/populate", json.loads(self._config.read_text()))
        self.server.must("POST", "/reset")
        self.seen.clear()

    def close(self) -> None:
        self._running.close()
        self._all.close()

    # What injectors use of a stack

    def services(self) -> dict[str, ServiceState]:
        pid = None if self.process is None else self.process.pid
        state = ServiceState(
            name=SERVICE, instance=f"{pid}:1", running=pid is not None, paused=False, healthy=True, pid=pid
        )
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

    def whole(self, proxy: str = "payments") -> bool:
        """A request passes, without delay."""
        status, _, seconds = self.get(proxy)
        return status == 200 and seconds < 0.15

    def state(self, proxy: str = "payments") -> Any:
        return self.server.must("GET", f"/proxies/{proxy}")


def fault(injector: Injector, params: Mapping[str, ParamValue]) -> FaultSpec:
    return FaultSpec(id="f1", kind=injector.kind, target=SERVICE, max_duration=Seconds(30), params=params)


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

    def test_a_proxy_that_somebody_disabled_is_not_active_but_not_undone(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        rig.server.must("PATCH", "/proxies/payments", {"enabled": False})
        assert not self.injector.active(lease, stack)
        assert not self.injector.undone(lease, stack)
        self.injector.undo(lease, stack)
        assert self.injector.undone(lease, stack)
        assert rig.state()["enabled"] is False

    def test_two_leases_do_not_meet(self, rig: Rig) -> None:
        stack = rig.as_stack()
        one, two = (planned(self.injector, rig, self.params, name) for name in ("D/1", "D/2"))
        self.injector.apply(one, stack)
        self.injector.apply(two, stack)
        self.injector.undo(one, stack)
        assert self.injector.undone(one, stack)
        assert self.injector.active(two, stack)
        assert [toxic["name"] for toxic in rig.state()["toxics"]] == ["drill-D-2"]

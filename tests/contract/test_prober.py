"""The HTTP prober: the truth about a service, in bounded time."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from observers import boot_ns
from web import Known, serving

from drill.detectors.http import HttpProber
from drill.errors import StackError
from drill.model.config import LedgerSpec, ProbeSpec
from drill.model.playbook import DetectionSource
from drill.model.units import Seconds

T = TypeVar("T")


def spec(name: str = "p", *, path: str = "/", type_: str = "http", expect: int = 0, deadline: float = 2) -> ProbeSpec:
    return ProbeSpec(
        name=name, service="api", path=path, audience="user", type=type_, expect=expect, deadline=Seconds(deadline)
    )


def source(deadline: float = 2) -> DetectionSource:
    return DetectionSource(
        name="uptime", type="http", owner="a", runbook="r", service="api", path="/", deadline=Seconds(deadline)
    )


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


async def using(prober: HttpProber, work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        await prober.aclose()


def run(port: int, work: Any) -> Any:
    prober = HttpProber(Known(http=port).as_stack())
    return asyncio.run(using(prober, work(prober)))


@pytest.mark.parametrize(
    ("status", "expect", "ok"), [(200, 200, True), (500, 200, False), (401, 401, True), (204, 200, False)]
)
def test_a_probe_is_good_on_the_expected_status_only(status: int, expect: int, ok: bool) -> None:
    with serving(lambda *_: (status, {})) as port:
        began = boot_ns()
        sample = run(port, lambda prober: prober.probe(spec(expect=expect)))
    assert sample.ok is ok
    assert sample.detail == f"HTTP {status}"
    assert began <= sample.began_ns <= sample.ended_ns <= boot_ns()


@pytest.mark.parametrize(("status", "ok"), [(200, True), (204, True), (302, False), (404, False), (503, False)])
def test_an_uptime_check_is_good_on_any_2xx(status: int, ok: bool) -> None:
    with serving(lambda *_: (status, b"")) as port:
        assert run(port, lambda prober: prober.check(source())).ok is ok


def test_a_refused_connection_is_a_bad_sample_not_an_error() -> None:
    sample = run(closed_port(), lambda prober: prober.probe(spec()))
    assert not sample.ok
    assert sample.detail


def test_a_service_without_an_address_is_a_bad_sample() -> None:
    class Nowhere(Known):
        def address(self, service: str, port: str) -> tuple[str, int]:
            raise StackError("api has no container")

    prober = HttpProber(Nowhere().as_stack())
    assert asyncio.run(using(prober, prober.probe(spec()))).detail == "api has no container"


def test_a_hanging_service_never_takes_longer_than_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sample = run(silent.getsockname()[1], lambda prober: prober.probe(spec(deadline=0.2)))
    assert not sample.ok
    assert "0.2 s" in sample.detail
    assert 0.15e9 < sample.ended_ns - sample.began_ns < 0.6e9


def test_an_answer_that_trickles_is_cut_at_the_total_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not ended.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            sample = run(server.getsockname()[1], lambda prober: prober.probe(spec(deadline=0.2)))
        finally:
            ended.set()
            thread.join(5)
    assert not sample.ok
    assert sample.ended_ns - sample.began_ns < 0.6e9


def test_a_slow_probe_delays_no_other() -> None:
    held = threading.Event()

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        return (200, held.wait(5)) if path == "/slow" else (200, {})

    async def both(prober: HttpProber) -> Any:
        slow = asyncio.create_task(prober.probe(spec("slow", path="/slow", deadline=5)))
        quick = [await prober.probe(spec("quick", path="/quick", deadline=1)) for _ in range(5)]
        assert not slow.done()
        held.set()
        return quick, await slow

    with serving(handle) as port:
        quick, slow = run(port, both)
    assert all(sample.ok for sample in (*quick, slow))


def test_a_canary_has_a_new_token_each_time_and_can_be_found_again() -> None:
    written: list[str] = []

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "POST":
            written.append(body["id"])
            return 201, {}
        return 200, {token: written.count(token) for token in written}

    async def two(prober: HttpProber) -> Any:
        probe = spec(path="/api/canaries", type_="canary")
        return [await prober.probe(probe), await prober.probe(probe)], await prober.canaries(probe)

    with serving(handle) as port:
        samples, found = run(port, two)
    assert all(sample.ok and sample.acknowledged for sample in samples)
    assert found == {sample.token: 1 for sample in samples}
    assert len(found) == 2


def test_a_canary_that_was_refused_is_not_acknowledged_but_keeps_its_token() -> None:
    with serving(lambda *_: (503, {})) as port:
        sample = run(port, lambda prober: prober.probe(spec(type_="canary")))
    assert (sample.ok, sample.acknowledged) == (False, False)
    assert sample.token


def test_a_canary_that_is_promised_but_not_done_is_bad_and_yet_acknowledged() -> None:
    with serving(lambda *_: (202, {})) as port:
        sample = run(port, lambda prober: prober.probe(spec(type_="canary", expect=201)))
    assert (sample.ok, sample.acknowledged) == (False, True)


def test_a_canary_holds_what_the_probe_says_besides_its_id() -> None:
    bodies: list[Any] = []

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        bodies.append(body)
        return 201, {}

    with serving(handle) as port:
        probe = replace(spec(type_="canary"), body={"amount_cents": 100})
        sample = run(port, lambda prober: prober.probe(probe))
    assert bodies == [{"amount_cents": 100, "id": sample.token}]


LEDGER = LedgerSpec(name="customers", service="api", path="/ledger", held_service="api", held_path="/held")


def test_a_ledger_is_read_before_what_is_held() -> None:
    asked: list[str] = []

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked.append(path)
        return 200, ["a", "b"] if path == "/ledger" else {"a": 1, "b": 2, "c": 1}

    with serving(handle) as port:
        assert run(port, lambda prober: prober.ledger(LEDGER)) == (["a", "b"], {"a": 1, "b": 2, "c": 1})
    assert asked == ["/ledger", "/held"]


@pytest.mark.parametrize("broken", ["/ledger", "/held"])
@pytest.mark.parametrize("answer", [(500, {}), (200, b"no json"), (200, 3), (200, [1])])
def test_a_ledger_is_unknown_when_either_side_gives_no_list(broken: str, answer: tuple[int, Any]) -> None:
    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        return answer if path == broken else (200, ["a"] if path == "/ledger" else {"a": 1})

    with serving(handle) as port:
        assert run(port, lambda prober: prober.ledger(LEDGER)) is None


@pytest.mark.parametrize("answer", [(500, {}), (200, b"no json"), (200, ["a"]), (200, {"a": "many"})])
def test_canaries_are_unknown_when_the_service_gives_no_list(answer: tuple[int, Any]) -> None:
    with serving(lambda *_: answer) as port:
        assert run(port, lambda prober: prober.canaries(spec(type_="canary"))) is None


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")
    with serving(lambda *_: (200, {})) as port:
        assert run(port, lambda prober: prober.probe(spec())).ok


def test_a_service_that_comes_back_on_another_port_is_found_again() -> None:
    known = Known(http=closed_port())
    prober = HttpProber(known.as_stack())

    async def down_then_up(port: int) -> list[bool]:
        first = await prober.probe(spec())
        known.ports["http"] = port
        return [first.ok, (await prober.probe(spec())).ok, (await prober.probe(spec())).ok]

    with serving(lambda *_: (200, {})) as port:
        assert asyncio.run(using(prober, down_then_up(port))) == [False, True, True]
    assert known.asked == 2

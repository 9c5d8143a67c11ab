"""Looking at services over their published ports: reference probes, uptime checks, canary writes."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from drill import clock
from drill.detectors import prometheus
from drill.errors import StackError
from drill.model.config import LedgerSpec, ProbeSpec
from drill.model.playbook import DetectionSource
from drill.ports import Sample, Stack

if TYPE_CHECKING:
    import httpx

_LISTING_S = 5.0


@dataclass(frozen=True, slots=True)
class _Look:
    """One exchange. ``status`` is None when there was no answer; then ``detail`` says why."""

    status: int | None
    detail: str
    began_ns: int
    ended_ns: int
    body: bytes = b""

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to look. ``name``: whose client does it."""

    name: str
    service: str
    port: str
    path: str


class HttpProber:
    """A client of its own for each probe, a fresh connection and a total deadline for each look.

    One shared client would let a slow answer delay every other probe; a kept connection would show a service as well
    that no new user can reach. Call ``aclose`` at the end.
    """

    def __init__(self, stack: Stack, now_ns: Callable[[], int] = clock.now_ns) -> None:
        self._stack = stack
        self._now_ns = now_ns
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._addresses: dict[tuple[str, str], tuple[str, int]] = {}

    async def probe(self, spec: ProbeSpec) -> Sample:
        """GET for ``http``, POST of a new id for ``canary``: good when the status is the expected one."""
        if spec.type == "canary":
            token = secrets.token_hex(8)
            look = await self._look(spec, "POST", spec.deadline, {**spec.body, "id": token})
            return _sample(look, look.status == spec.expect if spec.expect else look.succeeded, token)
        look = await self._look(spec, "GET", spec.deadline)
        return _sample(look, look.status == (spec.expect or 200))

    async def check(self, source: DetectionSource) -> Sample:
        """Type ``http``: GET, good on 2xx, as an uptime monitor has it. Type ``prometheus``: good while clear."""
        if source.type == "prometheus":
            target = _Target(source.name, source.via, "http", prometheus.RULES)
            look = await self._ask(target, "GET", source.deadline)
            ok, detail = prometheus.verdict(look.body, source) if look.succeeded else (False, look.detail)
            return _sample(replace(look, detail=detail), ok)
        look = await self._look(source, "GET", source.deadline)
        return _sample(look, look.succeeded)

    async def canaries(self, spec: ProbeSpec) -> Mapping[str, int] | None:
        """The service's list of writes, id to how often; None when it does not answer with one."""
        return _counts(await self._listing(spec.name, spec.service, spec.path, spec.port))

    async def ledger(self, spec: LedgerSpec) -> tuple[Sequence[str], Mapping[str, int]] | None:
        """The ledger first, then what is held: a write promised in between is no lost one."""
        promised = await self._listing(f"{spec.name} ledger", spec.service, spec.path)
        held = _counts(await self._listing(f"{spec.name} held", spec.held_service, spec.held_path))
        if held is None or not isinstance(promised, list) or not all(isinstance(key, str) for key in promised):
            return None
        return promised, held

    async def _listing(self, name: str, service: str, path: str, port: str = "http") -> object:
        """What a GET answers, decoded; None when it is no answer or no JSON."""
        look = await self._ask(_Target(name, service, port, path), "GET", _LISTING_S)
        if not look.succeeded:
            return None
        try:
            return json.loads(look.body)
        except ValueError:
            return None

    async def aclose(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _look(
        self, spec: ProbeSpec | DetectionSource, method: str, deadline_s: float, body: Mapping[str, Any] | None = None
    ) -> _Look:
        return await self._ask(_Target(spec.name, spec.service, spec.port, spec.path), method, deadline_s, body)

    async def _ask(self, spec: _Target, method: str, deadline_s: float, body: Mapping[str, Any] | None = None) -> _Look:
        import httpx

        began = self._now_ns()
        try:
            async with asyncio.timeout(deadline_s):
                host, port = await self._address(spec.service, spec.port)
                url = f"http://{host}:{port}{spec.path}"
                answer = await self._client(spec.name).request(method, url, json=body, timeout=deadline_s)
        except (TimeoutError, httpx.TimeoutException):
            return _Look(None, f"no answer within {deadline_s:g} s", began, self._now_ns())
        except (httpx.HTTPError, StackError) as error:
            self._addresses.pop((spec.service, spec.port), None)
            return _Look(None, str(error) or type(error).__name__, began, self._now_ns())
        return _Look(answer.status_code, f"HTTP {answer.status_code}", began, self._now_ns(), answer.content)

    async def _address(self, service: str, port: str) -> tuple[str, int]:
        """Kept until an exchange fails: a recreated service may have another port."""
        found = self._addresses.get((service, port))
        if found is None:
            found = await asyncio.to_thread(self._stack.address, service, port)
            self._addresses[service, port] = found
        return found

    def _client(self, name: str) -> httpx.AsyncClient:
        import httpx

        if name not in self._clients:
            self._clients[name] = httpx.AsyncClient(
                trust_env=False,
                limits=httpx.Limits(max_keepalive_connections=0),
                verify=False,  # noqa: S501 - only plain HTTP on loopback; loading certificates takes 20 ms
            )
        return self._clients[name]


def _counts(listed: object) -> Mapping[str, int] | None:
    if not isinstance(listed, dict) or not all(isinstance(count, int) for count in listed.values()):
        return None
    return listed


def _sample(look: _Look, ok: bool, token: str = "") -> Sample:
    return Sample(
        ok=ok,
        began_ns=look.began_ns,
        ended_ns=look.ended_ns,
        detail=look.detail,
        token=token,
        acknowledged=bool(token) and look.succeeded,
    )

"""A staging stack in memory: services that stop, hang and come back on virtual time, with sinks and flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from drill.errors import InvalidInput, StackError
from drill.model.config import LedgerSpec, ProbeSpec, ServiceSpec
from drill.model.lease import Lease, Moment, StackIdentity
from drill.model.playbook import DetectionSource
from drill.model.proxies import ProxyState
from drill.ports import ExecResult, Flags, Message, Proxies, Receipt, Runtime, Sample, ServiceState, Stack, StagingSign
from drill.ports.containers import Containers
from drill.testing.proxies import MemoryProxies

BOOT_S = 0.3
"""How long a service needs to answer after a start."""
GOOD_IMAGE = "good"
BAD_IMAGE = "bad"
"""A service that runs from this one answers badly."""


@dataclass(slots=True)
class _Service:
    spec: ServiceSpec
    image: str = GOOD_IMAGE
    running: bool = True
    paused: bool = False
    ready_ns: int = 0
    instance: int = 1
    flags: dict[str, bool] = field(default_factory=dict)


class MemoryStack:
    """Implements ``Stack``, ``Prober`` and ``Flags``. ``depends``: service to the services it needs to answer well.

    ``roles``: database service to its role while it runs; a command that says promote makes a service the primary.
    ``proxy_states``: the proxies of each service of role toxiproxy, before the first use.
    """

    def __init__(
        self, specs: Sequence[ServiceSpec], runtime: Runtime, depends: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._runtime = runtime
        self._depends = depends or {}
        self._services = {spec.name: _Service(spec) for spec in specs}
        for service in self._services.values():
            if service.spec.flags:
                service.flags = {"degraded_mode": False}
        self._writes: Counter[str] = Counter()
        self._promised: list[str] = []
        self.images = {GOOD_IMAGE, BAD_IMAGE}
        self.roles: dict[str, str] = {}
        self.steady_roles: dict[str, str] = {}
        self.proxy_states: dict[str, list[ProxyState]] = {}
        self._proxies: dict[str, MemoryProxies] = {}
        self.signs: list[StagingSign] = [StagingSign(name="memory", verdict="proof", detail="made by the test")]

    # --- Stack
    def identity(self) -> StackIdentity:
        return StackIdentity(kind="process", project="memory", endpoint="memory", engine_id="memory")

    def capabilities(self) -> frozenset[str]:
        """``postgresql`` and ``toxiproxy`` when the test has set some."""
        found = {"processes", "pause", "flags", "deploy"}
        found |= {"postgresql"} if self.roles else set()
        return frozenset(found | ({"toxiproxy"} if self.proxy_states else set()))

    def up(self, say: Callable[[str], None]) -> None:
        say("in memory")

    def down(self, say: Callable[[str], None]) -> None:
        say("in memory")

    def specs(self) -> Sequence[ServiceSpec]:
        return [service.spec for service in self._services.values()]

    def services(self) -> Mapping[str, ServiceState]:
        return {
            name: ServiceState(
                name=name,
                instance=str(service.instance),
                running=service.running,
                paused=service.paused,
                healthy=self._answers(name),
                replicas=(str(service.instance),),
                any_running=service.running,
                any_paused=service.paused,
                facts={"image": service.image},
            )
            for name, service in self._services.items()
        }

    def staging_signs(self, service: str) -> Sequence[StagingSign]:
        return self.signs

    def bystanders(self) -> Mapping[str, Sequence[StagingSign]]:
        return {}

    def _of(self, name: str) -> _Service:
        if name not in self._services:
            raise StackError(f"service {name} does not exist")
        return self._services[name]

    def _now(self, source: str = "memory") -> Moment:
        return Moment(at_ns=self._runtime.now_ns(), uncertainty_ns=0, source=source)

    def start(self, service: str) -> Moment:
        target = self._of(service)
        if not target.running:
            target.running, target.paused = True, False
            target.instance += 1
            target.ready_ns = self._runtime.now_ns() + int(BOOT_S * 1e9)
        return self._now()

    def stop(self, service: str, grace_s: float) -> Moment:
        return self.kill(service)

    def kill(self, service: str, signal: str = "SIGKILL") -> Moment:
        target = self._of(service)
        target.running = target.paused = False
        return self._now()

    def pause(self, service: str) -> Moment:
        self._of(service).paused = True
        return self._now()

    def unpause(self, service: str) -> Moment:
        self._of(service).paused = False
        return self._now()

    def restart(self, service: str) -> Moment:
        self.kill(service)
        return self.start(service)

    def deploy(self, service: str, image: str) -> Moment:
        self._of(service).image = self.image_id(image)
        return self.restart(service)

    def image(self, service: str) -> str:
        return self._of(service).image

    def image_id(self, image: str) -> str:
        if image not in self.images:
            raise StackError(f"image {image} does not exist")
        return image

    def wait_healthy(self, service: str, timeout_s: float) -> bool:
        return self._answers(service)

    def exec(self, service: str, argv: Sequence[str], timeout_s: float = 10) -> ExecResult:
        if service in self.roles and any("promote" in item for item in argv):
            self.roles[service] = "primary"
        return ExecResult(code=0 if self._answers(service) else 1, output="")

    def logs(self, service: str, tail: int = 200) -> str:
        return ""

    def address(self, service: str, port: str) -> tuple[str, int]:
        return "127.0.0.1", 1

    def data_roles(self) -> Mapping[str, str]:
        return {name: role if self._alone(name) else "down" for name, role in self.roles.items()}

    def restore(self, say: Callable[[str], None]) -> None:
        """Every member runs in the role of ``steady_roles``. InvalidInput when that is empty."""
        if not self.steady_roles:
            raise InvalidInput("no steady roles are set")
        self.roles = dict(self.steady_roles)
        for name in self.roles:
            self.restart(name)
        say("restored in memory")

    def proxies(self, service: str) -> Proxies:
        if self._of(service).spec.role != "toxiproxy":
            raise InvalidInput(f"service {service!r} has no proxies")
        known = self.proxy_states.get(service, [])
        return self._proxies.setdefault(service, MemoryProxies(self._runtime, known))

    def flags(self) -> Flags:
        """The stack is its own flags."""
        return self

    def containers(self) -> Containers:
        """Always refused."""
        raise InvalidInput("this stack has no containers; run the scenario with --stack compose")

    def replica_numbers(self, service: str) -> Sequence[int]:
        """There is one of each."""
        return [1]

    def replica(self, service: str, number: int) -> Stack:
        """The stack itself: there is one of each."""
        return self

    # --- Prober
    def _alone(self, name: str) -> bool:
        """Whether it would answer, if all that it needs did."""
        service = self._of(name)
        return service.running and not service.paused and self._runtime.now_ns() >= service.ready_ns

    def _answers(self, name: str) -> bool:
        service = self._of(name)
        needed = () if service.flags.get("degraded_mode") else self._depends.get(name, ())
        good = self._alone(name) and service.image != BAD_IMAGE
        return good and all(self._answers(other) for other in needed)

    async def _look(self, service: str, deadline_s: float) -> Sample:
        began_ns = self._runtime.now_ns()
        hangs = self._of(service).paused
        await self._runtime.sleep(deadline_s if hangs else 0.002)
        ok = not hangs and self._answers(service)
        detail = "200" if ok else "no answer in time" if hangs else "refused"
        return Sample(ok=ok, began_ns=began_ns, ended_ns=self._runtime.now_ns(), detail=detail)

    async def check(self, source: DetectionSource) -> Sample:
        return await self._look(source.service, source.deadline)

    async def probe(self, spec: ProbeSpec) -> Sample:
        sample = await self._look(spec.service, spec.deadline)
        if spec.type != "canary" or not sample.ok:
            return sample
        token = f"canary-{len(self._promised) + 1}"
        self._promised.append(token)
        self._writes[token] += 1
        return Sample(
            ok=True,
            began_ns=sample.began_ns,
            ended_ns=sample.ended_ns,
            detail="201",
            token=token,
            acknowledged=True,
        )

    async def canaries(self, spec: ProbeSpec) -> Mapping[str, int] | None:
        return dict(self._writes) if self._answers(spec.service) else None

    async def ledger(self, spec: LedgerSpec) -> tuple[Sequence[str], Mapping[str, int]] | None:
        if not (self._answers(spec.service) and self._answers(spec.held_service)):
            return None
        return list(self._promised), dict(self._writes)

    def lose_write(self, token: str) -> None:
        """Break a promise: forget an acknowledged write."""
        del self._writes[token]

    # --- Flags
    def read(self, service: str) -> Mapping[str, bool]:
        if not self._of(service).running:
            raise StackError(f"service {service} does not answer")
        return dict(self._of(service).flags)

    def write(self, service: str, flag: str, value: bool) -> Moment:
        if flag not in self._of(service).flags:
            raise StackError(f"service {service} has no flag {flag}")
        self._of(service).flags[flag] = value
        return Moment(at_ns=self._runtime.now_ns(), uncertainty_ns=0, source="memory")


class MemorySink:
    """A sink in memory. ``down`` makes it refuse."""

    def __init__(self, channel: str, runtime: Runtime) -> None:
        self.channel = channel
        self._runtime = runtime
        self.messages: dict[str, Message] = {}
        self.down = False

    def send(self, message: Message) -> Receipt:
        if self.down:
            raise StackError(f"{self.channel} does not take messages")
        self.messages[message.id] = message
        return Receipt(id=message.id, at_ns=self._runtime.now_ns())

    def holds(self, message_id: str) -> bool:
        return message_id in self.messages


class MemoryLeases:
    """Leases in memory."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}

    def write(self, lease: Lease) -> None:
        self._leases[lease.id] = lease

    def remove(self, lease: Lease) -> None:
        self._leases.pop(lease.id, None)

    def all(self) -> list[Lease]:
        return [self._leases[name] for name in sorted(self._leases)]

"""The ports: small protocols between the engine and the world. Fakes for tests live in ``drill.testing``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from drill.model.config import LedgerSpec, ProbeSpec, ServiceSpec
from drill.model.lease import Lease, Moment, Reversibility, StackIdentity
from drill.model.playbook import DetectionSource
from drill.model.proxies import ProxyState, ToxicState
from drill.model.scenario import FaultSpec
from drill.ports.containers import Containers

T = TypeVar("T")


class Clock(Protocol):
    """Time. ``now_ns`` is monotonic and counts suspend; ``utc`` is for display only."""

    def now_ns(self) -> int: ...
    def utc(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...


class Gate(Protocol):
    """A latch: opened once, awaited by many."""

    def open(self) -> None: ...
    @property
    def is_open(self) -> bool: ...
    async def wait(self, timeout_s: float | None = None) -> bool:
        """True when the gate opened, False when the time-out (seconds) came first."""
        ...


class Task(Protocol):
    """Something that runs beside."""

    def cancel(self) -> None: ...
    @property
    def done(self) -> bool: ...


class Runtime(Clock, Protocol):
    """A clock that can also run things beside each other: asyncio in a drill, virtual in tests."""

    def gate(self) -> Gate: ...
    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> Task:
        """Run beside. An exception in it is kept in ``failures`` and opens ``failed``."""
        ...

    async def call(self, work: Callable[[], T]) -> T:
        """Run a blocking function off the loop and wait for it. It cannot be cancelled half-way."""
        ...

    @property
    def failed(self) -> Gate: ...
    @property
    def failures(self) -> Sequence[BaseException]: ...


Emit = Callable[..., Any]
"""``emit(kind, source, durable=False, **data)``: append one event to the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """What a stack says of one service now. ``instance`` is the container id, or ``pid:starttime``."""

    name: str
    instance: str
    running: bool
    paused: bool
    healthy: bool | None
    pid: int | None = None
    replicas: tuple[str, ...] = ()
    """Instances of every replica. ``running``, ``paused`` and ``healthy`` hold for all of them."""
    any_running: bool = False
    """Whether at least one replica runs."""
    any_paused: bool = False
    """Whether at least one replica is paused."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What must be the same at the end: image, configuration digest, networks, ports, restart policy."""


class Proxies(Protocol):
    """A server with the Toxiproxy API. Blocking; every change is read back; all raise StackError."""

    def all(self) -> Mapping[str, ProxyState]: ...
    def add_toxic(self, proxy: str, toxic: ToxicState) -> Moment: ...
    def update_toxic(self, proxy: str, toxic: ToxicState) -> Moment:
        """Give a toxic that is there other attributes, by name."""
        ...

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Absent is fine, and so is a proxy that is gone."""
        ...

    def set_enabled(self, proxy: str, enabled: bool) -> Moment: ...
    def set_upstream(self, proxy: str, upstream: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingSign:
    """One piece of evidence. ``verdict``: ``proof``, ``missing``, ``production`` or ``live-credential``."""

    name: str
    verdict: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """Outcome of a command inside a service."""

    code: int
    output: str


class Stack(Protocol):
    """The staging system under drill. All calls block; all have their own time-outs and raise StackError."""

    def identity(self) -> StackIdentity: ...
    def capabilities(self) -> frozenset[str]:
        """For example ``containers``, ``processes``, ``pause``, ``postgresql``, ``flags``."""
        ...

    def up(self, say: Callable[[str], None]) -> None: ...
    def down(self, say: Callable[[str], None]) -> None: ...
    def specs(self) -> Sequence[ServiceSpec]: ...
    def services(self) -> Mapping[str, ServiceState]:
        """Those that exist, by name. One that was removed is absent."""
        ...

    def staging_signs(self, service: str) -> Sequence[StagingSign]:
        """Evidence from the target itself (design, Safety 1)."""
        ...

    def bystanders(self) -> Mapping[str, Sequence[StagingSign]]:
        """What else belongs to the stack, by name, with what speaks against staging there."""
        ...

    def start(self, service: str) -> Moment: ...
    def stop(self, service: str, grace_s: float) -> Moment: ...
    def kill(self, service: str, signal: str = "SIGKILL") -> Moment: ...
    def pause(self, service: str) -> Moment: ...
    def unpause(self, service: str) -> Moment: ...
    def restart(self, service: str) -> Moment:
        """Start again from any state, paused and exited included; waits for nothing else."""
        ...

    def deploy(self, service: str, image: str) -> Moment:
        """Recreate every replica with another image, all else alike; from any state, a deployment cut short included.
        Waits until the new containers run; the moment brackets the change-over."""
        ...

    def image(self, service: str) -> str:
        """The image reference that its replicas were made from."""
        ...

    def image_id(self, image: str) -> str:
        """The id of an image that `deploy` would use. Raises StackError when the engine does not have it."""
        ...

    def wait_healthy(self, service: str, timeout_s: float) -> bool: ...
    def exec(self, service: str, argv: Sequence[str], timeout_s: float = 10) -> ExecResult: ...
    def logs(self, service: str, tail: int = 200) -> str: ...
    def address(self, service: str, port: str) -> tuple[str, int]:
        """Published loopback host and port of a named port. Does not need the service to run."""
        ...

    def data_roles(self) -> Mapping[str, str]:
        """Database service to ``primary``, ``replica`` or ``down``."""
        ...

    def restore(self, say: Callable[[str], None]) -> None:
        """Run the stack's own recipe that brings the data roles back. Raises InvalidInput when it has none."""
        ...

    def proxies(self, service: str) -> Proxies:
        """The proxies of a service of role ``toxiproxy``. Raises InvalidInput for another."""
        ...

    def flags(self) -> Flags:
        """The feature flags of its services."""
        ...

    def containers(self) -> Containers:
        """What only containers have. Raises InvalidInput on a stack without capability ``containers``."""
        ...

    def replica(self, service: str, number: int) -> Stack:
        """This stack with the service narrowed to its replica of that number (from 1), whatever container that is by
        then. Numbers that exist are those of ``replica_numbers``."""
        ...

    def replica_numbers(self, service: str) -> Sequence[int]:
        """The numbers of a service's replicas, in order."""
        ...


class Injector(Protocol):
    """One fault kind. Stateless: all that undo needs is in the lease."""

    kind: str
    reversibility: Reversibility
    loses_data: bool
    needs: frozenset[str]
    """Stack capabilities."""
    params: Mapping[str, str]
    """Parameter name to one line of documentation."""

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Complete the draft (before, manual, params, settle_s); touch nothing. Raises InvalidInput or Refused."""
        ...

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Apply and return the onset from the most exact source there is."""
        ...

    def active(self, lease: Lease, stack: Stack) -> bool: ...
    def undo(self, lease: Lease, stack: Stack) -> None:
        """Idempotent; touches only what the lease changed; copes with a target restarted or recreated meanwhile."""
        ...

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Proof that nothing of the fault is left and the target is as before, or as a responder made it."""
        ...


@runtime_checkable
class Ramped(Protocol):
    """What an injector has beside, when its fault can grow: the engine then raises these parameters step by step."""

    ramps: frozenset[str]
    """Parameters, whole numbers or numbers in the lease, that grow from a part to the whole."""

    def adjust(self, lease: Lease, stack: Stack) -> None:
        """Make the fault, which is active, what the lease's parameters say now."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """What an injector has beside, when its undo lets be what others wrote meanwhile (snapshot-restorable faults)."""

    def report(self, lease: Lease, stack: Stack) -> str:
        """After undo: what was left as others made it, in one line; empty when nothing was."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look of a probe or detector. Times are boot clock, ns."""

    ok: bool
    began_ns: int
    ended_ns: int
    detail: str
    token: str = ""
    """For a canary: the id of the write."""
    acknowledged: bool = False


class AlertFeed(Protocol):
    """Alerts that come from outside the harness: the stack's own alerting, through its intake."""

    async def watch(self, emit: Emit) -> None:
        """Until cancelled: emit ``alert.fired`` and ``alert.cleared`` for what arrives from now on."""
        ...

    def disagreements(self) -> Sequence[str]:
        """Where the stack's alerting rules differ from what the playbook says of them. Blocking; raises StackError."""
        ...


class Prober(Protocol):
    """Looks at a service over its published port, within the deadline; a bad answer is a sample, never an error."""

    async def probe(self, spec: ProbeSpec) -> Sample: ...
    async def check(self, source: DetectionSource) -> Sample: ...
    async def canaries(self, spec: ProbeSpec) -> Mapping[str, int] | None:
        """Every canary write that the service holds, with how often; None when it does not answer."""
        ...

    async def ledger(self, spec: LedgerSpec) -> tuple[Sequence[str], Mapping[str, int]] | None:
        """The promised writes, then what is held of them with how often; None when either does not answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A customer message or a page on its way out."""

    id: str
    channel: str
    subject: str
    body: str
    recipients: tuple[str, ...]
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The sink's word that it took a message. ``at_ns``: boot clock."""

    id: str
    at_ns: int


class Sink(Protocol):
    """Where messages arrive: capturing mail, status page. Raises StackError when it does not take one."""

    channel: str

    def send(self, message: Message) -> Receipt: ...
    def holds(self, message_id: str) -> bool:
        """Whether the message can be read where a customer would read it."""
        ...


class Flags(Protocol):
    """Feature flags of the stack's services."""

    def read(self, service: str) -> Mapping[str, bool]: ...
    def write(self, service: str, flag: str, value: bool) -> Moment: ...


class PlayerView(Protocol):
    """What a player can see, and the verbs. Nothing of the faults."""

    async def wait_for(self, what: str, timeout_s: float) -> bool:
        """``page``: a page was delivered to this player; ``alert-clear``: every alert that fired has cleared."""
        ...

    async def use(self, verb: str, args: Mapping[str, str]) -> str: ...


class Responder(Protocol):
    """Whoever responds: a script in CI; people use the verbs themselves."""

    async def play(self, view: PlayerView) -> None: ...

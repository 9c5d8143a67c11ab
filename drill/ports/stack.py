"""The staging system under drill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from drill.model.config import ServiceSpec
from drill.model.lease import Moment, StackIdentity
from drill.model.proxies import ProxyState, ToxicState
from drill.ports.containers import Containers


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


class Flags(Protocol):
    """Feature flags of the stack's services."""

    def read(self, service: str) -> Mapping[str, bool]: ...
    def write(self, service: str, flag: str, value: bool) -> Moment: ...


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

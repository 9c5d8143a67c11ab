"""What only containers have: the port that container, network and change faults act through.

It is reached by ``stack.containers()``. What is done to a service is done to all its replicas; on the view that
``stack.replica(service, number)`` gives, to that one. Calls block, have their own time-outs, and raise StackError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from drill.model.lease import Moment

Shared = Literal["network", "pid"]
"""A name space of the target's that a helper lives in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Resource limits of one container; 0 is no limit. ``cpus``: cores; ``memory``: bytes; ``pids``: processes."""

    cpus: float = 0.0
    memory: int = 0
    pids: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remake:
    """How a container's successor differs from it. What is None, or not named, stays as it is."""

    env: Mapping[str, str | None] = field(default_factory=dict)
    """Variable to its new value; None takes it away."""
    command: tuple[str, ...] | None = None
    """In place of entry point and command."""
    read_only: bool | None = None
    """The root file system; true takes the volumes with it (those in memory stay writable)."""
    restart: str | None = None
    """Restart policy: ``no``, ``always``, ``on-failure``, ``unless-stopped``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifeline:
    """What one replica has been through: container id, start (engine's time), restarts by policy, OOM flag."""

    instance: str
    started: str
    restarts: int
    oom_killed: bool
    running: bool
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Exit code and output (standard and error) of a helper's command."""

    code: int
    output: str


class Containers(Protocol):
    """Operations on the containers of a stack, and helpers beside them."""

    def lifelines(self, service: str) -> Sequence[Lifeline]:
        """One for each replica, in order; those of a removed service are absent."""
        ...

    def limits(self, service: str) -> Sequence[Limits]:
        """Of each replica, in order."""
        ...

    def set_limits(self, service: str, limits: Limits) -> Moment:
        """Set cpu, memory and process limits alike on every replica, read back. 0 lifts a limit as far as the engine
        can (memory: to all that the host has)."""
        ...

    def restart_policy(self, service: str) -> str: ...
    def set_restart_policy(self, service: str, policy: str) -> Moment:
        """Read back."""
        ...

    def crash(self, service: str, signal: str) -> Moment:
        """Signal the main process of every running replica past the engine, as a crash would, so that the restart
        policy acts. Back when each has ended. Raises ActionFailed when one does not."""
        ...

    def ending(self, service: str, act: Callable[[], object]) -> Moment:
        """Do what ends the first running replica; the moment is that of its exit. Raises ActionFailed when it does not
        end."""
        ...

    def remove(self, service: str) -> Moment:
        """Stop and remove every replica; its volumes stay. The moment is that of the exit."""
        ...

    def blueprint(self, service: str) -> str:
        """All that is needed to make the containers again, as JSON text. It holds the environment's secrets: keep it in
        ``Lease.sealed`` only."""
        ...

    def rebuild(self, service: str, blueprint: str, *, start: bool = True) -> Moment:
        """Make the service's containers as the blueprint has them and start those that ran, from any state (removed,
        remade, half remade, alike already). Idempotent. Without ``start`` none is started: a fenced database member."""
        ...

    def as_blueprint(self, service: str, blueprint: str) -> bool:
        """Whether the containers are as the blueprint has them: made from it, or so already."""
        ...

    def remake(self, service: str, change: Remake) -> Moment:
        """Recreate every replica with the change, all else alike, and start it. Waits for no health."""
        ...

    def made(self, service: str) -> Sequence[Remake]:
        """What a remake can change, as each replica has it now, in order, those that an unfinished remake has set aside
        at the end; none of a removed service. The environment may hold secrets."""
        ...

    def run_inside(self, service: str, argv: Sequence[str], *, timeout_s: float = 10) -> Sequence[Outcome]:
        """Run a command as root in every replica that runs, in order, to its end; none runs: nothing."""
        ...

    def act_inside(self, service: str, argv: Sequence[str], *, timeout_s: float = 10, own_user: bool = False) -> Moment:
        """The same for a command's effect, as root or as the container's own user: raises ActionFailed, with what it
        said, when one fails or none runs. The moment spans the calls."""
        ...

    def fixed_size(self, service: str, path: str) -> int:
        """Bytes of the file system that holds this path in every replica, when the container has it for itself and it
        is of a fixed size (in memory, or a volume so made); 0 when it may be the host's own, or is not bounded."""
        ...

    def read_file(self, service: str, path: str) -> bytes | None:
        """A regular file's content in the first replica, at most 1 MiB; None when there is none."""
        ...

    def write_file(self, service: str, path: str, content: bytes | None) -> Moment:
        """Rewrite a file in every replica, keeping its owner and mode; None removes it."""
        ...

    def run_beside(
        self, service: str, argv: Sequence[str], *, share: frozenset[Shared], timeout_s: float = 10
    ) -> Sequence[Outcome]:
        """Run a command of the helper image in name spaces of each running replica, to its end; it leaves nothing."""
        ...

    def start_beside(self, service: str, name: str, argv: Sequence[str], *, share: frozenset[Shared]) -> Moment:
        """Start a helper that stays, for each running replica; returns when it says that it is ready. ``name`` is the
        lease's own. The program behind it must end by itself when its time is over."""
        ...

    def beside(self, name: str) -> int:
        """How many helpers of that name run."""
        ...

    def stop_beside(self, name: str) -> None:
        """Remove every helper of that name, in any state. Absent is fine."""
        ...

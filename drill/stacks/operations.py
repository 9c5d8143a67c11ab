"""The containers of one Compose project, as ``drill.ports.containers`` has them; each operation has its own module."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drill.model.lease import Moment
from drill.ports.containers import Lifeline, Limits, Outcome, Remake, Shared
from drill.stacks import beside, crashes, files, limits, remake, room
from drill.stacks.inside import act_in_each, run_in_each
from drill.stacks.project import Project


class ContainerOperations:
    """Everything is found by Compose's labels each time, so a restart or a recreation meanwhile does not matter."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def lifelines(self, service: str) -> Sequence[Lifeline]:
        """See the port."""
        return limits.lifelines(self._project, service)

    def limits(self, service: str) -> Sequence[Limits]:
        """See the port."""
        return limits.limits(self._project, service)

    def set_limits(self, service: str, wanted: Limits) -> Moment:
        """See the port."""
        return limits.set_limits(self._project, service, wanted)

    def restart_policy(self, service: str) -> str:
        """See the port."""
        return limits.restart_policy(self._project, service)

    def set_restart_policy(self, service: str, policy: str) -> Moment:
        """See the port."""
        return limits.set_restart_policy(self._project, service, policy)

    def crash(self, service: str, signal: str) -> Moment:
        """See the port."""
        return crashes.crash(self._project, service, signal)

    def ending(self, service: str, act: Callable[[], object]) -> Moment:
        """See the port."""
        return crashes.ending(self._project, service, act)

    def remove(self, service: str) -> Moment:
        """See the port."""
        return remake.remove(self._project, service)

    def blueprint(self, service: str) -> str:
        """See the port."""
        return remake.blueprint(self._project, service)

    def rebuild(self, service: str, blueprint: str, *, start: bool = True) -> Moment:
        """See the port."""
        return remake.rebuild(self._project, service, blueprint, start=start)

    def as_blueprint(self, service: str, blueprint: str) -> bool:
        """See the port."""
        return remake.as_blueprint(self._project, service, blueprint)

    def remake(self, service: str, change: Remake) -> Moment:
        """See the port."""
        return remake.remake(self._project, service, change)

    def made(self, service: str) -> Sequence[Remake]:
        """See the port."""
        return remake.made(self._project, service)

    def run_inside(self, service: str, argv: Sequence[str], *, timeout_s: float = 10) -> Sequence[Outcome]:
        """See the port."""
        return [
            Outcome(code=one.code, output=one.output) for one in run_in_each(self._project, service, argv, timeout_s)
        ]

    def act_inside(self, service: str, argv: Sequence[str], *, timeout_s: float = 10, own_user: bool = False) -> Moment:
        """See the port."""
        return act_in_each(self._project, service, argv, timeout_s, own_user=own_user)

    def fixed_size(self, service: str, path: str) -> int:
        """See the port."""
        return room.fixed_size(self._project, service, path)

    def read_file(self, service: str, path: str) -> bytes | None:
        """See the port."""
        return files.read_file(self._project, service, path)

    def write_file(self, service: str, path: str, content: bytes | None) -> Moment:
        """See the port."""
        return files.write_file(self._project, service, path, content)

    def run_beside(
        self, service: str, argv: Sequence[str], *, share: frozenset[Shared], timeout_s: float = 10
    ) -> Sequence[Outcome]:
        """See the port."""
        return beside.run_beside(self._project, service, argv, share, timeout_s)

    def start_beside(self, service: str, name: str, argv: Sequence[str], *, share: frozenset[Shared]) -> Moment:
        """See the port."""
        return beside.start_beside(self._project, service, name, argv, share)

    def beside(self, name: str) -> int:
        """See the port."""
        return beside.beside(self._project, name)

    def stop_beside(self, name: str) -> None:
        """See the port."""
        beside.stop_beside(self._project, name)

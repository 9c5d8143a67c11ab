"""Mitigations that players run (D4): recorded, and put back after the drill."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from drill.engine.remedies import act, before, put_back
from drill.engine.setting import Plan, World
from drill.errors import InvalidInput, StackError
from drill.model.events import Event
from drill.model.playbook import Mitigation, Playbook


class Mitigations:
    """Runs mitigations for players."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._playbook = plan.playbook
        self._world = world
        self._count = 0
        self.running = 0
        """How many are under way now; closing waits for them."""

    async def run(self, player: str, name: str) -> str:
        """Run one and say how it went. Raises InvalidInput for an unknown one, StackError when it failed."""
        mitigation = self._playbook.mitigation(name)
        if mitigation is None:
            known = ", ".join(row.name for row in self._playbook.mitigations)
            raise InvalidInput(f"no mitigation {name!r} in the playbook; there are {known}")
        self._count += 1
        self.running += 1
        names = {"player": player, "mitigation": name, "action_id": f"act-{self._count}"}
        try:
            return await self._run(mitigation, names)
        finally:
            self.running -= 1

    async def _run(self, mitigation: Mitigation, names: dict[str, str]) -> str:
        emit, source, runtime = self._world.recorder.emit, f"player:{names['player']}", self._world.runtime
        found = await runtime.call(partial(before, self._world, mitigation))
        emit("mitigation.started", source, durable=True, before=dict(found), **names)
        try:
            await runtime.call(partial(act, self._world, mitigation))
        except StackError as error:
            emit("mitigation.finished", source, durable=True, ok=False, detail=str(error), **names)
            raise
        emit("mitigation.finished", source, durable=True, ok=True, detail=mitigation.description, **names)
        return f"{mitigation.name} done"


def to_revert(events: Sequence[Event]) -> list[Event]:
    """The mitigations to put back, latest first: those that changed something lasting, and those cut short half-way."""
    started = {event.data["action_id"]: event for event in events if event.kind == "mitigation.started"}
    finished = {event.data["action_id"] for event in events if event.kind == "mitigation.finished"}
    for event in events:
        if event.kind == "mitigation.reverted" and event.data["ok"]:
            started.pop(event.data["action_id"], None)
    return [event for name, event in reversed(started.items()) if event.data["before"] or name not in finished]


def revert(world: World, playbook: Playbook, action: Event) -> None:
    """Put one back. Raises StackError when it cannot be, or does not stay."""
    mitigation = playbook.mitigation(action.data["mitigation"])
    if mitigation is None:
        raise StackError(f"mitigation {action.data['mitigation']!r} is not in this playbook")
    put_back(world, mitigation, action.data["before"])

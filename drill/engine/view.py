"""What one player can see: pages, alerts, and the answers to their own verbs. Nothing of the faults."""

from __future__ import annotations

from collections.abc import Mapping

from drill.engine.desk import Desk
from drill.engine.setting import World
from drill.model.events import Event

_LOOK_S = 0.1


class DeskView:
    """A player's seat at the desk (see ``drill.ports.PlayerView``)."""

    def __init__(self, world: World, desk: Desk, player: str) -> None:
        self._world = world
        self._desk = desk
        self._player = player

    async def wait_for(self, what: str, timeout_s: float) -> bool:
        """Wait for something that a player would notice; False when it did not come in time."""
        seen = {"page": self._paged, "alert-clear": self._all_clear}[what]
        runtime = self._world.runtime
        until_ns = runtime.now_ns() + int(timeout_s * 1e9)
        while not seen():
            if runtime.now_ns() >= until_ns:
                return False
            await runtime.sleep(_LOOK_S)
        return True

    async def use(self, verb: str, args: Mapping[str, str]) -> str:
        """Use a verb."""
        return await self._desk.use(self._player, verb, args)

    def _alerts(self, kind: str) -> list[Event]:
        return self._world.recorder.of(kind)

    def _paged(self) -> bool:
        return bool(self._alerts("page.delivered"))

    def _all_clear(self) -> bool:
        fired, cleared = self._alerts("alert.fired"), self._alerts("alert.cleared")
        return bool(fired) and len(cleared) >= len(fired)

"""The scripted responder of CI runs: waits for what a player would see, then uses the players' verbs."""

from __future__ import annotations

from drill.errors import DrillError
from drill.model.scenario import ScriptStep
from drill.ports import Emit, PlayerView, Runtime


class ScriptedResponder:
    """Plays a scenario's script. It is given the script and a player's view, and nothing else."""

    name = "script"

    def __init__(self, steps: tuple[ScriptStep, ...], runtime: Runtime, patience_s: float, emit: Emit) -> None:
        self._steps = steps
        self._runtime = runtime
        self._patience_s = patience_s
        self._emit = emit

    async def play(self, view: PlayerView) -> None:
        """Play every step; stop, and say so, when something waited for never comes. A refused verb is no reason to
        stop: a person would go on too, and the refusal is recorded.
        """
        for number, step in enumerate(self._steps, start=1):
            if step.until and not await view.wait_for(step.until, self._patience_s):
                self._emit("script.stuck", self.name, step=number, waiting_for=step.until)
                return
            await self._runtime.sleep(step.wait)
            try:
                await view.use(step.do, step.args)
            except DrillError:
                continue
        self._emit("script.finished", self.name, steps=len(self._steps))

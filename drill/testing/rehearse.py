"""A whole drill on virtual time: the real engine, the memory stack, a journal of bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drill.engine.conduct import Drill
from drill.engine.recorder import Recorder
from drill.engine.setting import Plan, World
from drill.errors import DrillError
from drill.journal.writer import Journal
from drill.model.events import Event
from drill.ports import Injector, Responder
from drill.responders.script import ScriptedResponder
from drill.testing.memory import MemoryLeases, MemorySink, MemoryStack
from drill.testing.virtual import VirtualRuntime


@dataclass
class Rehearsal:
    """A drill in memory; ``run`` it, then look at ``events`` and ``stack``."""

    plan: Plan
    injector: Callable[[str], Injector]
    runtime: VirtualRuntime = field(default_factory=VirtualRuntime)
    lines: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stack = MemoryStack(self.plan.config.stack.services, self.runtime, {"api": ("db",)})
        self.sinks = {name: MemorySink(name, self.runtime) for name in ("email", "status-page", "banner", "chat")}
        self.leases = MemoryLeases()
        journal = Journal(lambda line, _: self.lines.append(line), self.runtime.now_ns, self.runtime.utc)
        self.recorder = Recorder(journal)
        self.world = World(
            runtime=self.runtime,
            recorder=self.recorder,
            stack=self.stack,
            injector=self.injector,
            prober=self.stack,
            flags=self.stack,
            sinks=self.sinks,
            leases=self.leases,
            boot_id="virtual",
        )
        self.drill = Drill(self.plan, self.world)

    @property
    def events(self) -> list[Event]:
        """What was recorded."""
        return self.recorder.events

    def responder(self) -> Responder | None:
        """The scenario's script, if it has one."""
        script = self.plan.scenario.script
        if not script:
            return None
        return ScriptedResponder(script, self.runtime, self.plan.scenario.max_duration, self.recorder.emit)

    def run(self) -> str:
        """Run it; the outcome, ``refused`` included."""
        try:
            return self.runtime.run(self.drill.run(self.responder()))
        except DrillError:
            if not self.events or self.events[-1].kind != "drill.ended":
                raise
            return "refused"

"""The loops that sample reference probes, and the canary writes that must all be there at the end."""

from __future__ import annotations

from collections.abc import Mapping

from drill.engine.impact import ImpactMonitor
from drill.engine.setting import World
from drill.model.config import ProbeSpec
from drill.model.events import Event

_BATCH = 10


class Canaries:
    """Acknowledged canary writes, recorded in batches so that whoever takes the journal over can look for them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: dict[str, list[str]] = {}

    def add(self, probe: str, token: str) -> None:
        """Remember an acknowledged write."""
        waiting = self._waiting.setdefault(probe, [])
        waiting.append(token)
        if len(waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Record what was acknowledged since the last time."""
        for probe, tokens in self._waiting.items():
            if tokens:
                self._world.recorder.emit("canary.acknowledged", "probes", probe=probe, writes=list(tokens))
                tokens.clear()


async def watch_probe(world: World, spec: ProbeSpec, monitor: ImpactMonitor, canaries: Canaries) -> None:
    """Sample one probe at its interval until cancelled. Samples that could not be taken in time are said."""
    runtime = world.runtime
    next_ns = runtime.now_ns()
    while True:
        sample = await world.prober.probe(spec)
        if sample.acknowledged:
            canaries.add(spec.name, sample.token)
        monitor.feed(spec, sample)
        next_ns += int(spec.interval * 1e9)
        late_ns = runtime.now_ns() - next_ns
        if late_ns > int(max(spec.interval, spec.deadline) * 1e9):
            missed = late_ns // int(spec.interval * 1e9)
            world.recorder.emit("probe.overrun", "probes", probe=spec.name, missed=missed)
        if late_ns > 0:
            next_ns = runtime.now_ns()
        else:
            await runtime.sleep(-late_ns / 1e9)


def acknowledged(events: list[Event]) -> Mapping[str, list[str]]:
    """Every acknowledged canary write of a journal, by probe."""
    tokens: dict[str, list[str]] = {}
    for event in events:
        if event.kind == "canary.acknowledged":
            tokens.setdefault(event.data["probe"], []).extend(event.data["writes"])
    return tokens

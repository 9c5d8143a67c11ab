"""The loops that sample reference probes, and the promised writes that must all be there at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drill.engine.impact import ImpactMonitor
from drill.engine.setting import World
from drill.model.config import ProbeSpec
from drill.model.events import Event
from drill.ports import Sample


async def take(world: World, spec: ProbeSpec) -> Sample:
    """One sample. A write that was acknowledged is in the journal before anything else happens: whoever takes the
    journal over can look for it.
    """
    sample = await world.prober.probe(spec)
    if sample.acknowledged:
        world.recorder.emit("canary.acknowledged", "probes", probe=spec.name, writes=[sample.token])
    return sample


async def steady(world: World, probes: Sequence[ProbeSpec]) -> dict[str, bool]:
    """Each probe sampled once."""
    return {spec.name: (await take(world, spec)).ok for spec in probes}


async def watch_probe(world: World, spec: ProbeSpec, monitor: ImpactMonitor) -> None:
    """Sample one probe at its interval until cancelled. Samples that could not be taken in time are said."""
    runtime = world.runtime
    next_ns = runtime.now_ns()
    while True:
        monitor.feed(spec, await take(world, spec))
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

"""The snapshot before the first lease, and the proofs that the stack is as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from drill.engine.probing import acknowledged
from drill.engine.setting import World
from drill.errors import StackError
from drill.model.config import Config, ProbeSpec
from drill.model.events import Event

Snapshot = dict[str, Any]


def snapshot(world: World, config: Config) -> Snapshot:
    """What must be the same at the end: services with their facts, flags, data roles. Blocking; raises StackError."""
    services = {
        name: {"running": state.running, "paused": state.paused, "healthy": state.healthy, **state.facts}
        for name, state in world.stack.services().items()
    }
    flags = {spec.name: dict(world.flags.read(spec.name)) for spec in config.stack.services if spec.flags}
    return {"services": services, "flags": flags, "data_roles": dict(world.stack.data_roles())}


def digest(content: Snapshot) -> str:
    """SHA-256 of the canonical form."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Every leaf that differs, as ``path: before -> after``, in order of path."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = sorted(set(before) | set(after))
        return [line for name in names for line in differences(before.get(name), after.get(name), f"{path}.{name}")]
    return [] if before == after else [f"{path.lstrip('.')}: {before} -> {after}"]


def accepted(line: str, accept: Sequence[str]) -> bool:
    """Whether a difference is accepted by name in drill.yaml (``service.field``)."""
    path = line.split(":", 1)[0].removeprefix("services.")
    return path in accept


async def steady(world: World, probes: Sequence[ProbeSpec]) -> dict[str, bool]:
    """Each probe sampled once."""
    return {spec.name: (await world.prober.probe(spec)).ok for spec in probes}


async def check_canaries(world: World, probes: Sequence[ProbeSpec], events: list[Event]) -> bool | None:
    """Each acknowledged canary write is there once (design rule for restoration); None when the service is silent.

    Emits ``canary.summary``.
    """
    verdict: bool | None = True
    tokens = acknowledged(events)
    for spec in (spec for spec in probes if spec.type == "canary"):
        wanted = tokens.get(spec.name, [])
        held = await world.prober.canaries(spec)
        missing = [] if held is None else [token for token in wanted if held.get(token, 0) == 0]
        doubled = [] if held is None else [token for token in wanted if held.get(token, 0) > 1]
        world.recorder.emit(
            "canary.summary",
            "probes",
            probe=spec.name,
            acknowledged=len(wanted),
            missing=missing,
            doubled=doubled,
            answered=held is not None,
        )
        if held is None:
            verdict = None
        elif missing or doubled:
            return False
    return verdict


async def prove_snapshot(world: World, config: Config, before: Snapshot, *, patience_s: float) -> bool | None:
    """Proof (c): end equals snapshot but for accepted differences, steady state green, canaries there once.

    ``patience_s``: how long services may take to come back.
    """
    emit = world.recorder.emit
    try:
        after = await _settled(world, config, before, patience_s)
    except StackError as error:
        emit("restoration.checked", "restoration", proof="snapshot", ok=None, detail=str(error), differences=[])
        return None
    lines = differences(before, after)
    unwanted = [line for line in lines if not accepted(line, config.accept)]
    bad = [name for name, ok in (await steady(world, config.probes)).items() if not ok]
    canaries = await check_canaries(world, config.probes, world.recorder.events)
    ok = False if unwanted or bad or canaries is False else None if canaries is None else True
    detail = _detail(lines, unwanted, bad, canaries)
    emit("restoration.checked", "restoration", durable=True, proof="snapshot", ok=ok, detail=detail, differences=lines)
    return ok


async def _settled(world: World, config: Config, before: Snapshot, patience_s: float) -> Snapshot:
    """The snapshot now, once services had their time to become healthy again."""
    until_ns = world.runtime.now_ns() + int(patience_s * 1e9)
    while True:
        try:
            after = await world.runtime.call(partial(snapshot, world, config))
            lines = differences(before, after)
        except StackError:
            if world.runtime.now_ns() >= until_ns:
                raise
            lines = ["the stack does not answer yet"]
        if all(accepted(line, config.accept) for line in lines) or world.runtime.now_ns() >= until_ns:
            return await world.runtime.call(partial(snapshot, world, config))
        await world.runtime.sleep(0.25)


def _detail(lines: list[str], unwanted: list[str], bad: list[str], canaries: bool | None) -> str:
    parts = [f"{len(unwanted)} differences not accepted"] if unwanted else ["equal to the snapshot"]
    if len(lines) > len(unwanted):
        parts.append(f"{len(lines) - len(unwanted)} accepted differences")
    parts.append("steady state green" if not bad else f"bad probes: {', '.join(bad)}")
    words = {True: "every acknowledged write is there once", False: "writes lost or doubled", None: "writes unknown"}
    return "; ".join([*parts, words[canaries]])

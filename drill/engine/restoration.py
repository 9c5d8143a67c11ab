"""The snapshot before the first lease, and the proofs that the stack is as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from drill.engine.probing import steady
from drill.engine.setting import World
from drill.engine.writes import check_writes
from drill.errors import StackError
from drill.model.codec import encode
from drill.model.config import Config

Snapshot = dict[str, Any]
_STEADY_S = 10.0


def snapshot(world: World) -> Snapshot:
    """What must be the same at the end: services with their facts, releases, flags, proxies with their toxics, data
    roles. Blocking; raises StackError.
    """
    services = {
        name: {"running": state.running, "paused": state.paused, "healthy": state.healthy, **state.facts}
        for name, state in world.stack.services().items()
    }
    specs = world.stack.specs()
    content: Snapshot = {
        "services": services,
        "flags": {spec.name: dict(world.flags.read(spec.name)) for spec in specs if spec.flags},
        "data_roles": dict(world.stack.data_roles()),
        "proxies": {spec.name: _proxies(world, spec.name) for spec in specs if spec.role == "toxiproxy"},
    }
    if "deploy" in world.stack.capabilities():
        content["releases"] = {name: world.stack.image(name) for name in services}
    return content


def snapshot_of(world: World) -> Snapshot | None:
    """The snapshot in the journal; None before it was taken."""
    taken = world.recorder.of("snapshot.taken")
    return dict(taken[-1].data["content"]) if taken else None


def _proxies(world: World, service: str) -> dict[str, Any]:
    return {name: encode(state) for name, state in sorted(world.stack.proxies(service).all().items())}


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
    bad = await _still_bad(world, config, min(patience_s, _STEADY_S))
    canaries = await check_writes(world, config)
    ok = False if unwanted or bad or canaries is False else None if canaries is None else True
    detail = _detail(lines, unwanted, bad, canaries)
    emit("restoration.checked", "restoration", durable=True, proof="snapshot", ok=ok, detail=detail, differences=lines)
    return ok


async def _settled(world: World, config: Config, before: Snapshot, patience_s: float) -> Snapshot:
    """The snapshot now, once services had their time to become healthy again."""
    until_ns = world.runtime.now_ns() + int(patience_s * 1e9)
    while True:
        try:
            after = await world.runtime.call(partial(snapshot, world))
            lines = differences(before, after)
        except StackError:
            if world.runtime.now_ns() >= until_ns:
                raise
            lines = ["the stack does not answer yet"]
        if all(accepted(line, config.accept) for line in lines) or world.runtime.now_ns() >= until_ns:
            return await world.runtime.call(partial(snapshot, world))
        await world.runtime.sleep(0.25)


async def _still_bad(world: World, config: Config, patience_s: float) -> list[str]:
    """The probes that are not good, once a service that is healthy again had a moment to serve."""
    until_ns = world.runtime.now_ns() + int(patience_s * 1e9)
    while True:
        bad = [name for name, ok in (await steady(world, config.probes)).items() if not ok]
        if not bad or world.runtime.now_ns() >= until_ns:
            return bad
        await world.runtime.sleep(0.5)


def _detail(lines: list[str], unwanted: list[str], bad: list[str], canaries: bool | None) -> str:
    parts = [f"{len(unwanted)} differences not accepted"] if unwanted else ["equal to the snapshot"]
    if len(lines) > len(unwanted):
        parts.append(f"{len(lines) - len(unwanted)} accepted differences")
    parts.append("steady state green" if not bad else f"bad probes: {', '.join(bad)}")
    words = {True: "every acknowledged write is there once", False: "writes lost or doubled", None: "writes unknown"}
    return "; ".join([*parts, words[canaries]])

"""Promised writes, each of which must be there once: canaries of the probes, ledgers of the synthetic customers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from drill.engine.probing import acknowledged
from drill.engine.setting import World
from drill.model.config import Config, LedgerSpec, ProbeSpec

_AGAIN_S = 0.5
_Look = Callable[[], Awaitable[tuple[Sequence[str], Mapping[str, int]] | None]]


async def check_writes(world: World, config: Config) -> bool | None:
    """Each acknowledged write is there once (design rule for restoration).

    None when a service is silent or nothing was ever promised. Emits ``canary.summary`` for each probe and ledger.
    """
    verdicts = [await _canary(world, spec) for spec in config.probes if spec.type == "canary"]
    verdicts += [await _ledger(world, spec) for spec in config.ledgers]
    if False in verdicts:
        return False
    return None if None in verdicts else True


async def _canary(world: World, spec: ProbeSpec) -> bool | None:
    wanted = acknowledged(world.recorder.events).get(spec.name, [])

    async def look() -> tuple[Sequence[str], Mapping[str, int]] | None:
        held = await world.prober.canaries(spec)
        return None if held is None else (wanted, held)

    return await _settled(world, spec.name, look, spec.settles_within, len(wanted))


async def _ledger(world: World, spec: LedgerSpec) -> bool | None:
    return await _settled(world, spec.name, lambda: world.prober.ledger(spec), spec.settles_within, 0)


async def _settled(world: World, name: str, look: _Look, within_s: float, count: int) -> bool | None:
    """Look until every write is there, for as long as it may take; one that is there twice stays so."""
    until_ns = world.runtime.now_ns() + int(within_s * 1e9)
    while True:
        seen = await look()
        missing, doubled = _compare(seen)
        if (seen is not None and not missing) or world.runtime.now_ns() >= until_ns:
            break
        await world.runtime.sleep(_AGAIN_S)
    count = count if seen is None else len(seen[0])
    world.recorder.emit(
        "canary.summary",
        "probes",
        probe=name,
        acknowledged=count,
        missing=missing,
        doubled=doubled,
        answered=seen is not None,
    )
    if missing or doubled:
        return False
    return True if seen is not None and count else None


def _compare(seen: tuple[Sequence[str], Mapping[str, int]] | None) -> tuple[list[str], list[str]]:
    if seen is None:
        return [], []
    wanted, held = seen
    return [key for key in wanted if held.get(key, 0) == 0], [key for key in wanted if held.get(key, 0) > 1]

"""Putting everything back, with proof: the end of every drill, run by the conductor, the guard, or `drill undo`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from drill.engine.mitigations import revert, to_revert
from drill.engine.remedies import restore_roles
from drill.engine.restoration import prove_snapshot, snapshot_of
from drill.engine.setting import World
from drill.engine.undo import settle, undo
from drill.errors import StackError
from drill.model.config import Config
from drill.model.playbook import Playbook

AFTER_CRASH = ("guard", "orphan")
"""Who undoes after the process that applied the faults has died."""


async def close(world: World, config: Config, playbook: Playbook, by: str) -> bool:
    """Undo every lease, revert mitigations, check restoration. True when all three proofs hold.

    Everything it needs is in the journal and the lease store, so it can start at any point of a drill's life, and
    again after it was itself interrupted. ``by`` is who undoes, as events name it.
    """
    undone = await _undo_all(world, by)
    await restore_roles(world)
    reverted = await _revert_all(world, config, playbook)
    before = snapshot_of(world)
    if before is None:
        return undone and reverted
    # What was not undone does not come back by waiting.
    same = await prove_snapshot(world, config, before, patience_s=config.stack.ready_within if undone else 0)
    return undone and reverted and same is True


async def _undo_all(world: World, by: str) -> bool:
    leases = list(reversed(world.leases.all()))
    held = {lease.id for lease in leases}
    earlier = {event.data["lease_id"] for event in world.recorder.of("fault.undone")} - held
    proved = [lease for lease in leases if await undo(world, lease, by)]
    wait = by in AFTER_CRASH
    good = await settle(world, proved, by, wait=wait) and len(proved) == len(leases)
    detail = f"each of {len(leases) + len(earlier)} leases seen undone" if good else "not every lease was proved undone"
    _checked(world, by, "leases", good, detail)
    return good


async def _revert_all(world: World, config: Config, playbook: Playbook) -> bool:
    good, count = True, 0
    for action in to_revert(world.recorder.events):
        error = await _revert(world, config, partial(revert, world, playbook, action))
        world.recorder.emit(
            "mitigation.reverted",
            "restoration",
            durable=True,
            action_id=action.data["action_id"],
            mitigation=action.data["mitigation"],
            ok=not error,
            detail=error,
        )
        good, count = good and not error, count + 1
    detail = (
        f"each of {count} lasting changes by responders reverted" if good else "a responder's change was not reverted"
    )
    _checked(world, "restoration", "mitigations", good, detail)
    return good


async def _revert(world: World, config: Config, attempt: Callable[[], None]) -> str:
    """Try until the service had its time to come back; empty when it worked."""
    until_ns = world.runtime.now_ns() + int(config.stack.ready_within * 1e9)
    while True:
        try:
            await world.runtime.call(attempt)
        except StackError as error:
            if world.runtime.now_ns() >= until_ns:
                return str(error)
            await world.runtime.sleep(0.2)
        else:
            return ""


def _checked(world: World, source: str, proof: str, ok: bool, detail: str) -> None:
    if snapshot_of(world) is not None:
        emit = world.recorder.emit
        emit("restoration.checked", source, durable=True, proof=proof, ok=ok, detail=detail, differences=[])

"""Undoing one lease, with proof. The conductor, the guard, and the next command after both are lost use this."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from drill.engine.aim import stack_for
from drill.engine.setting import World
from drill.errors import StackError
from drill.model.lease import Lease
from drill.ports import Reporting

_GIVE_UP_S = 8.0
_AGAIN_S = 0.2


async def undo(world: World, lease: Lease, by: str) -> bool:
    """Undo and prove; keep trying for 8 s. Emits ``fault.undone`` or ``fault.undo-failed``; True when proved."""
    injector = world.injector(lease.kind)
    emit, runtime = world.recorder.emit, world.runtime
    was_active = await _ask(world, lambda: injector.active(lease, stack_for(lease, world.stack)))
    names = {"lease_id": lease.id, "fault_id": lease.fault_id}
    emit("fault.undoing", by, durable=True, by=by, was_active=was_active, **names)
    give_up_ns = runtime.now_ns() + int(_GIVE_UP_S * 1e9)
    while True:
        detail = await _attempt(world, lease)
        if not detail:
            proof = "; ".join(filter(None, ("seen undone", await _report(world, lease))))
            emit("fault.undone", by, durable=True, by=by, was_active=was_active, proof=proof, **names)
            return True
        if runtime.now_ns() >= give_up_ns:
            emit("fault.undo-failed", by, durable=True, detail=detail, manual=list(lease.manual), **names)
            return False
        await runtime.sleep(_AGAIN_S)


async def _report(world: World, lease: Lease) -> str:
    injector = world.injector(lease.kind)
    if not isinstance(injector, Reporting):
        return ""
    try:
        return await world.runtime.call(partial(injector.report, lease, stack_for(lease, world.stack)))
    except StackError as error:
        return f"what others wrote meanwhile is not known: {error}"


async def _attempt(world: World, lease: Lease) -> str:
    injector = world.injector(lease.kind)
    try:
        await world.runtime.call(lambda: injector.undo(lease, stack_for(lease, world.stack)))
        undone = await world.runtime.call(partial(_undone, world, lease))
    except StackError as error:
        return str(error)
    return "" if undone else f"{lease.kind} on {lease.service} was undone but is still seen"


def _undone(world: World, lease: Lease) -> bool:
    return world.injector(lease.kind).undone(lease, stack_for(lease, world.stack))


async def _ask(world: World, question: Callable[[], bool]) -> bool | None:
    try:
        return await world.runtime.call(question)
    except StackError:
        return None


async def settle(world: World, leases: list[Lease], by: str, *, wait: bool) -> bool:
    """Prove again that each stayed undone, and only then forget its lease.

    After a crash (``wait``) a call of the dead process may still take effect inside the engine: that is waited out.
    """
    if wait:
        await world.runtime.sleep(max((lease.settle_s for lease in leases), default=0.0))
    good = True
    for lease in leases:
        still = await _ask(world, partial(_undone, world, lease))
        proved = still is True or await undo(world, lease, by)
        if proved:
            world.leases.remove(lease)
        good = good and proved
    return good

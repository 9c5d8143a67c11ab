"""Injecting: lease on disk, apply, prove active; then watch for a responder's repair and for expiry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drill.engine.preflight import draft_lease
from drill.engine.setting import Plan, World
from drill.engine.undo import undo
from drill.errors import StackError
from drill.model.codec import encode
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Injector

_SAMPLE_S = 0.5
_PROOF_S = 3.0


@dataclass(slots=True)
class LiveFault:
    """A fault that was applied and not yet undone or seen gone."""

    lease: Lease
    injector: Injector
    seen_ns: int
    proved: bool = False
    gone: bool = False
    ending: bool = False


class Faults:
    """The faults of one drill."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self.live: list[LiveFault] = []
        self.closing = False

    @property
    def all_over(self) -> bool:
        """Every planned fault was injected and is gone."""
        return len(self.live) == len(self._plan.scenario.faults) and all(fault.gone for fault in self.live)

    async def inject(self, fault: FaultSpec) -> None:
        """Lease, apply, prove. Raises StackError when it is not seen active, JournalError when nothing is recorded."""
        world, injector = self._world, self._world.injector(fault.kind)
        emit = world.recorder.emit
        draft = draft_lease(self._plan, world, fault, len(self.live) + 1)
        lease = await world.runtime.call(lambda: injector.plan(fault, world.stack, draft))
        world.leases.write(lease)
        names: dict[str, Any] = {"lease_id": lease.id, "fault_id": fault.id}
        emit("lease.written", "engine", durable=True, lease=encode(lease))
        emit("fault.applying", "engine", durable=True, **names)
        world.recorder.require()
        live = LiveFault(lease, injector, world.runtime.now_ns())
        self.live.append(live)
        onset = await world.runtime.call(lambda: injector.apply(lease, world.stack))
        emit(
            "fault.applied",
            "engine",
            durable=True,
            kind=fault.kind,
            service=fault.target,
            at_ns=world.recorder.relative(onset.at_ns),
            uncertainty_ns=onset.uncertainty_ns,
            clock=onset.source,
            **names,
        )
        await self._prove(live, names)

    async def _prove(self, live: LiveFault, names: dict[str, Any]) -> None:
        world = self._world
        until_ns = world.runtime.now_ns() + int(_PROOF_S * 1e9)
        while not await world.runtime.call(lambda: live.injector.active(live.lease, world.stack)):
            if world.runtime.now_ns() >= until_ns:
                detail = f"{live.lease.kind} on {live.lease.service} was applied but is not seen active"
                world.recorder.emit("fault.inactive", "engine", detail=detail, **names)
                raise StackError(f"proof of injection failed: {detail}; the drill measures nothing and ends")
            await world.runtime.sleep(0.1)
        live.seen_ns = world.runtime.now_ns()
        live.proved = True
        world.recorder.emit("fault.active", "engine", **names)

    async def watch(self) -> None:
        """Until cancelled: see faults that responders removed, and undo those that expire."""
        while True:
            for live in [fault for fault in self.live if not fault.gone and not fault.ending]:
                await self._look(live)
            await self._world.runtime.sleep(_SAMPLE_S)

    async def _look(self, live: LiveFault) -> None:
        world = self._world
        if world.runtime.now_ns() >= live.lease.expires_at_ns:
            await self._expire(live)
            return
        if not live.proved:
            return  # it is being applied: not yet there is not gone
        active = await self.sample(live)
        if self.closing or active is None:
            return
        now_ns = world.runtime.now_ns()
        if active:
            live.seen_ns = now_ns
            return
        live.gone = True
        half_ns = (now_ns - live.seen_ns) // 2
        world.recorder.emit(
            "fault.gone",
            "engine",
            lease_id=live.lease.id,
            fault_id=live.lease.fault_id,
            by="responder",
            at_ns=world.recorder.relative(now_ns - half_ns),
            uncertainty_ns=half_ns,
            clock="sampling",
        )

    async def _expire(self, live: LiveFault) -> None:
        live.ending = True
        names = {"lease_id": live.lease.id, "fault_id": live.lease.fault_id}
        self._world.recorder.emit("fault.expired", "engine", durable=True, **names)
        if await undo(self._world, live.lease, "expiry"):
            live.gone = True
            self._world.leases.remove(live.lease)

    async def sample(self, live: LiveFault) -> bool | None:
        """Whether the fault is there now; None when the stack does not say."""
        try:
            return await self._world.runtime.call(lambda: live.injector.active(live.lease, self._world.stack))
        except StackError:
            return None

    async def sample_all(self, reason: str) -> None:
        """Sample and record every fault that was injected, at a moment that matters."""
        for live in self.live:
            active = await self.sample(live)
            self._world.recorder.emit(
                "fault.sampled",
                "engine",
                lease_id=live.lease.id,
                fault_id=live.lease.fault_id,
                active=active,
                reason=reason,
            )

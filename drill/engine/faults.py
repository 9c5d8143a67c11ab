"""Injecting: lease on disk, apply, prove active; then watch for its growth, its end by plan, repair and expiry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from drill.engine.aim import aimed, stack_for
from drill.engine.gone import Ended, Lifeline, ended_by, lifeline
from drill.engine.preflight import draft_lease
from drill.engine.ramp import at_share, steps_done
from drill.engine.setting import Plan, World
from drill.engine.staging import prove_target
from drill.engine.undo import undo
from drill.errors import StackError
from drill.model.codec import encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import FaultSpec
from drill.ports import Injector, Ramped, Stack

_SAMPLE_S = 0.5
_PROOF_S = 3.0


@dataclass(slots=True)
class LiveFault:
    """A fault that was applied and not yet undone or seen gone."""

    spec: FaultSpec
    lease: Lease
    injector: Injector
    stack: Stack
    began_ns: int
    seen_ns: int
    life: Lifeline | None = None
    step: int = 0
    """How far its ramp has come."""
    proved: bool = False
    gone: bool = False
    gone_ns: int = 0
    ending: bool = False
    names: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.names = {"lease_id": self.lease.id, "fault_id": self.lease.fault_id}


class Faults:
    """The faults of one drill. ``cut``: whether somebody has ended it meanwhile; nothing is applied then."""

    def __init__(self, plan: Plan, world: World, cut: Callable[[], bool] = lambda: False) -> None:
        self._cut = cut
        self._plan = plan
        self._world = world
        self.live: list[LiveFault] = []
        self.closing = False
        self.looking = False
        """Whether the watch acts on the stack at this moment; closing waits for it."""

    @property
    def all_over(self) -> bool:
        """Every planned fault was injected and is gone."""
        return len(self.live) == len(self._plan.scenario.faults) and all(fault.gone for fault in self.live)

    def over_for_s(self) -> float:
        """How long no fault has been there any more, seconds; of no meaning before all are over."""
        return (self._world.runtime.now_ns() - max((fault.gone_ns for fault in self.live), default=0)) / 1e9

    async def inject(self, fault: FaultSpec) -> None:
        """Lease, apply, prove. Raises StackError when it is not seen active, JournalError when nothing is recorded."""
        world, emit = self._world, self._world.recorder.emit
        live = await self._leased(fault)
        if self._cut():  # planning takes a while; closing clears the lease
            return
        emit("fault.applying", "engine", durable=True, **live.names)
        world.recorder.require()
        self.live.append(live)
        onset = await world.runtime.call(partial(self._apply, live))
        live.began_ns = onset.at_ns
        emit(
            "fault.applied",
            "engine",
            durable=True,
            kind=fault.kind,
            service=live.lease.service,
            replica=live.lease.replica,
            at_ns=world.recorder.relative(onset.at_ns),
            uncertainty_ns=onset.uncertainty_ns,
            clock=onset.source,
            **live.names,
        )
        await self._prove(live)
        if live.lease.reversibility == "momentary":
            self._over(live, onset.at_ns, onset.uncertainty_ns, onset.source, Ended(by="itself", evidence="momentary"))

    async def _leased(self, fault: FaultSpec) -> LiveFault:
        """Aim, plan, and put the lease on disk."""
        world, injector = self._world, self._world.injector(fault.kind)
        target, replica = await world.runtime.call(partial(self._aim, fault))
        draft = replace(draft_lease(self._plan, world, target, len(self.live) + 1), replica=replica)
        stack = stack_for(draft, world.stack)
        lease = await world.runtime.call(lambda: injector.plan(target, stack, draft))
        world.leases.write(lease)
        told = encode(replace(lease, sealed={}))
        world.recorder.emit("lease.written", "engine", lease=told)  # on disk with the next event, before apply
        now_ns = world.runtime.now_ns()
        return LiveFault(target, lease, injector, stack, began_ns=now_ns, seen_ns=now_ns)

    def _aim(self, fault: FaultSpec) -> tuple[FaultSpec, int]:
        """Its target now, proved staging once more: it may have been made anew since the preflight."""
        target, replica = aimed(fault, self._world.stack, self._plan.seed)
        prove_target(self._world.stack, self._plan.config, target.target)
        return target, replica

    def _apply(self, live: LiveFault) -> Moment:
        lease = live.lease
        if live.spec.ramp and isinstance(live.injector, Ramped):
            live.step = steps_done(0, live.spec.ramp)
            lease = at_share(lease, live.injector.ramps, live.step)
        return live.injector.apply(lease, live.stack)

    async def _prove(self, live: LiveFault) -> None:
        world = self._world
        until_ns = world.runtime.now_ns() + int(_PROOF_S * 1e9)
        while not await world.runtime.call(lambda: live.injector.active(live.lease, live.stack)):
            if world.runtime.now_ns() >= until_ns:
                detail = f"{live.lease.kind} on {live.lease.service} was applied but is not seen active"
                world.recorder.emit("fault.inactive", "engine", detail=detail, **live.names)
                raise StackError(f"proof of injection failed: {detail}; the drill measures nothing and ends")
            await world.runtime.sleep(0.1)
        live.life = await world.runtime.call(partial(lifeline, live.stack, live.lease.service))
        live.seen_ns = world.runtime.now_ns()
        live.proved = True
        world.recorder.emit("fault.active", "engine", **live.names)

    async def watch(self) -> None:
        """Until cancelled: see faults grow, end by plan, be removed by others, and expire."""
        while True:
            for live in [fault for fault in self.live if not fault.gone and not fault.ending]:
                if self.closing:
                    return
                self.looking = True
                await self._look(live)
                self.looking = False
            await self._world.runtime.sleep(_SAMPLE_S)

    async def _look(self, live: LiveFault) -> None:
        now_ns = self._world.runtime.now_ns()
        if now_ns >= live.lease.expires_at_ns:
            await self._end(live, "fault.expired", "expiry")
        elif not live.proved:
            return  # it is being applied: not yet there is not gone
        elif live.spec.duration and now_ns >= live.began_ns + int(live.spec.duration * 1e9):
            await self._end(live, "fault.ended", "plan")
        elif await self._there(live):
            await self._grow(live)

    async def _there(self, live: LiveFault) -> bool:
        """Whether it is still seen; records that it went, and by whom."""
        world, active = self._world, await self.sample(live)
        if self.closing or active is None or live.gone:
            return False
        now_ns = world.runtime.now_ns()
        if active:
            live.seen_ns = now_ns
            return True
        life = await world.runtime.call(partial(self._life, live))
        seen_ns = world.recorder.relative(live.seen_ns)
        if not live.gone and not self.closing:
            who = ended_by(world.recorder.events, seen_ns, live.life, life)
            self._over(live, (now_ns + live.seen_ns) // 2, (now_ns - live.seen_ns) // 2, "sampling", who)
        return False

    def _life(self, live: LiveFault) -> Lifeline | None:
        try:
            return lifeline(live.stack, live.lease.service)
        except StackError:
            return None

    def _over(self, live: LiveFault, at_ns: int, uncertainty_ns: int, clock: str, who: Ended) -> None:
        live.gone, live.gone_ns = True, self._world.runtime.now_ns()
        self._world.recorder.emit(
            "fault.gone",
            "engine",
            by=who.by,
            evidence=who.evidence,
            at_ns=self._world.recorder.relative(at_ns),
            uncertainty_ns=uncertainty_ns,
            clock=clock,
            **live.names,
        )

    async def _grow(self, live: LiveFault) -> None:
        """The next step of its ramp, if one is due."""
        world, injector = self._world, live.injector
        if not live.spec.ramp or not isinstance(injector, Ramped):
            return
        step = steps_done((world.runtime.now_ns() - live.began_ns) / 1e9, live.spec.ramp)
        if step <= live.step or self.closing:
            return
        live.step = step
        lease = at_share(live.lease, injector.ramps, step)
        try:
            await world.runtime.call(partial(injector.adjust, lease, live.stack))
        except StackError as error:
            world.recorder.emit("fault.grown", "engine", step=step, ok=False, detail=str(error), **live.names)
            return
        world.recorder.emit("fault.grown", "engine", step=step, ok=True, detail="", **live.names)

    async def _end(self, live: LiveFault, kind: str, by: str) -> None:
        live.ending = True
        self._world.recorder.emit(kind, "engine", durable=True, **live.names)
        if await undo(self._world, live.lease, by):
            live.gone, live.gone_ns = True, self._world.runtime.now_ns()
            self._world.leases.remove(live.lease)

    async def sample(self, live: LiveFault) -> bool | None:
        """Whether the fault is there now; None when the stack does not say."""
        try:
            return await self._world.runtime.call(lambda: live.injector.active(live.lease, live.stack))
        except StackError:
            return None

    async def sample_all(self, reason: str) -> None:
        """Sample and record every fault that was injected, at a moment that matters."""
        for live in self.live:
            active = await self.sample(live)
            self._world.recorder.emit("fault.sampled", "engine", active=active, reason=reason, **live.names)

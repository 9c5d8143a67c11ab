"""Everything that can be known before anything is touched."""

from __future__ import annotations

from functools import partial

from drill.engine.setting import Plan, World
from drill.engine.staging import prove_staging
from drill.errors import DrillError, Refused
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec


async def preflight(plan: Plan, world: World) -> None:
    """Emit each check; raise Refused (or InvalidInput) at the first that fails."""
    for name, check in (("capabilities", _capabilities), ("staging", _staging), ("faults", _faults)):
        try:
            detail = await world.runtime.call(partial(check, plan, world))
        except DrillError as error:
            world.recorder.emit("preflight.checked", "preflight", name=name, ok=False, detail=str(error))
            raise
        world.recorder.emit("preflight.checked", "preflight", name=name, ok=True, detail=detail)


def _capabilities(plan: Plan, world: World) -> str:
    have = world.stack.capabilities()
    for need in plan.scenario.needs:
        if need not in have:
            raise Refused(
                f"scenario {plan.scenario.id} needs {need!r}, which this {world.stack.identity().kind} stack cannot "
                "run truly; run it with --stack compose on a stack that has it"
            )
    return "has " + (", ".join(plan.scenario.needs) or "all that is needed")


def _staging(plan: Plan, world: World) -> str:
    targets = {fault.target for fault in plan.scenario.faults}
    return "; ".join(f"{name}: {how}" for name, how in prove_staging(world.stack, plan.config, targets))


def _faults(plan: Plan, world: World) -> str:
    for fault in plan.scenario.faults:
        injector = world.injector(fault.kind)
        if lacking := injector.needs - world.stack.capabilities():
            raise Refused(f"fault {fault.id}: {fault.kind} needs {sorted(lacking)[0]!r}, which this stack has not")
        if injector.loses_data and plan.config.stack.data != "disposable":
            raise Refused(
                f"fault {fault.id}: {fault.kind} can lose data; allowed only with `data: disposable` in drill.yaml"
            )
        injector.plan(fault, world.stack, draft_lease(plan, world, fault, 0))
    return "planned " + ", ".join(f"{fault.kind} on {fault.target}" for fault in plan.scenario.faults)


def draft_lease(plan: Plan, world: World, fault: FaultSpec, number: int) -> Lease:
    """The parts of a lease that do not depend on the fault kind; the injector's ``plan`` completes it."""
    runtime = world.runtime
    state = world.stack.services().get(fault.target)
    if state is None:
        raise Refused(
            f"fault {fault.id}: service {fault.target!r} does not exist on this stack; is it up? `drill stack up`"
        )
    return Lease(
        id=f"{plan.drill_id}.{number:02d}",
        drill_id=plan.drill_id,
        fault_id=fault.id,
        kind=fault.kind,
        service=fault.target,
        instance=state.instance,
        reversibility=world.injector(fault.kind).reversibility,
        stack=world.stack.identity(),
        boot_id=world.boot_id,
        expires_at_ns=runtime.now_ns() + int(fault.max_duration * 1e9),
        expires_utc=runtime.utc().isoformat(timespec="milliseconds"),
        settle_s=0.0,
        params=fault.params,
    )

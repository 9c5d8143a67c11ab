"""Everything that can be known before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from drill.engine.aim import aimed, stack_for, within_reach
from drill.engine.setting import Plan, World
from drill.engine.staging import prove_staging
from drill.errors import DrillError, InvalidInput, Refused
from drill.model.config import Config
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, Scenario
from drill.ports import Injector, Ramped, Stack


async def preflight(plan: Plan, world: World) -> None:
    """Emit each check; raise Refused (or InvalidInput) at the first that fails."""
    checks = (("capabilities", _capabilities), ("staging", _staging), ("faults", _faults), ("alerting", _alerting))
    for name, check in checks:
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
    return staging_proof(plan.scenario, world.stack, plan.config)


def staging_proof(scenario: Scenario, stack: Stack, config: Config) -> str:
    """How everything that the scenario may hit was proved staging. Raises Refused."""
    targets = {name for fault in scenario.faults for name in within_reach(fault, stack)}
    return "; ".join(f"{name}: {how}" for name, how in prove_staging(stack, config, targets))


def _faults(plan: Plan, world: World) -> str:
    hit = []
    for spec in plan.scenario.faults:
        injector = world.injector(spec.kind)
        _allowed(spec, injector, world.stack, plan.config)
        fault, replica = aimed(spec, world.stack, plan.seed)
        draft = replace(draft_lease(plan, world, fault, 0), replica=replica)
        injector.plan(fault, stack_for(draft, world.stack), draft)
        hit.append(f"{fault.kind} on {fault.target}" + (f" (replica {replica})" if replica else ""))
    return "planned " + ", ".join(hit)


def _allowed(spec: FaultSpec, injector: Injector, stack: Stack, config: Config) -> None:
    """Whether this kind may be used on this stack at all. Raises InvalidInput or Refused."""
    if spec.ramp and not isinstance(injector, Ramped):
        raise InvalidInput(f"fault {spec.id}: {spec.kind} cannot grow; remove its ramp")
    if lacking := injector.needs - stack.capabilities():
        raise Refused(f"fault {spec.id}: {spec.kind} needs {sorted(lacking)[0]!r}, which this stack has not")
    if injector.loses_data and config.stack.data != "disposable":
        raise Refused(f"fault {spec.id}: {spec.kind} can lose data; allowed only with `data: disposable` in drill.yaml")


def _alerting(plan: Plan, world: World) -> str:
    """The alert path exists, and the stack's rules are what the playbook says: else the delay's parts are fiction."""
    watched = [source.name for source in plan.playbook.sources if world.watches(source)]
    if plan.scenario.expected.detection and not set(watched) & set(plan.scenario.expected.detection):
        raise Refused(
            f"none of the detection sources that {plan.scenario.id} expects "
            f"({', '.join(plan.scenario.expected.detection)}) works on this stack; run it with --stack compose"
        )
    wrong = list(world.alerts.disagreements()) if world.alerts is not None else []
    if wrong:
        raise InvalidInput(f"playbook {plan.playbook.id} and the stack's alerting rules differ: {'; '.join(wrong)}")
    return "watched: " + ", ".join(watched)


def draft_lease(plan: Plan, world: World, fault: FaultSpec, number: int) -> Lease:
    """The parts of a lease that do not depend on the fault kind; the injector's ``plan`` completes it."""
    blank = blank_lease(fault, world.stack, world.injector(fault.kind))
    return replace(
        blank,
        id=f"{plan.drill_id}.{number:02d}",
        drill_id=plan.drill_id,
        boot_id=world.boot_id,
        expires_at_ns=world.runtime.now_ns() + int(fault.max_duration * 1e9),
        expires_utc=(world.runtime.utc() + timedelta(seconds=fault.max_duration)).isoformat(timespec="milliseconds"),
    )


def blank_lease(fault: FaultSpec, stack: Stack, injector: Injector) -> Lease:
    """A lease with no drill, clock or expiry in it yet. Raises Refused when the target does not exist."""
    state = stack.services().get(fault.target)
    if state is None:
        raise Refused(f"fault {fault.id}: service {fault.target!r} does not exist on this stack; is it up?")
    return Lease(
        id=fault.id,
        drill_id="",
        fault_id=fault.id,
        kind=fault.kind,
        service=fault.target,
        instance=state.instance,
        reversibility=injector.reversibility,
        stack=stack.identity(),
        boot_id="",
        expires_at_ns=0,
        expires_utc="",
        settle_s=0.0,
        params=fault.params,
    )


def dry_leases(
    scenario: Scenario, stack: Stack, config: Config, injector: Callable[[str], Injector], seed: int
) -> list[Lease]:
    """What each fault of a scenario would change now and how it would be undone; touches nothing.

    Raises what the preflight would raise for it.
    """
    return [_dry_lease(fault, stack, config, injector(fault.kind), seed) for fault in scenario.faults]


def _dry_lease(spec: FaultSpec, stack: Stack, config: Config, injector: Injector, seed: int) -> Lease:
    _allowed(spec, injector, stack, config)
    fault, replica = aimed(spec, stack, seed)
    draft = replace(blank_lease(fault, stack, injector), replica=replica)
    return injector.plan(fault, stack_for(draft, stack), draft)

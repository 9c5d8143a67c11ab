"""A fault whose apply or undo does nothing is found out: every kind of the registry, as its sample has it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from fault_kinds import kernel_marks, kinds_with_sample, sample_of
from observers import until

from drill import clock, registry
from drill.engine.aim import aimed, stack_for
from drill.engine.preflight import blank_lease
from drill.errors import StackError
from drill.loader import load_scenario
from drill.model.lease import Lease, Moment
from drill.ports import Injector, Stack

NOTHING_TO_SEE = ("noop",)
"""It changes nothing, and says so: that is what it is for."""
QUICK = ("change.flag", "container.pause", "container.cpu", "network.drop", "proxy.down", "proxy.latency")
"""The kinds of `make test`."""
PROVED_WITHIN_S = 5.0
UNDONE_WITHIN_S = 20.0
HEALTHY_WITHIN_S = 40.0


KINDS = [kind for kind in kinds_with_sample() if kind not in NOTHING_TO_SEE]
"""That each has a sample is asked by the crash suite."""


def _params() -> list[object]:
    slow = {kind: [] if kind in QUICK else [pytest.mark.slow] for kind in KINDS}
    return [pytest.param(kind, marks=[*slow[kind], *kernel_marks(kind)]) for kind in KINDS]


def test_the_quick_kinds_exist() -> None:
    assert set(QUICK) <= set(KINDS)


def _idle(injector: Injector) -> Injector:
    """The same, but it touches nothing."""

    class Idle(type(injector)):  # type: ignore[misc]  # the class is chosen when the test runs
        def apply(self, lease: Lease, stack: Stack) -> Moment:
            return Moment(at_ns=clock.now_ns(), uncertainty_ns=0, source="call")

        def undo(self, lease: Lease, stack: Stack) -> None:
            return

    idle: Injector = Idle()
    return idle


def _planned(kind: str, whole: Stack) -> tuple[Injector, Lease, Stack]:
    """The lease of the sample's fault, and the stack as its injector is to see it."""
    injector = registry.get(kind)
    spec = load_scenario(sample_of(kind)).faults[0]
    target, replica = aimed(spec, whole, seed=1)
    draft = replace(
        blank_lease(target, whole, injector),
        id=f"D-mutation-{kind}.01",
        replica=replica,
        boot_id=clock.boot_id(),
        expires_at_ns=clock.now_ns() + int(spec.max_duration * 1e9),
    )
    stack = stack_for(draft, whole)
    return injector, injector.plan(target, stack, draft), stack


def _undo(injector: Injector, lease: Lease, stack: Stack) -> bool:
    """As the engine does it: again until it is seen undone, with a bound."""
    give_up = time.monotonic() + UNDONE_WITHIN_S
    while time.monotonic() < give_up:
        try:
            injector.undo(lease, stack)
            if injector.undone(lease, stack):
                return True
        except StackError:
            continue
    return False


@pytest.mark.engine
@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", _params())
def test_an_apply_or_undo_that_does_nothing_is_found_out(kind: str, reference_stack: Stack) -> None:
    injector, lease, stack = _planned(kind, reference_stack)
    idle = _idle(injector)
    assert not injector.active(lease, stack), "seen active before it was applied"
    idle.apply(lease, stack)
    assert not injector.active(lease, stack), "an apply that did nothing was taken for one"
    try:
        injector.apply(lease, stack)
        assert until(lambda: injector.active(lease, stack), PROVED_WITHIN_S), "the real one is not seen"
        if injector.reversibility != "momentary":
            idle.undo(lease, stack)
            assert not injector.undone(lease, stack), "an undo that did nothing was taken for one"
    finally:
        assert _undo(injector, lease, stack), f"not undone; by hand: {lease.manual}"
    for name in {lease.service, *(state.name for state in reference_stack.services().values())}:
        assert reference_stack.wait_healthy(name, HEALTHY_WITHIN_S), name

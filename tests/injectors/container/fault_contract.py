"""What every fault of this family promises. `there` is how an outside observer sees the fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from drafts import draft_of
from observers import Outside, Watch, answers, until

from drill.errors import InvalidInput, StackError
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import Seconds
from drill.ports import Injector, ServiceState, Stack

VICTIM = "statuspage"


def fault(injector: Injector, params: Mapping[str, ParamValue] | None = None, target: str = VICTIM) -> FaultSpec:
    return FaultSpec(id="f1", kind=injector.kind, target=target, max_duration=Seconds(30), params=params or {})


def planned(injector: Injector, stack: Stack, params: Mapping[str, ParamValue] | None = None) -> Lease:
    return lease_for(injector, stack, VICTIM, params or {})


def lease_for(injector: Injector, stack: Stack, target: str, params: Mapping[str, ParamValue]) -> Lease:
    draft = draft_of(injector, stack, target)
    return injector.plan(fault(injector, params, target), stack, draft)


class _Changed:
    """A stack that says something else of the victim, and passes on the rest."""

    def __init__(self, stack: Stack, state: ServiceState | None) -> None:
        self._stack = stack
        self._state = state

    def services(self) -> dict[str, ServiceState]:
        others = {name: state for name, state in self._stack.services().items() if name != VICTIM}
        return others | ({VICTIM: self._state} if self._state else {})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stack, name)


def without_victim(stack: Stack) -> Stack:
    return cast(Stack, _Changed(stack, None))


class FaultContract:
    """Subclass with `injector` and `there`."""

    injector: Injector
    there: Callable[[Outside], bool]
    timed: Callable[[Outside], bool]

    def test_plan_touches_nothing(self, target: Stack) -> None:
        before = target.services()
        planned(self.injector, target)
        after = target.services()
        assert {name: (state.instance, state.pid) for name, state in after.items()} == {
            name: (state.instance, state.pid) for name, state in before.items()
        }
        assert answers(target.address(VICTIM, "http"))

    def test_the_lease_says_how_to_undo_and_survives_json(self, target: Stack) -> None:
        lease = planned(self.injector, target)
        assert lease.before == {"running": True, "paused": False, "instance": lease.instance, "role": ""}
        assert lease.instance == target.services()[VICTIM].instance
        assert lease.settle_s > 0
        assert any("`" in step for step in lease.manual)
        assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease

    def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(self, target: Stack) -> None:
        lease, outside = planned(self.injector, target), Outside(target.services()[VICTIM].instance)
        assert not self.injector.active(lease, target)
        self.injector.apply(lease, target)
        assert self.there(outside)
        assert not answers(target.address(VICTIM, "http"))
        assert self.injector.active(lease, target)
        assert not self.injector.undone(lease, target)
        self.injector.undo(lease, target)
        assert self.injector.undone(lease, target)
        assert not self.injector.active(lease, target)
        assert until(lambda: answers(target.address(VICTIM, "http")))

    def test_the_onset_is_true_within_its_uncertainty(self, target: Stack) -> None:
        lease, outside = planned(self.injector, target), Outside(target.services()[VICTIM].instance)
        with Watch(lambda: self.timed(outside)) as watch:
            onset = self.injector.apply(lease, target)
        earliest, latest = watch.span()
        assert onset.at_ns - onset.uncertainty_ns <= latest
        assert earliest <= onset.at_ns + onset.uncertainty_ns

    def test_undo_twice_is_the_same_as_once(self, target: Stack) -> None:
        lease = planned(self.injector, target)
        self.injector.apply(lease, target)
        self.injector.undo(lease, target)
        pid = target.services()[VICTIM].pid
        self.injector.undo(lease, target)
        assert target.services()[VICTIM].pid == pid
        assert self.injector.undone(lease, target)

    def test_undo_without_apply_changes_nothing(self, target: Stack) -> None:
        lease, pid = planned(self.injector, target), target.services()[VICTIM].pid
        self.injector.undo(lease, target)
        assert target.services()[VICTIM].pid == pid
        assert self.injector.undone(lease, target)

    def test_undo_leaves_what_a_responder_restarted(self, target: Stack) -> None:
        lease = planned(self.injector, target)
        self.injector.apply(lease, target)
        target.restart(VICTIM)
        assert not self.injector.active(lease, target)
        pid = target.services()[VICTIM].pid
        self.injector.undo(lease, target)
        assert target.services()[VICTIM].pid == pid
        assert self.injector.undone(lease, target)

    def test_undo_of_a_removed_service_fails_with_the_manual_steps(self, target: Stack) -> None:
        lease = planned(self.injector, target)
        gone = without_victim(target)
        assert not self.injector.undone(lease, gone)
        with pytest.raises(StackError, match=VICTIM) as caught:
            self.injector.undo(lease, gone)
        assert lease.manual[0] in str(caught.value)

    def test_an_apply_that_does_nothing_is_seen(self, target: Stack) -> None:
        class Broken(type(self.injector)):  # type: ignore[misc]  # the class is chosen by the subclass
            def apply(self, lease: Lease, stack: Stack) -> Moment:
                return Moment(at_ns=0, uncertainty_ns=0, source="call")

        broken: Injector = Broken()
        lease = planned(broken, target)
        broken.apply(lease, target)
        assert not broken.active(lease, target)

    def test_an_undo_that_does_nothing_is_seen(self, target: Stack) -> None:
        class Broken(type(self.injector)):  # type: ignore[misc]  # as above
            def undo(self, lease: Lease, stack: Stack) -> None:
                """Nothing."""

        broken: Injector = Broken()
        lease = planned(broken, target)
        broken.apply(lease, target)
        broken.undo(lease, target)
        assert not broken.undone(lease, target)
        assert broken.active(lease, target)

    def test_an_unknown_parameter_is_refused(self, target: Stack) -> None:
        with pytest.raises(InvalidInput, match="'sginal'"):
            planned(self.injector, target, {"sginal": "SIGKILL"})

    def test_an_absent_target_is_refused(self, target: Stack) -> None:
        with pytest.raises(InvalidInput, match="no service 'statuspage'"):
            planned(self.injector, without_victim(target))

    def test_a_target_that_is_down_or_paused_is_refused(self, target: Stack) -> None:
        lease = planned(self.injector, target)
        self.injector.apply(lease, target)
        with pytest.raises(InvalidInput, match=VICTIM):
            planned(self.injector, target)

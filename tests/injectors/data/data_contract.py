"""What every fault of a data store promises. ``there`` is how an outside observer sees the effect."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping

import pytest
from compose_rig import docker
from data_rig import PRIMARY, DataRig
from drafts import draft_of
from observers import Watch, until

from drill.errors import InvalidInput
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import Seconds
from drill.ports import Injector, Stack


def lease_for(
    injector: Injector, stack: Stack, target: str, params: Mapping[str, ParamValue], for_s: int = 60
) -> Lease:
    draft = draft_of(injector, stack, target)
    fault = FaultSpec(
        id="f1", kind=injector.kind, target=target, max_duration=Seconds(for_s), params=params, duration=Seconds(5)
    )
    return injector.plan(fault, stack, draft)


class DataContract:
    """Subclass with these."""

    injector: Injector
    target = PRIMARY
    params: Mapping[str, ParamValue] = {}
    bad: tuple[Mapping[str, ParamValue], ...] = ()
    survives_restart = False
    """Whether the effect is there again after the target was restarted."""
    there: Callable[[DataRig], bool]

    def planned(self, rig: DataRig, injector: Injector | None = None) -> Lease:
        return lease_for(injector or self.injector, rig.stack, self.target, self.params)

    def test_plan_touches_nothing_and_the_lease_survives_json(self, rig: DataRig) -> None:
        before = rig.picture()
        lease = self.planned(rig)
        assert rig.picture() == before
        assert not self.there(rig)
        assert lease.settle_s > 0
        assert any("`" in step for step in lease.manual)
        assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease

    def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(self, rig: DataRig) -> None:
        before, lease = rig.picture(), self.planned(rig)
        self.injector.undo(lease, rig.stack)
        assert rig.picture() == before
        assert not self.injector.active(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        with Watch(lambda: self.there(rig)) as watch:
            onset = self.injector.apply(lease, rig.stack)
        assert onset.at_ns - onset.uncertainty_ns <= watch.span()[1]
        assert watch.span()[0] <= onset.at_ns + onset.uncertainty_ns
        assert self.injector.active(lease, rig.stack)
        assert not self.injector.undone(lease, rig.stack)
        for _ in range(2):
            self.injector.undo(lease, rig.stack)
            assert self.injector.undone(lease, rig.stack)
            assert not self.injector.active(lease, rig.stack)
            assert until(lambda: not self.there(rig))
        assert rig.picture() == before

    @pytest.mark.slow
    def test_it_is_undone_after_the_target_was_restarted(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        docker("restart", "-t", "5", rig.container(self.target))
        assert until(lambda: rig.stack.wait_healthy(self.target, 1) and self.answers(rig), 30)
        assert self.injector.active(lease, rig.stack) == self.survives_restart
        assert self.there(rig) == self.survives_restart
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert not self.there(rig)

    @pytest.mark.slow
    def test_it_is_undone_after_the_target_was_made_anew(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        docker("rm", "-f", rig.container(self.target))
        assert not self.injector.active(lease, rig.stack)
        rig.stack.up(lambda _: None)
        assert until(lambda: self.answers(rig), 30)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert not self.injector.active(lease, rig.stack)
        assert not self.there(rig)

    def answers(self, rig: DataRig) -> bool:
        return rig.sql(self.target, "SELECT 1") == "1"

    def test_an_apply_or_an_undo_that_does_nothing_is_seen(self, rig: DataRig) -> None:
        class Broken(type(self.injector)):  # type: ignore[misc]  # the class is chosen by the subclass
            def apply(self, lease: Lease, stack: Stack) -> Moment:
                return Moment(at_ns=0, uncertainty_ns=0, source="call")

            def undo(self, lease: Lease, stack: Stack) -> None:
                """Nothing."""

        broken: Injector = Broken()
        lease = self.planned(rig, broken)
        broken.apply(lease, rig.stack)
        assert not broken.active(lease, rig.stack)
        self.injector.apply(lease, rig.stack)
        broken.undo(lease, rig.stack)
        assert not broken.undone(lease, rig.stack)
        assert broken.active(lease, rig.stack)

    @pytest.mark.slow
    def test_the_manual_steps_work(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        for step in lease.manual:
            if step.count("`") == 2:
                subprocess.run(["sh", "-ec", step.split("`")[1]], check=False, capture_output=True, timeout=30)
        assert until(lambda: self.injector.undone(lease, rig.stack))
        assert not self.there(rig)

    def test_what_makes_no_sense_is_refused_in_one_line(self, rig: DataRig) -> None:
        for params in (*self.bad, {**self.params, "spede": 1}):
            with pytest.raises(InvalidInput, match="fault f1: ") as caught:
                lease_for(self.injector, rig.stack, self.target, params)
            assert "\n" not in str(caught.value)
        with pytest.raises(InvalidInput, match="no service 'nobody'"):
            lease_for(self.injector, rig.stack, "nobody", self.params)
        with pytest.raises(InvalidInput, match="fault f1: "):
            lease_for(self.injector, rig.stack, "worker", self.params)
        docker("pause", rig.container(self.target))
        with pytest.raises(InvalidInput, match="paused"):
            self.planned(rig)

"""What every fault of this family promises, between real containers; `hit` is how an outsider sees the fault."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping

import pytest
from compose_rig import docker
from network_rig import FAR, OTHER, NetworkRig, planned
from observers import Watch, until

from drill.errors import InvalidInput
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Injector, Stack

THEIRS = ("-A", "INPUT", "-p", "tcp", "--dport", "9", "-m", "comment", "--comment", "drill-D-1-02", "-j", "DROP")


class NetworkFaultContract:
    """Subclass with ``injector``, ``params`` and ``hit``."""

    injector: Injector
    params: Mapping[str, ParamValue]

    def hit(self, rig: NetworkRig) -> bool:
        """Whether an outsider sees the fault."""
        raise NotImplementedError

    def plan(self, rig: NetworkRig) -> Lease:
        return planned(self.injector, rig.stack, self.params)

    def test_plan_touches_nothing_and_its_lease_survives_json(self, rig: NetworkRig) -> None:
        before = rig.filter()
        lease = self.plan(rig)
        assert rig.filter() == before
        assert rig.helpers() == []
        assert lease.instance == rig.container()
        assert lease.settle_s > 0
        assert lease.params["back_end"]
        assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease

    def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(self, rig: NetworkRig) -> None:
        lease, before = self.plan(rig), rig.filter()
        assert until(rig.whole)
        assert not self.injector.active(lease, rig.stack)
        with Watch(lambda: self.hit(rig)) as watch:
            onset = self.injector.apply(lease, rig.stack)
        earliest, latest = watch.span()
        assert onset.at_ns - onset.uncertainty_ns <= latest
        assert earliest <= onset.at_ns + onset.uncertainty_ns
        assert until(lambda: self.hit(rig))
        assert until(lambda: rig.reaches(OTHER, FAR))
        assert self.injector.active(lease, rig.stack)
        assert not self.injector.undone(lease, rig.stack)
        for _ in range(2):
            self.injector.undo(lease, rig.stack)
            assert self.injector.undone(lease, rig.stack)
        assert not self.injector.active(lease, rig.stack)
        assert until(rig.whole)
        assert (rig.filter(), rig.helpers()) == (before, [])

    def test_undo_without_apply_and_undo_leave_what_others_made(self, rig: NetworkRig) -> None:
        rig.beside("iptables", *THEIRS)
        lease, before = self.plan(rig), rig.filter()
        self.injector.undo(lease, rig.stack)
        assert rig.filter() == before
        self.injector.apply(lease, rig.stack)
        rig.beside("iptables", "-I", *THEIRS[1:])
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        rule = next(line for line in before if "drill-D-1-02" in line)
        assert [line for line in rig.filter() if line not in before or line == rule] == [rule, rule]

    @pytest.mark.slow
    def test_a_target_that_a_responder_restarted_ends_clean(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(lease, rig.stack)
        docker("restart", "-t", "0", rig.container())
        assert not self.injector.active(lease, rig.stack)
        assert until(rig.whole)
        assert self.injector.undone(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert rig.helpers() == []

    def test_an_apply_or_an_undo_that_does_nothing_is_seen(self, rig: NetworkRig) -> None:
        class Broken(type(self.injector)):  # type: ignore[misc]  # the class is chosen by the subclass
            def undo(self, lease: Lease, stack: Stack) -> None:
                """Nothing."""

        class Idle(Broken):
            def apply(self, lease: Lease, stack: Stack) -> Moment:
                return Moment(at_ns=0, uncertainty_ns=0, source="call")

        lease = self.plan(rig)
        for broken, there in ((Idle(), False), (Broken(), True)):
            broken.apply(lease, rig.stack)
            assert broken.active(lease, rig.stack) is there
            broken.undo(lease, rig.stack)
            assert broken.undone(lease, rig.stack) is not there
        self.injector.undo(lease, rig.stack)

    def test_what_it_does_not_know_or_cannot_hit_is_refused(self, rig: NetworkRig) -> None:
        with pytest.raises(InvalidInput, match="no parameter 'colour'"):
            planned(self.injector, rig.stack, {**self.params, "colour": "red"})
        with pytest.raises(InvalidInput, match="no service 'nowhere'"):
            planned(self.injector, rig.stack, self.params, target="nowhere")
        docker("kill", rig.container())
        with pytest.raises(InvalidInput, match="near is not running"):
            self.plan(rig)


class KeeperContract(NetworkFaultContract):
    """For one fault of each back end: what becomes of it when its keeper, its target or the harness is gone."""

    stays_without_keeper = True

    @pytest.mark.slow
    def test_it_ends_by_itself_when_its_time_is_over(self, rig: NetworkRig) -> None:
        lease, before = planned(self.injector, rig.stack, self.params, max_duration=0.5), rig.filter()
        assert lease.params["bound_s"] == 5.5
        self.injector.apply(lease, rig.stack)
        assert until(lambda: self.hit(rig))
        assert until(lambda: rig.helpers() == [], within_s=12)
        assert rig.filter() == before
        assert self.injector.undone(lease, rig.stack)

    @pytest.mark.slow
    def test_a_keeper_that_was_killed_is_told_truly(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(lease, rig.stack)
        docker("rm", "-f", *rig.helpers())
        assert until(lambda: self.hit(rig) is self.stays_without_keeper)
        assert self.injector.active(lease, rig.stack) is self.stays_without_keeper
        assert not self.injector.undone(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert until(rig.whole)

    @pytest.mark.slow
    def test_a_target_that_was_removed_and_made_anew_ends_clean(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(lease, rig.stack)
        docker("rm", "-f", rig.container())
        for _ in range(2):
            assert not self.injector.active(lease, rig.stack)
            self.injector.undo(lease, rig.stack)
            assert self.injector.undone(lease, rig.stack)
            rig.stack.up(lambda _: None)
        assert rig.helpers() == []

    @pytest.mark.slow
    def test_the_steps_by_hand_undo_it(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(lease, rig.stack)
        for step in lease.manual[:-1]:
            subprocess.run(["bash", "-c", step.split("`")[1]], check=True, capture_output=True, timeout=30)
        assert self.injector.undone(lease, rig.stack)
        assert until(rig.whole)

    def test_nothing_that_players_see_tells_the_kind(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(lease, rig.stack)
        shown = docker("ps", "-a", "--no-trunc", "--filter", f"label=drill.helper.project={rig.project}")
        assert "drill-helper-" in shown
        assert lease.kind.split(".")[1] not in shown

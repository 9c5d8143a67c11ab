"""container.pause on both stacks."""

from __future__ import annotations

from fault_contract import VICTIM, FaultContract, planned
from observers import Outside

from drill.ports import Stack
from injectors.container.pause import Pause


class TestPause(FaultContract):
    injector = Pause()
    there = staticmethod(Outside.paused)
    timed = staticmethod(Outside.frozen)

    def test_the_same_instance_goes_on_after_undo(self, target: Stack) -> None:
        lease = planned(self.injector, target)
        pid = target.services()[VICTIM].pid
        self.injector.apply(lease, target)
        self.injector.undo(lease, target)
        assert target.services()[VICTIM].pid == pid

    def test_undo_finishes_a_restart_that_died_half_way(self, target: Stack) -> None:
        lease = planned(self.injector, target)
        self.injector.apply(lease, target)
        target.stop(VICTIM, grace_s=1)
        self.injector.undo(lease, target)
        assert target.services()[VICTIM].running
        assert self.injector.undone(lease, target)

    def test_the_manual_steps_begin_with_unpausing(self, target: Stack) -> None:
        lease = planned(self.injector, target)
        assert lease.manual[0].split("`")[1].split()[:2] in (["docker", "unpause"], ["kill", "-CONT"])

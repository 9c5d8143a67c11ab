"""container.kill on both stacks."""

from __future__ import annotations

import pytest
from fault_contract import VICTIM, FaultContract, planned
from observers import Outside

from drill.errors import InvalidInput
from drill.ports import Stack
from injectors.container.kill import Kill


class TestKill(FaultContract):
    injector = Kill()
    there = staticmethod(Outside.ended)
    timed = staticmethod(Outside.ended)

    def test_sigkill_is_the_default(self, target: Stack) -> None:
        assert planned(self.injector, target).params == {"signal": "SIGKILL"}

    @pytest.mark.parametrize("signal", ["SIGTERM", "SIGUSR1", "SIGXCPU"])
    def test_another_signal_ends_it_too(self, target: Stack, signal: str) -> None:
        lease = planned(self.injector, target, {"signal": signal})
        self.injector.apply(lease, target)
        assert self.injector.active(lease, target)

    @pytest.mark.parametrize("signal", ["SIGSTOP", "KILL", 9, "", "SIGCHLD", "SIGSEGV"])
    def test_a_signal_that_is_unknown_or_does_not_end_a_service_is_refused(
        self, target: Stack, signal: str | int
    ) -> None:
        with pytest.raises(InvalidInput, match="SIGKILL"):
            planned(self.injector, target, {"signal": signal})
        assert target.services()[VICTIM].running

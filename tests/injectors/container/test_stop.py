"""container.stop on both stacks."""

from __future__ import annotations

import pytest
from fault_contract import FaultContract, planned
from observers import Outside

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from drill.ports import Stack
from injectors.container.stop import Stop


class TestStop(FaultContract):
    injector = Stop()
    there = staticmethod(Outside.ended)
    timed = staticmethod(Outside.ended)

    @pytest.mark.parametrize(("grace", "seconds"), [(0, 0.0), (2.5, 2.5), ("3s", 3.0)])
    def test_grace_is_seconds_or_a_duration(self, target: Stack, grace: ParamValue, seconds: float) -> None:
        lease = planned(self.injector, target, {"grace": grace})
        assert lease.params == {"grace": seconds}
        assert lease.settle_s == seconds + 1

    @pytest.mark.parametrize("grace", [-1, 301, "soon", True, "1 business day"])
    def test_a_grace_that_makes_no_sense_is_refused(self, target: Stack, grace: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="grace"):
            planned(self.injector, target, {"grace": grace})

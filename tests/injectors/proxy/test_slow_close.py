"""proxy.slow-close, seen by a raw client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import GrowingContract, Rig, StreamContract, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.slow_close import SlowClose


class TestSlowClose(StreamContract, GrowingContract):
    injector = SlowClose()
    params = MappingProxyType({"proxy": "payments", "delay": "300ms"})

    def hit(self, rig: Rig) -> bool:
        """The answer is whole and its connection ends late."""
        seen = rig.talk()
        return seen.data.endswith(b"}") and seen.seconds >= 0.295

    def test_the_answer_itself_is_not_late(self, rig: Rig) -> None:
        self.injector.apply(planned(self.injector, rig, self.params), rig.as_stack())
        status, _, seconds = rig.get()
        assert status == 200
        assert seconds < 0.25

    @pytest.mark.parametrize("value", [0, -5, "soon", True, "1h"])
    def test_a_delay_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="delay"):
            planned(self.injector, rig, {**self.params, "delay": value})

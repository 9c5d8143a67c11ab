"""proxy.reset-peer, seen by a raw client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import Rig, StreamContract, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.reset_peer import ResetPeer


class TestResetPeer(StreamContract):
    injector = ResetPeer()
    params = MappingProxyType({"proxy": "payments"})

    def hit(self, rig: Rig) -> bool:
        seen = rig.talk()
        return (seen.data, seen.end) == (b"", "reset")

    def test_the_reset_comes_after_the_time(self, rig: Rig) -> None:
        params = {**self.params, "timeout": "200ms"}
        self.injector.apply(planned(self.injector, rig, params), rig.as_stack())
        seen = rig.talk()
        assert seen.end == "reset"
        assert seen.seconds >= 0.195

    @pytest.mark.parametrize("value", [-5, "soon", True, "1h"])
    def test_a_time_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="timeout"):
            planned(self.injector, rig, {**self.params, "timeout": value})

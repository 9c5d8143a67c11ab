"""proxy.bandwidth, seen by a raw client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import Rig, StreamContract, planned, post

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.bandwidth import Bandwidth


class TestBandwidth(StreamContract):
    injector = Bandwidth()
    params = MappingProxyType({"proxy": "payments", "rate": 100})

    def hit(self, rig: Rig) -> bool:
        """30 kB at 100 KB/s."""
        seen = rig.talk(post(30_000))
        return len(seen.data) > 30_000 and seen.seconds >= 0.295

    @pytest.mark.parametrize("value", [0, -1, "1MB", 1.5, None])
    def test_a_rate_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue | None) -> None:
        params = {name: each for name, each in {**self.params, "rate": value}.items() if each is not None}
        with pytest.raises(InvalidInput, match="rate"):
            planned(self.injector, rig, params)

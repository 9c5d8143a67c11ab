"""proxy.latency, seen by a plain HTTP client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import Rig, ToxicContract, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.latency import Latency


class TestLatency(ToxicContract):
    injector = Latency()
    params = MappingProxyType({"proxy": "payments", "latency": "300ms"})

    def hit(self, rig: Rig) -> bool:
        status, _, seconds = rig.get()
        return status == 200 and seconds >= 0.295

    @pytest.mark.parametrize(("value", "ms"), [(250, 250), ("2s", 2000), ("1.5s", 1500)])
    def test_it_is_milliseconds_or_a_duration(self, rig: Rig, value: ParamValue, ms: int) -> None:
        assert planned(self.injector, rig, {**self.params, "latency": value}).params["latency"] == ms

    @pytest.mark.parametrize("value", [0, -5, "soon", 1.5, True, "2h"])
    def test_a_latency_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="latency"):
            planned(self.injector, rig, {**self.params, "latency": value})

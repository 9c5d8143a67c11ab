"""proxy.latency, seen by a plain HTTP client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import GrowingContract, Rig, StreamContract, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.latency import Latency


class TestLatency(StreamContract, GrowingContract):
    injector = Latency()
    params = MappingProxyType({"proxy": "payments", "latency": "300ms"})

    def hit(self, rig: Rig) -> bool:
        status, _, seconds = rig.get()
        return status == 200 and seconds >= 0.295

    def test_the_jitter_varies_it_up_and_down(self, rig: Rig) -> None:
        params = {**self.params, "latency": 60, "jitter": 60}
        self.injector.apply(planned(self.injector, rig, params), rig.as_stack())
        spent = [rig.get()[2] for _ in range(20)]
        assert max(spent) - min(spent) > 0.02

    @pytest.mark.parametrize(("value", "ms"), [(250, 250), ("2s", 2000), ("1.5s", 1500)])
    def test_it_is_milliseconds_or_a_duration(self, rig: Rig, value: ParamValue, ms: int) -> None:
        assert planned(self.injector, rig, {**self.params, "latency": value}).params["latency"] == ms

    @pytest.mark.parametrize("value", [0, -5, "soon", 1.5, True, "2h"])
    def test_a_latency_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="latency"):
            planned(self.injector, rig, {**self.params, "latency": value})

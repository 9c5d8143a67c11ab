"""proxy.http-delay, seen by a plain HTTP client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import HttpContract, Rig, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.http_delay import HttpDelay


class TestHttpDelay(HttpContract):
    injector = HttpDelay()
    params = MappingProxyType({"proxy": "payments", "delay": "300ms"})

    def told(self, rig: Rig, method: str, path: str) -> bool:
        status, _, seconds = rig.get(method=method, path=path)
        return status == 200 and seconds >= 0.295

    def test_the_jitter_varies_it_up_and_down(self, rig: Rig) -> None:
        params = {**self.params, "delay": 60, "jitter": 60}
        self.injector.apply(planned(self.injector, rig, params), rig.as_stack())
        spent = [rig.get()[2] for _ in range(20)]
        assert max(spent) - min(spent) > 0.02

    @pytest.mark.parametrize("value", [0, -5, "soon", True, "1h"])
    def test_a_delay_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="delay"):
            planned(self.injector, rig, {**self.params, "delay": value})

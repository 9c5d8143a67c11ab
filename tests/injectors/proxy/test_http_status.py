"""proxy.http-status, seen by a plain HTTP client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import Rig, ToxicContract, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.http_status import HttpStatus


class TestHttpStatus(ToxicContract):
    injector = HttpStatus()
    params = MappingProxyType({"proxy": "payments", "status": 502})

    def hit(self, rig: Rig) -> bool:
        return rig.get()[0] == 502

    def test_method_route_and_share_choose_requests(self, rig: Rig) -> None:
        params = {**self.params, "method": "POST", "route": "/charges", "share": 50}
        self.injector.apply(planned(self.injector, rig, params), rig.as_stack())
        assert rig.get(path="/charges")[0] == 200
        assert rig.get(path="/other", method="POST")[0] == 200
        assert {rig.get(path="/charges", method="POST")[0] for _ in range(40)} == {200, 502}

    @pytest.mark.parametrize(("name", "value"), [("status", 700), ("body", 5), ("share", 101), ("method", True)])
    def test_a_parameter_that_makes_no_sense_is_refused(self, rig: Rig, name: str, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match=name):
            planned(self.injector, rig, {**self.params, name: value})

"""proxy.http-status, seen by a plain HTTP client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import HttpContract, Rig, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.http_status import HttpStatus


class TestHttpStatus(HttpContract):
    injector = HttpStatus()
    params = MappingProxyType({"proxy": "payments", "status": 502})

    def told(self, rig: Rig, method: str, path: str) -> bool:
        return rig.get(method=method, path=path)[0] == 502

    @pytest.mark.parametrize(("name", "value"), [("status", 700), ("body", 5)])
    def test_a_parameter_that_makes_no_sense_is_refused(self, rig: Rig, name: str, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match=name):
            planned(self.injector, rig, {**self.params, name: value})

"""proxy.rate-limit, seen by a plain HTTP client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import Rig, ToxicContract, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.rate_limit import RateLimit


class TestRateLimit(ToxicContract):
    injector = RateLimit()
    params = MappingProxyType({"proxy": "payments", "retry_after": 7})

    def hit(self, rig: Rig) -> bool:
        status, headers, _ = rig.get()
        return status == 429 and headers["Retry-After"] == "7"

    def test_the_upstream_sees_nothing(self, rig: Rig) -> None:
        self.injector.apply(planned(self.injector, rig, self.params), rig.as_stack())
        assert self.hit(rig)
        assert rig.seen == []

    def test_a_limit_and_a_route(self, rig: Rig) -> None:
        params = {**self.params, "limit": 2, "window": 60_000, "route": "/charges", "status": 503}
        self.injector.apply(planned(self.injector, rig, params), rig.as_stack())
        assert [rig.get(path="/charges")[0] for _ in range(4)] == [200, 200, 503, 503]
        assert rig.get(path="/health")[0] == 200

    @pytest.mark.parametrize(
        ("name", "value"),
        [("status", 200), ("status", "429"), ("retry_after", -1), ("limit", 1.5), ("share", 0), ("route", 5)],
    )
    def test_a_parameter_that_makes_no_sense_is_refused(self, rig: Rig, name: str, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match=name):
            planned(self.injector, rig, {**self.params, name: value})

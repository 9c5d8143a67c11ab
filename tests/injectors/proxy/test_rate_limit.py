"""proxy.rate-limit, seen by a plain HTTP client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import HttpContract, Rig, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.rate_limit import RateLimit


class TestRateLimit(HttpContract):
    injector = RateLimit()
    params = MappingProxyType({"proxy": "payments", "retry_after": 7})

    def told(self, rig: Rig, method: str, path: str) -> bool:
        status, headers, _ = rig.get(method=method, path=path)
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

    def test_growth_does_not_give_the_quota_back(self, rig: Rig) -> None:
        lease = planned(self.injector, rig, {**self.params, "limit": 1, "window": 60_000})
        self.injector.apply(lease, rig.as_stack())
        assert rig.get()[0] == 200
        self.injector.adjust(lease, rig.as_stack())
        assert self.hit(rig)

    @pytest.mark.parametrize(
        ("name", "value"), [("status", 200), ("status", "429"), ("retry_after", -1), ("limit", 1.5)]
    )
    def test_a_parameter_that_makes_no_sense_is_refused(self, rig: Rig, name: str, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match=name):
            planned(self.injector, rig, {**self.params, name: value})

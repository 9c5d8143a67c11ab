"""proxy.limit-data, seen by a raw client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import Rig, StreamContract, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.limit_data import LimitData


class TestLimitData(StreamContract):
    injector = LimitData()
    params = MappingProxyType({"proxy": "payments", "bytes": 20})

    def hit(self, rig: Rig) -> bool:
        """Cut off: of the answer at most so much came."""
        seen = rig.talk()
        return len(seen.data) <= 20 and seen.end != "silent"

    def test_what_is_below_the_limit_passes(self, rig: Rig) -> None:
        self.injector.apply(planned(self.injector, rig, self.params), rig.as_stack())
        assert rig.talk().data == b"HTTP/1.1 200 OK\r\nX-U"

    @pytest.mark.parametrize("value", [-1, "1k", 1.5, None])
    def test_a_limit_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue | None) -> None:
        params = {name: each for name, each in {**self.params, "bytes": value}.items() if each is not None}
        with pytest.raises(InvalidInput, match="bytes"):
            planned(self.injector, rig, params)

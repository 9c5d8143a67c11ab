"""proxy.slicer, seen by a raw client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import Rig, StreamContract, planned, post

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.slicer import Slicer


class TestSlicer(StreamContract):
    injector = Slicer()
    params = MappingProxyType({"proxy": "payments", "average_size": 50, "delay": "20ms"})

    def hit(self, rig: Rig) -> bool:
        """More than 600 bytes take 12 pauses, one after each piece."""
        seen = rig.talk(post(600))
        return seen.data.endswith(b"}") and seen.seconds >= 0.235

    def test_the_client_sees_the_pieces(self, rig: Rig) -> None:
        self.injector.apply(planned(self.injector, rig, {**self.params, "size_variation": 20}), rig.as_stack())
        assert rig.talk(post(600)).pieces > 6

    def test_the_delay_is_in_microseconds(self, rig: Rig) -> None:
        assert planned(self.injector, rig, self.params).params["delay"] == 20_000
        assert planned(self.injector, rig, {**self.params, "delay": 500}).params["delay"] == 500

    @pytest.mark.parametrize(
        ("name", "value"),
        [("average_size", 0), ("average_size", "1k"), ("size_variation", 50), ("delay", "soon"), ("delay", "1m")],
    )
    def test_a_parameter_that_makes_no_sense_is_refused(self, rig: Rig, name: str, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match=name):
            planned(self.injector, rig, {**self.params, name: value})

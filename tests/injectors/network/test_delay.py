from __future__ import annotations

import statistics
from dataclasses import replace
from types import MappingProxyType

import pytest
from network_fault_contract import KeeperContract
from network_rig import FAR, NEAR, OTHER, NetworkRig, fault, planned
from observers import until

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.network.delay import Delay

pytestmark = pytest.mark.engine

ALL: dict[str, ParamValue] = {"peer": "", "port": 0, "protocol": "all"}


class TestDelay(KeeperContract):
    injector = Delay()
    params = MappingProxyType({"delay": "100ms"})
    stays_without_keeper = False

    def hit(self, rig: NetworkRig) -> bool:
        """A connection and a request: two packets that wait."""
        code, seconds = rig.get(NEAR, FAR, bound_s=2)
        return code == 0 and 0.2 <= seconds < 0.4

    def test_jitter_spreads_and_only_the_peer_is_hit(self, rig: NetworkRig) -> None:
        lease = planned(self.injector, rig.stack, {"delay": "40ms", "jitter": "30ms", "peer": FAR})
        self.injector.apply(lease, rig.stack)
        seconds = [rig.get(NEAR, FAR, bound_s=2)[1] for _ in range(10)]
        assert all(0.02 <= one < 0.3 for one in seconds)
        assert max(seconds) - min(seconds) > 0.01
        assert 0.05 < statistics.median(seconds) < 0.15
        assert until(lambda: rig.reaches(NEAR, OTHER))
        self.injector.undo(lease, rig.stack)

    def test_all_may_be_lost_on_a_port(self, rig: NetworkRig) -> None:
        lease = planned(self.injector, rig.stack, {"delay": "1ms", "loss": 100, "port": 8000})
        self.injector.apply(lease, rig.stack)
        assert rig.get(NEAR, FAR)[0] == 28
        self.injector.undo(lease, rig.stack)

    def test_it_grows_when_it_is_told_to(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(replace(lease, params={**lease.params, "delay": 10}), rig.stack)
        assert rig.get(NEAR, FAR)[1] < 0.1
        self.injector.adjust(lease, rig.stack)
        assert until(lambda: self.hit(rig))
        assert self.injector.active(lease, rig.stack)
        self.injector.undo(lease, rig.stack)

    @pytest.mark.parametrize(
        ("params", "says"),
        [
            ({}, "delay is missing"),
            ({"delay": "2m"}, "above 60000 ms"),
            ({"delay": "10ms", "jitter": "20ms"}, "jitter"),
            ({"delay": "10ms", "loss": 101}, "percentage"),
            ({"delay": "10ms", "port": 70000}, "port"),
            ({"delay": "10ms", "port": 80, "protocol": "all"}, "protocol"),
        ],
    )
    def test_other_values_are_refused(self, rig: NetworkRig, params: dict[str, ParamValue], says: str) -> None:
        with pytest.raises(InvalidInput, match=says):
            planned(self.injector, rig.stack, params)


def test_the_kernel_does_it_where_it_can() -> None:
    spec, both = fault(Delay(), {}), {"netem": True, "queue": True}
    assert Delay().choose(spec, ALL, both) == "netem"
    assert Delay().choose(spec, {**ALL, "peer": FAR}, both) == "nfqueue"
    assert Delay().choose(spec, ALL, {"netem": False, "queue": True}) == "nfqueue"


def test_without_any_back_end_one_line_says_so() -> None:
    with pytest.raises(InvalidInput, match=r"sch_netem\) or packet queues.*xt_NFQUEUE.*use proxy.latency"):
        Delay().choose(fault(Delay(), {}), ALL, {"netem": False, "queue": False})
    with pytest.raises(InvalidInput, match="needs packet queues"):
        Delay().choose(fault(Delay(), {}), {**ALL, "port": 80}, {"netem": True, "queue": False})

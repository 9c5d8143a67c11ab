from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from network_fault_contract import NetworkFaultContract
from network_rig import FAR, NEAR, OTHER, NetworkRig, planned
from observers import until

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.network.loss import Loss

pytestmark = pytest.mark.engine

SENT = 400
SEND = "import socket, sys; s = socket.socket(2, 2); [s.sendto(b'x', (sys.argv[1], 9999)) for _ in range(400)]"


class TestLoss(NetworkFaultContract):
    injector = Loss()
    params = MappingProxyType({"percent": 100, "peer": FAR})

    def hit(self, rig: NetworkRig) -> bool:
        return rig.get(NEAR, FAR)[0] == 28 and rig.get(FAR, NEAR)[0] == 28 and rig.reaches(NEAR, OTHER)

    @pytest.mark.parametrize("percent", [30, 12.5])
    def test_the_part_that_was_asked_for_is_lost(self, rig: NetworkRig, percent: float) -> None:
        lease = planned(self.injector, rig.stack, {"percent": percent, "protocol": "udp", "direction": "in"})
        self.injector.apply(lease, rig.stack)
        assert rig.inside(FAR, "python3", "-c", SEND, rig.address())[0] == 0
        rule = next(line for line in rig.beside("iptables", "-nvxL", "INPUT").splitlines() if "statistic" in line)
        lost = int(rule.split()[0])
        # Five standard deviations to either side.
        expected, spread = SENT * percent / 100, (SENT * percent / 100 * (1 - percent / 100)) ** 0.5
        assert abs(lost - expected) < 5 * spread
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)

    def test_it_grows_when_it_is_told_to(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(replace(lease, params={**lease.params, "percent": 0.001}), rig.stack)
        assert until(lambda: rig.reaches(NEAR, FAR))
        self.injector.adjust(lease, rig.stack)
        assert until(lambda: self.hit(rig))
        assert self.injector.active(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)

    @pytest.mark.parametrize("percent", [0, 101, "many", True, None])
    def test_another_chance_is_refused(self, rig: NetworkRig, percent: ParamValue | None) -> None:
        params: dict[str, ParamValue] = {} if percent is None else {"percent": percent}
        with pytest.raises(InvalidInput, match="no percentage"):
            planned(self.injector, rig.stack, params)

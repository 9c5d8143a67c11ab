from __future__ import annotations

from types import MappingProxyType

import pytest
from network_fault_contract import NetworkFaultContract
from network_rig import FAR, NEAR, OTHER, NetworkRig, planned
from observers import until

from injectors.network.reject import Reject

pytestmark = pytest.mark.engine


class TestReject(NetworkFaultContract):
    injector = Reject()
    params = MappingProxyType({"port": 8000})

    def hit(self, rig: NetworkRig) -> bool:
        """Refused at once, and what it asks of others is answered."""
        code, seconds = rig.get(FAR, NEAR)
        return code == 7 and seconds < 0.2 and rig.reaches(NEAR, FAR)

    def test_requests_to_one_peer_can_be_refused(self, rig: NetworkRig) -> None:
        lease = planned(self.injector, rig.stack, {"peer": FAR, "direction": "out"})
        self.injector.apply(lease, rig.stack)
        assert rig.get(NEAR, FAR)[0] == 7
        assert until(lambda: rig.reaches(NEAR, OTHER))
        self.injector.undo(lease, rig.stack)

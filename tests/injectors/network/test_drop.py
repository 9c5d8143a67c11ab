from __future__ import annotations

from types import MappingProxyType

import pytest
from network_fault_contract import NetworkFaultContract
from network_rig import FAR, NEAR, OTHER, NetworkRig, planned
from observers import until

from drill.errors import InvalidInput
from injectors.network.drop import Drop

pytestmark = pytest.mark.engine


class TestDrop(NetworkFaultContract):
    injector = Drop()
    params = MappingProxyType({"port": 8000})

    def hit(self, rig: NetworkRig) -> bool:
        """Its own port is silent, except from within; what it asks of others is answered."""
        itself = rig.inside(NEAR, "curl", "-sf", "-m", "1", "-o", "/dev/null", "http://127.0.0.1:8000/small")[0]
        return rig.get(FAR, NEAR)[0] == 28 and rig.reaches(NEAR, FAR) and itself == 0

    def test_requests_to_one_peer_can_be_dropped(self, rig: NetworkRig) -> None:
        lease = planned(self.injector, rig.stack, {"peer": FAR, "direction": "out"})
        self.injector.apply(lease, rig.stack)
        assert rig.get(NEAR, FAR)[0] == 28
        assert until(lambda: rig.reaches(NEAR, OTHER))
        self.injector.undo(lease, rig.stack)

    def test_it_has_to_be_said_what_is_dropped(self, rig: NetworkRig) -> None:
        with pytest.raises(InvalidInput, match="needs a `port`, a `peer` or both"):
            planned(self.injector, rig.stack, {"direction": "out"})

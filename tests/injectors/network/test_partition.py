from __future__ import annotations

from types import MappingProxyType

import pytest
from compose_rig import docker
from network_fault_contract import KeeperContract
from network_rig import FAR, NEAR, OTHER, NetworkRig, planned
from observers import until

from drill.errors import InvalidInput
from injectors.network.partition import Partition

pytestmark = pytest.mark.engine


class TestPartition(KeeperContract):
    injector = Partition()
    params = MappingProxyType({"peer": FAR})

    def hit(self, rig: NetworkRig) -> bool:
        return rig.get(NEAR, FAR)[0] == 28 and rig.get(FAR, NEAR)[0] == 28 and rig.reaches(OTHER, NEAR)

    def test_a_rule_that_a_responder_deleted_is_gone(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(lease, rig.stack)
        rig.beside("sh", "-c", "iptables -F")
        assert until(lambda: not self.injector.active(lease, rig.stack))
        assert until(rig.whole)
        assert self.injector.undone(lease, rig.stack)

    def test_a_peer_that_came_back_elsewhere_is_told_truly(self, rig: NetworkRig) -> None:
        lease = self.plan(rig)
        self.injector.apply(lease, rig.stack)
        container, network = rig.container(FAR), f"{rig.project}_default"
        docker("restart", "-t", "0", container)
        assert self.injector.active(lease, rig.stack)
        try:
            docker("network", "disconnect", network, container)
            docker("network", "connect", "--alias", FAR, network, container)
            moved = rig.address(FAR)
            assert self.injector.active(lease, rig.stack) is (f" {moved}/32" in " ".join(rig.filter()))
        finally:
            self.injector.undo(lease, rig.stack)

    @pytest.mark.parametrize(
        ("peer", "says"), [("", "needs the parameter"), (NEAR, "the target itself"), ("nowhere", "does not run")]
    )
    def test_another_peer_is_refused(self, rig: NetworkRig, peer: str, says: str) -> None:
        with pytest.raises(InvalidInput, match=says):
            planned(self.injector, rig.stack, {"peer": peer})

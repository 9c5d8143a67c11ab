"""proxy.down, seen by a plain HTTP client."""

from __future__ import annotations

from types import MappingProxyType

from proxy_fault_contract import ProxyFaultContract, Rig, planned

from injectors.proxy.down import Down


class TestDown(ProxyFaultContract):
    injector = Down()
    params = MappingProxyType({"proxy": "payments"})

    def hit(self, rig: Rig) -> bool:
        return rig.get()[0] == 0

    def test_the_lease_remembers_that_it_was_enabled(self, rig: Rig) -> None:
        assert planned(self.injector, rig, self.params).before["enabled"] is True

    def test_undo_leaves_what_a_responder_enabled(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, self.params), rig.as_stack()
        self.injector.apply(lease, stack)
        rig.server.must("PATCH", "/proxies/payments", {"enabled": True})
        assert not self.injector.active(lease, stack)
        self.injector.undo(lease, stack)
        assert rig.whole()

from __future__ import annotations

from types import MappingProxyType

import pytest
from network_fault_contract import KeeperContract
from network_rig import BYTES, FAR, NEAR, NetworkRig, planned

from drill.errors import InvalidInput
from injectors.network.rate import Rate

pytestmark = [pytest.mark.engine, pytest.mark.kernel("tbf")]

RATE = 2_000_000
BURST = 16_384


class TestRate(KeeperContract):
    injector = Rate()
    params = MappingProxyType({"rate": "2mbit"})

    def hit(self, rig: NetworkRig) -> bool:
        """A download from it takes as long as the line needs, within a quarter."""
        code, seconds = rig.get(FAR, NEAR, "big", bound_s=5)
        needed = (BYTES - BURST) * 8 / RATE
        return code == 0 and needed * 0.95 < seconds < needed * 1.25

    @pytest.mark.parametrize("rate", ["", "256", "1kbit", "fast", "1mbit;reboot"])
    def test_another_rate_is_refused(self, rig: NetworkRig, rate: str) -> None:
        with pytest.raises(InvalidInput, match="no rate such as"):
            planned(self.injector, rig.stack, {"rate": rate})

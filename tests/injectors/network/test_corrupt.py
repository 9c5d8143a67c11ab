from __future__ import annotations

from types import MappingProxyType

import kernel
import pytest
from network_fault_contract import NetworkFaultContract
from network_rig import FAR, NEAR, NetworkRig, fault, planned

from drill.errors import InvalidInput
from injectors.network.corrupt import Corrupt

pytestmark = pytest.mark.engine


@pytest.mark.kernel("netem")
class TestCorrupt(NetworkFaultContract):
    injector = Corrupt()
    params = MappingProxyType({"percent": 100})

    def hit(self, rig: NetworkRig) -> bool:
        """With every packet damaged no connection comes about."""
        return rig.get(NEAR, FAR)[0] == 28


def test_this_machine_takes_it_or_says_what_it_lacks(rig: NetworkRig) -> None:
    if kernel.has("netem"):
        assert planned(Corrupt(), rig.stack, {"percent": 5}).params["back_end"] == "netem"
        return
    with pytest.raises(InvalidInput, match=r"network.corrupt needs the netem queueing discipline \(sch_netem\)"):
        planned(Corrupt(), rig.stack, {"percent": 5})


def test_without_netem_one_line_says_so() -> None:
    with pytest.raises(InvalidInput, match="kernel does not have; load the module"):
        Corrupt().choose(fault(Corrupt(), {}), {}, {"netem": False})


@pytest.mark.parametrize("percent", [0, 101, "many"])
def test_another_chance_is_refused(rig: NetworkRig, percent: int | str) -> None:
    with pytest.raises(InvalidInput, match="no percentage"):
        planned(Corrupt(), rig.stack, {"percent": percent})

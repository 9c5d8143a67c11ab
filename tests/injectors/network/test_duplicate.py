from __future__ import annotations

from types import MappingProxyType

import kernel
import pytest
from network_fault_contract import NetworkFaultContract
from network_rig import FAR, NEAR, NetworkRig, fault, planned

from drill.errors import InvalidInput
from injectors.network.duplicate import Duplicate

pytestmark = pytest.mark.engine


@pytest.mark.kernel("netem")
class TestDuplicate(NetworkFaultContract):
    injector = Duplicate()
    params = MappingProxyType({"percent": 100})

    def hit(self, rig: NetworkRig) -> bool:
        """One echo request is answered, and answered again."""
        return "DUP!" in rig.beside("sh", "-c", f"ping -c 2 -W 1 {rig.address(FAR)}", service=NEAR)


def test_this_machine_takes_it_or_says_what_it_lacks(rig: NetworkRig) -> None:
    if kernel.has("netem"):
        assert planned(Duplicate(), rig.stack, {"percent": 5}).params["back_end"] == "netem"
        return
    with pytest.raises(InvalidInput, match=r"network.duplicate needs the netem queueing discipline \(sch_netem\)"):
        planned(Duplicate(), rig.stack, {"percent": 5})


def test_without_netem_one_line_says_so() -> None:
    with pytest.raises(InvalidInput, match="kernel does not have; load the module"):
        Duplicate().choose(fault(Duplicate(), {}), {}, {"netem": False})


@pytest.mark.parametrize("percent", [0, 101, "many"])
def test_another_chance_is_refused(rig: NetworkRig, percent: int | str) -> None:
    with pytest.raises(InvalidInput, match="no percentage"):
        planned(Duplicate(), rig.stack, {"percent": percent})

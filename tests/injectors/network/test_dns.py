from __future__ import annotations

import time
from types import MappingProxyType

import pytest
from network_fault_contract import NetworkFaultContract
from network_rig import FAR, NEAR, OTHER, NetworkRig, planned

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import ParamValue
from injectors.network.dns import Dns, encoded

pytestmark = pytest.mark.engine

ELSEWHERE = "192.0.2.7"


def resolves(rig: NetworkRig, name: str) -> tuple[int, str, float]:
    """Exit code (0 found, 2 not found, 124 given up after 1 s), address, and seconds."""
    began = time.monotonic()
    code, shown = rig.inside(NEAR, "timeout", "1", "getent", "ahostsv4", name)
    return code, shown.split(" ")[0], time.monotonic() - began


class TestDnsFail(NetworkFaultContract):
    injector = Dns()
    params = MappingProxyType({"mode": "fail"})

    def hit(self, rig: NetworkRig) -> bool:
        code, _, seconds = resolves(rig, FAR)
        return code == 2 and seconds < 0.6 and rig.inside(OTHER, "getent", "hosts", FAR)[0] == 0

    def test_a_name_that_is_asked_for_takes_for_ever(self, rig: NetworkRig) -> None:
        lease = self._apply(rig, {"mode": "time-out"})
        assert resolves(rig, FAR)[0] == 124
        self._end(rig, lease)

    @pytest.mark.parametrize(("mode", "code"), [("fail", 2), ("time-out", 124)])
    def test_only_the_one_name_is_hit(self, rig: NetworkRig, mode: str, code: int) -> None:
        lease = self._apply(rig, {"mode": mode, "name": FAR})
        assert resolves(rig, FAR)[0] == code
        assert resolves(rig, OTHER)[:2] == (0, rig.address(OTHER))
        self._end(rig, lease)

    def test_a_name_gets_a_wrong_address(self, rig: NetworkRig) -> None:
        lease = self._apply(rig, {"mode": "wrong", "name": FAR, "address": ELSEWHERE})
        assert resolves(rig, FAR)[:2] == (0, ELSEWHERE)
        assert resolves(rig, OTHER)[:2] == (0, rig.address(OTHER))
        self._end(rig, lease)

    def _apply(self, rig: NetworkRig, params: dict[str, ParamValue]) -> Lease:
        lease = planned(self.injector, rig.stack, params)
        self.injector.apply(lease, rig.stack)
        assert self.injector.active(lease, rig.stack)
        return lease

    def _end(self, rig: NetworkRig, lease: Lease) -> None:
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert resolves(rig, FAR)[:2] == (0, rig.address(FAR))

    @pytest.mark.parametrize(
        ("params", "says"),
        [
            ({}, "mode is missing"),
            ({"mode": "slow"}, "none of fail"),
            ({"mode": "fail", "name": "a b"}, "no host name"),
            ({"mode": "fail", "address": ELSEWHERE}, "belong|needs a name"),
            ({"mode": "wrong", "name": "x"}, "needs a name and an address"),
            ({"mode": "wrong", "address": ELSEWHERE}, "needs a name and an address"),
            ({"mode": "wrong", "name": "x", "address": "there"}, "no IP address"),
        ],
    )
    def test_other_values_are_refused(self, rig: NetworkRig, params: dict[str, ParamValue], says: str) -> None:
        with pytest.raises(InvalidInput, match=says):
            planned(self.injector, rig.stack, params)


def test_a_name_is_written_as_in_a_question() -> None:
    assert encoded("api.example") == "|03|api|07|example|00|"

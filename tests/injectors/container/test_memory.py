"""container.memory on real containers."""

from __future__ import annotations

import re
from types import MappingProxyType

import pytest
from compose_rig import Rig
from fault_contract import lease_for
from limit_contract import LimitContract

from drill.errors import InvalidInput
from injectors.container.memory import Memory

pytestmark = pytest.mark.engine


class TestMemory(LimitContract):
    injector = Memory()
    params = MappingProxyType({"memory": "64m"})
    files = ("memory", "memory.limit_in_bytes", "memory.max")
    held = str(64 << 20)
    free = str(1 << 40)
    options = ("--memory", "100m", "--memory-swap", "100m")
    lift = ("--memory", "1t", "--memory-swap", "1t")
    bad = ({"memory": "lots"}, {"memory": "1%"}, {"memory": "-5m"}, {"memory": True}, {"memory": "64 m"})

    def test_a_limit_below_what_is_in_use_is_refused_and_oom_named(self, pair: Rig) -> None:
        for written in ("5m", "10%", 100):
            with pytest.raises(InvalidInput, match=r"container\.oom is meant"):
                lease_for(self.injector, pair.stack, "web", {"memory": written})

    def test_a_share_is_of_what_is_in_use(self, pair: Rig) -> None:
        lease = lease_for(self.injector, pair.stack, "web", {"memory": "5000%"})
        used = re.search(r"than the ([0-9.]+) MiB", _refused(self.injector, pair))
        assert used is not None
        assert float(lease.params["memory"]) == pytest.approx(float(used[1]) * 50 * (1 << 20), rel=0.5)
        self.injector.apply(lease, pair.stack)
        assert set(self.each(pair)) == {f"{lease.params['memory']:.0f}"}


def _refused(injector: Memory, pair: Rig) -> str:
    with pytest.raises(InvalidInput) as caught:
        lease_for(injector, pair.stack, "web", {"memory": "1k"})
    return str(caught.value)

"""container.pids on real containers."""

from __future__ import annotations

import subprocess
from types import MappingProxyType

import pytest
from compose_rig import Rig
from fault_contract import lease_for
from limit_contract import LimitContract
from observers import DOCKER

from injectors.container.pids import Pids

pytestmark = pytest.mark.engine
FORK = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait"


class TestPids(LimitContract):
    injector = Pids()
    params = MappingProxyType({"pids": 30})
    files = ("pids", "pids.max", "pids.max")
    held = "30"
    free = "max"
    options = ("--pids-limit", "50")
    lift = ("--pids-limit", "-1")
    bad = ({"pids": 0}, {"pids": 2.5}, {"pids": True}, {"pids": "few"})

    def test_a_process_too_many_does_not_start(self, pair: Rig) -> None:
        lease = lease_for(self.injector, pair.stack, "web", {"pids": 2})
        self.injector.apply(lease, pair.stack)
        first = pair.stack.services()["web"].replicas[0]
        done = subprocess.run([DOCKER, "exec", first, "sh", "-c", FORK], capture_output=True, check=False, timeout=20)
        assert done.returncode != 0
        assert self.injector.active(lease, pair.stack)
        self.injector.undo(lease, pair.stack)
        done = subprocess.run([DOCKER, "exec", first, "true"], capture_output=True, check=False, timeout=20)
        assert done.returncode == 0

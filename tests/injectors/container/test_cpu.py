"""container.cpu on real containers."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from compose_rig import Rig, docker
from fault_contract import lease_for
from limit_contract import LimitContract

from injectors.container.cpu import Cpu

pytestmark = pytest.mark.engine
SPIN = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; cat /proc/self/schedstat"


class TestCpu(LimitContract):
    injector = Cpu()
    params = MappingProxyType({"cpus": 0.05})
    files = ("cpu", "cpu.cfs_quota_us", "cpu.max")
    held = "5000"
    free = "-1"
    options = ("--cpu-quota", "50000")
    lift = ("--cpu-quota", "-1")
    bad = (
        {"cpus": 0},
        {"cpus": 0.001},
        {"cpus": True},
        {"cpus": "half"},
        {"cpus": float("nan")},
        {"cpus": float("inf")},
    )

    def test_its_processes_are_throttled(self, pair: Rig) -> None:
        first = pair.stack.services()["web"].replicas[0]
        lease = lease_for(self.injector, pair.stack, "web", {"cpus": 0.1})
        self.injector.apply(lease, pair.stack)
        docker("exec", first, "sh", "-c", SPIN)
        stat = dict(line.split() for line in docker("exec", first, "cat", "/sys/fs/cgroup/cpu/cpu.stat").splitlines())
        assert int(stat["nr_throttled"]) > 0

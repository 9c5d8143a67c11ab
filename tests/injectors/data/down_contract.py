"""What a data service that is killed promises; the kill itself is tested with container.kill."""

from __future__ import annotations

import pytest
from compose_rig import docker
from data_contract import lease_for
from data_rig import WORKER, DataRig

from drill.errors import InvalidInput
from drill.ports import Injector


def state(rig: DataRig, service: str) -> str:
    """Of its container, from outside."""
    return docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", rig.container(service))


class DownContract:
    """Subclass with `injector`, `target` and `other`, a service of another role."""

    injector: Injector
    target: str
    other: str

    def test_it_dies_and_comes_back(self, rig: DataRig) -> None:
        injector = self.injector
        lease = lease_for(injector, rig.stack, self.target, {})
        assert not injector.active(lease, rig.stack)
        injector.apply(lease, rig.stack)
        assert state(rig, self.target) == "exited 137"
        assert injector.active(lease, rig.stack)
        assert not injector.undone(lease, rig.stack)
        for _ in range(2):
            injector.undo(lease, rig.stack)
            assert injector.undone(lease, rig.stack)
            assert state(rig, self.target) == "running 0"
        assert state(rig, self.other) == "running 0"

    def test_a_service_of_another_role_is_refused(self, rig: DataRig) -> None:
        for name in (self.other, WORKER):
            with pytest.raises(InvalidInput, match=f"{name} has not the role .*; of that role: .*{self.target}"):
                lease_for(self.injector, rig.stack, name, {})
        with pytest.raises(InvalidInput, match="SIGKILL"):
            lease_for(self.injector, rig.stack, self.target, {"signal": "SIGCHLD"})

"""container.restart-loop on a real container."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compose_rig import Rig, docker, inspect
from observers import until
from remade_contract import RemadeContract, lease_for
from remade_fixtures import one_service, target

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.container.restart_loop import RestartLoop

__all__ = ["one_service", "target"]
pytestmark = pytest.mark.engine


class TestRestartLoop(RemadeContract):
    injector = RestartLoop()

    @staticmethod
    def there(rigged: Rig) -> bool:
        return any(inspect(one)["RestartCount"] > 0 for one in rigged.ids())

    def test_it_ends_again_and_again(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        assert until(lambda: inspect(target.ids()[0])["RestartCount"] >= 3)
        assert inspect(target.ids()[0])["State"]["ExitCode"] == 1

    def test_the_service_runs_for_a_moment_before_each_exit(self, target: Rig) -> None:
        docker("exec", target.ids()[0], "sh", "-c", ": >/data/starts")
        lease = lease_for(self.injector, target.stack, {"after": 1})
        self.injector.apply(lease, target.stack)
        assert self.injector.active(lease, target.stack)
        assert until(lambda: inspect(target.ids()[0])["RestartCount"] >= 1)
        self.injector.undo(lease, target.stack)
        assert docker("exec", target.ids()[0], "cat", "/data/starts").count("up") >= 3

    def test_a_fresh_start_is_no_repair(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        docker("restart", "-t", "0", target.ids()[0])
        assert self.injector.active(lease, target.stack)

    def test_past_its_time_the_service_runs_by_itself(self, target: Rig) -> None:
        """Nobody undoes it."""
        lease = replace(self.planned(target))
        lease = replace(lease, params={**lease.params, "bound_s": 2})
        docker("exec", target.ids()[0], "sh", "-c", ": >/data/starts")
        self.injector.apply(lease, target.stack)
        assert until(lambda: inspect(target.ids()[0])["RestartCount"] >= 1)
        assert until(lambda: "up" in data_of(target))

    @pytest.mark.parametrize("after", [-1, 11, "1s", True])
    def test_a_bad_parameter_is_refused(self, target: Rig, after: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="whole number"):
            lease_for(self.injector, target.stack, {"after": after})


def data_of(rigged: Rig) -> str:
    """What the service wrote when it started, read by another container: this one may just be ending."""
    volume = f"{rigged.project}_data:/data"
    return docker("run", "--rm", "-v", volume, inspect(rigged.ids()[0])["Config"]["Image"], "cat", "/data/starts")

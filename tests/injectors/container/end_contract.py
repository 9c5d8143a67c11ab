"""What the faults promise that end a service's main process past the engine. Seen by `docker inspect` and in /proc."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from compose_rig import BASE, Rig, docker, images, inspect, rig
from fault_contract import lease_for
from observers import Outside, Watch, until

from drill.errors import InvalidInput
from drill.model.codec import decode, encode
from drill.model.config import ServiceSpec
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Injector, Stack

SERVICES = f"""
version: "2.4"
x-it: &it
  image: {BASE}
  command: ["sleep", "300"]
  init: true
  stop_grace_period: 1s
  labels: {{ drill.staging: "true" }}
services:
  web: {{ <<: *it, scale: 2 }}
  bare: {{ <<: *it, init: false }}
  steady: {{ <<: *it, restart: always, mem_limit: 512m }}
"""
SPECS = tuple(ServiceSpec(name=name) for name in ("web", "bare", "steady"))


class EndContract:
    """Subclass with `injector` and `params`, and `died`: what the engine's State must say of the end."""

    injector: Injector
    params: Mapping[str, ParamValue]
    died: Mapping[str, Any]

    @pytest.fixture(scope="class")
    @classmethod
    def project(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
        with images(), rig(tmp_path_factory.mktemp("end"), SERVICES, SPECS) as made:
            yield made

    @pytest.fixture
    def ends(self, project: Rig) -> Iterator[Rig]:
        """All run, and nothing is limited; afterwards again."""
        yield project
        if len(project.ids()) < 4:
            project.stack.up(lambda _: None)
        docker("start", *project.ids())

    def planned(self, ends: Rig, service: str = "web", injector: Injector | None = None) -> Lease:
        return lease_for(injector or self.injector, ends.stack, service, self.params)

    def states(self, ends: Rig, service: str = "web") -> list[dict[str, Any]]:
        return [inspect(one)["State"] for one in ends.stack.services()[service].replicas]

    def test_plan_touches_nothing_and_the_lease_survives_json(self, ends: Rig) -> None:
        before = [(one["Id"], one["State"]["Pid"], one["HostConfig"]) for one in map(inspect, ends.ids())]
        lease = self.planned(ends)
        assert [(one["Id"], one["State"]["Pid"], one["HostConfig"]) for one in map(inspect, ends.ids())] == before
        assert lease.settle_s > 0
        assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease

    @pytest.mark.parametrize("service", ["web", "bare"])
    def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(self, ends: Rig, service: str) -> None:
        lease, configs = self.planned(ends, service), [inspect(one)["HostConfig"] for one in ends.ids(service)]
        outside = [Outside(one) for one in ends.stack.services()[service].replicas]
        assert lease.reversibility == "reversible"
        assert not self.injector.active(lease, ends.stack)
        assert self.injector.undone(lease, ends.stack)
        self.injector.apply(lease, ends.stack)
        assert all(one.ended() for one in outside)
        assert all(state.items() >= self.died.items() for state in self.states(ends, service))
        assert self.injector.active(lease, ends.stack)
        assert not self.injector.undone(lease, ends.stack)
        for _ in range(2):
            self.injector.undo(lease, ends.stack)
            pids = [state["Pid"] for state in self.states(ends, service)]
            assert all(pids)
            assert self.injector.undone(lease, ends.stack)
            assert not self.injector.active(lease, ends.stack)
        self.injector.undo(lease, ends.stack)
        assert [state["Pid"] for state in self.states(ends, service)] == pids
        assert self.limits([inspect(one)["HostConfig"] for one in ends.ids(service)]) == self.limits(configs)

    def limits(self, configs: list[dict[str, Any]]) -> list[int]:
        """Memory limits; one of all that the host has is none."""
        host = int(docker("info", "-f", "{{.MemTotal}}"))
        return [one["Memory"] if one["Memory"] < host else 0 for one in configs]

    def test_the_onset_is_true_within_its_uncertainty(self, ends: Rig) -> None:
        lease, outside = self.planned(ends, "bare"), Outside(ends.stack.services()["bare"].instance)
        with Watch(outside.ended) as watch:
            onset = self.injector.apply(lease, ends.stack)
        earliest, latest = watch.span()
        assert onset.at_ns - onset.uncertainty_ns <= latest
        assert earliest <= onset.at_ns + onset.uncertainty_ns
        assert onset.source == "pidfd"
        assert onset.uncertainty_ns < 50_000_000

    def test_under_a_restart_policy_it_is_over_by_itself_and_says_so(self, ends: Rig) -> None:
        lease, before = self.planned(ends, "steady"), self.states(ends, "steady")[0]
        assert lease.reversibility == "momentary"
        assert not self.injector.active(lease, ends.stack)
        self.injector.apply(lease, ends.stack)
        assert self.injector.active(lease, ends.stack)
        assert until(lambda: inspect(lease.instance)["RestartCount"] == 1)
        assert until(lambda: self.states(ends, "steady")[0]["Status"] == "running")
        assert self.states(ends, "steady")[0]["Pid"] != before["Pid"]
        assert self.injector.active(lease, ends.stack)
        pid = self.states(ends, "steady")[0]["Pid"]
        self.injector.undo(lease, ends.stack)
        assert self.injector.undone(lease, ends.stack)
        assert self.states(ends, "steady")[0]["Pid"] == pid
        assert inspect(lease.instance)["HostConfig"]["Memory"] == 512 << 20

    def test_one_replica_alone_is_hit(self, ends: Rig) -> None:
        second = ends.stack.replica("web", 2)
        lease = lease_for(self.injector, second, "web", self.params)
        self.injector.apply(lease, second)
        assert [state["Running"] for state in self.states(ends)] == [True, False]
        assert self.injector.active(lease, second)
        self.injector.undo(lease, second)
        assert self.injector.undone(lease, second)
        assert [state["Running"] for state in self.states(ends)] == [True, True]

    def test_undo_without_apply_changes_nothing(self, ends: Rig) -> None:
        lease, before = self.planned(ends), [state["Pid"] for state in self.states(ends)]
        self.injector.undo(lease, ends.stack)
        assert self.injector.undone(lease, ends.stack)
        assert [state["Pid"] for state in self.states(ends)] == before

    @pytest.mark.slow
    def test_what_a_responder_started_or_made_anew_is_left(self, ends: Rig) -> None:
        lease = self.planned(ends)
        self.injector.apply(lease, ends.stack)
        replicas = ends.stack.services()["web"].replicas
        docker("start", replicas[0])
        docker("rm", "-f", replicas[1])
        ends.stack.up(lambda _: None)
        assert not self.injector.active(lease, ends.stack)
        assert self.injector.undone(lease, ends.stack)
        before = [state["Pid"] for state in self.states(ends)]
        self.injector.undo(lease, ends.stack)
        assert [state["Pid"] for state in self.states(ends)] == before

    @pytest.mark.slow
    def test_a_removed_target_is_made_again(self, ends: Rig) -> None:
        lease = self.planned(ends, "bare")
        self.injector.apply(lease, ends.stack)
        docker("rm", "-f", lease.instance)
        assert not self.injector.undone(lease, ends.stack)
        self.injector.undo(lease, ends.stack)
        assert self.injector.undone(lease, ends.stack)
        assert self.states(ends, "bare")[0]["Running"]

    @pytest.mark.slow
    def test_the_manual_steps_work(self, ends: Rig) -> None:
        lease = self.planned(ends, "bare")
        self.injector.apply(lease, ends.stack)
        for step in lease.manual[:-1]:
            subprocess.run(["sh", "-ec", step.split("`")[1]], check=True, capture_output=True, timeout=60)
        assert self.injector.undone(lease, ends.stack)

    def test_an_apply_or_an_undo_that_does_nothing_is_seen(self, ends: Rig) -> None:
        class Broken(type(self.injector)):  # type: ignore[misc]  # the class is chosen by the subclass
            def apply(self, lease: Lease, stack: Stack) -> Moment:
                return Moment(at_ns=0, uncertainty_ns=0, source="call")

            def undo(self, lease: Lease, stack: Stack) -> None:
                """Nothing."""

        broken: Injector = Broken()
        for service in ("bare", "steady"):
            lease = self.planned(ends, service, broken)
            broken.apply(lease, ends.stack)
            assert not broken.active(lease, ends.stack)
        lease = self.planned(ends, "bare")
        self.injector.apply(lease, ends.stack)
        broken.undo(lease, ends.stack)
        assert not broken.undone(lease, ends.stack)

    def test_a_plain_kill_is_not_taken_for_it_under_a_restart_policy(self, ends: Rig) -> None:
        lease = self.planned(ends, "steady")
        docker("restart", "-t", "0", lease.instance)
        assert not self.injector.active(lease, ends.stack)

    def test_what_makes_no_sense_is_refused_in_one_line(self, ends: Rig) -> None:
        with pytest.raises(InvalidInput, match="'sginal'"):
            lease_for(self.injector, ends.stack, "web", {"sginal": "SIGKILL"})
        with pytest.raises(InvalidInput, match="no service 'nobody'"):
            lease_for(self.injector, ends.stack, "nobody", self.params)
        docker("kill", ends.stack.services()["bare"].instance)
        with pytest.raises(InvalidInput, match="bare is not running"):
            self.planned(ends, "bare")

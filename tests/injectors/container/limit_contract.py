"""What every fault that lowers a limit promises, on two replicas: seen in the kernel's files and by the engine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from compose_rig import BASE, WEB, Rig, docker, images, inspect, rig
from fault_contract import lease_for
from observers import Watch

from drill.errors import InvalidInput
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Injector, Stack

PAIR = f"""
version: "2.4"
services:
  web:
    image: {BASE}
    scale: 2
    command: ["sleep", "300"]
    init: true
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
"""


def main_pid(container: str) -> str:
    return docker("inspect", "-f", "{{.State.Pid}}", container)


def in_kernel(container: str, controller: str, old: str, new: str) -> str:
    """What the kernel holds for a container: the file ``old`` of version 1, or ``new`` of version 2."""
    groups = Path(f"/proc/{main_pid(container)}/cgroup").read_text().splitlines()
    for _, names, path in (line.split(":", 2) for line in groups):
        if controller in names.split(","):
            return Path(f"/sys/fs/cgroup/{controller}{path}/{old}").read_text().strip()
    return Path(f"/sys/fs/cgroup{groups[0].split(':', 2)[2]}/{new}").read_text().strip()


class LimitContract:
    """Subclass with `injector`, `params` (of the fault), `files` (in the kernel), `held` and `free` (what they say with
    and without it), `options` and `lift` (of `docker update`, for another limit and for none)."""

    injector: Injector
    params: Mapping[str, ParamValue]
    files: tuple[str, str, str]
    held: str
    free: str
    options: tuple[str, ...]
    lift: tuple[str, ...]
    bad: tuple[Mapping[str, ParamValue], ...]

    @pytest.fixture(scope="class")
    @classmethod
    def project(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
        with images(), rig(tmp_path_factory.mktemp("limit"), PAIR, (WEB,)) as made:
            yield made

    @pytest.fixture
    def pair(self, project: Rig) -> Iterator[Rig]:
        """Two replicas without limits. A container that lost one is made anew."""
        yield project
        ids = project.ids()
        if len(ids) < 2:
            project.stack.up(lambda _: None)
        elif self.each(project) != [self.free] * 2:
            docker("start", *ids)
            docker("update", *self.lift, *ids)

    def limit(self, container: str) -> str:
        return in_kernel(container, *self.files)

    def each(self, pair: Rig) -> list[str]:
        """Of every replica in order; empty for one that does not run."""
        found = [inspect(one) for one in pair.stack.services()["web"].replicas]
        return [self.limit(one["Id"]) if one["State"]["Running"] else "" for one in found]

    def planned(self, pair: Rig, injector: Injector | None = None, stack: Stack | None = None) -> Lease:
        return lease_for(injector or self.injector, stack or pair.stack, "web", self.params)

    def test_plan_touches_nothing_and_the_lease_survives_json(self, pair: Rig) -> None:
        before = [inspect(one) for one in pair.ids()]
        lease = self.planned(pair)
        assert [inspect(one) for one in pair.ids()] == before
        assert lease.instance == pair.stack.services()["web"].instance
        assert lease.settle_s > 0
        assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease

    def test_apply_is_active_and_undo_ends_it_as_seen_in_the_kernel(self, pair: Rig) -> None:
        lease, before, ids = self.planned(pair), self.each(pair), pair.ids()
        assert self.held not in before
        assert not self.injector.active(lease, pair.stack)
        assert self.injector.undone(lease, pair.stack)
        self.injector.apply(lease, pair.stack)
        assert self.each(pair) == [self.held] * 2
        assert self.injector.active(lease, pair.stack)
        assert not self.injector.undone(lease, pair.stack)
        for _ in range(2):
            self.injector.undo(lease, pair.stack)
            assert self.injector.undone(lease, pair.stack)
            assert not self.injector.active(lease, pair.stack)
            assert self.held not in self.each(pair)
        assert pair.ids() == ids
        assert all(inspect(one)["RestartCount"] == 0 and inspect(one)["State"]["Running"] for one in ids)

    def test_the_onset_is_true_within_its_uncertainty(self, pair: Rig) -> None:
        lease, ids = self.planned(pair), pair.stack.services()["web"].replicas
        with (
            Watch(lambda: self.limit(ids[0]) == self.held) as first,
            Watch(lambda: self.limit(ids[1]) == self.held) as last,
        ):
            onset = self.injector.apply(lease, pair.stack)
        assert onset.at_ns - onset.uncertainty_ns <= first.span()[1]
        assert last.span()[0] <= onset.at_ns + onset.uncertainty_ns

    def test_undo_without_apply_changes_nothing(self, pair: Rig) -> None:
        lease, before = self.planned(pair), [inspect(one) for one in pair.ids()]
        self.injector.undo(lease, pair.stack)
        assert [inspect(one) for one in pair.ids()] == before

    def test_one_replica_alone_is_hit_and_restored(self, pair: Rig) -> None:
        second = pair.stack.replica("web", 2)
        lease = self.planned(pair, stack=second)
        self.injector.apply(lease, second)
        assert [limit == self.held for limit in self.each(pair)] == [False, True]
        assert self.injector.active(lease, second)
        self.injector.undo(lease, second)
        assert self.injector.undone(lease, second)
        assert self.held not in self.each(pair)

    @pytest.mark.slow
    def test_a_restart_keeps_it_and_undo_ends_it(self, pair: Rig) -> None:
        lease = self.planned(pair)
        self.injector.apply(lease, pair.stack)
        docker("restart", "-t", "0", *pair.ids())
        assert self.each(pair) == [self.held] * 2
        assert self.injector.active(lease, pair.stack)
        self.injector.undo(lease, pair.stack)
        assert self.injector.undone(lease, pair.stack)
        assert self.held not in self.each(pair)

    @pytest.mark.slow
    def test_a_container_made_anew_is_free_of_it_and_left_alone(self, pair: Rig) -> None:
        lease = self.planned(pair)
        self.injector.apply(lease, pair.stack)
        docker("rm", "-f", *pair.ids())
        assert not self.injector.active(lease, pair.stack)
        pair.stack.up(lambda _: None)
        assert not self.injector.active(lease, pair.stack)
        assert self.injector.undone(lease, pair.stack)
        before = [inspect(one) for one in pair.ids()]
        self.injector.undo(lease, pair.stack)
        assert [inspect(one) for one in pair.ids()] == before

    @pytest.mark.slow
    def test_a_target_that_was_removed_is_made_again_without_it(self, pair: Rig) -> None:
        lease = self.planned(pair)
        self.injector.apply(lease, pair.stack)
        docker("rm", "-f", *pair.ids())
        assert not self.injector.undone(lease, pair.stack)
        self.injector.undo(lease, pair.stack)
        assert self.injector.undone(lease, pair.stack)
        assert len(pair.ids()) == 2
        assert self.held not in self.each(pair)

    @pytest.mark.slow
    def test_a_limit_that_a_responder_set_is_left_and_the_other_replica_restored(self, pair: Rig) -> None:
        lease, first = self.planned(pair), pair.stack.services()["web"].replicas[0]
        self.injector.apply(lease, pair.stack)
        docker("update", *self.options, first)
        theirs = self.limit(first)
        assert self.injector.active(lease, pair.stack)
        self.injector.undo(lease, pair.stack)
        assert self.injector.undone(lease, pair.stack)
        assert self.each(pair)[0] == theirs != self.held
        assert self.each(pair)[1] not in (theirs, self.held)

    @pytest.mark.slow
    def test_an_apply_that_was_cut_after_one_replica_is_undone(self, pair: Rig) -> None:
        lease = self.planned(pair)
        self.injector.apply(self.planned(pair, stack=pair.stack.replica("web", 1)), pair.stack.replica("web", 1))
        assert self.injector.active(lease, pair.stack)
        assert not self.injector.undone(lease, pair.stack)
        self.injector.undo(lease, pair.stack)
        assert self.injector.undone(lease, pair.stack)
        assert self.held not in self.each(pair)

    @pytest.mark.slow
    def test_a_stopped_container_is_not_active_but_its_limit_is_lifted(self, pair: Rig) -> None:
        lease = self.planned(pair)
        self.injector.apply(lease, pair.stack)
        docker("kill", *pair.ids())
        assert not self.injector.active(lease, pair.stack)
        assert not self.injector.undone(lease, pair.stack)
        self.injector.undo(lease, pair.stack)
        assert self.injector.undone(lease, pair.stack)
        docker("start", *pair.ids())
        assert self.held not in self.each(pair)

    @pytest.mark.slow
    def test_the_manual_steps_work(self, pair: Rig) -> None:
        lease = self.planned(pair)
        self.injector.apply(lease, pair.stack)
        for step in lease.manual:
            subprocess.run(["sh", "-ec", step.split("`")[1]], check=True, capture_output=True, timeout=60)
        assert self.injector.undone(lease, pair.stack)
        assert self.held not in self.each(pair)

    def test_an_apply_or_an_undo_that_does_nothing_is_seen(self, pair: Rig) -> None:
        class Broken(type(self.injector)):  # type: ignore[misc]  # the class is chosen by the subclass
            def apply(self, lease: Lease, stack: Stack) -> Moment:
                return Moment(at_ns=0, uncertainty_ns=0, source="call")

            def undo(self, lease: Lease, stack: Stack) -> None:
                """Nothing."""

        broken: Injector = Broken()
        lease = self.planned(pair, broken)
        broken.apply(lease, pair.stack)
        assert not broken.active(lease, pair.stack)
        self.injector.apply(lease, pair.stack)
        broken.undo(lease, pair.stack)
        assert not broken.undone(lease, pair.stack)

    def test_what_makes_no_sense_is_refused_in_one_line(self, pair: Rig) -> None:
        for params in ({}, *self.bad, {**self.params, "spede": 1}):
            with pytest.raises(InvalidInput, match="fault f1: ") as caught:
                lease_for(self.injector, pair.stack, "web", params)
            assert "\n" not in str(caught.value)

    def test_an_absent_or_stopped_target_is_refused_and_so_is_as_tight_a_limit(self, pair: Rig) -> None:
        with pytest.raises(InvalidInput, match="no service 'nobody'"):
            lease_for(self.injector, pair.stack, "nobody", self.params)
        self.injector.apply(self.planned(pair), pair.stack)
        with pytest.raises(InvalidInput, match="already"):
            self.planned(pair)
        docker("kill", pair.stack.services()["web"].replicas[1])
        with pytest.raises(InvalidInput, match="web is not running"):
            self.planned(pair)

    @pytest.mark.slow
    def test_undo_in_the_limits_of_the_compose_file(self, pair: Rig) -> None:
        """A container that had a limit of its own gets that one back, exactly."""
        docker("update", *self.options, *pair.ids())
        own = self.each(pair)
        configured: list[Any] = [inspect(one)["HostConfig"] for one in pair.ids()]
        lease = self.planned(pair)
        self.injector.apply(lease, pair.stack)
        assert self.each(pair) == [self.held] * 2
        self.injector.undo(lease, pair.stack)
        assert self.each(pair) == own
        assert [inspect(one)["HostConfig"] for one in pair.ids()] == configured

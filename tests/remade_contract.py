"""What faults promise that recreate containers. Looked at from outside by the plain Docker command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import docker as sdk
import pytest
from compose_rig import BASE, Rig, docker, inspect
from drafts import draft_of
from observers import boot_ns, until

from drill.errors import InvalidInput
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import Seconds
from drill.ports import Injector, Stack
from drill.stacks.compose_cli import compose_command

SECRET = "s3cret-of-the-stack"
ONE = f"""
version: "2.4"
services:
  web:
    image: {BASE}
    command: ["sh", "-c", "echo up >>/data/starts; sleep 300"]
    init: true
    stop_grace_period: 1s
    environment: {{ TOKEN: {SECRET}, MODE: good }}
    labels: {{ drill.staging: "true" }}
    tmpfs: ["/small:size=1m,mode=1777"]
    volumes: ["data:/data"]
volumes: {{ data: {{ }} }}
"""


def fault(injector: Injector, params: Mapping[str, ParamValue], target: str = "web") -> FaultSpec:
    return FaultSpec(id="f1", kind=injector.kind, target=target, max_duration=Seconds(30), params=params)


def lease_for(
    injector: Injector, stack: Stack, params: Mapping[str, ParamValue], target: str = "web", id_: str = "L1"
) -> Lease:
    draft = replace(draft_of(injector, stack, target), id=id_)
    return injector.plan(fault(injector, params, target), stack, draft)


def compose(rigged: Rig, *arguments: str) -> None:
    command = [*compose_command(), "-f", str(rigged.file), "-p", rigged.project, *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


class Died(BaseException):
    """Nothing of the caller runs any more."""


def die_at(at: int, act: Callable[[], object]) -> None:
    """Do it, and die before the changing call to the engine of that number."""
    left, original = at, sdk.APIClient.send

    def counting(self: Any, request: Any, **options: Any) -> Any:
        nonlocal left
        # A look from inside is no change.
        if request.method in ("POST", "DELETE") and "exec" not in request.path_url:
            left -= 1
            if left < 0:
                raise Died
        return original(self, request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sdk.APIClient, "send", counting)
        with pytest.raises(Died):
            act()


def essence(rigged: Rig) -> list[dict[str, Any]]:
    """Of every container of the project, what must be as before."""
    found = [inspect(container) for container in rigged.ids()]
    return [
        {
            "name": one["Name"],
            "running": one["State"]["Running"],
            "env": sorted(one["Config"]["Env"]),
            "command": [one["Path"], *one["Args"]],
            "read_only": one["HostConfig"]["ReadonlyRootfs"],
            "restart": one["HostConfig"]["RestartPolicy"]["Name"],
            "mounts": sorted((each["Name"], each["Destination"], each["RW"]) for each in one["Mounts"]),
            "networks": sorted(one["NetworkSettings"]["Networks"]),
        }
        for one in found
    ]


class RemadeContract:
    """Subclass with `injector`, `params`, and `there`: how the fault is seen on the project, from outside."""

    injector: Injector
    params: ClassVar[Mapping[str, ParamValue]] = {}
    calls: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)
    """Changing calls to the engine before which the harness may die."""

    @staticmethod
    def there(rigged: Rig) -> bool:
        raise NotImplementedError

    def planned(self, rigged: Rig) -> Lease:
        return lease_for(self.injector, rigged.stack, self.params)

    def gone(self, rigged: Rig, lease: Lease) -> bool:
        return self.injector.undone(lease, rigged.stack) and not self.injector.active(lease, rigged.stack)

    def test_plan_touches_nothing_and_the_lease_survives_json(self, target: Rig) -> None:
        before = [inspect(one) for one in target.ids()]
        lease = self.planned(target)
        assert [inspect(one) for one in target.ids()] == before
        assert lease.settle_s > 5
        assert any("`" in step for step in lease.manual)
        assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease

    def test_secrets_are_in_the_sealed_part_only(self, target: Rig) -> None:
        lease = self.planned(target)
        assert SECRET in str(lease.sealed)
        journalled = {name: value for name, value in encode(lease).items() if name != "sealed"}
        assert SECRET not in str(journalled)
        assert not any(str(value) in str(journalled) for name, value in lease.sealed.items() if name == "value")

    def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(self, target: Rig) -> None:
        lease, before, facts = self.planned(target), essence(target), target.stack.services()["web"].facts
        assert not self.there(target)
        assert not self.injector.active(lease, target.stack)
        assert self.injector.undone(lease, target.stack)
        began = boot_ns()
        onset = self.injector.apply(lease, target.stack)
        assert began <= onset.at_ns - onset.uncertainty_ns <= onset.at_ns + onset.uncertainty_ns <= boot_ns()
        assert until(lambda: self.there(target))
        assert self.injector.active(lease, target.stack)
        assert not self.injector.undone(lease, target.stack)
        self.injector.undo(lease, target.stack)
        assert not self.there(target)
        assert self.gone(target, lease)
        assert essence(target) == before
        assert target.stack.services()["web"].facts == facts

    def test_undo_twice_and_undo_without_apply_change_nothing(self, target: Rig) -> None:
        lease, before = self.planned(target), target.ids()
        self.injector.undo(lease, target.stack)
        assert target.ids() == before
        self.injector.apply(lease, target.stack)
        self.injector.undo(lease, target.stack)
        after = target.ids()
        self.injector.undo(lease, target.stack)
        assert target.ids() == after

    @pytest.mark.slow
    def test_undo_leaves_what_a_responder_made_again(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        compose(target, "up", "-d", "--force-recreate")
        before = target.ids()
        assert self.gone(target, lease)
        self.injector.undo(lease, target.stack)
        assert target.ids() == before

    @pytest.mark.slow
    def test_undo_leaves_a_replica_that_a_responder_added(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        compose(target, "up", "-d", "--no-recreate", "--scale", "web=2")
        self.injector.undo(lease, target.stack)
        assert self.gone(target, lease)
        assert len(target.ids()) == 2

    @pytest.mark.slow
    @pytest.mark.parametrize("act", ["restart", "stop", "rm"])
    def test_undo_copes_with_what_others_did_to_the_target(self, target: Rig, act: str) -> None:
        lease, before = self.planned(target), essence(target)
        self.injector.apply(lease, target.stack)
        for one in target.ids():
            docker(*(["rm", "-f"] if act == "rm" else [act, "-t", "0"]), one)
        self.injector.undo(lease, target.stack)
        assert self.gone(target, lease)
        assert essence(target) == before

    @pytest.mark.slow
    def test_undo_ends_what_a_harness_that_died_has_begun(self, target: Rig) -> None:
        lease, before = self.planned(target), essence(target)
        for at in self.calls:
            die_at(at, lambda: self.injector.apply(lease, target.stack))
            assert not self.injector.undone(lease, target.stack), at
            other = target.open()
            self.injector.undo(decode(Lease, json.loads(json.dumps(encode(lease)))), other)
            assert self.injector.undone(lease, other)
            other.close()
            assert essence(target) == before, at

    @pytest.mark.slow
    def test_the_manual_steps_work(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        for command in [step.split("`")[1] for step in lease.manual]:
            # "docker rm" has nothing to remove when the fault removed it.
            subprocess.run(["sh", "-c", command], cwd=target.file.parent, check=False, capture_output=True, timeout=60)
        assert until(lambda: self.gone(target, lease))
        assert not self.there(target)

    def test_an_apply_or_undo_that_does_nothing_is_seen(self, target: Rig) -> None:
        class Idle(type(self.injector)):  # type: ignore[misc]  # the class is chosen by the subclass
            def apply(self, lease: Lease, stack: Stack) -> Moment:
                return Moment(at_ns=0, uncertainty_ns=0, source="call")

            def undo(self, lease: Lease, stack: Stack) -> None:
                """Nothing."""

        lease = self.planned(target)
        Idle().apply(lease, target.stack)
        assert not Idle().active(lease, target.stack)
        self.injector.apply(lease, target.stack)
        Idle().undo(lease, target.stack)
        assert not Idle().undone(lease, target.stack)

    def test_a_target_that_is_absent_or_down_and_an_unknown_parameter_are_refused(self, target: Rig) -> None:
        with pytest.raises(InvalidInput, match="'wrnog'"):
            lease_for(self.injector, target.stack, {**self.params, "wrnog": 1})
        with pytest.raises(InvalidInput, match="no service 'nobody'"):
            lease_for(self.injector, target.stack, self.params, "nobody")
        target.stack.stop("web", 0)
        with pytest.raises(InvalidInput, match="not running"):
            self.planned(target)

"""A primary that went down is not started again while another member takes the writes (design, Safety 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from compose_rig import BASE, Rig, docker, images, rig
from fault_contract import lease_for
from observers import Outside

from drill.errors import InvalidInput, StackError
from drill.model.config import ServiceSpec
from drill.model.lease import Lease
from drill.ports import Injector, Stack
from drill.stacks.compose import ComposeStack
from injectors.container import target as family
from injectors.container.kill import Kill
from injectors.container.pause import Pause
from injectors.container.stop import Stop

pytestmark = pytest.mark.engine
FAULTS: tuple[Injector, ...] = (Kill(), Stop(), Pause())
# The role is what a stand-in for psql prints, so that a test can promote without a database.
MEMBER = f"""FROM {BASE}
USER root
RUN printf '#!/bin/sh\\ncat /role\\n' >/usr/local/bin/psql && chmod +x /usr/local/bin/psql
CMD ["sh", "-c", "[ -e /role ] || echo $ROLE >/role; exec sleep 300"]
"""
CLUSTER = """
version: "2.4"
services:
  one: {{ image: {image}, init: true, stop_grace_period: 1s, environment: {{ ROLE: f }} }}
  two: {{ image: {image}, init: true, stop_grace_period: 1s, environment: {{ ROLE: t }} }}
"""
SPECS = tuple(ServiceSpec(name=name, role="postgresql") for name in ("one", "two"))
STEADY = {"one": "primary", "two": "replica"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with (
        images(member=MEMBER) as made,
        rig(tmp_path_factory.mktemp("cluster"), CLUSTER.format(image=made["member"]), SPECS) as up,
    ):
        yield up


@pytest.fixture
def cluster(project: Rig) -> Iterator[ComposeStack]:
    """One primary, one replica; afterwards again, as a restore recipe would have it."""
    assert project.stack.data_roles() == STEADY
    yield project.stack
    for name, state in project.stack.services().items():
        if state.any_paused:
            project.stack.unpause(name)
        project.stack.start(name)
        promote(project.stack, name, "f" if name == "one" else "t")


def promote(stack: Stack, service: str, says: str = "f") -> None:
    assert stack.exec(service, ["sh", "-c", f"echo '{says}' >/role"]).code == 0


def applied(injector: Injector, stack: Stack, service: str = "one") -> tuple[Lease, Outside]:
    lease = lease_for(injector, stack, service, {"grace": 0} if injector.kind == "container.stop" else {})
    outside = Outside(stack.services()[service].instance)
    injector.apply(lease, stack)
    return lease, outside


@pytest.mark.parametrize("injector", FAULTS, ids=lambda each: each.kind)
def test_without_a_failover_the_primary_comes_back(cluster: ComposeStack, injector: Injector) -> None:
    lease, _ = applied(injector, cluster)
    assert lease.before["role"] == "primary"
    injector.undo(lease, cluster)
    assert injector.undone(lease, cluster)
    assert cluster.data_roles() == STEADY


@pytest.mark.parametrize("injector", FAULTS, ids=lambda each: each.kind)
def test_after_a_failover_the_old_primary_stays_down_and_that_is_undone(
    cluster: ComposeStack, injector: Injector
) -> None:
    lease, old = applied(injector, cluster)
    promote(cluster, "two")
    for _ in range(2):
        injector.undo(lease, cluster)
        assert injector.undone(lease, cluster)
    assert old.paused() if injector.kind == "container.pause" else old.ended()
    assert cluster.data_roles()["two"] == "primary"
    assert docker("inspect", "-f", "{{.State.Status}}", old.instance) in ("exited", "paused")


def test_a_paused_primary_that_a_failover_killed_stays_down(cluster: ComposeStack) -> None:
    lease, old = applied(Pause(), cluster)
    cluster.kill("one")
    promote(cluster, "two")
    Pause().undo(lease, cluster)
    assert old.ended()
    assert Pause().undone(lease, cluster)


@pytest.mark.parametrize("injector", FAULTS, ids=lambda each: each.kind)
def test_a_replica_comes_back_beside_its_primary(cluster: ComposeStack, injector: Injector) -> None:
    lease, _ = applied(injector, cluster, "two")
    assert lease.before["role"] == "replica"
    injector.undo(lease, cluster)
    assert injector.undone(lease, cluster)
    assert cluster.data_roles() == STEADY


@pytest.mark.parametrize("injector", FAULTS, ids=lambda each: each.kind)
def test_while_the_other_does_not_say_its_role_nothing_is_started_and_that_is_told(
    cluster: ComposeStack, injector: Injector
) -> None:
    lease, old = applied(injector, cluster)
    promote(cluster, "two", "starting up")
    with pytest.raises(StackError, match="one was the primary and stays down: two runs") as caught:
        injector.undo(lease, cluster)
    assert "\n" not in str(caught.value)
    assert "drill stack restore" in str(caught.value)
    with pytest.raises(StackError, match="two runs"):
        injector.undone(lease, cluster)
    assert old.paused() if injector.kind == "container.pause" else old.ended()


@pytest.mark.parametrize("act", ["kill", "pause"])
def test_a_member_that_is_down_or_frozen_takes_no_writes(cluster: ComposeStack, act: str) -> None:
    lease, _ = applied(Kill(), cluster)
    getattr(cluster, act)("two")
    Kill().undo(lease, cluster)
    assert Kill().undone(lease, cluster)


def test_a_database_that_does_not_say_its_role_is_no_target(cluster: ComposeStack) -> None:
    promote(cluster, "one", "starting up")
    with pytest.raises(InvalidInput, match="one runs but does not say whether it is primary or replica"):
        lease_for(Kill(), cluster, "one", {})


def test_a_harness_that_does_not_fence_is_seen(cluster: ComposeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    lease, old = applied(Kill(), cluster)
    promote(cluster, "two")

    def no_fence(*_: Any) -> str:
        return ""

    monkeypatch.setattr(family, "superseded_by", no_fence)
    Kill().undo(lease, cluster)
    assert docker("inspect", "-f", "{{.State.Status}}", old.instance) == "running"
    assert list(cluster.data_roles().values()) == ["primary", "primary"]

"""container.exec on real containers; files are looked at by `docker exec`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping

import pytest
from compose_rig import BASE, WEB, Rig, docker, images, rig
from fault_contract import lease_for
from observers import DOCKER, Watch

from drill.errors import ActionFailed, InvalidInput, StackError
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Stack
from injectors.container.exec import Exec

pytestmark = pytest.mark.engine
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
FILE: Mapping[str, ParamValue] = {
    "apply": '["touch", "/tmp/a b"]',
    "active": '["test", "-e", "/tmp/a b"]',
    "undo": '["rm", "-f", "/tmp/a b"]',
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with images(), rig(tmp_path_factory.mktemp("exec"), PAIR, (WEB,)) as made:
        yield made


@pytest.fixture
def pair(project: Rig) -> Iterator[Rig]:
    """Two replicas without the file."""
    yield project
    if len(project.ids()) < 2:
        project.stack.up(lambda _: None)
    docker("start", *project.ids())
    for one in project.ids():
        docker("exec", one, "rm", "-f", "/tmp/a b")


def there(container: str) -> bool:
    return (
        subprocess.run([DOCKER, "exec", container, "test", "-e", "/tmp/a b"], check=False, timeout=20).returncode == 0
    )


def planned(pair: Rig, **changed: ParamValue) -> Lease:
    return lease_for(Exec(), pair.stack, "web", {**FILE, **changed})


def test_plan_touches_nothing_and_the_lease_survives_json(pair: Rig) -> None:
    lease = planned(pair)
    assert not any(there(one) for one in pair.ids())
    assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease
    assert lease.settle_s > 10


def test_apply_is_active_and_undo_ends_it_in_every_replica_and_twice_is_once(pair: Rig) -> None:
    lease = planned(pair)
    assert not Exec().active(lease, pair.stack)
    assert Exec().undone(lease, pair.stack)
    Exec().apply(lease, pair.stack)
    assert all(there(one) for one in pair.ids())
    assert Exec().active(lease, pair.stack)
    assert not Exec().undone(lease, pair.stack)
    for _ in range(2):
        Exec().undo(lease, pair.stack)
        assert not any(there(one) for one in pair.ids())
        assert Exec().undone(lease, pair.stack)
        assert not Exec().active(lease, pair.stack)


def test_the_onset_is_true_within_its_uncertainty(pair: Rig) -> None:
    lease, ids = planned(pair), pair.ids()
    with Watch(lambda: there(ids[0])) as first, Watch(lambda: there(ids[1])) as second:
        onset = Exec().apply(lease, pair.stack)
    spans = [first.span(), second.span()]
    assert onset.at_ns - onset.uncertainty_ns <= min(span[1] for span in spans)
    assert max(span[0] for span in spans) <= onset.at_ns + onset.uncertainty_ns


def test_one_replica_alone_is_hit_and_undo_without_apply_bears_it(pair: Rig) -> None:
    second, ids = pair.stack.replica("web", 2), pair.stack.services()["web"].replicas
    lease = lease_for(Exec(), second, "web", FILE)
    Exec().undo(lease, second)
    Exec().apply(lease, second)
    assert [there(one) for one in ids] == [False, True]
    Exec().undo(lease, second)
    assert Exec().undone(lease, second)


def test_one_replica_is_enough_to_be_active_and_too_much_to_be_undone(pair: Rig) -> None:
    lease = planned(pair)
    docker("exec", pair.ids()[1], "touch", "/tmp/a b")
    assert Exec().active(lease, pair.stack)
    assert not Exec().undone(lease, pair.stack)


def test_a_restart_is_outlived_and_a_container_made_anew_is_free_of_it(pair: Rig) -> None:
    lease = planned(pair)
    Exec().apply(lease, pair.stack)
    docker("restart", "-t", "0", *pair.ids())
    assert Exec().active(lease, pair.stack)
    docker("rm", "-f", *pair.ids())
    assert not Exec().active(lease, pair.stack)
    assert not Exec().undone(lease, pair.stack)
    Exec().undo(lease, pair.stack)
    assert Exec().undone(lease, pair.stack)
    assert len(pair.ids()) == 2


def test_in_a_stopped_container_nothing_can_be_undone_and_that_is_told(pair: Rig) -> None:
    lease = planned(pair)
    Exec().apply(lease, pair.stack)
    docker("kill", *pair.ids())
    assert not Exec().active(lease, pair.stack)
    assert not Exec().undone(lease, pair.stack)
    with pytest.raises(StackError, match="start it, then: Undo it inside") as caught:
        Exec().undo(lease, pair.stack)
    assert "\n" not in str(caught.value)


def test_the_manual_steps_work(pair: Rig) -> None:
    lease = planned(pair)
    Exec().apply(lease, pair.stack)
    for step in lease.manual:
        subprocess.run(["sh", "-ec", step.split("`")[1]], check=True, capture_output=True, timeout=20)
    assert Exec().undone(lease, pair.stack)


def test_an_apply_or_an_undo_that_does_nothing_is_seen(pair: Rig) -> None:
    class Broken(Exec):
        def apply(self, lease: Lease, stack: Stack) -> Moment:
            return Moment(at_ns=0, uncertainty_ns=0, source="call")

        def undo(self, lease: Lease, stack: Stack) -> None:
            """Nothing."""

    lease = planned(pair)
    Broken().apply(lease, pair.stack)
    assert not Broken().active(lease, pair.stack)
    Exec().apply(lease, pair.stack)
    Broken().undo(lease, pair.stack)
    assert not Broken().undone(lease, pair.stack)


def test_a_command_that_fails_or_takes_too_long_is_an_error(pair: Rig) -> None:
    with pytest.raises(ActionFailed, match=r"apply of container\.exec ended with code 2: oh no"):
        Exec().apply(planned(pair, apply='["sh", "-c", "echo oh no; exit 2"]'), pair.stack)
    with pytest.raises(ActionFailed, match=r"undo of container\.exec ended with code 1"):
        Exec().undo(planned(pair, undo='["false"]'), pair.stack)
    with pytest.raises(ActionFailed, match=r"did not end within 0\.5 s"):
        Exec().apply(planned(pair, apply='["sleep", "3"]', timeout="500ms"), pair.stack)
    with pytest.raises(StackError, match=r"cannot be run \(no-such\)"):
        Exec().apply(planned(pair, apply='["no-such"]'), pair.stack)


@pytest.mark.parametrize("name", ["apply", "active", "undo"])
@pytest.mark.parametrize("written", ["touch /tmp/x", "[]", '["a", 3]', '{"a": 1}', '[""]', 3, "", '["a"'])
def test_what_is_no_list_of_words_is_refused(pair: Rig, name: str, written: ParamValue) -> None:
    with pytest.raises(InvalidInput, match=f"{name} .* is no command; write a list in quotes") as caught:
        planned(pair, **{name: written})
    assert "\n" not in str(caught.value)


def test_what_else_makes_no_sense_is_refused(pair: Rig) -> None:
    for name in FILE:
        with pytest.raises(InvalidInput, match=f"{name} None is no command"):
            lease_for(Exec(), pair.stack, "web", {key: value for key, value in FILE.items() if key != name})
    with pytest.raises(InvalidInput, match="active succeeds before apply"):
        planned(pair, active='["true"]')
    for timeout in (0, 61, "soon", True):
        with pytest.raises(InvalidInput, match="timeout"):
            planned(pair, timeout=timeout)
    with pytest.raises(InvalidInput, match="'udno'"):
        planned(pair, udno="x")
    with pytest.raises(InvalidInput, match="no service 'nobody'"):
        lease_for(Exec(), pair.stack, "nobody", FILE)

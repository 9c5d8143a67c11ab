"""change.image on real containers, two replicas of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import docker as sdk
import pytest
from compose_rig import GOOD, Rig, build, docker
from drafts import draft_of
from observers import boot_ns, until

from drill.errors import InvalidInput, StackError
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import Seconds
from drill.ports import Stack
from injectors.change.image import Image

pytestmark = pytest.mark.engine
GOOD_ANSWER, BAD_ANSWER = ["1 mine"] * 2, ["2 mine"] * 2


def planned(rigged: Rig, params: Mapping[str, ParamValue], injector: Image | None = None, target: str = "web") -> Lease:
    injector = injector or Image()
    draft = draft_of(injector, rigged.stack, target)
    fault = FaultSpec(id="f1", kind=injector.kind, target=target, max_duration=Seconds(30), params=params)
    return injector.plan(fault, rigged.stack, draft)


@pytest.fixture
def lease(target: Rig, releases: dict[str, str]) -> Lease:
    return planned(target, {"image": releases["bad"]})


def test_plan_touches_nothing_and_the_lease_survives_json(target: Rig, releases: dict[str, str]) -> None:
    before = target.ids()
    lease = planned(target, {"image": releases["bad"]})
    assert target.ids() == before
    assert lease.before == {
        "image": releases["good"],
        "image_id": docker("inspect", "-f", "{{.Id}}", releases["good"]),
        "replicas": 2,
    }
    assert lease.settle_s > 5
    assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease


def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(target: Rig, lease: Lease) -> None:
    injector, facts, began = Image(), target.stack.services()["web"].facts, boot_ns()
    assert not injector.active(lease, target.stack)
    assert injector.undone(lease, target.stack)
    onset = injector.apply(lease, target.stack)
    assert until(lambda: target.running_releases() == BAD_ANSWER)
    assert began <= onset.at_ns - onset.uncertainty_ns <= onset.at_ns + onset.uncertainty_ns <= boot_ns()
    assert injector.active(lease, target.stack)
    assert not injector.undone(lease, target.stack)
    injector.undo(lease, target.stack)
    assert until(lambda: target.running_releases() == GOOD_ANSWER)
    assert injector.undone(lease, target.stack)
    assert not injector.active(lease, target.stack)
    assert target.stack.services()["web"].facts == facts
    assert target.stack.image("web") == lease.before["image"]


def test_undo_twice_and_undo_without_apply_change_nothing(target: Rig, lease: Lease) -> None:
    before = target.ids()
    Image().undo(lease, target.stack)
    assert target.ids() == before
    Image().apply(lease, target.stack)
    Image().undo(lease, target.stack)
    after = target.ids()
    Image().undo(lease, target.stack)
    assert target.ids() == after


def test_undo_leaves_what_a_responder_rolled_back(target: Rig, lease: Lease) -> None:
    Image().apply(lease, target.stack)
    target.stack.deploy("web", str(lease.before["image"]))
    before = target.ids()
    assert not Image().active(lease, target.stack)
    assert Image().undone(lease, target.stack)
    Image().undo(lease, target.stack)
    assert target.ids() == before


def test_one_bad_replica_is_enough_to_be_active_and_too_much_to_be_undone(target: Rig, lease: Lease) -> None:
    _die_in_the_middle(target, lease, at=6)
    assert target.stack.services()["web"].facts["replicas"] == "2"
    assert Image().active(lease, target.stack)
    assert not Image().undone(lease, target.stack)


@pytest.mark.parametrize("at", [1, 4, 7, 10])
def test_undo_ends_what_a_caller_that_died_has_begun(target: Rig, lease: Lease, at: int) -> None:
    facts = target.stack.services()["web"].facts
    _die_in_the_middle(target, lease, at)
    assert not Image().undone(lease, target.stack)
    Image().undo(lease, target.stack)
    assert Image().undone(lease, target.stack)
    assert until(lambda: target.running_releases() == GOOD_ANSWER)
    assert target.stack.services()["web"].facts == facts


class _Died(BaseException):
    """Nothing of the caller runs any more."""


def _die_in_the_middle(rigged: Rig, lease: Lease, at: int) -> None:
    """Before the changing call to the engine of that number."""
    left = at
    original = sdk.APIClient.send

    def counting(self: Any, request: Any, **options: Any) -> Any:
        nonlocal left
        if request.method in ("POST", "DELETE"):
            left -= 1
            if left < 0:
                raise _Died
        return original(self, request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sdk.APIClient, "send", counting)
        with pytest.raises(_Died):
            Image().apply(lease, rigged.stack)


def test_undo_brings_the_very_image_back_when_its_name_has_moved_on(
    target: Rig, lease: Lease, releases: dict[str, str]
) -> None:
    old = str(lease.before["image_id"])
    Image().apply(lease, target.stack)
    build(releases["good"], GOOD.replace("RELEASE=1", "RELEASE=3"))
    try:
        Image().undo(lease, target.stack)
        assert until(lambda: target.running_releases() == GOOD_ANSWER)
        assert Image().undone(lease, target.stack)
    finally:
        docker("tag", old, releases["good"])


def test_undo_starts_what_somebody_stopped(target: Rig, lease: Lease) -> None:
    Image().apply(lease, target.stack)
    target.stack.stop("web", 1)
    Image().undo(lease, target.stack)
    assert until(lambda: target.running_releases() == GOOD_ANSWER)
    assert Image().undone(lease, target.stack)


def test_the_manual_steps_work(target: Rig, lease: Lease) -> None:
    Image().apply(lease, target.stack)
    commands = [step.split("`")[1] for step in lease.manual]
    for command in commands:
        subprocess.run(["sh", "-ec", command], cwd=target.file.parent, check=True, capture_output=True, timeout=60)
    assert until(lambda: target.running_releases() == GOOD_ANSWER)
    assert Image().undone(lease, target.stack)


def test_an_apply_that_does_nothing_is_seen(target: Rig, releases: dict[str, str]) -> None:
    class Broken(Image):
        def apply(self, lease: Lease, stack: Stack) -> Moment:
            return Moment(at_ns=0, uncertainty_ns=0, source="call")

    lease = planned(target, {"image": releases["bad"]}, Broken())
    Broken().apply(lease, target.stack)
    assert not Broken().active(lease, target.stack)


def test_an_undo_that_does_nothing_is_seen(target: Rig, lease: Lease) -> None:
    class Broken(Image):
        def undo(self, lease: Lease, stack: Stack) -> None:
            """Nothing."""

    Broken().apply(lease, target.stack)
    Broken().undo(lease, target.stack)
    assert not Broken().undone(lease, target.stack)
    assert Broken().active(lease, target.stack)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "needs the parameter `image`"),
        ({"image": ""}, "needs the parameter `image`"),
        ({"image": 3}, "needs the parameter `image`"),
        ({"image": "no-such:image"}, "no-such:image is not on this engine"),
        ({"image": "{good}"}, "already"),
        ({"image": "{bad}", "imgae": "x"}, "'imgae'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    target: Rig, releases: dict[str, str], params: dict[str, ParamValue], said: str
) -> None:
    filled = {key: value.format(**releases) if isinstance(value, str) else value for key, value in params.items()}
    with pytest.raises(InvalidInput, match=said) as caught:
        planned(target, filled)
    assert "\n" not in str(caught.value)


def test_a_target_that_is_absent_down_or_half_deployed_is_refused(
    target: Rig, lease: Lease, releases: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput, match="no service 'nobody'"):
        planned(target, {"image": releases["bad"]}, target="nobody")
    _die_in_the_middle(target, lease, at=6)
    with pytest.raises(InvalidInput, match="different images"):
        planned(target, {"image": releases["bad"]})
    docker("kill", target.stack.services()["web"].replicas[0])
    with pytest.raises(InvalidInput, match="not running"):
        planned(target, {"image": releases["bad"]})


def test_an_image_that_vanished_after_the_plan_is_refused_at_apply(target: Rig, lease: Lease) -> None:
    gone = replace(lease, params={"image": "gone:now", "image_id": "sha256:0"})
    before = target.ids()
    with pytest.raises(StackError, match="gone:now is not on this engine"):
        Image().apply(gone, target.stack)
    assert target.ids() == before

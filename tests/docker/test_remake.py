"""Containers removed, made again, made with a change: all else alike, and mended after a crash at any point."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import docker as sdk
import pytest
from compose_rig import Rig, docker, inspect
from observers import boot_ns, until

from drill.errors import StackError
from drill.ports.containers import Containers, Remake
from drill.stacks.compose_cli import compose_command

pytestmark = pytest.mark.engine
ANSWER = ["1 mine"] * 2
WRONG = Remake(env={"OWN": "wrong"})
STEPS = ("rename", "create", "connect", "stop", "start", "remove")


class Died(BaseException):
    """The caller is killed here: nothing of it runs any more."""


@pytest.fixture
def plan(two: Rig) -> str:
    return two.stack.containers().blueprint("web")


@pytest.fixture
def target(two: Rig, releases: dict[str, str], plan: str) -> Iterator[Rig]:
    """Two replicas that answer; afterwards again, and no third."""
    assert until(lambda: two.running_releases() == ANSWER)
    yield two
    compose(two, "up", "-d", "--scale", "web=2")
    two.stack.containers().rebuild("web", plan)
    assert until(lambda: two.running_releases() == ANSWER)


def compose(rigged: Rig, *arguments: str) -> None:
    command = [*compose_command(), "-f", str(rigged.file), "-p", rigged.project, *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def of(rigged: Rig) -> Containers:
    return rigged.stack.containers()


def dies(at: int, act: Callable[[], object]) -> int:
    """Do it, and die before the changing call to the engine of that number; how many came before."""
    original, made = sdk.APIClient.send, 0

    def counting(self: Any, request: Any, **options: Any) -> Any:
        nonlocal made
        if request.method in ("POST", "DELETE"):
            if made == at:
                raise Died
            made += 1
        return original(self, request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sdk.APIClient, "send", counting)
        with pytest.raises(Died):
            act()
    return made


def test_removed_replicas_are_gone_and_their_volumes_are_not(target: Rig) -> None:
    for folder in ("/shared", "/anonymous", "/kept"):
        assert target.stack.exec("web", ["sh", "-c", f"echo here >{folder}/file"]).code == 0
    plan, began = of(target).blueprint("web"), boot_ns()
    moment = of(target).remove("web")
    assert target.ids("web") == []
    assert began <= moment.at_ns - moment.uncertainty_ns <= moment.at_ns + moment.uncertainty_ns <= boot_ns()
    of(target).rebuild("web", plan)
    assert until(lambda: target.running_releases() == ANSWER)
    found = target.stack.exec("web", ["cat", "/shared/file", "/anonymous/file", "/kept/file"])
    assert found.output.split() == ["here"] * 3


@pytest.mark.parametrize("state", ["paused", "one stopped"])
def test_what_does_not_run_is_removed_too(target: Rig, state: str) -> None:
    if state == "paused":
        target.stack.pause("web")
    else:
        docker("kill", target.stack.services()["web"].replicas[0])
    of(target).remove("web")
    assert target.ids("web") == []


def test_a_service_comes_back_the_same_after_it_was_removed(target: Rig, plan: str) -> None:
    facts, names = target.stack.services()["web"].facts, target.names()
    of(target).remove("web")
    assert not of(target).as_blueprint("web", plan)
    of(target).rebuild("web", plan)
    assert of(target).as_blueprint("web", plan)
    assert target.stack.services()["web"].facts == facts
    assert target.names() == names


def test_what_is_alike_already_is_not_touched(target: Rig, plan: str) -> None:
    pids = [inspect(one)["State"]["Pid"] for one in target.ids()]
    assert of(target).rebuild("web", plan).source == "already so"
    assert [inspect(one)["State"]["Pid"] for one in target.ids()] == pids


@pytest.mark.parametrize(
    ("change", "looks"),
    [
        (Remake(env={"OWN": "wrong"}), lambda one: "OWN=wrong" in one["Config"]["Env"]),
        (Remake(env={"OWN": None}), lambda one: not any(item.startswith("OWN=") for item in one["Config"]["Env"])),
        (Remake(env={"NEW": "a=b"}), lambda one: {"NEW=a=b", "OWN=mine"} <= set(one["Config"]["Env"])),
        (Remake(command=("sleep", "60")), lambda one: [one["Path"], *one["Args"]] == ["sleep", "60"]),
        (Remake(restart="always"), lambda one: one["HostConfig"]["RestartPolicy"]["Name"] == "always"),
        (Remake(read_only=True), lambda one: one["HostConfig"]["ReadonlyRootfs"]),
    ],
    ids=["set", "unset", "added", "command", "restart", "read-only"],
)
def test_a_change_is_made_and_taken_back_as_seen_from_outside(
    target: Rig, plan: str, change: Remake, looks: Callable[[dict[str, Any]], bool]
) -> None:
    facts, names = target.stack.services()["web"].facts, target.names()
    assert not any(looks(inspect(one)) for one in target.ids("web"))
    of(target).remake("web", change)
    assert len(target.ids("web")) == 2
    assert all(looks(inspect(one)) for one in target.ids("web"))
    assert not of(target).as_blueprint("web", plan)
    of(target).rebuild("web", plan)
    assert of(target).as_blueprint("web", plan)
    assert until(lambda: target.running_releases() == ANSWER)
    assert (target.stack.services()["web"].facts, target.names()) == (facts, names)


def test_a_variable_of_the_image_can_be_taken_away(target: Rig) -> None:
    assert target.stack.exec("web", ["printenv", "OF_THE_IMAGE"]).output.strip() == "one"
    of(target).remake("web", Remake(env={"OF_THE_IMAGE": None}))
    assert "OF_THE_IMAGE" not in target.stack.exec("web", ["env"]).output
    assert of(target).made("web")[1].env.get("OF_THE_IMAGE") is None


def test_read_only_holds_for_volumes_too(target: Rig) -> None:
    of(target).remake("web", Remake(read_only=True, command=("sleep", "60")))
    for folder in ("/", "/shared", "/anonymous", "/kept"):
        answer = target.stack.exec("web", ["touch", f"{folder}/file"])
        assert "Read-only file system" in answer.output, folder


def test_what_a_remake_changes_can_be_read(target: Rig) -> None:
    change = Remake(env={"OWN": "x"}, command=("sh", "-c", "exec sleep 60"), read_only=True, restart="on-failure")
    of(target).remake("web", change)
    for one in of(target).made("web"):
        assert (one.command, one.read_only, one.restart) == (change.command, True, "on-failure")
        assert one.env["OWN"] == "x"
        assert one.env["RELEASE"] == "1"
    of(target).remove("web")
    assert of(target).made("web") == []


def test_a_remake_is_made_of_the_calls_that_the_crash_tests_cut(target: Rig) -> None:
    assert dies(2 * len(STEPS), lambda: (of(target).remake("web", WRONG), dies_now())) == 2 * len(STEPS)


def dies_now() -> None:
    raise Died


@pytest.mark.parametrize(
    "at", [*range(len(STEPS)), *(pytest.param(at, marks=pytest.mark.slow) for at in range(len(STEPS), 2 * len(STEPS)))]
)
def test_after_a_crash_at_any_call_of_a_remake_the_blueprint_mends_it(target: Rig, plan: str, at: int) -> None:
    facts, names = target.stack.services()["web"].facts, target.names()
    dies(at, lambda: of(target).remake("web", WRONG))
    other = target.open()
    other.containers().rebuild("web", plan)
    assert other.containers().as_blueprint("web", plan)
    assert until(lambda: target.running_releases() == ANSWER)
    assert (other.services()["web"].facts, target.names()) == (facts, names)
    other.close()


@pytest.mark.parametrize("at", range(6))
def test_after_a_crash_in_a_rebuild_the_next_one_ends_it(target: Rig, plan: str, at: int) -> None:
    names = target.names()
    of(target).remove("web")
    dies(at, lambda: of(target).rebuild("web", plan))
    assert not of(target).as_blueprint("web", plan)
    of(target).rebuild("web", plan)
    assert of(target).as_blueprint("web", plan)
    assert until(lambda: target.running_releases() == ANSWER)
    assert target.names() == names


@pytest.mark.parametrize("at", range(4))
def test_after_a_crash_in_a_removal_the_blueprint_mends_it(target: Rig, plan: str, at: int) -> None:
    dies(at, lambda: of(target).remove("web"))
    of(target).rebuild("web", plan)
    assert of(target).as_blueprint("web", plan)
    assert until(lambda: target.running_releases() == ANSWER)


def test_stopped_ones_are_started_and_those_that_never_ran_are_not(target: Rig, plan: str) -> None:
    target.stack.stop("web", 1)
    down = of(target).blueprint("web")
    of(target).remove("web")
    of(target).rebuild("web", down)
    assert of(target).as_blueprint("web", down)
    assert {inspect(one)["State"]["Status"] for one in target.ids("web")} == {"created"}
    of(target).rebuild("web", plan)
    assert until(lambda: target.running_releases() == ANSWER)


def test_without_a_start_they_are_made_and_left_down(target: Rig, plan: str) -> None:
    of(target).remove("web")
    of(target).rebuild("web", plan, start=False)
    assert len(target.ids("web")) == 2
    assert not target.stack.services()["web"].any_running
    assert not of(target).as_blueprint("web", plan)


def test_a_replica_that_a_responder_added_stays(target: Rig, plan: str) -> None:
    of(target).remake("web", WRONG)
    compose(target, "up", "-d", "--no-recreate", "--scale", "web=3")
    third = target.stack.services()["web"].replicas[2]
    of(target).rebuild("web", plan)
    assert target.stack.services()["web"].replicas[2] == third
    assert until(lambda: target.running_releases() == ["1 mine"] * 3)


def test_what_a_responder_made_again_or_renamed_is_left(target: Rig, plan: str) -> None:
    of(target).remove("web")
    compose(target, "up", "-d")
    docker("rename", target.stack.services()["web"].replicas[0], f"{target.project}-by-hand")
    before = target.ids()
    of(target).rebuild("web", plan)
    assert of(target).as_blueprint("web", plan)
    assert target.ids() == before


def test_one_made_in_the_place_of_another_counts_for_it(target: Rig, plan: str) -> None:
    """Compose gives the next number, not the free one."""
    docker("rm", "-f", target.stack.services()["web"].replicas[0])
    compose(target, "up", "-d")
    before = target.ids()
    assert [number for number in target.stack.replica_numbers("web") if number != 2] != []
    of(target).rebuild("web", plan)
    assert target.ids() == before


def test_the_image_is_found_by_its_id_when_its_name_has_moved_on(target: Rig, releases: dict[str, str]) -> None:
    docker("tag", releases["good"], f"{releases['good']}-b")
    moved = json.loads(of(target).blueprint("web"))
    for one in moved:
        one["body"]["Image"] = f"{releases['good']}-gone"
    docker("rmi", f"{releases['good']}-b")
    of(target).remove("web")
    of(target).rebuild("web", json.dumps(moved))
    assert until(lambda: target.running_releases() == ANSWER)


def test_a_service_without_a_container_is_an_error_of_one_line(target: Rig) -> None:
    for act in (lambda: of(target).remove("nobody"), lambda: of(target).blueprint("nobody")):
        with pytest.raises(StackError, match="nobody has no container") as caught:
            act()
        assert "\n" not in str(caught.value)

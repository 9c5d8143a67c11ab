"""Another image for a service: all else alike, replica by replica, and mended after a crash at any point."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import docker as sdk
import pytest
from compose_rig import GOOD, TWO_REPLICAS, Rig, build, docker, inspect, rig
from observers import DOCKER, boot_ns, until

from drill.errors import StackError
from drill.stacks.compose_cli import compose_command

pytestmark = pytest.mark.engine
GOOD_ANSWER, BAD_ANSWER = ["1 mine"] * 2, ["2 mine"] * 2
STEPS = ("rename", "create", "connect", "stop", "start", "remove")
"""The engine's calls that change something, for one replica."""


class Died(BaseException):
    """The caller is killed here: nothing of it runs any more."""


@pytest.fixture
def good(two: Rig, releases: dict[str, str]) -> Iterator[Rig]:
    """The good release runs before the test and is put back after it."""
    two.stack.deploy("web", releases["good"])
    assert until(lambda: two.running_releases() == GOOD_ANSWER)
    yield two
    two.stack.deploy("web", releases["good"])


def essence(container: str) -> dict[str, Any]:
    """What must be alike, by the engine's own word."""
    found = inspect(container)
    config, networks = found["Config"], found["NetworkSettings"]["Networks"]
    aliases = {name: sorted(set(end["Aliases"]) - {found["Id"][:12]}) for name, end in networks.items()}
    mounts = sorted((mount["Type"], mount["Name"], mount["Destination"], mount["RW"]) for mount in found["Mounts"])
    host = {key: value for key, value in found["HostConfig"].items() if key != "Binds"}
    return {"name": found["Name"], "aliases": aliases, "mounts": mounts, "host": host} | {
        key: config.get(key)
        for key in ("Env", "Labels", "Cmd", "Entrypoint", "WorkingDir", "User", "Healthcheck", "StopSignal", "Image")
    }


def essences(rigged: Rig) -> list[dict[str, Any]]:
    return sorted((essence(container) for container in rigged.ids("web")), key=lambda one: str(one["name"]))


def test_every_replica_runs_the_new_image_as_seen_from_outside(good: Rig, releases: dict[str, str]) -> None:
    began = boot_ns()
    moment = good.stack.deploy("web", releases["bad"])
    assert until(lambda: good.running_releases() == BAD_ANSWER)
    assert began <= moment.at_ns - moment.uncertainty_ns
    assert moment.at_ns + moment.uncertainty_ns <= boot_ns()
    assert good.stack.image("web") == releases["bad"]
    state = good.stack.services()["web"]
    assert (
        state.facts["image"]
        == good.stack.image_id(releases["bad"])
        == docker("inspect", "-f", "{{.Id}}", releases["bad"])
    )
    assert state.facts["replicas"] == "2"


def test_what_is_the_containers_own_is_kept_and_what_is_the_images_is_the_new_ones(
    good: Rig, releases: dict[str, str]
) -> None:
    before = essences(good)
    good.stack.deploy("web", releases["bad"])
    for old, new in zip(before, essences(good), strict=True):
        assert {key: new[key] for key in ("name", "aliases", "mounts", "host")} == {
            key: old[key] for key in ("name", "aliases", "mounts", "host")
        }
        env = dict(item.split("=", 1) for item in new["Env"])
        assert (env["OWN"], env["RELEASE"], env["ONLY_IN_TWO"]) == ("mine", "2", "x")
        assert "OF_THE_IMAGE" not in env
        assert new["Labels"] == {k: v for k, v in old["Labels"].items() if k != "of.the.image"} | {"release": "2"}
        assert (new["WorkingDir"], new["StopSignal"], new["Healthcheck"]["Test"]) == (
            "/tmp",
            "SIGINT",
            ["CMD-SHELL", "false"],
        )


def test_the_way_back_leaves_nothing_of_it(good: Rig, releases: dict[str, str]) -> None:
    before, facts = essences(good), good.stack.services()["web"].facts
    good.stack.deploy("web", releases["bad"])
    good.stack.deploy("web", releases["good"])
    assert essences(good) == before
    assert good.stack.services()["web"].facts == facts


def test_the_data_of_every_volume_is_kept(good: Rig, releases: dict[str, str]) -> None:
    folders = ("/shared", "/anonymous", "/kept")
    for folder in folders:
        assert good.stack.exec("web", ["sh", "-c", f"echo here >{folder}/file"]).code == 0
    good.stack.deploy("web", releases["bad"])
    good.stack.deploy("web", releases["good"])
    assert [good.stack.exec("web", ["cat", f"{folder}/file"]).output.strip() for folder in folders] == ["here"] * 3


def test_replicas_find_each_other_by_their_aliases_afterwards(good: Rig, releases: dict[str, str]) -> None:
    good.stack.deploy("web", releases["bad"])
    for name in ("web", "www"):
        found = good.stack.exec("web", ["getent", "ahostsv4", name]).output
        assert len({line.split()[0] for line in found.splitlines()}) >= 2, found


def test_compose_sees_no_change(good: Rig, releases: dict[str, str]) -> None:
    good.stack.deploy("web", releases["bad"])
    before = good.ids()
    again = [*compose_command(), "-f", str(good.file), "-p", good.project, "up", "-d"]
    subprocess.run(again, check=True, capture_output=True, timeout=60)
    assert good.ids() == before
    assert good.running_releases() == BAD_ANSWER


def test_replicas_change_one_after_the_other(
    good: Rig, releases: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is down the other answers."""
    seen: list[list[str]] = []
    original = sdk.APIClient.send

    def looking(self: Any, request: Any, **options: Any) -> Any:
        if "/containers/" in request.url and request.url.endswith("/start"):
            seen.append(good.running_releases())
        return original(self, request, **options)

    monkeypatch.setattr(sdk.APIClient, "send", looking)
    good.stack.deploy("web", releases["bad"])
    assert len(seen) == 2
    assert all(any(answer) for answer in seen), seen


def test_deploying_what_runs_changes_nothing(good: Rig, releases: dict[str, str]) -> None:
    before = good.ids()
    assert good.stack.deploy("web", releases["good"]).source == "already deployed"
    assert good.ids() == before


@pytest.mark.parametrize("state", ["paused", "stopped", "one killed"])
def test_it_works_from_any_state(good: Rig, releases: dict[str, str], state: str) -> None:
    if state == "paused":
        good.stack.pause("web")
    elif state == "stopped":
        good.stack.stop("web", 1)
    else:
        docker("kill", good.stack.services()["web"].replicas[1])
    good.stack.deploy("web", releases["bad"])
    assert until(lambda: good.running_releases() == BAD_ANSWER)


def test_an_image_that_is_not_there_is_refused_before_anything_is_touched(good: Rig) -> None:
    before = good.ids()
    with pytest.raises(StackError, match=r"image no-such:image is not on this engine; build or pull it") as caught:
        good.stack.deploy("web", "no-such:image")
    assert "\n" not in str(caught.value)
    assert good.ids() == before


def test_a_release_that_ends_at_once_is_deployed_and_can_be_taken_back(good: Rig, releases: dict[str, str]) -> None:
    good.stack.deploy("web", releases["dead"])
    assert until(lambda: not good.stack.services()["web"].any_running)
    good.stack.deploy("web", releases["good"])
    assert until(lambda: good.running_releases() == GOOD_ANSWER)
    assert len(good.ids()) == 2


def test_an_id_can_be_deployed_after_its_name_has_moved_on(good: Rig, releases: dict[str, str]) -> None:
    """And the container's image, whose name is gone, is still found."""
    old = good.stack.image_id(releases["good"])
    build(releases["good"], GOOD.replace("RELEASE=1", "RELEASE=3"))
    try:
        good.stack.deploy("web", releases["good"])
        assert until(lambda: good.running_releases() == ["3 mine"] * 2)
        good.stack.deploy("web", old)
        assert until(lambda: good.running_releases() == GOOD_ANSWER)
        assert good.stack.image("web") == old
    finally:
        docker("tag", old, releases["good"])


def changes(monkeypatch: pytest.MonkeyPatch, at: int, failure: BaseException) -> list[str]:
    """The changing calls to the engine, as they come; the one with that number fails before it is made."""
    made: list[str] = []
    original = sdk.APIClient.send

    def counting(self: Any, request: Any, **options: Any) -> Any:
        if request.method in ("POST", "DELETE"):
            made.append(f"{request.method} {request.path_url}")
            if len(made) == at + 1:
                raise failure
        return original(self, request, **options)

    monkeypatch.setattr(sdk.APIClient, "send", counting)
    return made


def test_a_deployment_is_made_of_the_calls_that_the_crash_tests_cut(
    good: Rig, releases: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        made = changes(patch, -1, Died())
        good.stack.deploy("web", releases["next"])
    words = [next(step for step in STEPS if _is(step, call)) for call in made]
    assert words == [*STEPS, *STEPS]


def _is(step: str, call: str) -> bool:
    return call.startswith("DELETE") if step == "remove" else f"/{step}" in call


def crashes() -> list[Any]:
    """Every call of the first replica's change; with `make test-full` every call, and going on to the new image too."""
    later = [(at, "good") for at in range(len(STEPS), 2 * len(STEPS))] + [(at, "next") for at in range(2 * len(STEPS))]
    quick = [(at, "good") for at in range(len(STEPS))]
    return [*quick, *(pytest.param(*case, marks=pytest.mark.slow) for case in later)]


@pytest.mark.parametrize(("at", "then"), crashes())
def test_after_a_crash_at_any_call_a_deployment_ends_with_the_right_replicas(
    good: Rig, releases: dict[str, str], monkeypatch: pytest.MonkeyPatch, at: int, then: str
) -> None:
    facts, mounts = good.stack.services()["web"].facts, [one["mounts"] for one in essences(good)]
    with monkeypatch.context() as patch:
        changes(patch, at, Died())
        with pytest.raises(Died):
            good.stack.deploy("web", releases["next"])
    assert not any("replaced" in inspect(one)["Name"] for one in _counted(good))
    other = good.open()
    other.deploy("web", releases[then])
    other.close()
    assert until(lambda: good.running_releases() == (GOOD_ANSWER if then == "good" else BAD_ANSWER))
    assert good.names() == [f"{good.project}_web_1", f"{good.project}_web_2"]
    assert [one["mounts"] for one in essences(good)] == mounts
    if then == "good":
        assert good.stack.services()["web"].facts == facts


def _counted(rigged: Rig) -> tuple[str, ...]:
    state = rigged.stack.services().get("web")
    return state.replicas if state else ()


@pytest.mark.slow
@pytest.mark.parametrize("at", range(len(STEPS)))
def test_after_a_crash_a_start_alone_brings_every_replica_back(
    good: Rig, releases: dict[str, str], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    with monkeypatch.context() as patch:
        changes(patch, at, Died())
        with pytest.raises(Died):
            good.stack.deploy("web", releases["next"])
    good.stack.start("web")
    assert until(lambda: "" not in good.running_releases())
    assert good.names() == [f"{good.project}_web_1", f"{good.project}_web_2"]


@pytest.mark.parametrize("at", range(len(STEPS) - 1))
def test_a_step_that_the_engine_refuses_leaves_the_old_replicas_running(
    good: Rig, releases: dict[str, str], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    with monkeypatch.context() as patch:
        changes(patch, at, sdk.errors.APIError("no space left", explanation="no space left"))
        with pytest.raises(StackError, match=r"deploying .* no space left") as caught:
            good.stack.deploy("web", releases["next"])
    assert "\n" not in str(caught.value)
    assert until(lambda: good.running_releases() == GOOD_ANSWER)
    assert good.names() == [f"{good.project}_web_1", f"{good.project}_web_2"]


def test_what_an_unfinished_deployment_set_aside_is_no_replica(good: Rig) -> None:
    first = good.stack.services()["web"].replicas[0]
    docker("rename", first, inspect(first)["Name"].lstrip("/") + ".replaced")
    assert good.stack.services()["web"].facts["replicas"] == "1"
    assert first not in good.stack.services()["web"].replicas
    good.stack.restart("web")
    assert good.stack.services()["web"].replicas[0] == first


def test_an_image_of_the_users_own_that_lost_its_name_is_no_obstacle(
    releases: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The reference in the container no longer exists; only its id does."""
    docker("tag", releases["good"], f"{releases['good']}-gone")
    compose = TWO_REPLICAS.format(image=f"{releases['good']}-gone")
    with rig(tmp_path_factory.mktemp("gone"), compose) as made:
        subprocess.run([DOCKER, "rmi", f"{releases['good']}-gone"], check=True, capture_output=True, timeout=20)
        made.stack.deploy("web", releases["next"])
        assert until(lambda: made.running_releases() == BAD_ANSWER)


def test_a_roll_back_during_a_deployment_waits_for_it_and_wins(good: Rig, releases: dict[str, str]) -> None:
    deployment = threading.Thread(target=good.stack.deploy, args=("web", releases["bad"]))
    deployment.start()
    assert until(lambda: releases["bad"] in good.stack.image("web"))
    good.stack.deploy("web", releases["good"])
    deployment.join(60)
    assert not deployment.is_alive()
    assert until(lambda: good.running_releases() == GOOD_ANSWER)
    assert good.stack.image("web") == releases["good"]

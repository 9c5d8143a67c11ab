"""A service of several containers: what is done to it is done to all, and what is seen of it is true of all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from compose_rig import Rig, docker, inspect
from observers import Outside, Watch, until

from drill.errors import ActionFailed

pytestmark = pytest.mark.engine


@pytest.fixture
def rigged(two: Rig) -> Iterator[Rig]:
    """Both replicas run again afterwards."""
    yield two
    if two.stack.services()["web"].any_paused:
        two.stack.unpause("web")
    two.stack.start("web")
    assert until(lambda: two.running_releases() == ["1 mine", "1 mine"])


def observers(rigged: Rig) -> list[Outside]:
    return [Outside(instance) for instance in rigged.stack.services()["web"].replicas]


def test_both_are_known_in_the_order_of_their_numbers(rigged: Rig) -> None:
    state = rigged.stack.services()["web"]
    numbers = [inspect(one)["Config"]["Labels"]["com.docker.compose.container-number"] for one in state.replicas]
    assert numbers == ["1", "2"]
    assert state.instance == state.replicas[0]
    assert (state.running, state.any_running, state.paused, state.any_paused) == (True, True, False, False)
    assert state.facts["replicas"] == "2"


@pytest.mark.parametrize("what", ["pause", "stop", "kill"])
def test_a_state_of_one_replica_shows_as_a_difference(rigged: Rig, what: str) -> None:
    before = rigged.stack.services()["web"]
    docker(what, before.replicas[1])
    after = rigged.stack.services()["web"]
    assert after.facts != before.facts
    assert after.any_running
    assert not after.paused
    assert after.any_paused is (what == "pause")
    assert after.running is (what == "pause")
    assert not rigged.stack.wait_healthy("web", 0)


def test_a_replica_that_is_gone_shows_as_a_difference_and_up_brings_it_back(rigged: Rig) -> None:
    before = rigged.stack.services()["web"].facts
    docker("rm", "-f", rigged.stack.services()["web"].replicas[0])
    assert rigged.stack.services()["web"].facts["replicas"] == "1"
    rigged.stack.up(lambda _: None)
    now = rigged.stack.services()["web"].facts
    # A new container has a new anonymous volume: a difference that is really there.
    assert {name for name in now if now[name] != before[name]} == {"configuration"}


def test_kill_ends_all_and_its_moment_spans_them(rigged: Rig) -> None:
    first, second = observers(rigged)
    with Watch(first.ended) as one, Watch(second.ended) as other:
        moment = rigged.stack.kill("web")
    for earliest, latest in (one.span(), other.span()):
        assert moment.at_ns - moment.uncertainty_ns <= latest
        assert earliest <= moment.at_ns + moment.uncertainty_ns
    assert not rigged.stack.services()["web"].any_running


def test_kill_of_the_last_that_runs_leaves_the_other_alone(rigged: Rig) -> None:
    docker("kill", rigged.stack.services()["web"].replicas[0])
    rigged.stack.kill("web")
    assert not rigged.stack.services()["web"].any_running
    with pytest.raises(ActionFailed, match="web"):
        rigged.stack.kill("web")


def test_stop_and_start_act_on_all(rigged: Rig) -> None:
    watched = observers(rigged)
    rigged.stack.stop("web", grace_s=1)
    assert all(one.ended() for one in watched)
    rigged.stack.start("web")
    assert until(lambda: rigged.running_releases() == ["1 mine", "1 mine"])


def test_start_leaves_the_replica_that_runs_alone(rigged: Rig) -> None:
    first, second = rigged.stack.services()["web"].replicas
    began = inspect(first)["State"]["StartedAt"]
    docker("kill", second)
    rigged.stack.start("web")
    assert inspect(first)["State"]["StartedAt"] == began
    assert inspect(second)["State"]["Running"]


def test_pause_freezes_all_and_unpause_thaws_all(rigged: Rig) -> None:
    watched = observers(rigged)
    rigged.stack.pause("web")
    assert all(one.frozen() for one in watched)
    rigged.stack.unpause("web")
    assert not any(one.frozen() for one in watched)


def test_unpause_thaws_the_one_that_is_paused(rigged: Rig) -> None:
    docker("pause", rigged.stack.services()["web"].replicas[1])
    rigged.stack.unpause("web")
    assert not rigged.stack.services()["web"].any_paused


def test_restart_works_when_each_replica_is_in_another_state(rigged: Rig) -> None:
    watched, (first, second) = observers(rigged), rigged.stack.services()["web"].replicas
    docker("pause", first)
    docker("kill", second)
    rigged.stack.restart("web")
    assert all(one.ended() for one in watched)
    assert until(lambda: rigged.running_releases() == ["1 mine", "1 mine"])


def test_a_command_runs_in_a_replica_that_runs(rigged: Rig) -> None:
    first, second = rigged.stack.services()["web"].replicas
    docker("pause", first)
    assert rigged.stack.exec("web", ["hostname"]).output.strip() == second[:12]


def test_logs_say_whose_line_it_is(rigged: Rig) -> None:
    assert until(lambda: len(rigged.running_releases()) == 2)
    heads = {line.split(" | ")[0] for line in rigged.stack.logs("web", tail=3).splitlines()}
    assert heads <= set(rigged.names())
    assert len(rigged.stack.logs("web", tail=3).splitlines()) <= 6


def test_signs_of_both_are_told_once(rigged: Rig) -> None:
    assert [sign.verdict for sign in rigged.stack.staging_signs("web")] == ["proof"]

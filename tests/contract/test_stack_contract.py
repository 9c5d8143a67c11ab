"""What every stack promises, whatever it is made of. What is claimed is looked at from outside."""

from __future__ import annotations

import contextlib
import http.client
import threading

import pytest
from observers import Outside, Watch, answers, boot_ns, until

from drill.errors import ActionFailed, DrillError, InvalidInput, StackError
from drill.model.lease import Moment
from drill.ports import ServiceState, Stack

VICTIM = "statuspage"


def instance(stack: Stack) -> str:
    return stack.services()[VICTIM].instance


def _good(state: ServiceState) -> bool:
    return state.running and not state.paused and state.healthy is not False


def within(moment: Moment, span: tuple[int, int]) -> bool:
    """Whether what the stack says and what was seen from outside can both be true."""
    low, high = moment.at_ns - moment.uncertainty_ns, moment.at_ns + moment.uncertainty_ns
    return low <= span[1] and span[0] <= high


def test_every_service_runs_and_is_healthy_after_up(whole: Stack) -> None:
    assert set(whole.services()) == {spec.name for spec in whole.specs()}
    assert until(lambda: all(_good(state) for state in whole.services().values())), whole.services()


def test_services_answer_at_their_addresses(whole: Stack) -> None:
    for spec in whole.specs():
        if spec.health:
            assert answers(whole.address(spec.name, "http"), spec.health)


def test_identity_and_instances_are_the_same_when_asked_again(whole: Stack) -> None:
    assert whole.identity() == whole.identity()
    assert instance(whole) == instance(whole)


def test_the_reference_stack_is_proved_to_be_staging(whole: Stack) -> None:
    for spec in whole.specs():
        assert [sign.verdict for sign in whole.staging_signs(spec.name)] == ["proof"], spec.name


def test_pause_is_seen_from_outside_and_timed_honestly(whole: Stack) -> None:
    outside = Outside(instance(whole))
    with Watch(outside.frozen) as watch:
        moment = whole.pause(VICTIM)
    assert outside.paused()
    assert not answers(whole.address(VICTIM, "http"))
    assert within(moment, watch.span())
    state = whole.services()[VICTIM]
    assert state.running
    assert state.paused
    assert state.healthy is not True


def test_unpause_lets_the_same_instance_go_on(whole: Stack) -> None:
    outside = Outside(instance(whole))
    whole.pause(VICTIM)
    whole.unpause(VICTIM)
    assert not outside.paused()
    assert until(lambda: answers(whole.address(VICTIM, "http")))
    assert instance(whole) == outside.instance


def test_kill_is_seen_from_outside_and_timed_honestly(whole: Stack) -> None:
    address, outside = whole.address(VICTIM, "http"), Outside(instance(whole))
    with Watch(outside.ended) as watch:
        moment = whole.kill(VICTIM)
    assert within(moment, watch.span())
    assert moment.uncertainty_ns < 50_000_000
    assert not answers(address)
    assert not whole.services()[VICTIM].running
    assert whole.address(VICTIM, "http") == address


def test_kill_of_a_service_that_is_down_fails_in_one_line(whole: Stack) -> None:
    whole.kill(VICTIM)
    with pytest.raises(ActionFailed, match=VICTIM) as caught:
        whole.kill(VICTIM)
    assert "\n" not in str(caught.value)


def test_stop_ends_the_service_within_the_bracket_it_reports(whole: Stack) -> None:
    outside, began = Outside(instance(whole)), boot_ns()
    with Watch(outside.ended) as watch:
        moment = whole.stop(VICTIM, grace_s=5)
    assert within(moment, watch.span())
    assert began <= moment.at_ns <= boot_ns()
    assert not whole.services()[VICTIM].running


def test_stop_of_a_stopped_service_changes_nothing(whole: Stack) -> None:
    whole.stop(VICTIM, grace_s=5)
    whole.stop(VICTIM, grace_s=5)
    assert not whole.services()[VICTIM].running


def test_stop_of_a_paused_service_ends_it(whole: Stack) -> None:
    outside = Outside(instance(whole))
    whole.pause(VICTIM)
    whole.stop(VICTIM, grace_s=1)
    assert outside.ended()
    assert not whole.services()[VICTIM].paused


def test_start_brings_it_back_at_the_same_address(whole: Stack) -> None:
    address = whole.address(VICTIM, "http")
    whole.kill(VICTIM)
    whole.start(VICTIM)
    assert until(lambda: answers(address))
    assert whole.services()[VICTIM].running


def test_start_of_a_running_service_changes_nothing(whole: Stack) -> None:
    pid = whole.services()[VICTIM].pid
    whole.start(VICTIM)
    assert whole.services()[VICTIM].pid == pid


def test_two_starters_at_once_start_one(whole: Stack) -> None:
    whole.kill(VICTIM)
    starters = [threading.Thread(target=whole.start, args=(VICTIM,)) for _ in range(2)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(10)
    first = whole.services()[VICTIM].pid
    assert until(lambda: answers(whole.address(VICTIM, "http")))
    assert whole.services()[VICTIM].pid == first


@pytest.mark.parametrize("state", ["running", "paused", "killed"])
def test_restart_works_from_any_state(whole: Stack, state: str) -> None:
    before = Outside(instance(whole))
    if state == "paused":
        whole.pause(VICTIM)
    if state == "killed":
        whole.kill(VICTIM)
    whole.restart(VICTIM)
    assert before.ended()
    assert until(lambda: answers(whole.address(VICTIM, "http")))
    assert not whole.services()[VICTIM].paused


def test_wait_healthy_is_true_after_a_restart_and_false_while_down(whole: Stack) -> None:
    whole.stop(VICTIM, grace_s=5)
    assert not whole.wait_healthy(VICTIM, timeout_s=0.2)
    whole.start(VICTIM)
    assert whole.wait_healthy(VICTIM, timeout_s=15)


def test_facts_are_the_same_after_a_fault_and_its_repair(whole: Stack) -> None:
    before = whole.services()[VICTIM].facts
    assert before
    whole.kill(VICTIM)
    whole.start(VICTIM)
    whole.pause(VICTIM)
    whole.unpause(VICTIM)
    assert whole.services()[VICTIM].facts == before


def test_exec_gives_code_and_output(whole: Stack) -> None:
    result = whole.exec(VICTIM, ["sh", "-c", "echo here; exit 3"])
    assert (result.code, result.output.strip()) == (3, "here")


def test_exec_that_takes_too_long_fails(whole: Stack) -> None:
    with pytest.raises(ActionFailed, match="sh"):
        whole.exec(VICTIM, ["sh", "-c", "read line </dev/zero"], timeout_s=0.3)


def test_exec_in_a_service_that_is_down_fails(whole: Stack) -> None:
    whole.kill(VICTIM)
    with pytest.raises(ActionFailed):
        whole.exec(VICTIM, ["true"])


def test_logs_are_bounded(whole: Stack) -> None:
    assert len(whole.logs(VICTIM, tail=2).splitlines()) <= 2


def test_up_again_leaves_what_runs_alone(whole: Stack) -> None:
    before = {name: state.pid for name, state in whole.services().items()}
    whole.up(lambda _: None)
    assert {name: state.pid for name, state in whole.services().items()} == before


def test_an_unknown_service_is_named_in_one_line(whole: Stack) -> None:
    for act in (whole.pause, whole.kill, whole.start, whole.restart, whole.logs):
        with pytest.raises(StackError, match="no-such-service") as caught:
            act("no-such-service")
        assert "\n" not in str(caught.value)


def test_an_unknown_port_is_named_in_one_line(whole: Stack) -> None:
    with pytest.raises(DrillError, match="no-such-port"):
        whole.address(VICTIM, "no-such-port")


def test_a_paused_service_stays_paused_when_paused_again(whole: Stack) -> None:
    whole.pause(VICTIM)
    with contextlib.suppress(ActionFailed):
        whole.pause(VICTIM)
    assert whole.services()[VICTIM].paused


def test_capabilities_name_what_the_stack_can_do(whole: Stack) -> None:
    found = whole.capabilities()
    assert {"pause", "flags"} <= found
    assert ("containers" in found) != ("processes" in found)
    assert ("postgresql" in found) == bool(whole.data_roles())


def asking(address: tuple[str, int]) -> http.client.HTTPConnection:
    """A request that was sent; its answer is not awaited yet."""
    connection = http.client.HTTPConnection(*address, timeout=20)
    connection.request("GET", "/health")
    return connection


def answered(connection: http.client.HTTPConnection) -> bool:
    """Whether that request got its answer."""
    try:
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def test_restarting_a_paused_service_answers_nothing_that_hung(whole: Stack) -> None:
    """An answer in between would clear an alert for a moment, while the service is still down."""
    address, before = whole.address(VICTIM, "http"), instance(whole)
    whole.pause(VICTIM)
    # Connected and asked before anything else happens: one that came late would ask the new instance.
    hung = [asking(address) for _ in range(3)]
    whole.restart(VICTIM)
    seen = [answered(connection) for connection in hung]
    assert seen == [False] * 3
    assert until(lambda: answers(address), 20)
    assert whole.services()[VICTIM].instance != before or Outside(before).container


def test_a_service_of_one_is_its_own_only_replica(whole: Stack) -> None:
    state = whole.services()[VICTIM]
    assert state.replicas == (state.instance,)
    assert (state.any_running, state.any_paused) == (state.running, state.paused) == (True, False)
    whole.pause(VICTIM)
    assert whole.services()[VICTIM].any_paused
    whole.stop(VICTIM, grace_s=1)
    assert not whole.services()[VICTIM].any_running


def test_only_a_service_of_that_role_has_proxies(whole: Stack) -> None:
    with pytest.raises(InvalidInput, match=f"'{VICTIM}' has not the role toxiproxy"):
        whole.proxies(VICTIM)


def test_a_stack_without_the_means_refuses_in_one_line(whole: Stack) -> None:
    """Whoever asks without looking at the capabilities is told what is missing."""
    if "deploy" in whole.capabilities():
        assert whole.image_id(whole.image(VICTIM)) == whole.services()[VICTIM].facts["image"]
        return
    for act in (lambda: whole.deploy(VICTIM, "any:image"), lambda: whole.image(VICTIM), lambda: whole.image_id("any")):
        with pytest.raises(InvalidInput, match="--stack compose") as caught:
            act()
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidInput, match="nothing to restore"):
        whole.restore(lambda _: None)

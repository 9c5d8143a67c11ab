"""change.flag on both stacks."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from observers import until
from remade_contract import lease_for

from drill.errors import InvalidInput, StackError
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Stack
from injectors.change.flag import Flag

FLAG = "savings_explanations"


def ask(stack: Stack, method: str = "GET", name: str = "", value: bool | None = None) -> Any:
    """The flags of the api, over a connection of our own."""
    connection = http.client.HTTPConnection(*stack.address("api", "http"), timeout=2)
    try:
        body = None if value is None else json.dumps({"value": value})
        connection.request(method, f"/internal/flags{name}", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@pytest.fixture
def target(stack: Stack) -> Iterator[Stack]:
    """The stack; afterwards the api runs and its flags are as before."""
    before = ask(stack)
    yield stack
    stack.start("api")
    assert stack.wait_healthy("api", 20)
    for name, value in before.items():
        ask(stack, "PUT", f"/{name}", value)


def planned(stack: Stack, **params: ParamValue) -> Lease:
    return lease_for(Flag(), stack, {"flag": FLAG, **params}, "api")


def test_plan_touches_nothing_and_the_lease_survives_json(target: Stack) -> None:
    before = ask(target)
    lease = planned(target)
    assert ask(target) == before
    assert (lease.before, lease.params) == ({"value": True}, {"flag": FLAG, "value": False})
    assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease
    assert lease.settle_s > 0


def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(target: Stack) -> None:
    lease, before = planned(target, value=False), ask(target)
    assert not Flag().active(lease, target)
    onset = Flag().apply(lease, target)
    assert onset.uncertainty_ns > 0
    assert ask(target) == {**before, FLAG: False}
    assert Flag().active(lease, target)
    assert not Flag().undone(lease, target)
    Flag().undo(lease, target)
    assert ask(target) == before
    assert Flag().undone(lease, target)
    Flag().undo(lease, target)
    assert ask(target) == before


def test_undo_without_apply_and_what_a_responder_set_back_or_set_else(target: Stack) -> None:
    lease = planned(target)
    Flag().undo(lease, target)
    assert ask(target)[FLAG] is True
    Flag().apply(lease, target)
    ask(target, "PUT", f"/{FLAG}", True)
    ask(target, "PUT", "/degraded_mode", True)
    assert not Flag().active(lease, target)
    Flag().undo(lease, target)
    assert (ask(target)[FLAG], ask(target)["degraded_mode"]) == (True, True)


def test_undo_after_a_restart_of_the_service(target: Stack) -> None:
    lease = planned(target)
    Flag().apply(lease, target)
    target.restart("api")
    assert target.wait_healthy("api", 20)
    assert Flag().active(lease, target)
    Flag().undo(lease, target)
    assert ask(target)[FLAG] is True


def test_of_a_service_that_does_not_answer_nothing_is_claimed(target: Stack) -> None:
    lease = planned(target)
    Flag().apply(lease, target)
    target.kill("api")
    for question in (Flag().active, Flag().undone, Flag().undo):
        with pytest.raises(StackError):
            question(lease, target)
    target.start("api")
    assert until(lambda: target.wait_healthy("api", 0), 20)
    Flag().undo(lease, target)
    assert Flag().undone(lease, target)


def test_the_manual_step_says_what_to_send(target: Stack) -> None:
    lease = planned(target)
    assert "curl -X PUT" in lease.manual[0]
    assert '{"value": true}' in lease.manual[0]
    assert str(target.address("api", "http")[1]) in lease.manual[0]


def test_an_apply_or_undo_that_does_nothing_is_seen(target: Stack) -> None:
    class Idle(Flag):
        def apply(self, lease: Lease, stack: Stack) -> Moment:
            return Moment(at_ns=0, uncertainty_ns=0, source="call")

        def undo(self, lease: Lease, stack: Stack) -> None:
            """Nothing."""

    lease = planned(target)
    Idle().apply(lease, target)
    assert not Idle().active(lease, target)
    Flag().apply(lease, target)
    Idle().undo(lease, target)
    assert not Idle().undone(lease, target)


@pytest.mark.parametrize(
    ("service", "params", "said"),
    [
        ("api", {"flag": "no_such"}, "no flag 'no_such'; it has degraded_mode"),
        ("api", {"flag": 3}, "no flag 3"),
        ("api", {"value": True}, "is not False"),
        ("api", {"value": "off"}, "is not False"),
        ("api", {"falg": 1}, "'falg'"),
        ("mail", {}, "has no flag .*; it has none"),
        ("nobody", {}, "no service 'nobody'"),
    ],
)
def test_what_makes_no_sense_is_refused(target: Stack, service: str, params: dict[str, ParamValue], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        lease_for(Flag(), target, {"flag": FLAG, **params}, service)

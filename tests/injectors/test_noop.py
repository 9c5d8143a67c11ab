"""noop: the first worked example."""

from __future__ import annotations

import json
from typing import Any

import pytest
from observers import boot_ns

from drill.errors import ActionFailed, InvalidInput
from drill.model.codec import decode, encode
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.model.units import Seconds
from drill.ports import Stack
from injectors.noop import NoOp

TARGET = "statuspage"


def fault(**params: Any) -> FaultSpec:
    return FaultSpec(id="f1", kind="noop", target=TARGET, max_duration=Seconds(1), params=params)


def draft(stack: Stack) -> Lease:
    return Lease(
        id="L1",
        drill_id="D",
        fault_id="f1",
        kind="noop",
        service=TARGET,
        instance="",
        reversibility="momentary",
        stack=stack.identity(),
        boot_id="b",
        expires_at_ns=1,
        expires_utc="",
        settle_s=0,
    )


def test_it_changes_nothing_from_plan_to_undo(process_stack: Stack) -> None:
    injector, before, began = NoOp(), process_stack.services(), boot_ns()
    lease = injector.plan(fault(), process_stack, draft(process_stack))
    onset = injector.apply(lease, process_stack)
    assert injector.active(lease, process_stack)
    injector.undo(lease, process_stack)
    assert injector.undone(lease, process_stack)
    assert process_stack.services() == before
    assert began <= onset.at_ns <= boot_ns()
    assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease


def test_it_takes_no_parameters(process_stack: Stack) -> None:
    with pytest.raises(InvalidInput, match="speed"):
        NoOp().plan(fault(speed=1), process_stack, draft(process_stack))


def test_a_target_that_is_down_is_refused_and_never_started(process_stack: Stack) -> None:
    lease = NoOp().plan(fault(), process_stack, draft(process_stack))
    process_stack.kill(TARGET)
    try:
        with pytest.raises(InvalidInput, match=TARGET):
            NoOp().plan(fault(), process_stack, draft(process_stack))
        with pytest.raises(ActionFailed, match=TARGET):
            NoOp().apply(lease, process_stack)
        assert not process_stack.services()[TARGET].running
    finally:
        process_stack.start(TARGET)
        assert process_stack.wait_healthy(TARGET, 10)

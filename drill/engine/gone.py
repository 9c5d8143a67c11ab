"""Who ended a fault that is gone though the harness did not undo it: by what was seen, never by elimination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drill.model.events import Event
from drill.ports import ServiceState, Stack

_LAG_NS = 2_000_000_000
"""A mitigation that ended this long before the fault was last seen may still have ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifeline:
    """What changes when a target is restarted or made anew, and whether it restarts by itself."""

    life: tuple[str, int | None]
    restarts_itself: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """``by``: ``responder``, ``stack`` (a restart policy), ``unknown``; and the evidence, in words."""

    by: str
    evidence: str


def lifeline(stack: Stack, service: str) -> Lifeline | None:
    """Of a service now; None when it is not there."""
    state = stack.services().get(service)
    return None if state is None else Lifeline(life=(state.instance, state.pid), restarts_itself=_restarts(state))


def _restarts(state: ServiceState) -> bool:
    return state.facts.get("restart", "no").partition(":")[0] not in ("", "no")


def ended_by(events: Sequence[Event], last_seen_ns: int, before: Lifeline | None, now: Lifeline | None) -> Ended:
    """``last_seen_ns``: journal time at which the fault was last seen. ``before``: right after it was applied."""
    if name := _mitigation(events, last_seen_ns):
        return Ended(by="responder", evidence=f"mitigation {name} ran when it went")
    if before is None or now is None:
        return Ended(by="unknown", evidence="the target is gone, and no mitigation ran")
    if before.life == now.life:
        return Ended(by="unknown", evidence="no mitigation ran, and the target was not restarted")
    if before.restarts_itself:
        return Ended(by="stack", evidence="the target was restarted, and its restart policy does that by itself")
    return Ended(by="responder", evidence="the target was restarted or made anew, past drill")


def _mitigation(events: Sequence[Event], last_seen_ns: int) -> str:
    """The latest one that was under way after the fault was last seen, or had just ended."""
    finished = {event.data["action_id"]: event.t for event in events if event.kind == "mitigation.finished"}
    for event in reversed(events):
        if event.kind == "mitigation.started":
            end = finished.get(event.data["action_id"])
            if end is None or end >= last_seen_ns - _LAG_NS:
                return str(event.data["mitigation"])
    return ""

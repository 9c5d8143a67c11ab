"""Impact episodes and the life of each fault, read from a journal."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drill.model.events import Event
from drill.model.facts import Facts, mark, text
from drill.model.reading import FaultRecord, GoneBy, Mark
from drill.model.scenario import FaultSpec, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One stretch of impact, user-visible or internal (E9). ``ended``: the first good sample of a stable window."""

    number: int
    began: Mark
    ended: Mark | None = None


def episodes(facts: Facts) -> tuple[Episode, ...]:
    """Impact episodes in order. The same number beginning again reopens it: it keeps its start and loses its end."""
    found: dict[int, Episode] = {}
    for event in facts.all("impact.began", "impact.ended"):
        number = int(event.data.get("episode") or 1)
        if event.kind == "impact.ended":
            if number in found:
                found[number] = replace(found[number], ended=mark(event))
        elif number in found:
            found[number] = replace(found[number], ended=None)
        else:
            found[number] = Episode(number=number, began=mark(event))
    return tuple(found[number] for number in sorted(found))


def faults(facts: Facts, scenario: Scenario) -> tuple[FaultRecord, ...]:
    """One record for each fault of the scenario, injected or not, and for each lease of it."""
    found = []
    for spec in scenario.faults:
        leases = [event for event in facts.all("lease.written") if _lease(event).get("fault_id") == spec.id]
        found += [_fault(facts, spec, str(_lease(event).get("id", ""))) for event in leases] or [
            _fault(facts, spec, "")
        ]
    return tuple(found)


def _lease(event: Event) -> dict[str, object]:
    return dict(event.data.get("lease") or {})


def _fault(facts: Facts, spec: FaultSpec, lease_id: str) -> FaultRecord:
    # A hand-made journal may leave leases out: then the fault's own id is what binds its events together.
    mine = [e for e in facts.events if e.kind.startswith("fault.") and _binds(e, spec.id, lease_id)]
    by_kind = {event.kind: event for event in reversed(mine)}
    onset = by_kind.get("fault.applied")
    gone, gone_by = _gone(mine, by_kind)
    undone = next((e for e in reversed(mine) if e.kind in ("fault.undone", "fault.undo-failed")), None)
    failed = undone if undone and undone.kind == "fault.undo-failed" else None
    return FaultRecord(
        lease_id=lease_id or text(onset, "lease_id"),
        fault_id=spec.id,
        kind=spec.kind,
        service=text(onset, "service") or spec.target,
        onset=mark(onset) if onset else None,
        active=_active(by_kind),
        gone=gone,
        gone_by=gone_by,
        undone=None if undone is None else failed is None,
        detail=text(failed, "detail") or text(by_kind.get("fault.inactive"), "detail"),
        manual=tuple(str(step) for step in (failed.data.get("manual") or ())) if failed else (),
        seqs=tuple(event.seq for event in mine),
    )


def _binds(event: Event, fault_id: str, lease_id: str) -> bool:
    return text(event, "lease_id") == lease_id if lease_id else text(event, "fault_id") == fault_id


def _active(by_kind: dict[str, Event]) -> bool | None:
    if "fault.inactive" in by_kind:
        return False
    return True if "fault.active" in by_kind else None


_GONE_BY: dict[str, GoneBy] = {"responder": "responder", "stack": "stack", "itself": "itself"}


def _gone(mine: list[Event], by_kind: dict[str, Event]) -> tuple[Mark | None, GoneBy]:
    """When and by whom the fault went away. Only what was seen before any undo is the responders' doing."""
    gone = by_kind.get("fault.gone")
    if gone:
        by = text(gone, "by") or "responder"
        return mark(gone), _GONE_BY.get(by, "unknown")
    sample = next((e for e in mine if e.kind == "fault.sampled" and text(e, "reason") == "impact-ended"), None)
    undoing = by_kind.get("fault.expired") or by_kind.get("fault.undoing")
    if sample and (undoing is None or sample.seq < undoing.seq) and sample.data.get("active") is not None:
        return (None, "routed-around") if sample.data["active"] else (mark(sample), "responder")
    return None, _undone_by(undoing, by_kind.get("fault.undone"))


def _undone_by(undoing: Event | None, undone: Event | None) -> GoneBy:
    if undone is None or any(e and e.data.get("was_active") is False for e in (undone, undoing)):
        return "unknown"
    if undoing is not None and text(undoing, "by") == "plan":
        return "plan"
    expired = undoing is not None and (undoing.kind == "fault.expired" or text(undoing, "by") == "expiry")
    return "expiry" if expired else "harness"

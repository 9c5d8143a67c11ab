"""The yes-or-no checks of a drill. Each answers pass, fail or unknown, and cites the events that it read."""

from __future__ import annotations

from typing import Any

from drill.model.events import Event
from drill.model.facts import Facts, text
from drill.model.reading import MessageRecord, Reading
from scorecards.card import Check, Verdict
from scorecards.rows import nobody_did
from scorecards.rules import BY_ID

_Answer = tuple[Verdict, str, tuple[int, ...]]

_OK: dict[bool | None, Verdict] = {True: "pass", False: "fail", None: "unknown"}


def checks(reading: Reading, facts: Facts) -> tuple[Check, ...]:
    """Every check. Of a voided drill only what concerns the stack is answered; of an absorbed one, too."""
    stack = {
        "injection": _injection(reading),
        "restoration-leases": _leases(reading),
        "restoration-mitigations": _proof(reading, "mitigations"),
        "restoration-snapshot": _proof(reading, "snapshot"),
        "canaries": _canaries(reading, facts),
    }
    people = {
        "severity": _severity(reading),
        "messages": _messages(reading),
        "verification": _verification(reading),
        "impact-confirmed": _confirmed(reading, facts),
        "commander": _role(reading, facts, "commander"),
        "scribe": _role(reading, facts, "scribe"),
    }
    if reading.voided:
        people = {}
    if reading.absorbed:
        people = dict.fromkeys(people, ("not-applicable", "the stack absorbed the fault", ()))
    answers = {**stack, **people}
    return tuple(_check(key, answers[key]) for key in BY_ID if key in answers)


def _check(key: str, answer: _Answer) -> Check:
    rule = BY_ID[key]
    verdict, detail, events = answer
    return Check(
        id=key,
        title=rule.title,
        verdict=verdict,
        required=rule.required,
        points=rule.points,
        detail=detail,
        events=events,
    )


def _open(reading: Reading) -> Verdict:
    """The verdict on what did not happen: failed in a drill that was played to its end, else unknown."""
    return "fail" if reading.outcome == "completed" and not reading.ending.expired else "unknown"


def _injection(reading: Reading) -> _Answer:
    seqs = tuple(seq for fault in reading.faults for seq in fault.seqs[:3])
    unproved = [fault.fault_id for fault in reading.faults if fault.active is not True]
    if not unproved:
        return "pass", f"{len(reading.faults)} of {len(reading.faults)} faults proved active", seqs
    refuted = any(fault.active is False for fault in reading.faults)
    verdict: Verdict = "fail" if refuted or reading.outcome == "completed" else "unknown"
    return verdict, f"not proved active: {', '.join(unproved)}; such a drill proves nothing", seqs


def _severity(reading: Reading) -> _Answer:
    expected, declared = reading.severity_expected, reading.severity_declared
    if not declared:
        return _open(reading), f"none declared, {expected} expected", ()
    verdict: Verdict = "pass" if declared == expected else "fail"
    return verdict, f"{declared} declared, {expected} expected", (reading.severity_calls[0].mark.seq,)


def _messages(reading: Reading) -> _Answer:
    if not reading.messages:
        return "not-applicable", "no message was sent", ()
    verdicts = {_message(message, reading.outcome == "running") for message in reading.messages}
    worst: Verdict = "fail" if "fail" in verdicts else "unknown" if "unknown" in verdicts else "pass"
    clean = sum(message.lint == () for message in reading.messages)
    seqs = tuple((message.accepted or message.sent).seq for message in reading.messages)
    return worst, f"{clean} of {len(reading.messages)} accepted and clean", seqs


def _message(message: MessageRecord, running: bool) -> Verdict:
    if message.lint or message.seen is False:
        return "fail"
    # While the drill runs nobody has looked for the message in the sink yet.
    return "pass" if message.lint == () and (message.seen or running) else "unknown"


def _verification(reading: Reading) -> _Answer:
    span = reading.span("verify")
    if span is None or span.state == "not-applicable":
        return "not-applicable", span.note if span else "", ()
    source = reading.detection.source if reading.detection else ""
    if span.state == "complete" and span.end:
        return "pass", f"{source} seen clear by a player", (span.end.seq,)
    detail = f"nobody looked at {source} and saw it clear" if source else "no source fired"
    return "fail" if nobody_did(reading, span) else "unknown", detail, ()


def _confirmed(reading: Reading, facts: Facts) -> _Answer:
    event = facts.first("impact.confirmed")
    if event:
        return "pass", f"by {text(event, 'player')}", (event.seq,)
    return _open(reading), "nobody said what is affected", ()


def _role(reading: Reading, facts: Facts, role: str) -> _Answer:
    severity = reading.playbook.severity(reading.targets_severity)
    gravest = min((row.rank for row in reading.playbook.severities), default=None)
    if severity is None or severity.rank != gravest:
        return "not-applicable", f"{reading.targets_severity} asks for none", ()
    event = next((e for e in facts.of_key("role.taken", "role", role) if text(e, "player")), None)
    if event:
        return "pass", text(event, "player"), (event.seq,)
    return _open(reading), f"nobody took the role of {role}", ()


def _proof(reading: Reading, name: str) -> _Answer:
    proof = reading.proofs.get(name)
    if proof is None:
        return "unknown", "not checked", ()
    detail = "; ".join(filter(None, (proof.detail, ", ".join(proof.differences))))
    return _OK[proof.ok], detail, (proof.seq,)


def _leases(reading: Reading) -> _Answer:
    broken = [fault for fault in reading.faults if fault.undone is False]
    if not broken:
        return _proof(reading, "leases")
    names = ", ".join(fault.fault_id for fault in broken)
    return "fail", f"not proved undone: {names}", tuple(fault.seqs[-1] for fault in broken)


def _canaries(reading: Reading, facts: Facts) -> _Answer:
    latest = {text(event, "probe"): event for event in facts.all("canary.summary")}
    if not latest:
        wanted = any(probe.type == "canary" for probe in reading.config.probes)
        return ("unknown", "not looked for", ()) if wanted else ("not-applicable", "no canary probe", ())
    lost = sum(_count(event, "missing") + _count(event, "doubled") for event in latest.values())
    # With no promised write there is nothing that could have been lost: that proves nothing.
    unsure = any(event.data.get("answered") is False or not _count(event, "acknowledged") for event in latest.values())
    detail = f"{sum(_count(event, 'acknowledged') for event in latest.values())} acknowledged, {lost} lost or doubled"
    verdict: Verdict = "fail" if lost else "unknown" if unsure else "pass"
    return verdict, detail + (", not all could be looked for" if unsure else ""), tuple(e.seq for e in latest.values())


def _count(event: Event, key: str) -> int:
    """A count, written as a number or as the list of what is counted."""
    value: Any = event.data.get(key)
    return len(value) if isinstance(value, list | tuple) else int(value or 0)

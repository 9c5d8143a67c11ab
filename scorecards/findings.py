"""What an after-action meeting should talk about: statements in plain words, each citing its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from drill.model.events import Event
from drill.model.facts import Facts, text
from drill.model.reading import FaultRecord, Mark, Reading
from drill.model.units import NS, format_seconds
from scorecards.card import Finding


def findings(reading: Reading, facts: Facts) -> tuple[Finding, ...]:
    """Every finding, in the order of the events they cite first."""
    makers: tuple[Callable[[Reading, Facts], Iterator[Finding]], ...] = (
        _ending,
        _faults,
        _detection,
        _claims,
        _severity,
        _messages,
        _restoration,
        _harness,
    )
    found = [finding for maker in makers for finding in maker(reading, facts)]
    return tuple(sorted(found, key=lambda finding: finding.events))


def _at(t: int) -> str:
    return f"{t / NS:.2f} s"


def _ending(reading: Reading, facts: Facts) -> Iterator[Finding]:
    cut, undo = reading.ending.cut, reading.ending.undo
    if cut:
        why = f"The drill was cut short ({reading.ending.cut_by}) at {_at(cut.t)}."
        yield Finding(text=f"{why} {_reason(facts, cut)}".strip(), events=(cut.seq,))
    if reading.ending.expired and undo and not reading.absorbed:
        yield Finding(text=f"Time was up at {_at(undo.t)}: the harness began to undo.", events=(undo.seq,))
    if reading.absorbed:
        seqs = tuple(fault.onset.seq for fault in reading.faults if fault.onset)
        yield Finding(text="The stack absorbed the fault: no reference probe saw any impact.", events=seqs)
    for span in reading.later:
        if span.start:
            yield Finding(text=f"The impact came back ({span.channel}): judged apart.", events=(span.start.seq,))
    for event in facts.all("drill.ended"):
        if event.data.get("undone") is False:
            yield Finding(
                text=f"Not everything was proved undone. {text(event, 'detail')}".strip(), events=(event.seq,)
            )


def _reason(facts: Facts, cut: Mark) -> str:
    event = next((event for event in facts.events if event.seq == cut.seq), None)
    return text(event, "reason") or text(event, "detail")


def _faults(reading: Reading, _facts: Facts) -> Iterator[Finding]:
    for fault in reading.faults:
        if fault.active is False:
            yield Finding(
                text=f"Fault {fault.fault_id} was not active after it was applied. {fault.detail}", events=fault.seqs
            )
        if fault.undone is False:
            steps = " Steps by hand: " + "; ".join(fault.manual) if fault.manual else ""
            yield Finding(
                text=f"Fault {fault.fault_id} was not proved undone. {fault.detail}{steps}", events=fault.seqs
            )
        words = _gone(fault)
        if words and fault.onset and not reading.absorbed:
            yield Finding(text=f"Fault {fault.fault_id} ({fault.kind} on {fault.service}) {words}.", events=fault.seqs)


def _gone(fault: FaultRecord) -> str:
    return {
        "routed-around": "was routed around, not repaired: it was still there when the impact ended",
        "harness": "was undone by the harness, not by the responders",
        "expiry": "was undone because its time was up, not by the responders",
        "plan": "ended after the duration that the scenario gives it, not by the responders",
        "stack": "was ended by the stack's own restart policy, not by the responders",
        "itself": "",
        "responder": "",
        "unknown": "was gone before the harness undid it; nobody saw who removed it"
        if fault.undone or fault.gone
        else "",
    }[fault.gone_by]


def _detection(reading: Reading, facts: Facts) -> Iterator[Finding]:
    found = reading.detection
    if found and found.player:
        yield Finding(text=f"{found.player} saw it first; monitoring had not told.", events=(found.mark.seq,))
    for alert in reading.noise:
        yield Finding(text=f"The alert of {alert.source} was noise: {alert.noise}.", events=(alert.fired.seq,))
    for event in facts.all("page.failed"):
        yield Finding(text=f"A page was not delivered: {text(event, 'detail')}.", events=(event.seq,))
    silent = [s for s in reading.scenario.expected.detection if s not in {a.source for a in reading.alerts}]
    injected = any(fault.onset for fault in reading.faults)
    if silent and injected and reading.ending.ended and not reading.absorbed:
        words = f"Expected to fire, but silent: {', '.join(silent)}."
        yield Finding(text=words, events=(reading.ending.ended.seq,))


def _claims(reading: Reading, _facts: Facts) -> Iterator[Finding]:
    impact = reading.span("impact")
    if impact is None:
        return
    for what, claimed, seen in (("start", impact.claimed_start, impact.start), ("end", impact.claimed, impact.end)):
        if claimed and seen and _differ(claimed, seen):
            late = format_seconds(abs(claimed.t - seen.t) / NS)
            side = "after" if claimed.t > seen.t else "before"
            yield Finding(
                text=f"The claimed {what} of impact is {late} {side} the observed one.", events=(claimed.seq, seen.seq)
            )


def _differ(claimed: Mark, seen: Mark) -> bool:
    return abs(claimed.t - seen.t) > claimed.uncertainty_ns + seen.uncertainty_ns


def _severity(reading: Reading, _facts: Facts) -> Iterator[Finding]:
    for before, after in zip(reading.severity_calls, reading.severity_calls[1:], strict=False):
        if before.severity != after.severity:
            yield Finding(
                text=f"The severity was changed from {before.severity} to {after.severity} by {after.player}.",
                events=(before.mark.seq, after.mark.seq),
            )
    if reading.severity_declared and reading.severity_declared != reading.severity_expected:
        yield Finding(
            text=f"{reading.severity_declared} was declared, {reading.severity_expected} was expected; "
            f"targets are those of {reading.targets_severity}.",
            events=(reading.severity_calls[0].mark.seq,),
        )


def _messages(reading: Reading, _facts: Facts) -> Iterator[Finding]:
    for message in reading.messages:
        seqs = tuple(mark.seq for mark in (message.sent, message.accepted) if mark)
        for item in message.lint or ():
            yield Finding(text=f"The {message.channel} message does not count: {item}.", events=seqs)
        if message.failed:
            yield Finding(text=f"The {message.channel} message was not accepted: {message.failed}.", events=seqs)
        if message.seen is False:
            yield Finding(text=f"The {message.channel} message was not found again in its sink.", events=seqs)
    clock = reading.client_clock
    if clock and not (reading.absorbed or reading.voided):
        words = f"The 24-hour client clock, where it applies, runs from {reading.client_clock_basis} at {_at(clock.t)}."
        yield Finding(text=words, events=(clock.seq,))


def _restoration(reading: Reading, _facts: Facts) -> Iterator[Finding]:
    for proof in reading.proofs.values():
        if proof.ok is not True:
            word = "failed" if proof.ok is False else "is unknown"
            detail = "; ".join(filter(None, (proof.detail, *proof.differences)))
            yield Finding(
                text=f"Restoration proof `{proof.proof}` {word}: {detail or 'no detail'}.", events=(proof.seq,)
            )


_HARNESS: dict[str, Callable[[Event], str]] = {
    "verb.refused": lambda e: f"{text(e, 'player')}'s `{text(e, 'verb')}` was refused: {text(e, 'detail')}.",
    "script.stuck": lambda e: f"The script waited in vain at step {text(e, 'step')} for {text(e, 'waiting_for')}.",
    "probe.overrun": lambda e: (
        f"Probe {text(e, 'probe')} missed {text(e, 'missed')} samples: its boundaries are less sure."
    ),
    "clock.stepped": lambda e: f"The wall clock jumped by {text(e, 'seconds')} s; nothing is scored by it.",
    "harness.error": lambda e: f"The harness failed: {text(e, 'detail')}.",
}


def _harness(_reading: Reading, facts: Facts) -> Iterator[Finding]:
    for event in facts.all(*_HARNESS):
        yield Finding(text=_HARNESS[event.kind](event), events=(event.seq,))

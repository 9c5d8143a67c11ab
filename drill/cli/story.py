"""One line for each event that a watcher wants to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drill.model.events import Event, instant

Data = Mapping[str, Any]

_LINES: dict[str, Callable[[Data], str]] = {
    "preflight.checked": lambda d: f"preflight {d['name']}: {'ok' if d['ok'] else 'REFUSED'}, {d['detail']}",
    "steady.checked": lambda d: f"steady state {'green' if d['ok'] else 'NOT green'}",
    "snapshot.taken": lambda d: f"snapshot {d['digest'][:12]} taken",
    "guard.ready": lambda d: f"guard is up (pid {d['pid']})",
    "lease.written": lambda d: f"lease {d['lease']['id']} on disk",
    "fault.applied": lambda d: (
        f"FAULT {d['kind']} on {d['service']} applied (onset ± {d['uncertainty_ns'] / 1e6:.1f} ms by {d['clock']})"
    ),
    "fault.active": lambda d: f"fault {d['fault_id']} proved active",
    "fault.inactive": lambda d: f"fault {d['fault_id']} NOT active: {d['detail']}",
    "fault.gone": lambda d: f"fault {d['fault_id']} gone ({d['by']}: {d.get('evidence', 'seen gone')})",
    "fault.expired": lambda d: f"fault {d['fault_id']} expired",
    "fault.undoing": lambda d: f"undoing {d['fault_id']} ({d['by']})",
    "fault.undone": lambda d: f"{d['fault_id']} proved undone",
    "fault.undo-failed": lambda d: f"{d['fault_id']} NOT PROVED UNDONE: {d['detail']}",
    "impact.began": lambda d: f"IMPACT began (probe {', '.join(d['probes'])})",
    "impact.ended": lambda _: "impact ended",
    "alert.fired": lambda d: f"ALERT {d['source']}: {d['detail']}",
    "alert.cleared": lambda d: f"alert {d['source']} cleared",
    "page.delivered": lambda d: f"page delivered to {d['to']} by {d['channel']}",
    "page.escalated": lambda d: f"nobody acknowledged for {d['after_s']:g} s: {d['to']} is paged too",
    "alert.ignored": lambda d: f"alert {d['alert']} ignored: {d['reason']}",
    "intake.lost": lambda d: f"the intake does NOT answer: {d['detail']}",
    "intake.back": lambda d: f"the intake answers again after {d['lost_ns'] / 1e9:.1f} s",
    "chat.failed": lambda d: f"chat post NOT delivered: {d['detail']}",
    "page.failed": lambda d: f"page NOT delivered: {d['detail']}",
    "incident.acknowledged": lambda d: f"{d['player']} acknowledged",
    "incident.declared": lambda d: f"{d['player']} declared {d['severity']} {d['incident']}".rstrip(),
    "severity.changed": lambda d: f"{d['player']} changed severity to {d['severity']}",
    "role.taken": lambda d: f"{d['player']} is {d['role']}",
    "mitigation.started": lambda d: f"{d['player']} runs {d['mitigation']}",
    "mitigation.finished": lambda d: f"{d['mitigation']} {'done' if d['ok'] else 'FAILED: ' + d['detail']}",
    "roles.restored": lambda d: f"data roles {'restored' if d['ok'] else 'NOT restored'}: {d['detail']}",
    "mitigation.reverted": lambda d: f"{d['mitigation']} {'reverted' if d['ok'] else 'NOT reverted: ' + d['detail']}",
    "source.checked": lambda d: f"{d['player']} looked at {d['source']}: {'clear' if d['clear'] else 'not clear'}",
    "message.accepted": lambda d: (
        f"{d['channel']} took {d['message_id']}" + (f" (lint: {'; '.join(d['lint'])})" if d["lint"] else "")
    ),
    "message.failed": lambda d: f"{d['channel']} did NOT take {d['message_id']}: {d['detail']}",
    "incident.resolved": lambda d: f"{d['player']} resolved",
    "verb.refused": lambda d: f"{d['player']} could not {d['verb']}: {d['detail']}",
    "script.stuck": lambda d: f"the script waits in vain for {d['waiting_for']}",
    "canary.summary": lambda d: (
        f"{d['acknowledged']} writes acknowledged to {d['probe']}: "
        f"{len(d['missing'])} missing, {len(d['doubled'])} doubled"
    ),
    "stop.triggered": lambda d: f"STOP: {d['probe']} was bad for {d['bad_for_s']} s",
    "harness.error": lambda d: f"HARNESS: {d['detail']}",
    "harness.lost": lambda d: f"the conductor was lost; {d['holder']} has taken over",
    "drill.aborting": lambda d: f"aborting: {d['reason']}",
    "drill.voided": lambda d: f"voided: {d['reason']}",
    "restoration.checked": lambda d: (
        f"restoration, {d['proof']}: {({True: 'proved', False: 'FAILED', None: 'UNKNOWN'})[d['ok']]}; {d['detail']}"
    ),
    "drill.ended": lambda d: f"ended: {d['outcome']} ({d['detail']})",
}


_NOTABLE_NS = 50_000_000


def line_of(event: Event) -> str:
    """The event as a line with its time in seconds since event 0; empty when nobody needs to read it."""
    words = _LINES.get(event.kind)
    if words is None:
        return ""
    earlier = f" (at {instant(event) / 1e9:.2f} s)" if event.t - instant(event) > _NOTABLE_NS else ""
    return f"{event.t / 1e9:8.2f} s  {words(event.data)}{earlier}"

"""The journal's events: one line each, one clock, and the list of kinds.

Every time inside ``data`` that ends in ``_ns`` is nanoseconds since event 0, like ``t``. Where an event tells of an
instant before it was written, ``at_ns`` with ``uncertainty_ns`` and ``clock`` (the source that was read) carries it;
readers use :func:`instant`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the journal. ``t``: ns since event 0; ``utc``: for display; ``prev``: hash of the line before."""

    seq: int
    t: int
    utc: str
    kind: str
    source: str
    data: Mapping[str, Any]
    prev: str = GENESIS


def instant(event: Event) -> int:
    """When the thing that the event tells of happened, ns since event 0."""
    at = event.data.get("at_ns")
    return event.t if at is None else int(at)


KINDS: dict[str, str] = {
    "drill.started": (
        "Event 0. drill_id, mode (`scripted` or `live`), smoke, script (its version, empty for the scenario's own), "
        "seed, scenario, playbook (smoke overlay applied), "
        "real_playbook (as written), config, stack (identity), versions, rule_set, boot_id, boot_ns."
    ),
    "preflight.checked": "name, ok, detail. One for each check before anything is touched.",
    "guard.ready": "pid. The guard is up and holds its pipe.",
    "steady.checked": (
        "ok, probes (name to bool), sources (name to bool: clear), unwatched (sources that this stack does not have). "
        "Steady state before injection."
    ),
    "snapshot.taken": "digest, content. The stack before the first lease.",
    "lease.written": "lease (all but what it seals). On disk before the fault is applied.",
    "fault.applying": "lease_id, fault_id. The next thing is irreversible without the lease.",
    "fault.applied": (
        "lease_id, fault_id, kind, service, replica (its number; 0: all), at_ns (onset), uncertainty_ns, clock."
    ),
    "fault.active": "lease_id, fault_id. Proved active after apply.",
    "fault.inactive": "lease_id, fault_id, detail. The proof of injection failed: apply did nothing.",
    "fault.sampled": "lease_id, fault_id, active (null: not known), reason (`impact-ended`).",
    "fault.grown": "lease_id, fault_id, step (of 10), ok, detail. A fault with a ramp has become stronger.",
    "fault.gone": (
        "lease_id, fault_id, by (`responder`, `stack`: its own restart policy, `itself`: momentary, `unknown`), "
        "evidence, at_ns, uncertainty_ns, clock. Gone before any undo began."
    ),
    "fault.ended": "lease_id, fault_id. The duration that the scenario gives it has passed; undo begins.",
    "fault.expired": "lease_id, fault_id. Its maximum duration has passed; undo begins.",
    "fault.undoing": (
        "lease_id, fault_id, by (`harness`, `plan`, `expiry`, `abort`, `guard`, `orphan`), "
        "was_active (true, false, null)."
    ),
    "fault.undone": "lease_id, fault_id, by, was_active, proof. Proved undone.",
    "fault.undo-failed": "lease_id, fault_id, detail, manual (steps). Not proved undone.",
    "probe.changed": "probe, ok, detail, at_ns, uncertainty_ns. A reference probe turned good or bad.",
    "probe.overrun": "probe, missed. Samples that were not taken in time; the uncertainty grows with them.",
    "impact.began": "episode (from 1), probes, at_ns, uncertainty_ns.",
    "impact.ended": "episode, at_ns, uncertainty_ns. The first good sample of a stable window.",
    "alert.fired": (
        "alert_id, source, detail, interval_ns, threshold_ns, delivery_ns (parts of the delay; delivery null: not "
        "known), at_ns, uncertainty_ns, clock (for an alert that came through the intake: its arrival there)."
    ),
    "alert.cleared": "alert_id, source, at_ns, uncertainty_ns, clock (as for alert.fired).",
    "alert.ignored": "alert, labels, reason. An alert that belongs to no detection source of the playbook.",
    "intake.lost": "detail. The intake does not answer; alerts wait there.",
    "intake.back": "lost_ns. It answers again.",
    "page.sent": "alert_id, to, channel.",
    "page.escalated": "alert_id, to, after_s. Nobody had acknowledged for so long; the next is paged too (C2).",
    "page.delivered": "alert_id, to, channel. Seen in the on-call's mailbox or chat room.",
    "page.failed": "alert_id, to, channel, detail.",
    "chat.posted": "room, text, here. Told to the chat room: who acknowledged, which severity was declared.",
    "chat.failed": "room, detail.",
    "detection.reported": "player, text. A player saw it before any alert.",
    "incident.acknowledged": "player, alert_id, text.",
    "incident.declared": "player, severity, incident, text.",
    "severity.changed": "player, severity, text.",
    "impact.confirmed": (
        "player, text, started (claimed start, HH:MM or HH:MM:SS UTC, may be empty), claimed_ns (or null)."
    ),
    "role.taken": "player, role.",
    "note.added": "player, type (`fact`, `hypothesis`, `decision`, `action`), text.",
    "mitigation.started": "player, mitigation, action_id, before (what revert needs).",
    "mitigation.finished": "player, mitigation, action_id, ok, detail.",
    "roles.restored": "ok, detail. The stack's own recipe brought the data roles back after a failover.",
    "mitigation.reverted": "action_id, mitigation, ok, detail. Put back by its own revert after the drill.",
    "source.checked": "player, source, clear, text. A player looked at a detection source (verify, C4).",
    "update.posted": "player, status, text, next_update.",
    "message.sent": "player, message_id, channel, template, status, subject, body, recipients.",
    "message.accepted": "message_id, channel, receipt, at_ns, lint (list of findings, empty when clean).",
    "message.failed": "message_id, channel, detail.",
    "message.seen": "message_id, channel, ok. Found again in the sink at the end.",
    "checkpoint.made": "player, text.",
    "incident.resolved": "player, text, ended (claimed end, may be empty), claimed_ns (or null).",
    "verb.refused": "player, verb, detail. A verb that could not be carried out.",
    "script.finished": "steps. The scripted responder has no more steps.",
    "script.stuck": "step, waiting_for. A step waited for something that never came.",
    "canary.acknowledged": "probe, writes. A write that the stack acknowledged.",
    "canary.summary": "probe, acknowledged (count), missing, doubled, answered. Writes looked for at the end.",
    "stop.triggered": "probe, bad_for_s. A stop condition.",
    "harness.error": "detail. The harness failed; undo begins.",
    "harness.lost": (
        "holder, cut_bytes, bridged_by_wall_clock. The conductor died; the guard or a later command holds "
        "the journal now."
    ),
    "drill.aborting": "reason.",
    "drill.voided": "reason. A real incident; there is no score.",
    "restoration.checked": (
        "proof (`leases`, `mitigations`, `snapshot`), ok (true, false or null), detail, differences."
    ),
    "drill.ended": (
        "outcome (`completed`, `aborted`, `voided`, `stopped`, `failed`, `interrupted`, `refused`), undone, detail."
    ),
}

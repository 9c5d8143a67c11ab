"""Journals as literal lists of steps, for tests of what is read from them: no engine, no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drill.model.codec import encode
from drill.model.config import Config, ProbeSpec, ServiceSpec, StackConfig
from drill.model.events import Event
from drill.model.playbook import (
    ChannelRule,
    DetectionSource,
    OnCall,
    Playbook,
    Severity,
    SignOff,
)
from drill.model.scenario import Expected, FaultSpec, Scenario
from drill.model.units import Seconds, TimeTarget

Step = tuple[float, str, dict[str, Any]]
"""Seconds since event 0, kind, payload; times in the payload that end in ``_s`` become ``_ns``."""


def within(seconds: float) -> TimeTarget:
    return TimeTarget(seconds=seconds)


SEV_1 = Severity(
    name="SEV-1",
    rank=1,
    definition="Down for all.",
    detect=within(10),
    acknowledge=within(10),
    triage=within(15),
    mitigate=within(30),
    restore=within(60),
    channels=(
        ChannelRule(channel="status-page", within=within(30)),
        ChannelRule(channel="email", within=within(60)),
    ),
)
SEV_2 = Severity(
    name="SEV-2",
    rank=2,
    definition="One flow broken.",
    acknowledge=within(100),
    restore=TimeTarget(business_days=1),
    channels=(
        ChannelRule(channel="status-page", within=within(200)),
        ChannelRule(channel="email", if_longer_than=Seconds(14400)),
    ),
)
PLAYBOOK = Playbook(
    id="test",
    title="Test playbook",
    sign_off=SignOff(version="1.0", approved="2026-01-01", next_review="2026-04-01"),
    severities=(SEV_1, SEV_2),
    sources=(
        DetectionSource(name="uptime", type="http", owner="ops", runbook="look", service="api", path="/health"),
        DetectionSource(name="mailcheck", type="http", owner="ops", runbook="look", service="mail", path="/"),
    ),
    mitigations=(),
    templates=(),
    on_call=OnCall(name="on call", email="oncall@example.test"),
)
SCENARIO = Scenario(
    id="api-frozen",
    title="The API hangs",
    story="The API's process stops running without exiting.",
    faults=(FaultSpec(id="freeze", kind="container.pause", target="api", max_duration=Seconds(120)),),
    expected=Expected(severity="SEV-1", detection=("uptime",), mitigations=("restart-api",)),
    max_duration=Seconds(180),
    blast_radius=("api",),
)
CONFIG = Config(
    project="Example",
    stack=StackConfig(services=(ServiceSpec(name="api"), ServiceSpec(name="mail"))),
    probes=(ProbeSpec(name="write", service="api", path="/write", audience="user", type="canary"),),
)

_FREEZE = {"lease_id": "L1", "fault_id": "freeze"}
_STATUS = {"message_id": "m1", "channel": "status-page"}
_EMAIL = {"message_id": "m2", "channel": "email"}

CLEAN: tuple[Step, ...] = (
    (0.5, "steady.checked", {"ok": True, "probes": {"write": True}, "sources": {"uptime": True, "mailcheck": True}}),
    (1.0, "snapshot.taken", {"digest": "d", "content": {}}),
    (1.1, "lease.written", {"lease": {"id": "L1", "fault_id": "freeze"}}),
    (1.2, "fault.applying", _FREEZE),
    (
        2.1,
        "fault.applied",
        {
            **_FREEZE,
            "kind": "container.pause",
            "service": "api",
            "at_s": 2.0,
            "uncertainty_s": 0.001,
            "clock": "freezer",
        },
    ),
    (2.2, "fault.active", _FREEZE),
    (3.0, "impact.began", {"episode": 1, "probes": ["write"], "at_s": 2.5, "uncertainty_s": 0.5}),
    (6.0, "alert.fired", {"alert_id": "a1", "source": "uptime", "detail": "3 failures"}),
    (6.5, "page.delivered", {"alert_id": "a1", "to": "oncall@example.test", "channel": "email"}),
    (8.0, "incident.acknowledged", {"player": "ada", "alert_id": "a1", "text": ""}),
    (10.0, "incident.declared", {"player": "ada", "severity": "SEV-1", "incident": "INC-1", "text": ""}),
    (11.0, "impact.confirmed", {"player": "ada", "text": "all users", "started": "", "claimed_ns": None}),
    (12.0, "role.taken", {"player": "ada", "role": "commander"}),
    (12.1, "role.taken", {"player": "bob", "role": "scribe"}),
    (14.0, "message.sent", {**_STATUS, "player": "bob", "status": "investigating", "subject": "", "body": "b"}),
    (15.0, "message.accepted", {**_STATUS, "receipt": "r1", "at_s": 14.9, "lint": []}),
    (16.0, "message.sent", {**_EMAIL, "player": "bob", "status": "investigating", "subject": "s", "body": "b"}),
    (17.0, "message.accepted", {**_EMAIL, "receipt": "r2", "at_s": 16.9, "lint": []}),
    (18.0, "mitigation.started", {"player": "ada", "mitigation": "restart-api", "action_id": "x1", "before": {}}),
    (19.7, "fault.gone", {**_FREEZE, "by": "responder", "at_s": 19.5, "uncertainty_s": 0.2, "clock": "sampling"}),
    (20.0, "mitigation.finished", {"player": "ada", "mitigation": "restart-api", "action_id": "x1", "ok": True}),
    (22.0, "impact.ended", {"episode": 1, "at_s": 20.5, "uncertainty_s": 0.5}),
    (22.1, "fault.sampled", {**_FREEZE, "active": False, "reason": "impact-ended"}),
    (23.0, "alert.cleared", {"alert_id": "a1", "source": "uptime"}),
    (24.0, "source.checked", {"player": "ada", "source": "uptime", "clear": True, "text": "200"}),
    (26.0, "incident.resolved", {"player": "ada", "text": "over", "ended": "", "claimed_ns": None}),
    (27.0, "message.seen", {**_STATUS, "ok": True}),
    (27.1, "message.seen", {**_EMAIL, "ok": True}),
    (27.5, "fault.undoing", {**_FREEZE, "by": "harness", "was_active": False}),
    (27.6, "fault.undone", {**_FREEZE, "by": "harness", "was_active": False, "proof": "seen undone"}),
    (28.0, "restoration.checked", {"proof": "leases", "ok": True, "detail": "1 lease", "differences": []}),
    (28.1, "restoration.checked", {"proof": "mitigations", "ok": True, "detail": "none", "differences": []}),
    (28.2, "canary.summary", {"probe": "write", "acknowledged": 9, "missing": [], "doubled": [], "answered": True}),
    (28.3, "restoration.checked", {"proof": "snapshot", "ok": True, "detail": "equal", "differences": []}),
    (29.0, "drill.ended", {"outcome": "completed", "undone": True, "detail": ""}),
)


class Story:
    """A journal under construction: change the clean one, then ``events``."""

    def __init__(self, steps: tuple[Step, ...] = CLEAN, **head: Any) -> None:
        self.steps = list(steps)
        self.head: dict[str, Any] = {
            "drill_id": "drill-1",
            "mode": "live",
            "smoke": False,
            "seed": 1,
            "scenario": SCENARIO,
            "playbook": PLAYBOOK,
            "real_playbook": PLAYBOOK,
            "config": CONFIG,
            "stack": {},
            "versions": {},
            "rule_set": "spine-1",
        } | head

    def without(self, *kinds: str, where: Callable[[dict[str, Any]], bool] = bool) -> Story:
        """Drop the steps of these kinds (and payload)."""
        self.steps = [step for step in self.steps if step[1] not in kinds or not where(step[2])]
        return self

    def until(self, t: float) -> Story:
        """Drop everything from ``t`` (s) on."""
        self.steps = [step for step in self.steps if step[0] < t]
        return self

    def add(self, t: float, kind: str, /, **data: Any) -> Story:
        """One more step at ``t`` (s)."""
        self.steps.append((t, kind, data))
        return self

    def change(self, kind: str, t: float | None = None, /, **data: Any) -> Story:
        """Move the steps of a kind to ``t`` (s), change their payload."""
        self.steps = [
            (step[0] if t is None else t, kind, {**step[2], **data}) if step[1] == kind else step for step in self.steps
        ]
        return self

    def undone(self, t: float, by: str, outcome: str) -> Story:
        """From ``t`` (s) on: the harness undoes, restoration holds, the drill ends."""
        self.until(t).without("fault.undoing", "fault.undone", "restoration.checked", "canary.summary", "drill.ended")
        self.add(t, "fault.undoing", **_FREEZE, by=by, was_active=True)
        self.add(t + 0.1, "fault.undone", **_FREEZE, by=by, was_active=True, proof="seen undone")
        for proof in ("leases", "mitigations", "snapshot"):
            self.add(t + 1, "restoration.checked", proof=proof, ok=True, detail="", differences=[])
        self.add(t + 1, "canary.summary", probe="write", acknowledged=3, missing=[], doubled=[], answered=True)
        return self.add(t + 2, "drill.ended", outcome=outcome, undone=True, detail="")

    @property
    def events(self) -> list[Event]:
        """The journal: in order of time, numbered."""
        steps = [(0.0, "drill.started", encode(self.head)), *sorted(self.steps, key=lambda step: step[0])]
        return [_event(seq, *step) for seq, step in enumerate(steps)]


def _event(seq: int, t: float, kind: str, data: dict[str, Any]) -> Event:
    payload = {
        key.removesuffix("_s") + "_ns" if key in ("at_s", "uncertainty_s", "claimed_s") else key: round(value * 1e9)
        if key in ("at_s", "uncertainty_s", "claimed_s")
        else value
        for key, value in data.items()
    }
    utc = f"2026-01-07T10:{int(t) // 60:02d}:{t % 60:06.3f}Z"
    return Event(seq=seq, t=round(t * 1e9), utc=utc, kind=kind, source="test", data=payload)


def with_expected(severity: str) -> Scenario:
    """The scenario with another expected severity."""
    return replace(SCENARIO, expected=replace(SCENARIO.expected, severity=severity))

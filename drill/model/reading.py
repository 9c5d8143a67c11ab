"""What a journal says, as frozen types: the reading that the live console and the scorecard share.

Times are ns since event 0, uncertainties are ± ns. A :class:`Mark` names the event it comes from, so that every
statement about a drill can be traced to a line of its journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from drill.model.config import Config
from drill.model.playbook import Playbook
from drill.model.scenario import Scenario

State = Literal["complete", "running", "censored", "missing", "not-applicable"]
GoneBy = Literal["responder", "stack", "itself", "plan", "harness", "expiry", "routed-around", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A boundary: the event that tells it (``seq``), when (``t``), ± ns, and the clock that was read."""

    seq: int
    t: int
    uncertainty_ns: int = 0
    clock: str = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A start and an end.

    ``censored``: cut short at ``cut`` (by ``cut_by``) before the end came. ``missing``: the drill is over and the end
    never came (or came with no start to count from). ``running``: the drill goes on. ``claimed`` and
    ``claimed_start`` are what responders said of the same boundaries; observed ones score.
    """

    name: str
    state: State
    channel: str = ""
    start: Mark | None = None
    end: Mark | None = None
    claimed: Mark | None = None
    claimed_start: Mark | None = None
    cut: Mark | None = None
    cut_by: str = ""
    note: str = ""

    @property
    def duration_ns(self) -> int | None:
        """Signed ns from start to end of a complete span (negative: early), else None."""
        if self.state != "complete" or self.start is None or self.end is None:
            return None
        return self.end.t - self.start.t

    @property
    def uncertainty_ns(self) -> int:
        """± ns: the sum of both boundaries' uncertainties."""
        return sum(mark.uncertainty_ns for mark in (self.start, self.end) if mark)

    @property
    def claimed_ns(self) -> int | None:
        """Signed ns by the claimed boundaries, an observed one standing in where only one was claimed."""
        end, start = self.claimed or self.end, self.claimed_start or self.start
        if end is None or start is None or not (self.claimed or self.claimed_start):
            return None
        return end.t - start.t


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The first qualifying detection: by an alert (``source``, ``alert_id``) or by a player's report (``player``)."""

    mark: Mark
    source: str = ""
    alert_id: str = ""
    player: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert. ``noise`` says why it is no qualifying detection; empty when it is one.

    The parts of its delay, ns: ``interval_ns`` at the most between the cause and the first look, ``threshold_ns`` until
    the condition had held, ``delivery_ns`` from there to us. None: not known.
    """

    alert_id: str
    source: str
    fired: Mark
    cleared: Mark | None
    noise: str
    interval_ns: int | None = None
    threshold_ns: int | None = None
    delivery_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecord:
    """One fault of the scenario. ``active``, ``undone``: proved (True), disproved (False), or not known (None)."""

    lease_id: str
    fault_id: str
    kind: str
    service: str
    onset: Mark | None
    active: bool | None
    gone: Mark | None
    gone_by: GoneBy
    undone: bool | None
    detail: str = ""
    manual: tuple[str, ...] = ()
    seqs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """A customer message. ``lint``: None until a sink accepted it, () when clean. ``seen``: found again at the end."""

    message_id: str
    channel: str
    player: str
    status: str
    subject: str
    sent: Mark
    accepted: Mark | None
    lint: tuple[str, ...] | None
    seen: bool | None
    failed: str

    @property
    def counts(self) -> bool:
        """Accepted, lint-clean, and sent through a player's verb."""
        return self.accepted is not None and self.lint == () and bool(self.player)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityCall:
    """A severity that a player declared or changed to."""

    mark: Mark
    player: str
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A restoration proof: ``leases``, ``mitigations`` or ``snapshot``; ``ok`` None is unknown."""

    proof: str
    ok: bool | None
    detail: str
    differences: tuple[str, ...]
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the drill ended, if it did.

    ``cut``: where it was cut short (``cut_by``). ``undo``: where the harness began to undo (``undo_by``); after that
    nothing is credited to responders. ``expired``: time was up (a fault's, or the whole drill's) before the responders,
    or their script, were through; what is open then is censored, not missing.
    """

    outcome: str
    ended: Mark | None
    cut: Mark | None
    cut_by: str
    undo: Mark | None
    undo_by: str
    expired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that a journal says, complete or not. ``outcome`` is ``running`` until ``drill.ended``."""

    drill_id: str
    mode: str
    smoke: bool
    script: str
    rule_set: str
    began_utc: datetime
    last: Mark
    scenario: Scenario
    playbook: Playbook
    real_playbook: Playbook
    config: Config
    ending: Ending
    absorbed: bool
    spans: tuple[Span, ...]
    later: tuple[Span, ...]
    """Restore spans of later impact episodes, channel ``episode N``; judged apart."""
    onset_detect: tuple[Span, ...]
    """Per fault: from its onset to the first qualifying detection at or after it."""
    from_declaration: Mapping[str, int]
    """Channel to signed ns from the declaration to the message that counts."""
    detection: Detection | None
    alerts: tuple[Alert, ...]
    faults: tuple[FaultRecord, ...]
    messages: tuple[MessageRecord, ...]
    severity_expected: str
    severity_declared: str
    severity_calls: tuple[SeverityCall, ...]
    targets_severity: str
    client_clock: Mark | None
    client_clock_basis: str
    """What the 24-hour client clock runs from (A5): ``impact.confirmed``, ``detection``, or empty."""
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    interruptions: tuple[Mark, ...] = ()

    @property
    def outcome(self) -> str:
        """``running``, or the outcome of ``drill.ended``."""
        return self.ending.outcome

    @property
    def voided(self) -> bool:
        """A real incident ended it: there is no score."""
        return self.outcome == "voided" or self.ending.cut_by == "void"

    @property
    def noise(self) -> tuple[Alert, ...]:
        """Alerts that are no qualifying detection."""
        return tuple(alert for alert in self.alerts if alert.noise)

    def span(self, name: str, channel: str | None = None) -> Span | None:
        """The first span of that name (and channel, where one is given), or None."""
        return next((s for s in self.spans if s.name == name and channel in (None, s.channel)), None)

    def utc(self, t: int) -> datetime:
        """Wall time of ``t`` (ns since event 0), counted from event 0: a jump of the wall clock does not enter."""
        return self.began_utc + timedelta(microseconds=t / 1000)

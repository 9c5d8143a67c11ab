"""A playbook: a team's severity policy, detection sources, mitigations and templates, as data (C1 to C5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drill.model.scenario import doc
from drill.model.units import Seconds, TimeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRule:
    """Customers hear of an incident here, within this time (C1)."""

    channel: str = field(metadata=doc("`status-page`, `email` or `banner`."))
    within: TimeTarget | None = field(default=None, metadata=doc("Counted from detection; empty: no deadline."))
    if_longer_than: Seconds | None = field(default=None, metadata=doc("Only when the impact lasts longer than this."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """One row of the severity matrix."""

    name: str = field(metadata=doc("For example SEV-1."))
    rank: int = field(metadata=doc("1 is the gravest."))
    definition: str = field(metadata=doc("When this severity applies."))
    acknowledge: TimeTarget = field(metadata=doc("MTTA target: from detection to acknowledgement."))
    restore: TimeTarget = field(metadata=doc("MTTR target: from the start of impact to its end."))
    detect: TimeTarget | None = field(default=None, metadata=doc("From the start of impact to detection."))
    triage: TimeTarget | None = field(default=None, metadata=doc("From detection to a declared severity."))
    mitigate: TimeTarget | None = field(default=None, metadata=doc("From declaration to the end of impact."))
    update_every: Seconds | None = field(default=None, metadata=doc("Cadence of updates (A4, E5)."))
    channels: tuple[ChannelRule, ...] = field(default=(), metadata=doc("What customers are told, where, by when."))
    here: bool = field(default=False, metadata=doc("Whether a page of this severity calls everybody in the chat room."))
    examples: tuple[str, ...] = field(default=(), metadata=doc("Examples for the person who classifies."))


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionSource:
    """Something that watches the product and pages (C3). Every one has an owner and a runbook (A1)."""

    name: str = field(metadata=doc("Name, as alerts carry it."))
    type: str = field(
        metadata=doc("`http`: an uptime monitor of drill's own; `prometheus`: an alert that comes through the intake.")
    )
    owner: str = field(metadata=doc("Who answers for this alert."))
    runbook: str = field(metadata=doc("Where the first steps are written."))
    service: str = field(metadata=doc("Service that it watches."))
    severity: str = field(default="", metadata=doc("Severity that its page suggests; decides who is called."))
    path: str = field(default="", metadata=doc("Type `http`: path that it asks for."))
    port: str = field(default="http", metadata=doc("Named port of the service."))
    interval: Seconds = field(default=Seconds(30), metadata=doc("Time between checks, or between evaluations."))
    failures: int = field(default=3, metadata=doc("Type `http`: consecutive failures that fire."))
    successes: int = field(default=1, metadata=doc("Type `http`: consecutive successes that clear."))
    deadline: Seconds = field(default=Seconds(10), metadata=doc("A check that takes longer has failed."))
    alert: str = field(default="", metadata=doc("Type `prometheus`: name of the alerting rule."))
    match: Mapping[str, str] = field(
        default_factory=dict, metadata=doc("Type `prometheus`: labels that the alert must carry.")
    )
    hold: Seconds = field(
        default=Seconds(0), metadata=doc("Type `prometheus`: how long the condition holds before it fires (`for`).")
    )
    via: str = field(default="prometheus", metadata=doc("Type `prometheus`: service that evaluates the rule."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigation:
    """A named thing that responders can run (D4), with its own way back."""

    name: str = field(metadata=doc("Name, as `drill act NAME` takes it."))
    type: str = field(
        metadata=doc(
            "`restart`: restart a service; `flag`: set a feature flag; `image`: deploy an image tag; "
            "`failover`: promote a database replica and repoint the proxy."
        )
    )
    service: str = field(metadata=doc("Service it acts on."))
    description: str = field(metadata=doc("What it does and when to use it."))
    flag: str = field(default="", metadata=doc("Flag to set, for type `flag`."))
    value: bool = field(default=True, metadata=doc("Value to set, for type `flag`."))
    image: str = field(default="", metadata=doc("Image to deploy, for type `image`; empty: the one before the last."))
    promote: tuple[str, ...] = field(
        default=(), metadata=doc("Argument list run in the replica, for type `failover`; ends when it is writable.")
    )
    proxy_service: str = field(default="", metadata=doc("Service with the proxy, for type `failover`."))
    proxy: str = field(default="", metadata=doc("Proxy to repoint, for type `failover`."))
    upstream: str = field(default="", metadata=doc("`host:port` that it then leads to, for type `failover`."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A customer message (C5). Holes: {start} {end} {what} {impact} {next_update} {severity} {incident} {root_cause}
    {fix} {prevention}; what the player says comes first, then what the drill knows.
    """

    name: str = field(metadata=doc("Name, as `drill notify CHANNEL TEMPLATE` takes it."))
    channel: str = field(metadata=doc("Channel it is written for."))
    body: str = field(metadata=doc("Text."))
    subject: str = field(default="", metadata=doc("Subject of an e-mail, title of a post."))
    status: str = field(
        default="investigating", metadata=doc("investigating, mitigating, monitoring or resolved (D6).")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Business time: an IANA zone, opening hours, working days, holidays."""

    zone: str = field(default="UTC", metadata=doc("IANA time zone."))
    opens: str = field(default="09:00", metadata=doc("Start of the working day, local time."))
    closes: str = field(default="17:00", metadata=doc("End of the working day, local time."))
    workdays: tuple[str, ...] = field(default=("mon", "tue", "wed", "thu", "fri"), metadata=doc("Working days."))
    holidays: tuple[str, ...] = field(default=(), metadata=doc("Dates without business, YYYY-MM-DD."))


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCall:
    """Who is paged, and how."""

    name: str = field(metadata=doc("Person or role."))
    email: str = field(metadata=doc("Address on the stack's capturing mail service."))
    pages: tuple[str, ...] = field(default=("email",), metadata=doc("Where pages go: `chat`, `email`, or both."))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOff:
    """Approval of this version (C8)."""

    version: str = field(metadata=doc("Version of the playbook."))
    approved: str = field(metadata=doc("Date of approval, YYYY-MM-DD."))
    next_review: str = field(metadata=doc("Date of the next review, YYYY-MM-DD."))
    controls: tuple[str, ...] = field(default=(), metadata=doc("Controls that drills give evidence for."))


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeSource:
    """Shorter detection for CI; what is left out keeps the real value."""

    interval: Seconds | None = None
    failures: int | None = None
    deadline: Seconds | None = None
    hold: Seconds | None = None
    match: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTargets:
    """Shorter targets for CI; what is left out keeps the real one."""

    acknowledge: TimeTarget | None = None
    restore: TimeTarget | None = None
    detect: TimeTarget | None = None
    triage: TimeTarget | None = None
    mitigate: TimeTarget | None = None
    channels: Mapping[str, TimeTarget] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """The overlay for CI: intervals, thresholds and targets. Verdicts under it say SMOKE."""

    sources: Mapping[str, SmokeSource] = field(default_factory=dict, metadata=doc("By detection source."))
    targets: Mapping[str, SmokeTargets] = field(default_factory=dict, metadata=doc("By severity."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A team's incident policy, versioned."""

    id: str = field(metadata=doc("Name, the same as the file's."))
    title: str = field(metadata=doc("One line for reports."))
    sign_off: SignOff = field(metadata=doc("Version and approval."))
    severities: tuple[Severity, ...] = field(metadata=doc("The severity matrix."))
    sources: tuple[DetectionSource, ...] = field(metadata=doc("What watches the product."))
    mitigations: tuple[Mitigation, ...] = field(metadata=doc("What responders can run."))
    templates: tuple[Template, ...] = field(metadata=doc("Customer messages."))
    on_call: OnCall = field(metadata=doc("Who is paged."))
    calendar: Calendar = field(default=Calendar(), metadata=doc("Business time."))
    smoke: Smoke | None = field(default=None, metadata=doc("Overlay for CI."))

    def severity(self, name: str) -> Severity | None:
        """The severity of that name, or None."""
        return next((row for row in self.severities if row.name == name), None)

    def source(self, name: str) -> DetectionSource | None:
        """The detection source of that name, or None."""
        return next((source for source in self.sources if source.name == name), None)

    def mitigation(self, name: str) -> Mitigation | None:
        """The mitigation of that name, or None."""
        return next((mitigation for mitigation in self.mitigations if mitigation.name == name), None)

    def template(self, name: str) -> Template | None:
        """The template of that name, or None."""
        return next((template for template in self.templates if template.name == name), None)

"""A playbook: a team's severity policy, detection sources, mitigations and templates, as data (C1 to C5).

Its people (who is on call, roles, clients, approval) are in ``drill.model.people``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drill.model.people import ChecklistItem, Client, ClientNotice, Duty, OnCall, SignOff
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
    response: str = field(default="", metadata=doc("What must be done at this severity (D1)."))
    roles: tuple[str, ...] = field(default=(), metadata=doc("Roles that somebody must hold by name (D2)."))
    review: str = field(
        default="", metadata=doc("Tier of the review: `full`, `standard`, `note`; empty: no review is owed (B2).")
    )
    review_within: TimeTarget | None = field(
        default=None, metadata=doc("When the review is written, counted from the end of the incident (C6).")
    )


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
class Report:
    """A way in which people find a problem that no program alerts of (C3); in a drill, `drill report`."""

    name: str = field(metadata=doc("Name."))
    owner: str = field(metadata=doc("Who takes it in."))
    runbook: str = field(metadata=doc("Where the first steps are written."))
    how: str = field(metadata=doc("Where it comes in, or what is looked at."))
    every: Seconds | None = field(default=None, metadata=doc("For a routine check: how often."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigation:
    """A named thing that responders can run (D4), with its own way back."""

    name: str = field(metadata=doc("Name, as `drill act NAME` takes it."))
    type: str = field(
        metadata=doc(
            "`restart`: restart a service; `flag`: set a feature flag; `image`: deploy an image tag; "
            "`failover`: promote a database replica and repoint the proxy; `config`: put environment variables of a "
            "service back; `block`: refuse a route at the proxy; `exec`: run a command in a service."
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
    proxy: str = field(default="", metadata=doc("Proxy to repoint, for type `failover`; that refuses, for `block`."))
    upstream: str = field(default="", metadata=doc("`host:port` that it then leads to, for type `failover`."))
    env: Mapping[str, str] = field(
        default_factory=dict, metadata=doc("Variables with the values to put back, for type `config`. No secrets.")
    )
    route: str = field(
        default="", metadata=doc("Prefix of the request paths that are answered with 503, for type `block`.")
    )
    command: tuple[str, ...] = field(default=(), metadata=doc("Argument list, for type `exec`."))
    revert: tuple[str, ...] = field(
        default=(), metadata=doc("Argument list that takes it back, for type `exec`; it may run more than once.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationStep:
    """Something to look at before an incident is called over (D5)."""

    name: str = field(metadata=doc("Name."))
    kind: str = field(
        metadata=doc("`http`: an endpoint; `browser`: a workflow; `sql`: the data; `external`: a provider.")
    )
    do: str = field(metadata=doc("What to do: the path, the workflow, the query, the page to look at."))
    expected: str = field(metadata=doc("What a good answer looks like."))


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
    needs: tuple[str, ...] = field(
        default=(), metadata=doc("Verification steps that must have passed before it may be sent.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Business time: an IANA zone, opening hours, working days, holidays.

    A country's holidays are written into ``holidays`` when a drill starts: its journal needs no library to be judged.
    """

    zone: str = field(default="UTC", metadata=doc("IANA time zone."))
    opens: str = field(default="09:00", metadata=doc("Start of the working day, local time."))
    closes: str = field(default="17:00", metadata=doc("End of the working day, local time."))
    workdays: tuple[str, ...] = field(default=("mon", "tue", "wed", "thu", "fri"), metadata=doc("Working days."))
    holidays: tuple[str, ...] = field(default=(), metadata=doc("Dates without business, YYYY-MM-DD."))
    country: str = field(
        default="", metadata=doc("Country whose public holidays are no working days either: two letters, ISO 3166.")
    )
    subdivision: str = field(default="", metadata=doc("Its state or province, for example BY."))


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
    escalate_every: Seconds | None = field(
        default=None, metadata=doc("The steps of the escalation come one after the other, this long apart.")
    )
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
    reports: tuple[Report, ...] = field(default=(), metadata=doc("How people find problems."))
    verification: tuple[VerificationStep, ...] = field(default=(), metadata=doc("What to look at before it is over."))
    roles: tuple[Duty, ...] = field(default=(), metadata=doc("What each role does."))
    checklist: tuple[ChecklistItem, ...] = field(default=(), metadata=doc("The first minutes."))
    clients: tuple[Client, ...] = field(default=(), metadata=doc("Whose systems you operate."))
    client_notice: ClientNotice | None = field(default=None, metadata=doc("When clients are told."))
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

"""The project's own settings, ``drill.yaml``: which stack, which engine is enrolled, how the truth is probed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drill.model.scenario import ParamValue, doc
from drill.model.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service of the stack: its named ports, and its command line on the process stack."""

    name: str = field(metadata=doc("Service name, as in the Compose file."))
    ports: Mapping[str, int] = field(default_factory=dict, metadata=doc("Port name to port inside the container."))
    health: str = field(default="", metadata=doc("HTTP path that answers 200 when the service is ready."))
    flags: str = field(default="", metadata=doc("HTTP path of its feature flags (GET all, PUT one), if it has any."))
    role: str = field(
        default="",
        metadata=doc(
            "What it is to drill: `postgresql` (its data role is in the snapshot), `toxiproxy` (its proxies are), "
            "`redis`, `prometheus`, `alertmanager`."
        ),
    )
    through: str = field(
        default="",
        metadata=doc("Compose: the service that publishes this one's ports, for replicas behind a gateway."),
    )
    command: tuple[str, ...] = field(
        default=(),
        metadata=doc(
            "Process stack: argument list; {python}, {shipped}, {data}, {port:NAME} and {port:SERVICE.NAME} are "
            "filled in."
        ),
    )
    env: Mapping[str, str] = field(
        default_factory=dict, metadata=doc("Process stack: environment, with the same holes.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeStack:
    """The Docker Compose side of the stack."""

    file: str = field(metadata=doc("Compose file, relative to drill.yaml."))
    project: str = field(metadata=doc("Compose project name."))
    prepare: tuple[str, ...] = field(
        default=(), metadata=doc("Argument list run before `up`, for example to build images; {shipped} is filled in.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StackConfig:
    """The staging stack under drill."""

    services: tuple[ServiceSpec, ...] = field(metadata=doc("Its services."))
    default: str = field(default="compose", metadata=doc("`compose` or `process`."))
    compose: ComposeStack | None = field(default=None, metadata=doc("How Docker Compose starts it."))
    process: bool = field(default=False, metadata=doc("Whether it can also run as local processes."))
    data: str = field(default="keep", metadata=doc("`disposable` allows faults that lose data; otherwise `keep`."))
    restore: tuple[str, ...] = field(
        default=(),
        metadata=doc(
            "Compose: argument list that brings the data roles back (a failover undone, the old primary rejoined); "
            "{shipped} and {project} are filled in. It must bear being run twice."
        ),
    )
    ready_within: Seconds = field(default=Seconds(60), metadata=doc("How long services may take to become healthy."))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec:
    """A reference probe: it tells the truth about impact, and is never a detection source (E9)."""

    name: str = field(metadata=doc("Name in reports."))
    service: str = field(metadata=doc("Service it asks."))
    path: str = field(metadata=doc("HTTP path."))
    audience: str = field(metadata=doc("`user`: what a customer sees; `internal`: the health that operators see."))
    type: str = field(
        default="http",
        metadata=doc("`http`: GET; `canary`: POST a write and remember it, and find it again at the end."),
    )
    port: str = field(default="http", metadata=doc("Named port of the service."))
    expect: int = field(default=0, metadata=doc("Good HTTP status; left out: 200 for `http`, any 2xx for `canary`."))
    body: Mapping[str, ParamValue] = field(
        default_factory=dict, metadata=doc("Type `canary`: what the write holds besides its `id`.")
    )
    settles_within: Seconds = field(
        default=Seconds(0), metadata=doc("Type `canary`: how long an acknowledged write may take to be there.")
    )
    interval: Seconds = field(default=Seconds(0.5), metadata=doc("Time between samples."))
    deadline: Seconds = field(default=Seconds(1), metadata=doc("A sample that takes longer is bad."))


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineGrant:
    """An engine that this project may break: endpoint and id together (a restored machine can share an id)."""

    endpoint: str = field(metadata=doc("For example unix:///var/run/docker.sock."))
    id: str = field(metadata=doc("`docker info --format '{{.ID}}'`."))
    project: str = field(metadata=doc("Compose project that is enrolled there."))


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingException:
    """A sign of production that is known to be harmless. Live credentials admit none."""

    sign: str = field(metadata=doc("Name of the sign, as the refusal prints it."))
    reason: str = field(metadata=doc("Why it is harmless."))


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkConfig:
    """Where customer messages are captured during a drill."""

    mail_service: str = field(default="mail", metadata=doc("Service with named ports `smtp` and `http`."))
    status_service: str = field(default="statuspage", metadata=doc("Service with the status page's HTTP API."))
    customers: tuple[str, ...] = field(default=(), metadata=doc("Recipients; empty: made up by Faker from the seed."))


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSpec:
    """Writes that somebody else made and was promised: each must be there once at the end of a drill."""

    name: str = field(metadata=doc("Name in reports."))
    service: str = field(metadata=doc("Service that keeps the ledger."))
    path: str = field(metadata=doc("HTTP path of the ledger: a JSON list of acknowledged ids."))
    held_service: str = field(metadata=doc("Service that holds the writes."))
    held_path: str = field(metadata=doc("HTTP path of what it holds: a JSON object, id to how often."))
    settles_within: Seconds = field(
        default=Seconds(5), metadata=doc("How long an acknowledged write may take to be there.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeConfig:
    """The stack's durable mailbox for webhooks, where alerts arrive, and the captured chat."""

    service: str = field(metadata=doc("Service with the intake's HTTP API."))
    token: str = field(metadata=doc("Bearer token of the intake; for this stack alone."))
    room: str = field(default="oncall", metadata=doc("Chat room of the people on call."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """``drill.yaml``."""

    project: str = field(metadata=doc("Name of the product, for reports."))
    stack: StackConfig = field(metadata=doc("The staging stack."))
    probes: tuple[ProbeSpec, ...] = field(metadata=doc("Reference probes, at least one `user` and one `internal`."))
    playbook: str = field(default="standard", metadata=doc("Shipped playbook's name, or a path."))
    scenarios: str = field(default="", metadata=doc("Folder of your scenarios; empty: the shipped catalogue."))
    ledgers: tuple[LedgerSpec, ...] = field(default=(), metadata=doc("Promised writes to look for at the end."))
    sinks: SinkConfig = field(default=SinkConfig(), metadata=doc("Where customer messages go."))
    intake: IntakeConfig | None = field(default=None, metadata=doc("Where alerts and chat arrive."))
    engines: tuple[EngineGrant, ...] = field(
        default=(), metadata=doc("Engines that may be broken (`drill init` writes it).")
    )
    exceptions: tuple[StagingException, ...] = field(default=(), metadata=doc("Named, reasoned exceptions."))
    accept: tuple[str, ...] = field(
        default=(), metadata=doc("Accepted differences at the end, as `service.field` of the snapshot.")
    )
    state_dir: str = field(default=".drill", metadata=doc("State, relative to drill.yaml."))
    results_dir: str = field(default="drill-results", metadata=doc("Results, relative to drill.yaml."))
    hat_avoid: int = field(default=2, metadata=doc("The hat avoids this many of the latest draws."))

    def service(self, name: str) -> ServiceSpec | None:
        """The service of that name, or None."""
        return next((service for service in self.stack.services if service.name == name), None)

"""A scenario: what goes wrong, what is expected, what the script of a CI run does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drill.model.units import Seconds

ParamValue = str | int | float | bool
ROLE = "role:"
"""A target that begins with this names a role of a database member, not a service."""
ROLES = ("primary", "replica")


def doc(text: str) -> dict[str, str]:
    """Field metadata: the sentence that the JSON Schema and the reference page show."""
    return {"doc": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """One failure on one target."""

    id: str = field(metadata=doc("Name of this fault within the scenario."))
    kind: str = field(metadata=doc("Fault kind, see `drill injectors list`."))
    target: str = field(
        metadata=doc(
            "Service of the stack that is hit, or `role:primary`, `role:replica`: the database member that has this "
            "role when the fault comes."
        )
    )
    max_duration: Seconds = field(metadata=doc("The fault expires and is undone after this long, whatever happens."))
    start: Seconds = field(default=Seconds(0), metadata=doc("Offset from the start of injection."))
    params: Mapping[str, ParamValue] = field(default_factory=dict, metadata=doc("Parameters of the fault kind."))
    duration: Seconds = field(
        default=Seconds(0),
        metadata=doc("The fault ends by itself after this long; 0: it lasts until a responder ends it, or it expires."),
    )
    ramp: Seconds = field(
        default=Seconds(0),
        metadata=doc("The fault grows to its full strength over this long, where its kind can; 0: at once."),
    )
    replicas: str = field(
        default="all", metadata=doc("Which replicas of the target are hit: `all`, or `one`, chosen by the seed.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a good response looks like; used in judging, never shown to players."""

    severity: str = field(metadata=doc("Severity of the playbook that this failure deserves."))
    detection: tuple[str, ...] = field(metadata=doc("Detection sources of the playbook that should fire."))
    mitigations: tuple[str, ...] = field(default=(), metadata=doc("Mitigations of the playbook that would help."))


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCondition:
    """Abort the drill when a reference probe outside the blast radius stays bad."""

    probes: tuple[str, ...] = field(default=(), metadata=doc("Probes that must stay good during the drill."))
    bad_for: Seconds = field(default=Seconds(5), metadata=doc("How long one may be bad before the drill is aborted."))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStep:
    """One step of the scripted responder: wait for something the player can see, then use a verb."""

    do: str = field(metadata=doc("A verb: ack, declare, confirm-impact, role, note, act, verify, notify, resolve ..."))
    until: str = field(
        default="", metadata=doc("Wait first until the player sees this: `page`, `alert-clear`, or empty for nothing.")
    )
    wait: Seconds = field(default=Seconds(0), metadata=doc("Then wait this long, as a person would need."))
    args: Mapping[str, str] = field(default_factory=dict, metadata=doc("The verb's arguments."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A failure story that a drill plays on a staging stack."""

    id: str = field(metadata=doc("Name, the same as the file's."))
    title: str = field(metadata=doc("One line for reports."))
    story: str = field(metadata=doc("What happens, in two or three sentences, for the drillmaster and the report."))
    faults: tuple[FaultSpec, ...] = field(metadata=doc("The failures, in order."))
    expected: Expected = field(metadata=doc("What a good response looks like."))
    max_duration: Seconds = field(metadata=doc("The whole drill ends after this long."))
    blast_radius: tuple[str, ...] = field(metadata=doc("Services that may suffer; alerts on others are noise."))
    needs: tuple[str, ...] = field(default=(), metadata=doc("Stack capabilities without which this is refused."))
    probes: tuple[str, ...] = field(default=(), metadata=doc("Reference probes that tell the impact; empty: all."))
    stop: StopCondition = field(default=StopCondition(), metadata=doc("When to abort."))
    hat: bool = field(default=True, metadata=doc("Whether the hat may draw it."))
    script: tuple[ScriptStep, ...] = field(default=(), metadata=doc("What the scripted responder does in CI."))
    scripts: Mapping[str, tuple[ScriptStep, ...]] = field(
        default_factory=dict, metadata=doc("Other versions of the script, by name: `drill run --script NAME`.")
    )

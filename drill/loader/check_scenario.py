"""What must hold within one scenario, whatever the stack and the playbook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drill.loader.checks import NAME, above_zero, named_like, some, unique
from drill.loader.finding import Finding, hint, show, step
from drill.model.scenario import ROLE, FaultSpec, Scenario, ScriptStep
from drill.model.units import format_seconds
from drill.model.verbs import NOTE_TYPES, ROLES, STATUSES, VERBS

MAX_FAULT_S = 4 * 3600.0
MAX_DRILL_S = 24 * 3600.0

_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("note", "type"): NOTE_TYPES,
    ("role", "role"): ROLES,
    ("update", "status"): STATUSES,
}


def check_scenario(scenario: Scenario, stem: str) -> Iterator[Finding]:
    """Findings of a scenario from a file named ``stem``."""
    yield from named_like(scenario.id, stem)
    yield from some("faults", scenario.faults)
    yield from unique("faults", "id", [fault.id for fault in scenario.faults])
    yield from above_zero([("max_duration", scenario.max_duration), ("stop.bad_for", scenario.stop.bad_for)])
    if scenario.max_duration > MAX_DRILL_S:
        yield Finding("max_duration", f"is longer than {format_seconds(MAX_DRILL_S)}; shorten it")
    yield from _faults(scenario)
    for path, item in script_steps(scenario):
        yield from _step(path, item)
    for name in scenario.scripts:
        if not NAME.fullmatch(name):
            yield Finding(step("scripts", name), "is no name; use small letters, digits and hyphens")


def script_steps(scenario: Scenario) -> Iterator[tuple[str, ScriptStep]]:
    """Every step of every script, with its YAML path."""
    for path, steps in [("script", scenario.script), *((step("scripts", n), s) for n, s in scenario.scripts.items())]:
        for index, item in enumerate(steps):
            yield f"{path}[{index}]", item


def _faults(scenario: Scenario) -> Iterator[Finding]:
    for index, fault in enumerate(scenario.faults):
        path = f"faults[{index}]"
        yield from above_zero([(f"{path}.max_duration", fault.max_duration)])
        if fault.max_duration > MAX_FAULT_S:
            yield Finding(f"{path}.max_duration", f"is longer than {format_seconds(MAX_FAULT_S)}; shorten it")
        yield from _lengths(path, fault)
        if fault.start >= scenario.max_duration:
            yield Finding(f"{path}.start", "is not before the end of the drill; start earlier or raise max_duration")
        # An empty radius says that nothing may suffer; any other must at least hold what is hit.
        role = fault.target.startswith(ROLE)
        if scenario.blast_radius and not role and fault.target not in scenario.blast_radius:
            yield Finding("blast_radius", f"does not hold {show(fault.target)}, which {show(fault.id)} hits; add it")


def _lengths(path: str, fault: FaultSpec) -> Iterator[Finding]:
    if fault.duration > fault.max_duration:
        yield Finding(f"{path}.duration", "is longer than max_duration; raise that, or shorten this")
    if fault.ramp > (fault.duration or fault.max_duration):
        yield Finding(f"{path}.ramp", "is longer than the fault lasts; shorten it")


def _step(path: str, item: ScriptStep) -> Iterator[Finding]:
    verb = VERBS[item.do]
    allowed = verb.required + verb.optional
    for name in verb.required:
        if not item.args.get(name, "").strip():
            yield Finding(f"{path}.args", f"{item.do} needs the argument {show(name)}; add it")
    for name, value in item.args.items():
        where = step(f"{path}.args", name)
        if name not in allowed:
            yield Finding(where, f"{item.do} has no such argument; {hint(name, allowed)}")
        words = _WORDS.get((item.do, name))
        if words and value not in words:
            yield Finding(where, f"unknown {name} {show(value)}; {hint(value, words)}")

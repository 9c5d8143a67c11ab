"""Names in a scenario and a playbook against what the playbook, the stack and the installed injectors have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from drill.loader.check_scenario import script_steps
from drill.loader.checks import known
from drill.loader.finding import Finding, hint, show, step
from drill.model.config import Config, ServiceSpec
from drill.model.playbook import DetectionSource, Mitigation, Playbook
from drill.model.scenario import ROLE, ROLES, FaultSpec, Scenario, ScriptStep

InjectorKinds = Mapping[str, Collection[str]]
"""Fault kind to the names of its parameters."""


def check_references(
    scenario: Scenario, playbook: Playbook, config: Config, injector_kinds: InjectorKinds
) -> list[str]:
    """Every name that leads nowhere, one line each; lines on the playbook itself begin with ``playbook NAME:``."""
    found = [str(finding) for finding in scenario_references(scenario, playbook, config, injector_kinds)]
    return found + [f"playbook {playbook.id}: {finding}" for finding in playbook_references(playbook, config)]


def scenario_references(
    scenario: Scenario, playbook: Playbook, config: Config, injector_kinds: InjectorKinds
) -> Iterator[Finding]:
    """Findings of a scenario against a playbook, a stack and the fault kinds."""
    services = {service.name for service in config.stack.services}
    members = [service.name for service in config.stack.services if service.role == "postgresql"]
    for index, fault in enumerate(scenario.faults):
        yield from _fault(f"faults[{index}]", fault, services, injector_kinds)
        if fault.target.startswith(ROLE):
            yield from _role(f"faults[{index}].target", fault, members, scenario.blast_radius)
    yield from _all("blast_radius", scenario.blast_radius, services, "service")
    probes = {probe.name: probe.service for probe in config.probes}
    yield from _all("probes", scenario.probes, probes, "probe")
    yield from _all("stop.probes", scenario.stop.probes, probes, "probe")
    for index, name in enumerate(scenario.stop.probes):
        if probes.get(name) in scenario.blast_radius:
            where = f"stop.probes[{index}]"
            yield Finding(where, f"{show(name)} looks at the blast radius and would always stop the drill; remove it")
    yield from _expected(scenario, playbook)
    for path, item in script_steps(scenario):
        yield from _step(f"{path}.args", item, playbook)


def playbook_references(playbook: Playbook, config: Config) -> Iterator[Finding]:
    """Findings of a playbook against a stack."""
    services = {service.name: service for service in config.stack.services}
    for index, source in enumerate(playbook.sources):
        yield from _source(f"sources[{index}]", source, config)
    for index, mitigation in enumerate(playbook.mitigations):
        yield from _mitigation(f"mitigations[{index}]", mitigation, services)
    if "chat" in playbook.on_call.pages and config.intake is None:
        yield Finding("on_call.pages", "holds chat, but drill.yaml has no intake; add it there, or page by email")


def _source(path: str, source: DetectionSource, config: Config) -> Iterator[Finding]:
    services = {service.name: service for service in config.stack.services}
    yield from known(f"{path}.service", source.service, services, "service")
    if source.type == "http" and source.service in services:
        ports = services[source.service].ports
        yield from known(f"{path}.port", source.port, ports, f"port of {source.service}")
    if source.type == "prometheus":
        yield from known(f"{path}.via", source.via, services, "service")
        if config.intake is None:
            yield Finding(f"{path}.type", "is prometheus, but drill.yaml has no intake; add it there")


def _mitigation(path: str, mitigation: Mitigation, services: Mapping[str, ServiceSpec]) -> Iterator[Finding]:
    where, service = f"{path}.service", services.get(mitigation.service)
    yield from known(where, mitigation.service, services, "service")
    if mitigation.type == "flag" and service and not service.flags:
        yield Finding(where, f"{show(mitigation.service)} has no flags path in drill.yaml; add it there")
    proxies = [name for name, spec in services.items() if spec.role == "toxiproxy"]
    if mitigation.type == "block" and service:
        yield from known(where, mitigation.service, proxies, "service of role toxiproxy")
    if mitigation.type == "failover":
        yield from known(f"{path}.proxy_service", mitigation.proxy_service, proxies, "service of role toxiproxy")
        if service and service.role != "postgresql":
            yield Finding(where, f"{show(mitigation.service)} has no role postgresql in drill.yaml; add it there")


def _fault(path: str, fault: FaultSpec, services: Collection[str], kinds: InjectorKinds) -> Iterator[Finding]:
    if not fault.target.startswith(ROLE):
        yield from known(f"{path}.target", fault.target, services, "service")
    yield from known(f"{path}.kind", fault.kind, kinds, "fault kind")
    for name in fault.params:
        if fault.kind in kinds and name not in kinds[fault.kind]:
            where = step(f"{path}.params", name)
            yield Finding(where, f"{fault.kind} has no such parameter; {hint(name, kinds[fault.kind])}")


def _role(where: str, fault: FaultSpec, members: Collection[str], radius: Collection[str]) -> Iterator[Finding]:
    yield from known(where, fault.target, [ROLE + name for name in ROLES], "role")
    if not members:
        yield Finding(where, "is a role, but no service of drill.yaml has the role postgresql; name a service")
    for name in members:
        if radius and name not in radius:
            yield Finding("blast_radius", f"does not hold {show(name)}, which {show(fault.id)} may hit; add it")


def _expected(scenario: Scenario, playbook: Playbook) -> Iterator[Finding]:
    names = {row.name for row in playbook.severities}
    yield from known("expected.severity", scenario.expected.severity, names, "severity")
    sources = {source.name for source in playbook.sources}
    yield from _all("expected.detection", scenario.expected.detection, sources, "detection source")
    mitigations = {mitigation.name for mitigation in playbook.mitigations}
    yield from _all("expected.mitigations", scenario.expected.mitigations, mitigations, "mitigation")


def _all(path: str, names: Collection[str], defined: Collection[str], what: str) -> Iterator[Finding]:
    for index, name in enumerate(names):
        yield from known(f"{path}[{index}]", name, defined, what)


def _step(path: str, item: ScriptStep, playbook: Playbook) -> Iterator[Finding]:
    defined: Mapping[tuple[str, str], Collection[str]] = {
        ("declare", "severity"): [row.name for row in playbook.severities],
        ("act", "mitigation"): [mitigation.name for mitigation in playbook.mitigations],
        ("verify", "source"): [source.name for source in playbook.sources],
        ("notify", "template"): [template.name for template in playbook.templates],
    }
    for name, value in item.args.items():
        if (item.do, name) in defined:
            yield from known(f"{path}.{name}", value, defined[item.do, name], name)
    template = playbook.template(item.args.get("template", "")) if item.do == "notify" else None
    if template and template.channel != item.args.get("channel"):
        yield Finding(f"{path}.channel", f"{show(template.name)} is for {template.channel}; write that channel")

"""The catalogue: scenarios, fault kinds, schemas, validation."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

import click

from drill import registry
from drill.cli.options import JSON
from drill.cli.project import Project, kinds_and_params, open_project
from drill.errors import InvalidInput
from drill.model.codec import encode
from drill.model.scenario import FaultSpec, Scenario
from drill.model.units import format_seconds

SAMPLE = "sample-"
"""What the names of the scenarios begin with that show one fault kind each."""


@click.group("scenarios")
def scenarios_group() -> None:
    """The catalogue of failures."""


@scenarios_group.command("list")
@JSON
def list_command(as_json: bool) -> None:
    """Every scenario."""
    project = open_project()
    project.mention_orphans()
    found = [project.scenario(path.stem) for path in project.scenario_files()]
    if as_json:
        click.echo(json.dumps([encode(scenario) for scenario in found], sort_keys=True))
        return
    samples = [scenario for scenario in found if scenario.id.startswith(SAMPLE)]
    for scenario in found:
        if scenario not in samples:
            click.echo(_line(scenario))
    if samples:
        click.echo("\nsamples, one for each fault kind, never in the hat:")
    for scenario in samples:
        click.echo(_line(scenario))


def _line(scenario: Scenario) -> str:
    hat = "hat" if scenario.hat else "   "
    needs = f"  (needs {', '.join(scenario.needs)})" if scenario.needs else ""
    return f"{scenario.id:<40} {scenario.expected.severity:<6} {hat}  {scenario.title}{needs}"


@scenarios_group.command("show")
@click.argument("name")
@JSON
def show_command(name: str, as_json: bool) -> None:
    """One scenario. It gives the drill away: not for players."""
    scenario = open_project().scenario(name)
    if as_json:
        click.echo(json.dumps(encode(scenario), sort_keys=True))
        return
    click.echo(f"{scenario.id}: {scenario.title}\n\n{scenario.story.strip()}\n")
    for fault in scenario.faults:
        click.echo(f"at {fault.start:g} s: {fault.kind} on {_target(fault)}, {_length(fault)}")
    click.echo(f"expected: {scenario.expected.severity}, seen by {', '.join(scenario.expected.detection) or 'nothing'}")
    click.echo(f"mitigations that help: {', '.join(scenario.expected.mitigations) or 'none'}")


def _target(fault: FaultSpec) -> str:
    return f"one replica of {fault.target}" if fault.replicas == "one" else fault.target


def _length(fault: FaultSpec) -> str:
    grows = f"growing for {format_seconds(fault.ramp)}, " if fault.ramp else ""
    planned = f"for {format_seconds(fault.duration)}, " if fault.duration else ""
    return f"{grows}{planned}at most {format_seconds(fault.max_duration)}"


@click.command("validate")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@JSON
def validate_command(paths: tuple[Path, ...], as_json: bool) -> None:
    """Check scenario, playbook and configuration files: one line for each problem, file:line first."""
    from drill.loader import problems

    found = [line for path in paths for line in problems(path)]
    if not found:
        project = open_project()
        found = [line for path in paths for line in _references(project, path)]
    if as_json:
        click.echo(json.dumps(found))
    for line in [] if as_json else found:
        click.echo(line, err=True)
    if found:
        sys.exit(InvalidInput.exit_code)
    if not as_json:
        click.echo(f"{len(paths)} file{'s' if len(paths) > 1 else ''} good")


def _references(project: Project, path: Path) -> list[str]:
    """What a scenario names must exist in playbook and stack; other files were checked by themselves."""
    from drill.loader import load_scenario, reference_problems

    try:
        load_scenario(path)
    except InvalidInput:
        return []
    return reference_problems(path, project.playbook(), project.config, kinds_and_params())


@click.command("schema")
@click.argument("kind", type=click.Choice(["scenario", "playbook", "config"]))
def schema_command(kind: Literal["scenario", "playbook", "config"]) -> None:
    """JSON Schema for editors."""
    from drill.loader import schema

    click.echo(json.dumps(schema(kind), indent=2, sort_keys=True))


@click.group("injectors")
def injectors_group() -> None:
    """Fault kinds."""


@injectors_group.command("list")
@JSON
def injectors_list_command(as_json: bool) -> None:
    """Every fault kind that is installed."""
    kinds = {kind: registry.get(kind).reversibility for kind in registry.all_kinds()}
    if as_json:
        click.echo(json.dumps(kinds, sort_keys=True))
        return
    for kind, reversibility in kinds.items():
        click.echo(f"{kind:<36} {reversibility}")


@injectors_group.command("show")
@click.argument("kind")
@JSON
def injectors_show_command(kind: str, as_json: bool) -> None:
    """Parameters, needs and undo of one fault kind."""
    injector = registry.get(kind)
    facts = {
        "kind": kind,
        "what": (type(injector).__doc__ or "").strip(),
        "reversibility": injector.reversibility,
        "loses_data": injector.loses_data,
        "needs": sorted(injector.needs),
        "params": dict(injector.params),
    }
    if as_json:
        click.echo(json.dumps(facts, sort_keys=True))
        return
    for name, value in facts.items():
        shown = ", ".join(f"{key}: {text}" for key, text in value.items()) if isinstance(value, dict) else value
        click.echo(f"{name.replace('_', ' '):<14} {', '.join(shown) if isinstance(shown, list) else shown}")


COMMANDS = (scenarios_group, validate_command, schema_command, injectors_group)

"""The hat: an unannounced draw (C7)."""

from __future__ import annotations

import json
import secrets

import click

from drill import registry
from drill.cli.options import JSON, STACK
from drill.cli.project import Project, open_project


@click.group("hat")
def hat_group() -> None:
    """Draw the next drill's scenario."""


def pool_of(project: Project, kind: str) -> tuple[str, ...]:
    """What the hat may draw on this stack."""
    from drill.hat import eligible
    from drill.loader import load_scenario

    scenarios = [load_scenario(path) for path in project.scenario_files()]
    needs = {name: frozenset(registry.get(name).needs) for name in registry.all_kinds()}
    return eligible(scenarios, project.open_stack(kind).capabilities(), needs)


def draw_for(project: Project, kind: str, seed: int) -> str:
    """Draw, record and say so; the scenario's name."""
    from drill import clock
    from drill.hat import draw, recent, record

    state = project.state.path
    drawn = draw(pool_of(project, kind), recent(state), seed, project.config.hat_avoid)
    record(state, drawn, clock.utc().isoformat(timespec="seconds"))
    avoided = f", avoiding {', '.join(drawn.avoided)}" if drawn.avoided else ""
    click.echo(f"hat: {drawn.scenario_id}, out of {len(drawn.pool)} (seed {seed}{avoided})")
    return drawn.scenario_id


@hat_group.command("draw")
@click.option("--seed", type=int, help="The same seed and history draw the same.")
@STACK
def draw_command(seed: int | None, kind: str | None) -> None:
    """Draw one, and remember it."""
    project = open_project()
    project.mention_orphans()
    draw_for(project, kind or project.config.stack.default, secrets.randbelow(2**31) if seed is None else seed)


@hat_group.command("odds")
@STACK
@JSON
def odds_command(kind: str | None, as_json: bool) -> None:
    """How likely each scenario is in the next draw."""
    from drill.hat import odds, recent

    project = open_project()
    chances = odds(pool_of(project, kind or ""), recent(project.state.path), project.config.hat_avoid)
    if as_json:
        click.echo(json.dumps(chances, sort_keys=True))
        return
    for name, chance in sorted(chances.items()):
        click.echo(f"{name:<24} {chance:6.1%}")


@hat_group.command("show")
@JSON
def show_command(as_json: bool) -> None:
    """What was drawn, latest last."""
    from drill.hat import history
    from drill.model.codec import encode

    draws = history(open_project().state.path)
    if as_json:
        click.echo(json.dumps([encode(drawn) for drawn in draws], sort_keys=True))
        return
    if not draws:
        click.echo("nothing was drawn yet")
    for drawn in draws:
        click.echo(f"{drawn.utc}  {drawn.scenario_id:<24} seed {drawn.seed}")


COMMANDS = (hat_group,)

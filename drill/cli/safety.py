"""Ending a drill, undoing everything, and the kill switch."""

from __future__ import annotations

import click

from drill.cli.project import open_project
from drill.errors import InvalidInput


def _end(outcome: str, reason: str) -> None:
    from drill.conductor.client import ask, running_drill

    state = open_project().state
    click.echo(ask(running_drill(state), {"do": "end", "outcome": outcome, "reason": reason})["text"])


@click.command("abort")
@click.option("--reason", default="aborted by a person", help="Why, for the journal.")
def abort_command(reason: str) -> None:
    """End the running drill now and undo everything; `drill attach` waits for the proof."""
    _end("aborted", reason)


@click.command("void")
@click.option("--reason", required=True, help="For example real-incident.")
def void_command(reason: str) -> None:
    """End the drill because of a real incident: everything is undone, and there is no score."""
    _end("voided", reason)


@click.command("undo")
def undo_command() -> None:
    """Undo what drills left behind whose processes are gone, and prove it."""
    project = open_project()
    project.undo_orphans()
    if running := [folder.id for folder in project.state.running()]:
        raise InvalidInput(f"drill {', '.join(running)} is running and undoes itself; end it with `drill abort`")
    click.echo("nothing is left to undo")


@click.group("kill-switch")
def kill_switch_group() -> None:
    """One switch that aborts what runs and blocks new drills."""


@kill_switch_group.command("on")
@click.option("--reason", default="put on by hand", help="Why; whoever is blocked reads it.")
def on_command(reason: str) -> None:
    """Abort the running drill and block new ones."""
    open_project().state.set_kill_switch(reason)
    click.echo("kill switch is on: a running drill aborts within a second, and nothing starts")


@kill_switch_group.command("off")
def off_command() -> None:
    """Allow drills again."""
    open_project().state.clear_kill_switch()
    click.echo("kill switch is off")


@kill_switch_group.command("status")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def status_command(as_json: bool) -> None:
    """Say whether it is on."""
    import json

    project = open_project()
    project.mention_orphans()
    switch = project.state.kill_switch()
    if as_json:
        click.echo(json.dumps({"on": switch is not None, **(switch or {})}))
    else:
        click.echo(f"on since {switch['utc']}: {switch['reason']}" if switch else "off")


COMMANDS = (abort_command, void_command, undo_command, kill_switch_group)

"""The staging stack: start, stop, look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from drill.cli.options import JSON, STACK
from drill.cli.project import Project, open_project
from drill.errors import NotUndone, Refused, StackError

if TYPE_CHECKING:
    from drill.ports import Stack


@click.group("stack")
def stack_group() -> None:
    """The staging stack under drill."""


def _say(line: str) -> None:
    click.echo(f"stack: {line}")


def _alone(project: Project) -> None:
    try:
        project.undo_orphans()
    except NotUndone as error:
        click.echo(f"drill: {error}", err=True)  # starting or removing the stack may be the way out
    if running := [folder.id for folder in project.state.running()]:
        raise Refused(f"drill {running[0]} is running on this stack; end it with `drill abort` first")


@contextmanager
def _held(stack: Stack) -> Iterator[Stack]:
    """The stack, while no drill of any folder can begin on it. Raises Refused when one works on it."""
    from drill.conductor.runtime_dir import take_stack

    try:
        identity = stack.identity()
    except StackError:  # never up, or no engine: nobody can drill it
        yield stack
        return
    lock = take_stack(identity)
    try:
        yield stack
    finally:
        lock.free()


@stack_group.command("up")
@STACK
def up_command(kind: str | None) -> None:
    """Start it and wait until every service is healthy."""
    project = open_project()
    _alone(project)
    with _held(project.open_stack(kind or "")) as stack:
        stack.up(_say)
    project.undo_orphans()


@stack_group.command("down")
@STACK
def down_command(kind: str | None) -> None:
    """Stop it; its data goes too where drill.yaml says that it is disposable."""
    project = open_project()
    _alone(project)
    with _held(project.open_stack(kind or "")) as stack:
        stack.down(_say)


@stack_group.command("status")
@STACK
@JSON
def status_command(kind: str | None, as_json: bool) -> None:
    """What runs, and whether it is healthy."""
    import json

    from drill.model.codec import encode

    project = open_project()
    project.mention_orphans()
    stack = project.open_stack(kind or "")
    services = stack.services()
    if as_json:
        click.echo(json.dumps({name: encode(state) for name, state in services.items()}, sort_keys=True))
        return
    if not services:
        click.echo("nothing runs; start it with `drill stack up`")
    for name, state in sorted(services.items()):
        health = {True: "healthy", False: "not healthy", None: "no health check"}[state.healthy]
        running = "paused" if state.paused else "running" if state.running else "stopped"
        click.echo(f"{name:<12} {running:<8} {health:<16} {state.instance[:12]}")


@stack_group.command("logs")
@click.argument("service")
@click.option("--tail", default=100, show_default=True, help="How many lines.")
@STACK
def logs_command(service: str, tail: int, kind: str | None) -> None:
    """The latest log lines of a service."""
    click.echo(open_project().open_stack(kind or "").logs(service, tail))


@stack_group.command("restore")
@STACK
def restore_command(kind: str | None) -> None:
    """Undo what drills left, bring the data roles back, start what is stopped, and wait until everything is healthy."""
    project = open_project()
    _alone(project)
    with _held(project.open_stack(kind or "")) as stack:
        _restore(project, stack)
    project.undo_orphans()


def _restore(project: Project, stack: Stack) -> None:
    if project.config.stack.restore and stack.identity().kind == "compose":
        # First of all: an old primary that is simply started beside a new one would make two.
        stack.restore(_say)
    for name, state in sorted(stack.services().items()):
        if state.paused or not state.running:
            _say(f"starting {name}")
            stack.restart(name)
    for name in sorted(stack.services()):
        if not stack.wait_healthy(name, project.config.stack.ready_within):
            raise StackError(f"{name} does not become healthy; see `drill stack logs {name}`")
    _say("every service is healthy")


COMMANDS = (stack_group,)

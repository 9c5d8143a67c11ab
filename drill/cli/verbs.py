"""The responders' verbs, one command each, made from the table that the script uses too."""

from __future__ import annotations

import getpass
from typing import Any

import click

from drill.cli.project import open_project
from drill.model.verbs import ARGUMENTS, VERBS, Verb


def _command(verb: Verb) -> click.Command:
    def use(player: str, **args: str | None) -> None:
        from drill.conductor.client import ask, running_drill

        given = {name: value for name, value in args.items() if value is not None}
        request = {"do": "use", "player": player, "verb": verb.name, "args": given}
        click.echo(ask(running_drill(open_project().state), request)["text"])

    params: list[click.Parameter] = [click.Argument([name]) for name in verb.required]
    params += [click.Option([f"--{name.replace('_', '-')}", name], help=ARGUMENTS[name]) for name in verb.optional]
    params.append(click.Option(["--as", "player"], default=_login, help="Your name in the journal."))
    return click.Command(verb.name, params=params, callback=use, help=_help(verb))


def _help(verb: Verb) -> str:
    """The verb's line, and one for each argument that it needs."""
    lines = [f"{name.upper()}: {ARGUMENTS[name]}" for name in verb.required]
    return "\n\n".join([verb.help, *(["\b\n" + "\n".join(lines)] if lines else [])])


def _login() -> Any:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "player"


COMMANDS = tuple(_command(verb) for verb in VERBS.values())

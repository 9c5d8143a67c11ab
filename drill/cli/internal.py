"""The processes that drill starts itself. Hidden: nobody needs to type them."""

from __future__ import annotations

from pathlib import Path

import click

from drill.cli.finish import write_results


@click.command("_conduct", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
def conduct_command(folder: Path) -> None:
    """Run the drill of a folder."""
    from drill.conductor.process import conduct
    from drill.store import DrillFolder

    conduct(DrillFolder(folder), write_results)


@click.command("_guard", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
def guard_command(folder: Path) -> None:
    """Guard the drill of a folder."""
    from drill.conductor.guard import guard
    from drill.store import DrillFolder

    guard(DrillFolder(folder), write_results)


COMMANDS = (conduct_command, guard_command)

"""Playbooks: the shipped ones, what one lacks, and the document that people read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drill import shipped
from drill.cli.options import JSON
from drill.cli.project import open_project

if TYPE_CHECKING:
    from datetime import date


@click.group("playbook")
def playbook_group() -> None:
    """Severity policy and the rest, as data."""


@playbook_group.command("list")
@JSON
def list_command(as_json: bool) -> None:
    """The shipped playbooks."""
    names = shipped.playbooks()
    click.echo(json.dumps(names) if as_json else "\n".join(names))


@playbook_group.command("check")
@click.argument("playbook", required=False)
@JSON
def check_command(playbook: str | None, as_json: bool) -> None:
    """Say what a playbook lacks: one line for each finding, with the rule and where it comes from.

    PLAYBOOK is the name of a shipped one or a path; without it the project's own is checked. Exit code 1 when there
    are findings, 2 when the file is no valid playbook.
    """
    from drill import clock
    from drill.lint import RULES

    path = _file(playbook)
    found = findings(path, clock.utc().date())
    if as_json:
        click.echo(json.dumps({"file": str(path), "rules": len(RULES), "findings": found}, sort_keys=True))
    else:
        for row in found:
            click.echo(f"{row['file']}:{row['line']}: {_words(row)}")
        click.echo(_count(path, len(found), len(RULES)), err=bool(found))
    sys.exit(1 if found else 0)


def findings(path: Path, today: date) -> list[dict[str, Any]]:
    """Every finding of every rule, in order of the file. Raises InvalidInput for a file that is no playbook."""
    from drill.lint import RULES
    from drill.loader import load_playbook_with_lines

    playbook, line_of = load_playbook_with_lines(path)
    found = [
        {
            "rule": rule.id,
            "sources": list(rule.sources),
            "file": str(path),
            "line": line_of(finding.path),
            "path": finding.path,
            "message": finding.text,
        }
        for rule in RULES
        for finding in rule.look(playbook, today)
    ]
    return sorted(found, key=lambda row: (row["line"], row["rule"]))


def _words(row: dict[str, Any]) -> str:
    where = f"{row['path']}: " if row["path"] else ""
    return f"{where}{row['message']} [{row['rule']}: {', '.join(row['sources'])}]"


def _count(path: Path, found: int, rules: int) -> str:
    if found:
        return f"{found} finding{'s' if found > 1 else ''} by {rules} rules"
    return f"{path.stem}: nothing found by {rules} rules"


@playbook_group.command("render")
@click.argument("playbook", required=False)
@JSON
def render_command(playbook: str | None, as_json: bool) -> None:
    """Write a playbook as a Markdown document to read and to sign; with --json, as data. PLAYBOOK: as for `check`."""
    from drill.documents.playbook import render_playbook
    from drill.loader import load_playbook
    from drill.model.codec import encode

    found = load_playbook(_file(playbook))
    click.echo(json.dumps(encode(found), sort_keys=True) if as_json else render_playbook(found).rstrip("\n"))


def _file(name: str | None) -> Path:
    from drill.loader import is_path, playbook_file

    if name is None:
        project = open_project()
        return playbook_file(project.config, project.root)
    return Path(name) if is_path(name) else shipped.playbook_path(name)


COMMANDS = (playbook_group,)

"""Judgement: scoring a journal again, verifying and showing it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from drill.cli.options import JSON
from drill.cli.story import line_of
from drill.errors import JournalError

JOURNAL = click.argument("journal", type=click.Path(path_type=Path))


@click.command("score")
@JOURNAL
@click.option("--out", type=click.Path(path_type=Path), help="Write scorecard and chart there.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of Markdown.")
def score_command(journal: Path, out: Path | None, as_json: bool) -> None:
    """Judge a journal. The same journal and rule set give the same bytes."""
    import scorecards
    from drill.cli.finish import exit_code, outcome_of
    from drill.journal.reader import read

    recording = read(journal)
    card = scorecards.score(recording.events)
    if out is not None:
        scorecards.write(recording.events, out, recording.head)
    render = scorecards.render_json if as_json else scorecards.render_markdown
    click.echo(render(card, recording.head), nl=False)
    if outcome_of(recording.events) != "running":
        sys.exit(exit_code(recording.events, card.passed))
    sys.exit(1)


@click.group("journal")
def journal_group() -> None:
    """The recording of a drill."""


@journal_group.command("verify")
@JOURNAL
@click.option("--head", help="The head that was kept elsewhere: without it only careless edits show.")
@JSON
def verify_command(journal: Path, head: str | None, as_json: bool) -> None:
    """Check the hash chain to the last complete line."""
    from drill.journal.reader import examine

    recording = examine(journal)
    problems = list(recording.problems)
    if head and head != recording.head:
        problems.append(f"its head is {recording.head}, not the one given: lines were changed, added or cut off")
    if as_json:
        facts = {"events": len(recording.events), "head": recording.head, "torn_bytes": recording.torn_bytes}
        click.echo(json.dumps({**facts, "problems": problems}, sort_keys=True))
    else:
        for problem in problems:
            click.echo(f"{journal}: {problem}", err=True)
        torn = f", {recording.torn_bytes} bytes of a torn last line left out" if recording.torn_bytes else ""
        click.echo(f"{len(recording.events)} events, head {recording.head}{torn}")
    if problems:
        sys.exit(JournalError.exit_code)


@journal_group.command("show")
@JOURNAL
@click.option("--all", "everything", is_flag=True, help="Every event, as its line in the journal.")
@JSON
def show_command(journal: Path, everything: bool, as_json: bool) -> None:
    """Read a journal as a story."""
    from drill.journal.chain import to_line
    from drill.journal.reader import examine

    recording = examine(journal)
    for event in recording.events:
        if everything or as_json:
            click.echo(to_line(event))
        elif line := line_of(event):
            click.echo(line)
    for problem in recording.problems:
        click.echo(f"{journal}: {problem}", err=True)


COMMANDS = (score_command, journal_group)

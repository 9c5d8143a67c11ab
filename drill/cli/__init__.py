"""The command line: the only place that sees all of drill. Heavy imports happen inside commands."""

from __future__ import annotations

import sys

import click

from drill import __version__
from drill.cli import catalogue, hat, internal, judge, playbook, proxy, ready, run, safety, stack, verbs
from drill.errors import DrillError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="drill")
def cli() -> None:
    """Chaos drills on your own staging stack: inject a failure, time the response, put everything back.

    \b
    Exit codes: 0 passed · 1 a required span or check failed or is unknown · 2 invalid input · 3 refused for safety
    4 harness or stack failed, all undone · 5 something not proved undone · 6 voided · 7 kill switch · 130 aborted
    """


for module in (ready, run, verbs, safety, stack, catalogue, playbook, hat, judge, proxy, internal):
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run, and turn every error that we raise on purpose into one line and its exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except DrillError as error:
        click.echo(f"drill: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("drill: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"drill: {where}{error.strerror or error}; check the path, its permissions and the disk", err=True)
        sys.exit(DrillError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)

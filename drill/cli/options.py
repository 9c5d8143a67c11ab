"""Options that several commands take."""

from __future__ import annotations

import click

STACK = click.option("--stack", "kind", type=click.Choice(["compose", "process"]), help="Which stack.")
JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")

"""The proxy by itself."""

from __future__ import annotations

from pathlib import Path

import click

from drill.errors import InvalidInput


@click.command("proxy")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the API listens.")
@click.option("--port", default=8474, show_default=True, help="The API's port; 0 takes a free one.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="JSON array of proxies to begin with: name, listen, upstream, enabled.",
)
def proxy_command(host: str, port: int, config: Path | None) -> None:
    """Run the proxy with Toxiproxy's API until it is ended (Ctrl-C, SIGTERM).

    Without --config the first proxies are those of the environment variable PROXIES, a JSON array too.
    """
    from drill.proxy.errors import CannotStart
    from drill.proxy.server import run

    try:
        run(host, port, config, lambda address: click.echo(f"listening on {address}"))
    except CannotStart as error:
        raise InvalidInput(str(error)) from error


COMMANDS = (proxy_command,)

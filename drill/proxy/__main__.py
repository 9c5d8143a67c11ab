"""``python -m drill.proxy``: the proxy by itself."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from drill.proxy.errors import CannotStart
from drill.proxy.server import HOST, PORT, run


def main() -> int:
    """Serve until SIGTERM; 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="drill.proxy", description="A TCP proxy with the HTTP API of Toxiproxy.")
    parser.add_argument("--host", default=HOST, help="where the API listens (%(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="the API's port, 0 for a free one (%(default)s)")
    parser.add_argument("--config", type=Path, help="JSON array of proxies to begin with (else PROXIES)")
    given = parser.parse_args()
    try:
        run(given.host, given.port, given.config, lambda address: print(f"listening on {address}", flush=True))
    except CannotStart as error:
        print(f"drill.proxy: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The small stack of ``tests/stacks/small``, copied into a folder of a test's own."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
from pathlib import Path

from drill import shipped

SOURCE = Path(__file__).parent / "stacks" / "small"
SCENARIOS = ("api-frozen", "api-crashed", "api-stopped-by-deploy", "rehearsal")
REFERENCE_DETECTION = "detection: [uptime, database, error-rate]"
"""The small stack has no alerting of its own: its playbook knows the uptime check alone."""
PORTS = ("DB", "API", "MAIL_HTTP", "MAIL_SMTP", "STATUSPAGE")


def small_project(home: Path, project: str = "drill-small", grant: str = "") -> Path:
    """Write the project into ``home``: its own scenario and those of the catalogue that it can run. ``home``."""
    shutil.copytree(SOURCE, home, dirs_exist_ok=True)
    for name in SCENARIOS:
        text = (shipped.scenarios_dir() / f"{name}.yaml").read_text()
        (home / "scenarios" / f"{name}.yaml").write_text(text.replace(REFERENCE_DETECTION, "detection: [uptime]"))
    config = home / "drill.yaml"
    config.write_text(config.read_text().replace("project: drill-small", f"project: {project}") + grant)
    return home


def small_ports() -> dict[str, str]:
    """Free ports for its Compose file, as its variables."""
    return {f"SMALL_{name}_PORT": str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}


def free_ports(count: int) -> list[int]:
    """Below the kernel's own range: no outgoing connection can take one while its service is down."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", 12000 + secrets.randbelow(8000)))
            found.append(probe.getsockname()[1])
    return found

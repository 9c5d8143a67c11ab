"""A project folder of a test's own around the reference stack, with the catalogue's samples cut short."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from fault_kinds import sample_of
from strikes import SCRIPTED

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "scenarios"
PORTS = tuple(
    f"DRILL_{name}_PORT"
    for name in (
        *("GATEWAY", "WORKER", "DB_PRIMARY", "DB_REPLICA", "VENDORS", "TOXIPROXY", "PROMETHEUS", "ALERTMANAGER"),
        *("INTAKE", "STATUSPAGE", "MAIL_HTTP", "MAIL_SMTP", "TRAFFIC", "GATEWAY_TLS"),
    )
)
_DURATION = re.compile(r"^( +(?:- )?duration:) .*$", re.MULTILINE)
_RAMP = re.compile(r"^( +(?:- )?ramp:) .*$", re.MULTILINE)


def ends_by_plan(kind: str) -> bool:
    """Whether its sample gives the fault an end."""
    return bool(_DURATION.search(sample_of(kind).read_text()))


def reference_project(home: Path, endpoint: str, engine_id: str) -> str:
    """Write it into ``home``: settings, Compose file, scenarios whose fault lasts 1.5 s. The Compose project's name."""
    project = f"drill-crash-{os.getpid()}-{secrets.token_hex(2)}"
    shutil.copy(ROOT / "docker-compose.staging.yml", home)
    settings = (ROOT / "staging" / "drill.yaml").read_text()
    settings = settings.replace("file: ../docker-compose", "file: docker-compose")
    settings = settings.replace("project: drill-staging", f"project: {project}")
    grant = f"engines:\n  - {{endpoint: '{endpoint}', id: '{engine_id}', project: {project}}}\n"
    (home / "drill.yaml").write_text(f"{settings}\nscenarios: scenarios\n{grant}")
    (home / "scenarios").mkdir()
    for path in [*SAMPLES.glob("sample-*.yaml"), *(SAMPLES / f"{name}.yaml" for name in SCRIPTED)]:
        (home / "scenarios" / path.name).write_text(_cut_short(path.read_text()))
    return project


def _cut_short(scenario: str) -> str:
    return _RAMP.sub(r"\1 1s", _DURATION.sub(r"\1 1500ms", scenario))

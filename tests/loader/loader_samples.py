"""Sample files for the loader's tests, and a writer of YAML that shares no code with the loader."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from drill.model.units import Seconds, TimeTarget

SCENARIO = """\
id: sample
title: A sample
story: The api stops.
faults:
  - id: one
    kind: container.stop
    target: api
    max_duration: 2m
    params: {grace: 1}
expected:
  severity: SEV-1
  detection: [uptime]
max_duration: 3m
blast_radius: [api]
"""

PLAYBOOK = """\
id: sample
title: A sample
sign_off: {version: "1", approved: "2026-01-02", next_review: "2026-04-02"}
severities:
  - {name: SEV-1, rank: 1, definition: all, acknowledge: 15m, restore: 4h,
     channels: [{channel: email, within: 60m}]}
  - {name: SEV-2, rank: 2, definition: some, acknowledge: 1h, restore: 1 business day}
sources:
  - {name: uptime, type: http, owner: me, runbook: look, service: api, path: /api/health}
mitigations:
  - {name: restart-api, type: restart, service: api, description: restarts}
templates:
  - {name: mail, channel: email, subject: "{what}", body: "since {start}"}
on_call: {name: me, email: me@example.test}
smoke:
  sources:
    uptime: {interval: 1s, failures: 3, deadline: 1s}
  targets:
    SEV-1: {restore: 60s, channels: {email: 30s}}
"""

CONFIG = """\
project: sample
stack:
  services:
    - {name: api, ports: {http: 8000}, health: /health}
    - {name: mail, ports: {smtp: 25, http: 8025}}
    - {name: statuspage, ports: {http: 8080}}
  compose: {file: compose.yml, project: sample}
probes:
  - {name: page, service: api, path: /, audience: user}
  - {name: ready, service: api, path: /ready, audience: internal}
"""

SAMPLES = {"scenario": SCENARIO, "playbook": PLAYBOOK, "config": CONFIG}


def write(folder: Path, text: str | bytes, name: str = "sample.yaml") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def dump(value: Any) -> str:
    """YAML of a frozen object, durations with units."""
    return str(yaml.safe_dump(plain(type(value), value), allow_unicode=True, sort_keys=False))


def plain(hint: Any, value: Any) -> Any:
    """Plain data as a person would write it."""
    if hint is Seconds:
        return f"{value!r}s"
    if isinstance(value, TimeTarget):
        return f"{value.business_days} business days" if value.business_days else f"{value.seconds!r}s"
    if dataclasses.is_dataclass(value):
        hints = get_type_hints(type(value))
        return {f.name: plain(hints[f.name], getattr(value, f.name)) for f in dataclasses.fields(value)}
    if value is None:
        return None
    if type(None) in get_args(hint):
        return plain(get_args(hint)[0], value)
    if isinstance(value, tuple):
        return [plain(get_args(hint)[0], item) for item in value]
    if get_origin(hint) is not None and isinstance(value, dict):
        return {key: plain(get_args(hint)[1], item) for key, item in value.items()}
    return value

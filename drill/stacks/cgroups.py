"""Limits as the kernel holds them, in a control group of either version that this machine shows."""

from __future__ import annotations

from pathlib import Path

from drill.ports.containers import Limits

ROOT = Path("/sys/fs/cgroup")


def limits_of(pid: int) -> Limits | None:
    """Of the groups that a process is in; None when this machine does not show all three limits."""
    try:
        groups = _groups(pid)
        return _old(groups) if "memory" in groups else _unified(ROOT / groups[""].lstrip("/"))
    except (OSError, KeyError, ValueError):
        return None


def _groups(pid: int) -> dict[str, str]:
    """Controller to the group's path; the unified hierarchy has an empty name."""
    found: dict[str, str] = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        found |= dict.fromkeys(names.split(","), path)
    return found


def _old(groups: dict[str, str]) -> Limits:
    """Version 1, a hierarchy for each controller."""
    cpu, memory, pids = (ROOT / name / groups[name].lstrip("/") for name in ("cpu", "memory", "pids"))
    quota = int((cpu / "cpu.cfs_quota_us").read_text())
    period = int((cpu / "cpu.cfs_period_us").read_text())
    return Limits(
        cpus=quota / period if quota > 0 else 0.0,
        memory=int((memory / "memory.limit_in_bytes").read_text()),
        pids=_number((pids / "pids.max").read_text()),
    )


def _unified(group: Path) -> Limits:
    """Version 2."""
    quota, period = (group / "cpu.max").read_text().split()
    return Limits(
        cpus=_number(quota) / int(period),
        memory=_number((group / "memory.max").read_text()),
        pids=_number((group / "pids.max").read_text()),
    )


def _number(text: str) -> int:
    return 0 if text.strip() == "max" else int(text)

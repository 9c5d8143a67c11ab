"""Features that a kernel may lack. Each is tried in a network name space of its own, with the plain tools."""

from __future__ import annotations

import functools
import subprocess

import pytest
from observers import DOCKER

HELPER = "drill-helper:local"
KERNEL = {
    "netem": "tc qdisc add dev lo root netem delay 1ms",
    "tbf": "tc qdisc add dev lo root tbf rate 1mbit burst 16kb latency 100ms",
    "queue": "iptables -A OUTPUT -j NFQUEUE --queue-num 1 --queue-bypass",
}
KERNEL_SKIPS: dict[str, list[str]] = {}
"""Feature to the tests that were not run for want of it."""


@functools.cache
def has(feature: str) -> bool:
    """Whether this machine's kernel has it."""
    alone = ["--rm", "--network", "none", "--cap-add", "NET_ADMIN", "--user", "0", HELPER]
    done = subprocess.run(
        [DOCKER, "run", *alone, *KERNEL[feature].split()], capture_output=True, check=False, timeout=60
    )
    return done.returncode == 0


def skip_without(item: pytest.Item) -> None:
    """Skip a test marked ``kernel`` where one of its features is missing, and keep its name."""
    for mark in item.iter_markers("kernel"):
        for feature in mark.args:
            if not has(feature):
                KERNEL_SKIPS.setdefault(feature, []).append(item.nodeid)
                pytest.skip(f"this machine's kernel has no {feature}")


def report(terminal: pytest.TerminalReporter) -> None:
    """Every test that was skipped for want of a feature, by name."""
    for feature, names in KERNEL_SKIPS.items():
        terminal.write_sep("-", f"not run: the kernel has no {feature} ({len(names)})")
        for name in names:
            terminal.write_line(name)

"""Every fault kind of the registry with its sample scenario, for tests that go over all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from drill import registry, shipped

NEEDS_KERNEL = {"network.corrupt": "netem", "network.duplicate": "netem", "network.rate": "tbf"}
"""What a kind cannot do without, on every kernel; the others have a way that any kernel goes."""


def sample_of(kind: str) -> Path:
    """Where the sample scenario of a fault kind stands, or should."""
    return shipped.scenarios_dir() / f"sample-{kind.replace('.', '-')}.yaml"


def kinds_with_sample() -> list[str]:
    """All of them, when the catalogue is complete."""
    return [kind for kind in registry.all_kinds() if sample_of(kind).exists()]


def kernel_marks(kind: str) -> list[pytest.MarkDecorator]:
    """To be skipped, by name, where the kernel has not what the kind needs."""
    return [pytest.mark.kernel(NEEDS_KERNEL[kind])] if kind in NEEDS_KERNEL else []

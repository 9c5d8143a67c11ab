"""noop: changes nothing. Read this one first."""

from __future__ import annotations

from dataclasses import dataclass

from drill.proxy.toxics.base import Toxic


@dataclass(frozen=True)
class Noop(Toxic):
    """Passes everything on, as the base does."""

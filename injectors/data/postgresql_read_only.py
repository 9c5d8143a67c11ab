"""The database takes no writes: it answers questions and refuses every change."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.data.members import mark
from injectors.data.postgresql import ask
from injectors.data.setting import Setting

_REFUSED = "25006"
_TRY = 'BEGIN; CREATE TABLE :"name" (); ROLLBACK;'


class PostgresqlReadOnly(Setting):
    """Every transaction of the primary begins read-only, those of sessions that are open too."""

    kind = "data.postgresql-read-only"
    setting = "default_transaction_read_only"
    role = "primary"
    params: Mapping[str, str] = MappingProxyType({})

    def value(self, fault: FaultSpec) -> str:  # noqa: ARG002 - it has no parameter
        """On."""
        return "on"

    def effective(self, lease: Lease, stack: Stack) -> bool:
        """Whether a write is refused as read-only; one that is not is rolled back."""
        return _REFUSED in ask(stack, lease.service, _TRY, {"name": mark(lease)}).text

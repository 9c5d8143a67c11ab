"""The replica shows what is old: it gets everything at once, and applies each commit late."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import StackError
from drill.model.lease import Lease, Moment
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.data.postgresql import act, answer
from injectors.data.setting import Setting
from injectors.proxy.params import some_milliseconds

# Waiting: a commit that has come is held. Level: none is there that could be.
_STATE = """SELECT pg_is_in_recovery(), EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup'
    AND wait_event = 'RecoveryApplyDelay'), coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), false)"""
_AGAIN = 10
# An empty commit, so that there is one to hold.
_COMMIT = 'sql "SELECT txid_current();"'


class PostgresqlReplicationLag(Setting):
    """Commits are applied this long after they were made. A promotion does not wait for them."""

    kind = "data.postgresql-replication-lag"
    setting = "recovery_min_apply_delay"
    role = "replica"
    params: Mapping[str, str] = MappingProxyType({"lag": "How late a commit is seen on the replica, for example 5s."})

    def value(self, fault: FaultSpec) -> str:
        """Milliseconds."""
        return str(some_milliseconds(fault, "lag", "nothing would be late"))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Set it, and let the primary make an empty commit for it to hold."""
        moment = super().apply(lease, stack)
        for name, role in stack.data_roles().items():
            if role == "primary":
                act(stack, name, _COMMIT)
        return moment

    def effective(self, lease: Lease, stack: Stack) -> bool:
        """Whether the replica holds a commit now, or has none that it could hold."""
        for _ in range(_AGAIN):
            recovering, waiting, level = answer(stack, lease.service, _STATE)
            if recovering != "t":
                return False
            if "t" in (waiting, level):
                return True
        raise StackError(f"{lease.service} is behind and does not say why; its replay may be stopped")

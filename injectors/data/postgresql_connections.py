"""No connection is left: sessions that nobody uses take all that ordinary users may have, like a pool that leaks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.data.members import store_of
from injectors.data.postgresql import SQL, ask
from injectors.data.sessions import Sessions

_MOST = 500
_SLOTS = """WITH sessions AS (SELECT a.pid, application_name, coalesce(rolsuper, true) AS super
        FROM pg_stat_activity a LEFT JOIN pg_roles ON rolname = usename
        WHERE backend_type = 'client backend' AND a.pid <> pg_backend_pid()),
    slots AS (SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) - (SELECT count(*) FROM sessions) AS free)
"""
_FREE = f"{_SLOTS} SELECT free FROM slots"  # noqa: S608 - made of constants, as all of these
_FULL = f"{_SLOTS} SELECT free <= 0 FROM slots"  # noqa: S608 - as above
_ORDINARY = "EXISTS (SELECT FROM sessions WHERE NOT super)"
_FULL_AND_CUT = f"{_SLOTS} SELECT free <= 0 AND NOT {_ORDINARY} FROM slots"  # noqa: S608 - as above
# Free ones, ours, and, when none is free, an ordinary session.
_ROUND = f"""{_SLOTS} SELECT concat_ws(' ', greatest(free, 0),
    (SELECT count(*) FROM sessions WHERE application_name = :'name'),
    (SELECT pid FROM sessions WHERE NOT super AND free <= 0 ORDER BY pid LIMIT 1))
    FROM slots"""  # noqa: S608 - as above
# What a session frees that ends by itself is taken a moment later: only free all the while is free.
_LOOKS = f"{_FULL}; SELECT pg_sleep(0.5) \\g /dev/null\n" * 4 + _FULL


class PostgresqlConnections(Sessions):
    """Idle sessions up to the limit, and in place of what becomes free. The superuser's reserve stays.

    Whoever ends one of them has ended the fault: it takes no more.
    """

    kind = "data.postgresql-connections"
    params: Mapping[str, str] = MappingProxyType(
        {
            "cut": "Whether sessions of ordinary users are cut, as a pool recycles them, so that they are refused too; "
            "false if left out: those that are open go on."
        }
    )
    # All sessions wait at one pipe: when the sleep at its other end has ended, so have they. A session that replaces an
    # ordinary one comes before that goes, in the superuser's reserve: the slot is never free for anybody else.
    keeper = (
        SQL
        + """
round=$3
hold() { # a busy server must not make it give up
    PGCONNECT_TIMEOUT=20 psql -XAtqw -U "${POSTGRES_USER:-postgres}" \\
        -d "${POSTGRES_DB:-postgres}" -c "$1" -f - <&3 >/dev/null 2>&1 &
}
look() { sql "$round" -v "name=$0" 2>/dev/null; }
until_ours() {
    for again in $(seq 100); do
        seen=$(look); seen=${seen#* }
        [ "${seen%% *}" -ge "$1" ] 2>/dev/null && return
        sleep 0.1
    done
}
sleep "$1" | {
    exec 3<&0 </dev/null
    cut=$2 most=0
    while :; do
        set -- $(look)
        [ "${2:-$most}" -ge "$most" ] || break
        most=${2:-$most}
        if [ "${1:-0}" -gt 0 ]; then
            [ "$1" -lt 10 ] || set -- 10
            for one in $(seq "$1"); do hold 'SELECT 1'; done
            until_ours "$((most + $1))"
        elif [ "$cut" = True ] && [ -n "$3" ]; then
            hold "SELECT pg_terminate_backend($3)"
            until_ours "$((most + 1))"
        elif timeout 1 cat <&3 >/dev/null; then
            break
        fi
    done
    cat <&3 >/dev/null
    wait
}
exit 0
"""
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that is no running member, and too many sessions."""
        state = store_of(fault, stack, "postgresql", self.params)
        cut = fault.params.get("cut", False)
        if not isinstance(cut, bool):
            raise InvalidInput(f"fault {fault.id}: cut {cut!r} is neither true nor false")
        found = ask(stack, fault.target, _FREE)
        if not found.ok or not 0 < int(found.text) <= _MOST:
            said = f"has {found.text} connections free" if found.ok else f"does not answer: {found.last}"
            raise InvalidInput(f"fault {fault.id}: {fault.target} {said}; it must be from 1 to {_MOST}")
        return self.leased(fault, draft, state, {"cut": cut})

    def there(self, lease: Lease) -> str:
        """None is left for an ordinary user, and, if wanted, none of them has one."""
        return _FULL_AND_CUT if lease.params["cut"] else _FULL

    def words(self, lease: Lease) -> tuple[str, ...]:
        """Seconds, whether to cut, and the question of each round."""
        return str(lease.params["bound_s"]), str(lease.params["cut"]), _ROUND

    def effective(self, lease: Lease, stack: Stack) -> bool:
        """Whether an ordinary user would be refused, looked at up to five times in two seconds."""
        now = ask(stack, lease.service, _FULL)
        return now.text == "t" or "t" in ask(stack, lease.service, _LOOKS).text.split()

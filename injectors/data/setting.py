"""Faults that are one server setting of a PostgreSQL member (ALTER SYSTEM): it outlives restarts and moves with copies.

A member that rejoins by a rewind or a base backup takes the settings of the other, so undo looks at every member. The
value says whose an entry is: another one, or none, is a responder's and stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.container.target import blueprint, present, short
from injectors.data.members import member_of, of_role
from injectors.data.postgresql import act, answer, ask, runs

_SETTLE_S = 3.0
_NONE = "-"
"""Stands for: this member has no such entry."""
# Entry of ALTER SYSTEM on this member, the value in force, and whether ALTER SYSTEM is where that comes from.
_LOOK = """SELECT coalesce((SELECT setting FROM pg_file_settings WHERE name = :'name'
    AND sourcefile LIKE '%postgresql.auto.conf' ORDER BY seqno DESC LIMIT 1), '-'), setting,
    coalesce(sourcefile LIKE '%postgresql.auto.conf', false), current_setting('data_directory'), source,
    (SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) AS one WHERE one LIKE :'name' || '=%')
    FROM pg_settings WHERE name = :'name'"""
_IN_FORCE = (
    "SELECT setting = :'value' AND sourcefile LIKE '%postgresql.auto.conf' FROM pg_settings WHERE name = :'name'"
)
# A reload takes effect a moment after its call: back when a new session has it.
_SET = """
sql "ALTER SYSTEM SET $1 = :'value'; SELECT pg_reload_conf();" -v "value=$2" || exit 1
for again in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(sql "$3" -v "name=$1" -v "value=$2")" = t ] && exit 0
    sleep 0.1
done
echo "$1 is not in force after a reload"; exit 1
"""
_UNSET = """
[ "$2" = - ] && sql "ALTER SYSTEM RESET $1;" || sql "ALTER SYSTEM SET $1 = :'value';" -v "value=$2" || exit 1
sql "SELECT pg_reload_conf();" || exit 1
for again in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(sql "$4" -v "name=$1" -v "value=$3")" = t ] || exit 0
    sleep 0.1
done
echo "$1 is still in force after a reload"; exit 1
"""


class Setting:
    """Subclasses say which setting, on a member of which role, and prove the effect."""

    setting = ""
    role = "primary"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"postgresql", "containers"})
    params: Mapping[str, str] = {}

    def value(self, fault: FaultSpec) -> str:
        """The setting's value in the fault, in its basic unit. Raises InvalidInput for a bad parameter."""
        raise NotImplementedError

    def effective(self, lease: Lease, stack: Stack) -> bool:
        """Whether the setting, which is in force, has its effect now."""
        raise NotImplementedError

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target of another role, and a setting that would do nothing."""
        state = member_of(fault, stack, self.role, self.params)
        value = self.value(fault)
        _, now, _, folder, source, overrides = self._look(fault.target, stack)
        if now == value or source == "command line" or overrides != "0":
            why = f"is {now} (from {source}), for {overrides} roles or databases another"
            raise InvalidInput(f"fault {fault.id}: {self.setting} of {fault.target} {why}: this would change nothing")
        found: dict[str, ParamValue] = {"role": self.role, "running": True, "folder": folder}
        for name in of_role(stack, "postgresql"):
            found[f"entry_{name}"] = self._look(name, stack)[0] if runs(stack, name) else _NONE
        params: dict[str, ParamValue] = {"value": value}
        lease = replace(draft, instance=state.instance, before=found, params=params, settle_s=_SETTLE_S)
        steps = self._by_hand(str(found[f"entry_{fault.target}"]), short(state))
        return replace(lease, sealed=blueprint(fault, stack), manual=steps)

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Set it, and see a new session have it; the moment spans both."""
        return act(stack, lease.service, _SET, self.setting, str(lease.params["value"]), _IN_FORCE)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether it is in force on the target and has its effect. A member whose PostgreSQL does not run has none."""
        if not runs(stack, lease.service):
            return False
        names = {"name": self.setting, "value": str(lease.params["value"])}
        found = ask(stack, lease.service, _IN_FORCE, names)
        if found.off:
            return False
        if not found.ok:
            raise StackError(f"{lease.service}: PostgreSQL does not answer: {found.last}")
        return found.text == "t" and self.effective(lease, stack)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Put every member's entry back where it is the fault's, in the file where PostgreSQL does not run."""
        present(lease, stack)
        for member in of_role(stack, "postgresql"):
            if member in stack.services() and self._ours(lease, stack, member):
                self._put_back(lease, stack, member)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether no member has the fault's entry, or its value in force."""
        services = stack.services()
        members = [name for name in of_role(stack, "postgresql") if name in services]
        return lease.service in services and not any(self._ours(lease, stack, name) for name in members)

    def _look(self, service: str, stack: Stack) -> list[str]:
        return answer(stack, service, _LOOK, {"name": self.setting})

    def _ours(self, lease: Lease, stack: Stack, member: str) -> bool:
        """Raises StackError while PostgreSQL is on its way up or down: then nothing is certain."""
        value, was = str(lease.params["value"]), str(lease.before.get(f"entry_{member}", _NONE))
        if was == value:
            return False
        content = self._file_if_off(lease, stack, member)
        if content is not None:
            return entry(content, self.setting) == value
        found, now, by_entry, *_ = self._look(member, stack)
        return found == value or (now == value and by_entry == "t")

    def _file_if_off(self, lease: Lease, stack: Stack, member: str) -> str | None:
        """The file that ALTER SYSTEM writes, of a member whose PostgreSQL does not run; else None."""
        if runs(stack, member) and not ask(stack, member, "SELECT 1").off:
            return None
        return (stack.containers().read_file(member, _file(lease)) or b"").decode()

    def _put_back(self, lease: Lease, stack: Stack, member: str) -> None:
        was = str(lease.before.get(f"entry_{member}", _NONE))
        content = self._file_if_off(lease, stack, member)
        if content is None:
            act(stack, member, _UNSET, self.setting, was, str(lease.params["value"]), _IN_FORCE)
        else:
            stack.containers().write_file(member, _file(lease), with_entry(content, self.setting, was).encode())

    def _by_hand(self, was: str, container: str) -> tuple[str, ...]:
        again = f"RESET {self.setting}" if was == _NONE else f"SET {self.setting} = '{was}'"
        psql = f'docker exec {container} psql -U postgres -c "ALTER SYSTEM {again}" -c "SELECT pg_reload_conf()"'
        return (
            f"Take the setting back: `{psql}`",
            "The same on the other member, if it was copied or rewound from this one since",
        )


def entry(content: str, setting: str) -> str:
    """The setting's last value in the text of postgresql.auto.conf; ``-`` for none."""
    found = re.findall(rf"(?m)^{re.escape(setting)} = '(.*)'\s*$", content)
    return str(found[-1]) if found else _NONE


def with_entry(content: str, setting: str, value: str) -> str:
    """The text with the setting at this value; without it for ``-``."""
    kept = re.sub(rf"(?m)^{re.escape(setting)} = .*\n?", "", content)
    return kept if value == _NONE else f"{kept}{setting} = '{value}'\n"


def _file(lease: Lease) -> str:
    return f"{lease.before['folder']}/postgresql.auto.conf"

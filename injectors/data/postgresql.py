"""Asking a PostgreSQL member, by the psql that its own container has, as its superuser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drill.errors import ActionFailed, StackError
from drill.model.lease import Moment
from drill.ports import Stack

_ASK_S = 12.0
_MISSING = (126, 127)
# `sql TEXT [psql's own arguments]`: values go in as psql variables, never as text. Bounded, whatever the server does.
SQL = """
export PGCONNECT_TIMEOUT=3 LC_ALL=C
sql() {
    text=$1; shift
    printf '%s\\n' "$text" | PGAPPNAME=drill PGOPTIONS='-c statement_timeout=6s' timeout 8 \\
        psql -XtAqw -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -U "${POSTGRES_USER:-postgres}" \\
        -d "${POSTGRES_DB:-postgres}" "$@" -f -
}
"""
_ASK = SQL + 'sql "$@" 2>&1; code=$?; [ "$code" = 2 ] || exit "$code"; pg_isready -q -t 2; exit "2$?"'
_REJECTING, _SILENT = 21, 22


@dataclass(frozen=True, slots=True)
class Answer:
    """What psql said. ``up``: the server answered; ``off``: none runs in the container."""

    ok: bool
    up: bool
    off: bool
    text: str

    @property
    def last(self) -> str:
        """One line of it, for an error."""
        lines = [line for line in self.text.splitlines() if line.strip() and not line.startswith("LOCATION")]
        return lines[-1].strip() if lines else "it said nothing"


def arguments(values: Mapping[str, str], database: str = "") -> list[str]:
    """psql's own, for variables and a database."""
    words = [word for name, value in values.items() for word in ("-v", f"{name}={value}")]
    return [*words, *(["-d", database] if database else [])]


def ask(stack: Stack, service: str, sql: str, values: Mapping[str, str] | None = None, database: str = "") -> Answer:
    """Run SQL with psql variables in a session of its own. Raises StackError when the container cannot run psql."""
    argv = ["sh", "-c", _ASK, "sh", sql, *arguments(values or {}, database)]
    result = stack.exec(service, argv, timeout_s=_ASK_S)
    if result.code in _MISSING:
        raise ActionFailed(f"{service}: no psql inside; PostgreSQL faults need it in the container")
    off = result.code == _SILENT
    return Answer(ok=result.code == 0, up=result.code in (0, 1, 3), off=off, text=result.output.strip())


def answer(
    stack: Stack, service: str, sql: str, values: Mapping[str, str] | None = None, database: str = ""
) -> list[str]:
    """The first row's columns. Raises StackError when there is none."""
    found = ask(stack, service, sql, values, database)
    if not found.ok or not found.text:
        raise StackError(f"{service}: PostgreSQL does not answer: {found.last}")
    return found.text.splitlines()[0].split("|")


def act(stack: Stack, service: str, script: str, *words: str, timeout_s: float = 15) -> Moment:
    """Run a shell script of ours that may use ``sql``, for its effect; the moment spans it. Raises ActionFailed."""
    argv = ["sh", "-c", SQL + script, "sh", *words]
    return stack.containers().act_inside(service, argv, timeout_s=timeout_s, own_user=True)


def runs(stack: Stack, service: str) -> bool:
    """Whether the container runs, unpaused: only then can anything be asked inside."""
    state = stack.services().get(service)
    return state is not None and state.any_running and not state.any_paused

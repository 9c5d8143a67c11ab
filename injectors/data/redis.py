"""Asking a Redis server, by the redis-cli that its own container has."""

from __future__ import annotations

from drill.errors import StackError
from drill.model.lease import Moment
from drill.ports import Stack

_ASK_S = 12.0
_PORT = 6379
CLI = """
port=$1; shift
cli() { timeout 8 redis-cli -p "$port" "$@"; }
"""


def ask(stack: Stack, service: str, *words: str) -> list[str]:
    """The answer's lines; a refusal is one too. Raises StackError when no server answers."""
    result = stack.exec(service, ["sh", "-c", CLI + 'cli "$@"', "sh", _port(stack, service), *words], timeout_s=_ASK_S)
    lines = result.output.splitlines()
    if result.code != 0 or (lines and lines[0].startswith(("NOAUTH", "LOADING", "Could not connect"))):
        said = " ".join(result.output.split())[-200:] or f"exit code {result.code}"
        raise StackError(f"{service}: Redis does not answer: {said}")
    return lines


def act(stack: Stack, service: str, script: str, *words: str) -> Moment:
    """Run a shell script of ours that uses ``cli``, for its effect; the moment spans it. Raises ActionFailed."""
    argv = ["sh", "-c", CLI + script, "sh", _port(stack, service), *words]
    return stack.containers().act_inside(service, argv, own_user=True)


def info(stack: Stack, service: str, section: str) -> dict[str, str]:
    """One section of INFO."""
    found = (line.partition(":") for line in ask(stack, service, "INFO", section))
    return {name: value.strip() for name, _, value in found if value}


def config(stack: Stack, service: str, name: str) -> str:
    """One setting. Raises StackError when the server does not tell."""
    found = ask(stack, service, "CONFIG", "GET", name)
    if len(found) != 2:
        raise StackError(f"{service}: Redis does not tell its {name}: {' '.join(found)[-200:]}")
    return found[1]


def _port(stack: Stack, service: str) -> str:
    ports = next((spec.ports for spec in stack.specs() if spec.name == service), {})
    return str(ports.get("redis", _PORT))

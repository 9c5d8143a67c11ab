"""Mitigations that reach into the stack: a route blocked at the proxy, a command, an environment put back (D4).

For each type three functions: what is there before, doing it, putting it back. They block and raise StackError.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from drill.engine.restoration import snapshot_of
from drill.engine.setting import World
from drill.errors import StackError
from drill.journal.redact import redact
from drill.model.playbook import Mitigation
from drill.model.proxies import ProxyState, ToxicState
from drill.ports import Stack
from drill.ports.containers import Remake

_COMMAND_S = 30.0

Before = Mapping[str, str | bool]
"""What a lasting change found; empty for one that leaves nothing to put back."""


def at_steady(world: World, part: str) -> Mapping[str, Any]:
    """A part of the snapshot at steady state; empty before it was taken."""
    found: Mapping[str, Any] = (snapshot_of(world) or {}).get(part, {})
    return found


def proxy_of(world: World, mitigation: Mitigation) -> ProxyState:
    """The proxy that it names. Raises StackError."""
    service = mitigation.proxy_service or mitigation.service
    proxies = world.stack.proxies(service).all()
    if mitigation.proxy not in proxies:
        raise StackError(f"{service} has no proxy {mitigation.proxy!r}; it has {', '.join(proxies)}")
    return proxies[mitigation.proxy]


def writable_elsewhere(stack: Stack, service: str) -> str:
    """Another database member that takes writes, or nothing. A member beside it must stay fenced (two primaries)."""
    roles = stack.data_roles()
    if service not in roles:
        return ""
    return next((name for name, role in roles.items() if name != service and role == "primary"), "")


def refuse_fenced(stack: Stack, service: str) -> None:
    """Raises StackError for a database member that must not be started now."""
    if other := writable_elsewhere(stack, service):
        raise StackError(f"{service} stays fenced: {other} takes the writes now, and two must never do so")


# block


def blocked_by(world: World, mitigation: Mitigation) -> Before:
    """What takes the block away. Raises InvalidInput for a service without proxies."""
    proxy_of(world, mitigation)
    return {"toxic": f"mitigation-{mitigation.name}"}


def block(world: World, mitigation: Mitigation) -> None:
    """Answer the route with 503 at the proxy (shipped proxies can). Raises StackError."""
    name = f"mitigation-{mitigation.name}"
    if any(toxic.name == name for toxic in proxy_of(world, mitigation).toxics):
        return  # somebody ran it before
    attributes: dict[str, int | str] = {"status": 503, "body": "", "route": mitigation.route}
    toxic = ToxicState(name=name, type="http_status", attributes=attributes)
    world.stack.proxies(mitigation.service).add_toxic(mitigation.proxy, toxic)


def unblock(world: World, mitigation: Mitigation, found: Before) -> None:
    """Absent is fine."""
    world.stack.proxies(mitigation.service).remove_toxic(mitigation.proxy, str(found["toxic"]))


# exec


def way_back(_world: World, mitigation: Mitigation) -> Before:
    """The argument list that takes it back; nothing for a command that leaves nothing."""
    return {"revert": shlex.join(mitigation.revert)} if mitigation.revert else {}


def run(world: World, mitigation: Mitigation) -> None:
    """Run it in the service."""
    _command(world, mitigation, mitigation.command)


def run_back(world: World, mitigation: Mitigation, _found: Before) -> None:
    """Run what takes it back."""
    if not mitigation.revert:
        raise StackError(f"{mitigation.name} was cut short and names no way back; look at {mitigation.service}")
    _command(world, mitigation, mitigation.revert)


def _command(world: World, mitigation: Mitigation, argv: Sequence[str]) -> None:
    """As the service's own user, in every replica where there can be several. Raises StackError."""
    if "containers" in world.stack.capabilities():
        world.stack.containers().act_inside(mitigation.service, argv, timeout_s=_COMMAND_S, own_user=True)
        return
    done = world.stack.exec(mitigation.service, argv, timeout_s=_COMMAND_S)
    if done.code != 0:
        said = " ".join(done.output.split())[-200:]
        raise StackError(f"{mitigation.name}: {argv[0]} in {mitigation.service} failed, exit code {done.code}: {said}")


# config


def environment(world: World, mitigation: Mitigation) -> Before:
    """The variables as they are; False for one that is not set. Raises StackError for a secret one."""
    made = world.stack.containers().made(mitigation.service)
    if not made:
        raise StackError(f"{mitigation.service} has no container; `drill stack status` shows what there is")
    found = {name: made[0].env.get(name) for name in mitigation.env}
    for name, value in found.items():
        if value is not None and redact(value, name) != value:
            raise StackError(f"{mitigation.service}: {name} is a secret, which no journal may keep; use type exec")
    return {name: False if value is None else value for name, value in found.items()}


def configure(world: World, mitigation: Mitigation) -> None:
    """Recreate the service with these values, and see them there."""
    _remake(world, mitigation, dict(mitigation.env))


def configure_back(world: World, mitigation: Mitigation, found: Before) -> None:
    """Nothing, when what was put back is what ran at steady state."""
    steady = at_steady(world, "services").get(mitigation.service, {})
    now = world.stack.services().get(mitigation.service)
    if now is None or any(steady.get(name) != value for name, value in now.facts.items()):
        _remake(world, mitigation, {name: str(value) if value is not False else None for name, value in found.items()})


def _remake(world: World, mitigation: Mitigation, env: Mapping[str, str | None]) -> None:
    refuse_fenced(world.stack, mitigation.service)
    containers = world.stack.containers()
    containers.remake(mitigation.service, Remake(env=env))
    for made in containers.made(mitigation.service):
        if any(made.env.get(name) != value for name, value in env.items()):
            raise StackError(f"{mitigation.service} did not take the environment of {mitigation.name}")

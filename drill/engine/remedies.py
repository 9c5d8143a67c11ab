"""What each type of mitigation does (D4), and how the stack gets back what it was at steady state."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from drill.engine.restoration import snapshot_of
from drill.engine.setting import World
from drill.errors import StackError
from drill.model.playbook import Mitigation
from drill.ports import Stack

_WRITABLE_S = 10.0
_LOOK_S = 0.1

Before = Mapping[str, str | bool]
"""What a lasting change found; empty for one that leaves nothing to put back."""


def before(world: World, mitigation: Mitigation) -> Before:
    """What is there before it acts. Blocking; raises StackError."""
    if mitigation.type == "flag":
        return {mitigation.flag: world.flags.read(mitigation.service)[mitigation.flag]}
    if mitigation.type == "image":
        return {"image": world.stack.image(mitigation.service)}
    if mitigation.type == "failover":
        return {"upstream": _upstream(world, mitigation)}
    return {}


def act(world: World, mitigation: Mitigation) -> None:
    """Do it, and see it done. Blocking; raises StackError."""
    acts = {"restart": _restart, "flag": _switch, "image": _deploy, "failover": _fail_over}
    acts[mitigation.type](world, mitigation)


def put_back(world: World, mitigation: Mitigation, found: Before) -> None:
    """As it was at steady state, or as the mitigation found it. Blocking; raises StackError when it does not stay."""
    steady = snapshot_of(world) or {}
    if mitigation.type == "flag":
        flags = steady.get("flags", {}).get(mitigation.service, found)
        _set_flag(world, mitigation, bool(flags[mitigation.flag]))
    elif mitigation.type == "image":
        _ensure_image(world, mitigation.service, steady.get("releases", {}).get(mitigation.service, found["image"]))
    elif mitigation.type == "failover":
        proxies = steady.get("proxies", {}).get(mitigation.proxy_service, {})
        upstream = proxies.get(mitigation.proxy, {}).get("upstream", found["upstream"])
        _repoint(world, mitigation, str(upstream))
    else:
        world.stack.start(mitigation.service)  # cut short between stop and start


def writable_elsewhere(stack: Stack, service: str) -> str:
    """Another database member that takes writes, or nothing. A member beside it must stay fenced (two primaries)."""
    roles = stack.data_roles()
    if service not in roles:
        return ""
    return next((name for name, role in roles.items() if name != service and role == "primary"), "")


def _restart(world: World, mitigation: Mitigation) -> None:
    if other := writable_elsewhere(world.stack, mitigation.service):
        raise StackError(f"{mitigation.service} stays fenced: {other} takes the writes now, and two must never do so")
    world.stack.restart(mitigation.service)


def _switch(world: World, mitigation: Mitigation) -> None:
    _set_flag(world, mitigation, mitigation.value)


def _set_flag(world: World, mitigation: Mitigation, value: bool) -> None:
    world.flags.write(mitigation.service, mitigation.flag, value)
    if world.flags.read(mitigation.service)[mitigation.flag] is not value:
        raise StackError(f"flag {mitigation.flag} of {mitigation.service} did not take the value {value}")


def _deploy(world: World, mitigation: Mitigation) -> None:
    """The image that the playbook names, or the last green deployment: the one that ran at steady state."""
    releases = (snapshot_of(world) or {}).get("releases", {})
    image = mitigation.image or releases.get(mitigation.service, "")
    if not image:
        raise StackError(f"{mitigation.name}: no image is named, and none was seen at steady state")
    _ensure_image(world, mitigation.service, str(image))


def _ensure_image(world: World, service: str, image: str) -> None:
    if world.stack.image(service) != image:
        world.stack.deploy(service, image)
    if (now := world.stack.image(service)) != image:
        raise StackError(f"{service} runs {now}, not {image}")


def _fail_over(world: World, mitigation: Mitigation) -> None:
    """Fence what is left of the old primary, promote the replica, lead everybody there."""
    stack, replica = world.stack, mitigation.service
    for name in stack.data_roles():
        state = stack.services().get(name)
        if name != replica and state is not None and state.any_running:
            stack.kill(name)
    done = stack.exec(replica, mitigation.promote, timeout_s=_WRITABLE_S)
    if done.code != 0:
        raise StackError(f"{mitigation.name}: promoting {replica} failed: {done.output.strip()[-200:]}")
    _until_writable(stack, replica)
    _repoint(world, mitigation, mitigation.upstream)


def _until_writable(stack: Stack, service: str) -> None:
    deadline = time.monotonic() + _WRITABLE_S
    while stack.data_roles().get(service) != "primary":
        if time.monotonic() > deadline:
            raise StackError(f"{service} was promoted but takes no writes after {_WRITABLE_S:g} s; see its log")
        time.sleep(_LOOK_S)  # a role is asked for, never told


def _upstream(world: World, mitigation: Mitigation) -> str:
    proxies = world.stack.proxies(mitigation.proxy_service).all()
    if mitigation.proxy not in proxies:
        raise StackError(f"{mitigation.proxy_service} has no proxy {mitigation.proxy!r}; it has {', '.join(proxies)}")
    return proxies[mitigation.proxy].upstream


def _repoint(world: World, mitigation: Mitigation, upstream: str) -> None:
    if _upstream(world, mitigation) != upstream:
        world.stack.proxies(mitigation.proxy_service).set_upstream(mitigation.proxy, upstream)


async def restore_roles(world: World) -> None:
    """Undo a failover: where a member takes writes that did not at steady state, run the stack's recipe.

    Emits ``roles.restored`` when it ran; what it did not mend shows in the snapshot proof.
    """
    taken = snapshot_of(world)
    if taken is None:
        return  # nothing was touched
    steady = taken["data_roles"]
    now = await world.runtime.call(world.stack.data_roles)
    if not any(role == "primary" and steady.get(name) != "primary" for name, role in now.items()):
        return
    said: list[str] = []
    try:
        await world.runtime.call(partial(world.stack.restore, said.append))
    except StackError as error:
        world.recorder.emit("roles.restored", "restoration", durable=True, ok=False, detail=str(error))
        return
    detail = said[-1] if said else "the recipe ended well"
    world.recorder.emit("roles.restored", "restoration", durable=True, ok=True, detail=detail)

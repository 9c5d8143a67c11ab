"""What each type of mitigation does (D4), and how the stack gets back what it was at steady state."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from drill.engine import measures
from drill.engine.measures import Before, at_steady, proxy_of, refuse_fenced
from drill.engine.restoration import snapshot_of
from drill.engine.setting import World
from drill.errors import StackError
from drill.model.playbook import Mitigation
from drill.ports import Stack

_WRITABLE_S = 10.0
_LOOK_S = 0.1


def before(world: World, mitigation: Mitigation) -> Before:
    """What is there before it acts. Blocking; raises StackError."""
    look = _BEFORE.get(mitigation.type)
    return look(world, mitigation) if look else {}


def act(world: World, mitigation: Mitigation) -> None:
    """Do it, and see it done. Blocking; raises StackError."""
    _ACT[mitigation.type](world, mitigation)


def put_back(world: World, mitigation: Mitigation, found: Before) -> None:
    """As it was at steady state, or as the mitigation found it. Blocking; raises StackError when it does not stay."""
    _PUT_BACK[mitigation.type](world, mitigation, found)


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


# restart


def _restart(world: World, mitigation: Mitigation) -> None:
    refuse_fenced(world.stack, mitigation.service)
    world.stack.restart(mitigation.service)


def _start_again(world: World, mitigation: Mitigation, _found: Before) -> None:
    world.stack.start(mitigation.service)  # cut short between stop and start


# flag


def _flag(world: World, mitigation: Mitigation) -> Before:
    return {mitigation.flag: world.flags.read(mitigation.service)[mitigation.flag]}


def _switch(world: World, mitigation: Mitigation) -> None:
    _set_flag(world, mitigation, mitigation.value)


def _switch_back(world: World, mitigation: Mitigation, found: Before) -> None:
    flags = at_steady(world, "flags").get(mitigation.service, found)
    _set_flag(world, mitigation, bool(flags[mitigation.flag]))


def _set_flag(world: World, mitigation: Mitigation, value: bool) -> None:
    world.flags.write(mitigation.service, mitigation.flag, value)
    if world.flags.read(mitigation.service)[mitigation.flag] is not value:
        raise StackError(f"flag {mitigation.flag} of {mitigation.service} did not take the value {value}")


# image


def _image(world: World, mitigation: Mitigation) -> Before:
    return {"image": world.stack.image(mitigation.service)}


def _deploy(world: World, mitigation: Mitigation) -> None:
    """The image that the playbook names, or the last green deployment: the one that ran at steady state."""
    image = mitigation.image or at_steady(world, "releases").get(mitigation.service, "")
    if not image:
        raise StackError(f"{mitigation.name}: no image is named, and none was seen at steady state")
    _ensure_image(world, mitigation.service, str(image))


def _deploy_back(world: World, mitigation: Mitigation, found: Before) -> None:
    image = at_steady(world, "releases").get(mitigation.service, found["image"])
    _ensure_image(world, mitigation.service, str(image))


def _ensure_image(world: World, service: str, image: str) -> None:
    if world.stack.image(service) != image:
        world.stack.deploy(service, image)
    if (now := world.stack.image(service)) != image:
        raise StackError(f"{service} runs {now}, not {image}")


# failover


def _led_to(world: World, mitigation: Mitigation) -> Before:
    return {"upstream": proxy_of(world, mitigation).upstream}


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


def _lead_back(world: World, mitigation: Mitigation, found: Before) -> None:
    proxies = at_steady(world, "proxies").get(mitigation.proxy_service, {})
    _repoint(world, mitigation, str(proxies.get(mitigation.proxy, found).get("upstream")))


def _repoint(world: World, mitigation: Mitigation, upstream: str) -> None:
    if proxy_of(world, mitigation).upstream != upstream:
        world.stack.proxies(mitigation.proxy_service).set_upstream(mitigation.proxy, upstream)


_BEFORE: dict[str, Callable[[World, Mitigation], Before]] = {
    "flag": _flag,
    "image": _image,
    "failover": _led_to,
    "block": measures.blocked_by,
    "exec": measures.way_back,
    "config": measures.environment,
}
_ACT: dict[str, Callable[[World, Mitigation], None]] = {
    "restart": _restart,
    "flag": _switch,
    "image": _deploy,
    "failover": _fail_over,
    "block": measures.block,
    "exec": measures.run,
    "config": measures.configure,
}
_PUT_BACK: dict[str, Callable[[World, Mitigation, Before], None]] = {
    "restart": _start_again,
    "flag": _switch_back,
    "image": _deploy_back,
    "failover": _lead_back,
    "block": measures.unblock,
    "exec": measures.run_back,
    "config": measures.configure_back,
}

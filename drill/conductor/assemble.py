"""Puts the world of a drill together: the same for the conductor, the guard, and `drill undo`."""

from __future__ import annotations

from pathlib import Path

from drill import clock, registry
from drill.conductor.order import Order
from drill.detectors.http import HttpProber
from drill.engine.recorder import Recorder
from drill.engine.setting import World
from drill.flags import HttpFlags
from drill.ports import Runtime, Stack
from drill.sinks.smtp import MailSink
from drill.sinks.statuspage import StatusPageSink
from drill.stacks import open_stack
from drill.store import DrillFolder, State

_SENDER = "drill@exercise.invalid"


def stack_of(order: Order) -> Stack:
    """The stack that an order names."""
    return open_stack(order.config, order.stack_kind, Path(order.root), State(Path(order.state)).stack)


def world_of(order: Order, folder: DrillFolder, stack: Stack, recorder: Recorder, runtime: Runtime) -> World:
    """The ports of one drill."""
    sinks = order.config.sinks
    return World(
        runtime=runtime,
        recorder=recorder,
        stack=stack,
        injector=registry.get,
        prober=HttpProber(stack),
        flags=HttpFlags(stack),
        sinks={
            "email": MailSink(stack, sinks.mail_service, _SENDER),
            "status-page": StatusPageSink(stack, sinks.status_service),
        },
        leases=folder.leases,
        boot_id=clock.boot_id(),
    )

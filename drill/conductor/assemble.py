"""Puts the world of a drill together: the same for the conductor, the guard, and `drill undo`."""

from __future__ import annotations

from pathlib import Path

from drill import clock, registry
from drill.conductor.order import Order
from drill.detectors.alertmanager import IntakeFollower
from drill.detectors.http import HttpProber
from drill.engine.recorder import Recorder
from drill.engine.setting import World
from drill.flags import HttpFlags
from drill.model.config import Config
from drill.ports import AlertFeed, Runtime, Sink, Stack
from drill.sinks.banner import BannerSink
from drill.sinks.chat import ChatSink
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
    return World(
        runtime=runtime,
        recorder=recorder,
        stack=stack,
        injector=registry.get,
        prober=HttpProber(stack),
        flags=HttpFlags(stack),
        sinks=_sinks(order.config, stack),
        alerts=_alerts(order, stack, recorder),
        leases=folder.leases,
        boot_id=clock.boot_id(),
    )


def _sinks(config: Config, stack: Stack) -> dict[str, Sink]:
    """Where messages go: the channels that this stack has."""
    have = {spec.name for spec in stack.specs()}
    mail, page, intake = config.sinks.mail_service, config.sinks.status_service, config.intake
    sinks: dict[str, Sink] = {}
    if mail in have:
        sinks["email"] = MailSink(stack, mail, _SENDER)
    if page in have:
        sinks["status-page"] = StatusPageSink(stack, page)
        sinks["banner"] = BannerSink(stack, page)
    if intake is not None and intake.service in have:
        sinks["chat"] = ChatSink(stack, intake.service, intake.room, intake.token)
    return sinks


def _alerts(order: Order, stack: Stack, recorder: Recorder) -> AlertFeed | None:
    """The stack's own alerting, where it has the services for it and the playbook a source that uses it."""
    intake = order.config.intake
    have = {spec.name for spec in stack.specs()}
    sources = [row for row in order.playbook.sources if row.type == "prometheus" and row.via in have]
    if intake is None or intake.service not in have or not sources:
        return None
    return IntakeFollower(stack, intake, sources, recorder.relative)

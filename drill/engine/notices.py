"""Customer messages: filled from a template, marked, linted, sent to the capturing sink, kept whole in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from drill.engine.setting import Plan, World
from drill.errors import InvalidInput, StackError
from drill.model.events import Event
from drill.model.messages import fill, lint, mark
from drill.model.playbook import Template
from drill.model.units import Seconds
from drill.ports import Message, Sink

_DEFAULT_CADENCE = Seconds(1800)


class Notices:
    """Sends customer messages for players."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._count = 0

    async def send(self, player: str, args: Mapping[str, str]) -> str:
        """Send one and say when the sink took it. Raises InvalidInput, or StackError when it did not."""
        template = self._template(args["template"], args["channel"])
        sink = self._sink(args["channel"])
        message = self._compose(template, args)
        emit = self._world.recorder.emit
        names: dict[str, Any] = {"message_id": message.id, "channel": message.channel}
        emit(
            "message.sent",
            f"player:{player}",
            player=player,
            template=template.name,
            status=message.status,
            subject=message.subject,
            body=message.body,
            recipients=list(message.recipients),
            **names,
        )
        try:
            receipt = await self._world.runtime.call(partial(sink.send, message))
        except StackError as error:
            emit("message.failed", "sink", detail=str(error), **names)
            raise
        findings = lint(message.channel, message.status, message.subject, message.body)
        at_ns = self._world.recorder.relative(receipt.at_ns)
        emit("message.accepted", "sink", durable=True, receipt=receipt.id, at_ns=at_ns, lint=list(findings), **names)
        return f"{message.channel} took {message.id}" + (f"; lint: {'; '.join(findings)}" if findings else "")

    def _template(self, name: str, channel: str) -> Template:
        template = self._plan.playbook.template(name)
        if template is None:
            known = ", ".join(row.name for row in self._plan.playbook.templates)
            raise InvalidInput(f"no template {name!r} in the playbook; there are {known}")
        if template.channel != channel:
            raise InvalidInput(f"template {name} is written for {template.channel}, not for {channel}")
        return template

    def _sink(self, channel: str) -> Sink:
        sink = self._world.sinks.get(channel)
        if sink is None:
            raise InvalidInput(f"this stack has no sink for channel {channel!r}; it has {', '.join(self._world.sinks)}")
        return sink

    def _compose(self, template: Template, args: Mapping[str, str]) -> Message:
        self._count += 1
        values = self._values(args)
        subject, body = mark(
            fill(args.get("subject") or template.subject, values), fill(args.get("body") or template.body, values)
        )
        return Message(
            id=f"msg-{self._plan.drill_id}-{self._count:02d}@drill",
            channel=template.channel,
            subject=subject,
            body=body,
            recipients=self._plan.config.sinks.customers if template.channel == "email" else (),
            status=template.status,
        )

    def _values(self, args: Mapping[str, str]) -> dict[str, str]:
        """What the holes are filled with: the player's words first, then what the player could know."""
        now = self._world.runtime.utc()
        severity = self._plan.playbook.severity(self._latest("severity", "incident.declared", "severity.changed"))
        cadence = severity.update_every if severity and severity.update_every else _DEFAULT_CADENCE
        known = {
            "start": self._latest("started", "impact.confirmed") or self._alert_time(),
            "end": self._latest("ended", "incident.resolved") or f"{now:%H:%M}",
            "next_update": f"{_minute_up(now + timedelta(seconds=cadence)):%H:%M}",
            "severity": severity.name if severity else "",
            "incident": self._latest("incident", "incident.declared"),
        }
        return known | {name: value for name, value in args.items() if value}

    def _latest(self, field: str, *kinds: str) -> str:
        events: list[Event] = self._world.recorder.of(*kinds)
        return str(events[-1].data[field]) if events else ""

    def _alert_time(self) -> str:
        fired = self._world.recorder.of("alert.fired")
        return fired[0].utc[11:16] if fired else ""


def _minute_up(moment: datetime) -> datetime:
    return moment + timedelta(seconds=(60 - moment.second) % 60)

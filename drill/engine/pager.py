"""Pages the people on call when an alert fires (C2), sees the page arrive, and keeps the chat room told (C4)."""

from __future__ import annotations

import re
from functools import partial

from drill.engine.setting import Plan, World
from drill.errors import StackError
from drill.model.events import Event
from drill.model.messages import mark
from drill.model.people import Person
from drill.model.rota import Watch, watch_at
from drill.model.units import format_seconds
from drill.ports import Message, Sink

_ARRIVE_S = 10.0
_LOOK_S = 0.1
_ESCALATION_LOOK_S = 0.5
HERE = "<!here>"
"""How an incoming webhook calls everybody in the room; chat programs show it as @here."""


def plain(text: str) -> str:
    """Text that came from outside, so that a chat program takes no call or link in it for one of ours."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _suffix(person: Person) -> str:
    """Part of a message id: the same alert is paged to several people."""
    return "-" + re.sub(r"[^a-z0-9]+", "-", person.name.lower()).strip("-")


class Pager:
    """Sends each alert where the playbook says; ``page.delivered`` is stamped when it can be read there."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._posts = 0
        self._watch: Watch | None = None
        self.closed = False
        """Set when the drill ends: nobody is paged any more."""

    def on_event(self, event: Event) -> None:
        """Page for every alert that fires; tell the room who acknowledged and what was declared."""
        pages = self._plan.playbook.on_call.pages
        if event.kind == "alert.fired":
            first = self._watch is None
            on_call, calendar = self._plan.playbook.on_call, self._plan.playbook.calendar
            watch = self._watch = self._watch or watch_at(on_call, calendar.zone, self._world.runtime.utc())
            self._page_all(event, watch.primary)
            if first and on_call.escalation:
                self._world.runtime.spawn(self._escalate(event, watch), "escalation")
        elif "chat" in pages and (words := self._words(event)):
            self._world.runtime.spawn(self._post(*words), "chat")

    def _page_all(self, alert: Event, person: Person, why: str = "") -> None:
        for channel in self._plan.playbook.on_call.pages:
            self._world.runtime.spawn(self._page(alert, channel, person, why), f"page by {channel}")

    async def _escalate(self, alert: Event, watch: Watch) -> None:
        """Page the next in order, each after its time, until somebody acknowledges (C2)."""
        runtime, began_ns = self._world.runtime, self._world.runtime.now_ns()
        for step in sorted(self._plan.playbook.on_call.escalation, key=lambda step: step.after):
            person = step.to or watch.secondary
            while runtime.now_ns() < began_ns + int(step.after * 1e9) and not self._answered():
                await runtime.sleep(_ESCALATION_LOOK_S)
            if self._answered():
                return
            if person is not None:
                why = f"Nobody has acknowledged for {format_seconds(step.after)}."
                self._world.recorder.emit(
                    "page.escalated", "pager", alert_id=alert.data["alert_id"], to=person.name, after_s=step.after
                )
                self._page_all(alert, person, why)

    def _answered(self) -> bool:
        return self.closed or bool(self._world.recorder.of("incident.acknowledged"))

    async def _page(self, alert: Event, channel: str, person: Person, why: str) -> None:
        emit, call = self._world.recorder.emit, self._world.runtime.call
        names = {"alert_id": alert.data["alert_id"], "to": person.name, "channel": channel}
        try:
            sink = self._sink(channel)
            message = self._message(alert, channel, person, why)
            await call(partial(sink.send, message))
            emit("page.sent", "pager", **names)
            arrived = await self._arrived(sink, message)
        except StackError as error:
            emit("page.failed", "pager", detail=str(error), **names)
            return
        if arrived:
            emit("page.delivered", "pager", durable=True, **names)
        else:
            emit("page.failed", "pager", detail="accepted, but not seen where it is read", **names)

    def _sink(self, channel: str) -> Sink:
        sink = self._world.sinks.get(channel)
        if sink is None:
            raise StackError(f"this stack has no sink for channel {channel!r}")
        return sink

    async def _arrived(self, sink: Sink, message: Message) -> bool:
        runtime = self._world.runtime
        until_ns = runtime.now_ns() + int(_ARRIVE_S * 1e9)
        while runtime.now_ns() < until_ns:
            if await runtime.call(partial(sink.holds, message.id)):
                return True
            await runtime.sleep(_LOOK_S)
        return False

    def _message(self, alert: Event, channel: str, person: Person, why: str) -> Message:
        source = self._plan.playbook.source(alert.data["source"])
        owner, runbook = (source.owner, source.runbook) if source else ("", "")
        opening = f"{why}\n" if why else ""
        subject, body = mark(
            f"ALERT {alert.data['source']}",
            f"{opening}{alert.data['detail']}\nFor: {person.name}\nFired: {alert.utc}\n"
            f"Owner: {owner}\nRunbook: {runbook}\n",
        )
        if channel == "chat":
            here = source is not None and self._calls(source.severity)
            subject, body = f"{HERE} {plain(subject)}" if here else plain(subject), plain(body)
        return Message(
            id=f"page-{self._plan.drill_id}-{alert.data['alert_id']}{_suffix(person) if why else ''}@drill",
            channel=channel,
            subject=subject,
            body=body,
            recipients=(person.email,) if channel == "email" else (),
        )

    def _calls(self, severity: str) -> bool:
        """Whether this severity calls everybody in the room (C2)."""
        row = self._plan.playbook.severity(severity)
        return row is not None and row.here

    def _words(self, event: Event) -> tuple[str, bool] | None:
        data = event.data
        if event.kind == "incident.acknowledged":
            return f"{data['player']} acknowledged {data['alert_id'] or 'the incident'}: {data['text']}", False
        if event.kind in ("incident.declared", "severity.changed"):
            severity = str(data["severity"])
            incident = f" {data['incident']}" if data.get("incident") else ""
            return f"{severity}{incident} declared by {data['player']}: {data['text']}", self._calls(severity)
        return None

    async def _post(self, text: str, here: bool) -> None:
        emit = self._world.recorder.emit
        room = self._plan.config.intake.room if self._plan.config.intake else ""
        self._posts += 1
        subject, body = mark(f"{HERE} {plain(text)}" if here else plain(text), "")
        message = Message(
            id=f"chat-{self._plan.drill_id}-{self._posts:02d}@drill",
            channel="chat",
            subject=subject,
            body=body,
            recipients=(),
        )
        try:
            await self._world.runtime.call(partial(self._sink("chat").send, message))
        except StackError as error:
            emit("chat.failed", "pager", room=room, detail=str(error))
            return
        emit("chat.posted", "pager", room=room, text=message.subject, here=here)

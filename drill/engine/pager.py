"""Pages the people on call when an alert fires (C2), sees the page arrive, and keeps the chat room told (C4)."""

from __future__ import annotations

from functools import partial

from drill.engine.setting import Plan, World
from drill.errors import StackError
from drill.model.events import Event
from drill.model.messages import mark
from drill.ports import Message, Sink

_ARRIVE_S = 10.0
_LOOK_S = 0.1
HERE = "<!here>"
"""How an incoming webhook calls everybody in the room; chat programs show it as @here."""


def plain(text: str) -> str:
    """Text that came from outside, so that a chat program takes no call or link in it for one of ours."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Pager:
    """Sends each alert where the playbook says; ``page.delivered`` is stamped when it can be read there."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._posts = 0

    def on_event(self, event: Event) -> None:
        """Page for every alert that fires; tell the room who acknowledged and what was declared."""
        pages = self._plan.playbook.on_call.pages
        if event.kind == "alert.fired":
            for channel in pages:
                self._world.runtime.spawn(self._page(event, channel), f"page by {channel}")
        elif "chat" in pages and (words := self._words(event)):
            self._world.runtime.spawn(self._post(*words), "chat")

    async def _page(self, alert: Event, channel: str) -> None:
        emit, call = self._world.recorder.emit, self._world.runtime.call
        names = {"alert_id": alert.data["alert_id"], "to": self._plan.playbook.on_call.name, "channel": channel}
        try:
            sink = self._sink(channel)
            message = self._message(alert, channel)
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

    def _message(self, alert: Event, channel: str) -> Message:
        source = self._plan.playbook.source(alert.data["source"])
        owner, runbook = (source.owner, source.runbook) if source else ("", "")
        subject, body = mark(
            f"ALERT {alert.data['source']}",
            f"{alert.data['detail']}\nFired: {alert.utc}\nOwner: {owner}\nRunbook: {runbook}\n",
        )
        if channel == "chat":
            here = source is not None and self._calls(source.severity)
            subject, body = f"{HERE} {plain(subject)}" if here else plain(subject), plain(body)
        return Message(
            id=f"page-{self._plan.drill_id}-{alert.data['alert_id']}@drill",
            channel=channel,
            subject=subject,
            body=body,
            recipients=(self._plan.playbook.on_call.email,) if channel == "email" else (),
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

"""Pages the person on call when an alert fires (C2), and sees the page arrive."""

from __future__ import annotations

from functools import partial

from drill.engine.setting import Plan, World
from drill.errors import StackError
from drill.model.events import Event
from drill.model.messages import mark
from drill.ports import Message, Sink

_ARRIVE_S = 10.0
_LOOK_S = 0.1


class Pager:
    """Sends each alert to the on-call's mailbox; ``page.delivered`` is stamped when it can be read there."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world

    def on_event(self, event: Event) -> None:
        """Page for every alert that fires."""
        if event.kind == "alert.fired":
            self._world.runtime.spawn(self._page(event), "page")

    async def _page(self, alert: Event) -> None:
        emit, call = self._world.recorder.emit, self._world.runtime.call
        on_call = self._plan.playbook.on_call
        names = {"alert_id": alert.data["alert_id"], "to": on_call.name, "channel": "email"}
        message = self._message(alert)
        sink = self._world.sinks["email"]
        try:
            await call(partial(sink.send, message))
            emit("page.sent", "pager", **names)
            arrived = await self._arrived(sink, message)
        except StackError as error:
            emit("page.failed", "pager", detail=str(error), **names)
            return
        if arrived:
            emit("page.delivered", "pager", durable=True, **names)
        else:
            emit("page.failed", "pager", detail="accepted, but not seen in the mailbox", **names)

    async def _arrived(self, sink: Sink, message: Message) -> bool:
        runtime = self._world.runtime
        until_ns = runtime.now_ns() + int(_ARRIVE_S * 1e9)
        while runtime.now_ns() < until_ns:
            if await runtime.call(partial(sink.holds, message.id)):
                return True
            await runtime.sleep(_LOOK_S)
        return False

    def _message(self, alert: Event) -> Message:
        source = self._plan.playbook.source(alert.data["source"])
        owner, runbook = (source.owner, source.runbook) if source else ("", "")
        subject, body = mark(
            f"ALERT {alert.data['source']}",
            f"{alert.data['detail']}\nFired: {alert.utc}\nOwner: {owner}\nRunbook: {runbook}\n",
        )
        return Message(
            id=f"page-{self._plan.drill_id}-{alert.data['alert_id']}@drill",
            channel="email",
            subject=subject,
            body=body,
            recipients=(self._plan.playbook.on_call.email,),
        )

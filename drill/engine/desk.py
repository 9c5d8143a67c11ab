"""The desk: carries out the players' verbs, for people and for the script alike."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from drill.engine.mitigations import Mitigations
from drill.engine.notices import Notices
from drill.engine.setting import Plan, World
from drill.errors import DrillError, InvalidInput
from drill.model.events import Event
from drill.model.verbs import NOTE_TYPES, ROLES, STATUSES, VERBS

Args = Mapping[str, str]
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


class Desk:
    """Takes verbs, checks them, emits what they mean. Every refusal is recorded too."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._emit = world.recorder.emit
        self.mitigations = Mitigations(plan, world)
        self._notices = Notices(plan, world)
        self._verbs: dict[str, Callable[[str, Args], Awaitable[str]]] = {
            "ack": self._ack,
            "report": self._report,
            "declare": self._declare,
            "confirm-impact": self._confirm_impact,
            "role": self._role,
            "note": self._note,
            "act": self._act,
            "verify": self._verify,
            "update": self._update,
            "notify": self._notify,
            "checkpoint": self._checkpoint,
            "resolve": self._resolve,
        }

    async def use(self, player: str, verb: str, args: Args) -> str:
        """Carry out one verb and say in a line what was done. Raises InvalidInput or StackError."""
        try:
            self._check(verb, args)
            return await self._verbs[verb](player, args)
        except DrillError as error:
            self._emit("verb.refused", f"player:{player}", player=player, verb=verb, detail=str(error))
            raise

    def _check(self, verb: str, args: Args) -> None:
        known = VERBS.get(verb)
        if known is None:
            raise InvalidInput(f"no verb {verb!r}; there are {', '.join(VERBS)}")
        for name in known.required:
            if not args.get(name, "").strip():
                raise InvalidInput(f"{verb} needs {name}; see `drill {verb} --help`")
        if unknown := set(args) - set(known.required) - set(known.optional):
            raise InvalidInput(f"{verb} takes no {sorted(unknown)[0]!r}; see `drill {verb} --help`")

    def _say(self, kind: str, player: str, **data: object) -> None:
        self._emit(kind, f"player:{player}", durable=True, player=player, **data)

    def _last(self, kind: str) -> Event | None:
        found = self._world.recorder.of(kind)
        return found[-1] if found else None

    async def _ack(self, player: str, args: Args) -> str:
        alert = self._last("alert.fired")
        alert_id = alert.data["alert_id"] if alert else ""
        self._say("incident.acknowledged", player, alert_id=alert_id, text=args.get("text", ""))
        return f"acknowledged {alert_id or '(no alert has fired)'}"

    async def _report(self, player: str, args: Args) -> str:
        self._say("detection.reported", player, text=args["text"])
        return "reported"

    async def _declare(self, player: str, args: Args) -> str:
        name, text = args["severity"], args.get("text", "")
        severity = self._plan.playbook.severity(name)
        if severity is None:
            known = ", ".join(row.name for row in self._plan.playbook.severities)
            raise InvalidInput(f"no severity {name!r} in the playbook; there are {known}")
        if self._last("incident.declared"):
            self._say("severity.changed", player, severity=name, text=text)
            return f"severity is now {name}"
        day = self._world.runtime.utc().strftime("%Y%m%d")
        incident = f"INC-{day}-{self._plan.incident_number:02d}" if severity.rank == 1 else ""
        self._say("incident.declared", player, severity=name, incident=incident, text=text)
        return f"declared {name} {incident}".strip()

    async def _confirm_impact(self, player: str, args: Args) -> str:
        started = args.get("started", "")
        self._say("impact.confirmed", player, text=args["text"], started=started, claimed_ns=self._claimed(started))
        return "impact confirmed"

    async def _role(self, player: str, args: Args) -> str:
        self._say("role.taken", player, role=_one_of("role", args["role"], ROLES))
        return f"{player} is {args['role']}"

    async def _note(self, player: str, args: Args) -> str:
        self._say("note.added", player, type=_one_of("type", args["type"], NOTE_TYPES), text=args["text"])
        return "noted"

    async def _act(self, player: str, args: Args) -> str:
        return await self.mitigations.run(player, args["mitigation"])

    async def _verify(self, player: str, args: Args) -> str:
        fired = list(dict.fromkeys(event.data["source"] for event in self._world.recorder.of("alert.fired")))
        names = [args["source"]] if args.get("source") else fired
        if not names:
            raise InvalidInput("no alert has fired; name the source to look at, for example `drill verify uptime`")
        return "; ".join([await self._look_at(player, name, args.get("text", "")) for name in names])

    async def _look_at(self, player: str, name: str, words: str) -> str:
        source = self._plan.playbook.source(name)
        if source is None:
            known = ", ".join(row.name for row in self._plan.playbook.sources)
            raise InvalidInput(f"no detection source {name!r} in the playbook; there are {known}")
        if not self._world.watches(source):
            raise InvalidInput(f"detection source {name} does not work on this stack; look at another one")
        sample = await self._world.prober.check(source)
        clear = sample.ok and name not in self._firing()
        self._say("source.checked", player, source=name, clear=clear, text=words or sample.detail)
        return f"{name} is {'clear' if clear else 'not clear'}: {sample.detail}"

    def _firing(self) -> set[str]:
        names: set[str] = set()
        for event in self._world.recorder.of("alert.fired", "alert.cleared"):
            change = names.add if event.kind == "alert.fired" else names.discard
            change(event.data["source"])
        return names

    async def _update(self, player: str, args: Args) -> str:
        status = _one_of("status", args["status"], STATUSES)
        self._say("update.posted", player, status=status, text=args["text"], next_update=args["next_update"])
        return "update posted"

    async def _notify(self, player: str, args: Args) -> str:
        return await self._notices.send(player, args)

    async def _checkpoint(self, player: str, args: Args) -> str:
        self._say("checkpoint.made", player, text=args["text"])
        return "checkpoint written"

    async def _resolve(self, player: str, args: Args) -> str:
        ended = args.get("ended", "")
        claimed = self._claimed(ended) if ended else None
        self._say("incident.resolved", player, text=args.get("text", ""), ended=ended, claimed_ns=claimed)
        return "resolved"

    def _claimed(self, text: str) -> int | None:
        """A claimed ``HH:MM[:SS]`` UTC as ns since event 0: the latest such time that is not in the future."""
        if not text:
            return None
        parts = _CLOCK.fullmatch(text.strip())
        now = self._world.runtime.utc()
        if not parts or int(parts[1]) > 23 or int(parts[2]) > 59 or int(parts[3] or 0) > 59:
            raise InvalidInput(f"{text!r} is no time of day; write HH:MM or HH:MM:SS in UTC")
        moment = now.replace(hour=int(parts[1]), minute=int(parts[2]), second=int(parts[3] or 0), microsecond=0)
        return self._to_ns(moment if moment <= now else moment - timedelta(days=1), now)

    def _to_ns(self, moment: datetime, now: datetime) -> int:
        back_ns = int((now - moment).total_seconds() * 1e9)
        return self._world.recorder.relative(self._world.runtime.now_ns()) - back_ns


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidInput(f"{value!r} is no {name}; there are {', '.join(allowed)}")
    return value

"""A drill from preflight to the last proof."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from drill.detectors.uptime import UptimeDetector
from drill.engine.closing import close
from drill.engine.desk import Desk
from drill.engine.faults import Faults
from drill.engine.impact import ImpactMonitor
from drill.engine.pager import Pager
from drill.engine.preflight import preflight
from drill.engine.probing import steady, watch_probe
from drill.engine.restoration import digest, snapshot
from drill.engine.setting import Plan, World
from drill.engine.view import DeskView
from drill.errors import DrillError, StackError
from drill.model.codec import encode
from drill.model.events import Event
from drill.model.playbook import DetectionSource
from drill.ports import Responder, Task

_LOOK_S = 0.1
_STEADY_ROUNDS = 3
_STEADY_S = 30.0
_FINISH_S = 15.0


@dataclass(slots=True)
class Control:
    """How people end a drill early."""

    outcome: str = ""
    reason: str = ""

    def end(self, outcome: str, reason: str) -> None:
        """Ask for ``aborted`` or ``voided``; the first word counts, but a real incident overrides an abort."""
        if not self.outcome or (outcome == "voided" and self.outcome == "aborted"):
            self.outcome, self.reason = outcome, reason


class GuardPort(Protocol):
    """The process that undoes everything when this one dies."""

    def start(self) -> int:
        """Start it and wait until it is on guard; its pid. Raises StackError."""
        ...

    def alive(self) -> bool:
        """Whether it still runs."""
        ...


class Drill:
    """One drill on one stack. ``run`` never raises for what goes wrong: it undoes, and the outcome says it."""

    def __init__(self, plan: Plan, world: World, *, guard: GuardPort | None = None) -> None:
        self._plan = plan
        self._world = world
        self._guard = guard
        self.control = Control()
        self.desk = Desk(plan, world)
        self._faults = Faults(plan, world, lambda: bool(self.control.outcome))
        self._pager = Pager(plan, world)
        self._monitor = ImpactMonitor(plan.config.probes, plan.impact_probes, world.recorder)
        self._tasks: list[Task] = []
        self._play: Task | None = None

    async def run(self, responder: Responder | None) -> str:
        """Run to the end; returns the outcome as ``drill.ended`` carries it. Raises only what forbade the start."""
        self._begin()
        try:
            await preflight(self._plan, self._world)
        except DrillError as error:
            self._end("refused", undone=True, detail=str(error))
            raise
        outcome, detail = await self._guarded(responder)
        undone = await self._close()
        broken = self._world.recorder.broken
        self._end("failed" if broken else outcome, undone=undone, detail=str(broken or detail))
        return "failed" if broken else outcome

    def _begin(self) -> None:
        plan, world = self._plan, self._world
        world.recorder.begin()
        world.recorder.emit(
            "drill.started",
            "engine",
            durable=True,
            drill_id=plan.drill_id,
            mode=plan.mode,
            smoke=plan.smoke,
            script=plan.script,
            seed=plan.seed,
            scenario=encode(plan.scenario),
            playbook=encode(plan.playbook),
            real_playbook=encode(plan.real_playbook),
            config=encode(plan.config),
            stack=encode(world.stack.identity()),
            versions=dict(plan.versions),
            rule_set=plan.rule_set,
            boot_id=world.boot_id,
            boot_ns=world.recorder.origin_ns,
        )

    def _end(self, outcome: str, *, undone: bool, detail: str) -> None:
        self._world.recorder.emit("drill.ended", "engine", durable=True, outcome=outcome, undone=undone, detail=detail)

    async def _guarded(self, responder: Responder | None) -> tuple[str, str]:
        """Everything between preflight and undo: the outcome and one line on why."""
        try:
            await self._prepare()
            self._watch(responder)
            return await self._inject() or await self._until_over()
        except DrillError as error:
            self._world.recorder.emit("harness.error", "engine", detail=str(error))
            return "failed", str(error)

    async def _prepare(self) -> None:
        world, emit = self._world, self._world.recorder.emit
        await self._steady()
        content = await world.runtime.call(partial(snapshot, world))
        emit("snapshot.taken", "engine", durable=True, digest=digest(content), content=content)
        if self._guard is not None:
            pid = await world.runtime.call(self._guard.start)
            emit("guard.ready", "engine", durable=True, pid=pid)
        world.recorder.require()

    async def _steady(self) -> None:
        """Three good rounds of every probe, and every detection source clear."""
        runtime, probes, rounds = self._world.runtime, self._plan.config.probes, 0
        until_ns = runtime.now_ns() + int(_STEADY_S * 1e9)
        while not self.control.outcome:
            seen = await steady(self._world, probes)
            sources = {row.name: (await self._world.prober.check(row)).ok for row in self._sources(watched=True)}
            rounds = rounds + 1 if all(seen.values()) and all(sources.values()) else 0
            if rounds >= _STEADY_ROUNDS or runtime.now_ns() >= until_ns:
                ok = rounds >= _STEADY_ROUNDS
                unwatched = [row.name for row in self._sources(watched=False)]
                self._world.recorder.emit(
                    "steady.checked", "engine", ok=ok, probes=seen, sources=sources, unwatched=unwatched
                )
                if not ok:
                    bad = sorted(name for name, good in {**seen, **sources}.items() if not good)
                    raise StackError(
                        f"no steady state before injection ({', '.join(bad)} bad); see `drill stack status`"
                    )
                return
            await runtime.sleep(min(spec.interval for spec in probes))

    def _sources(self, *, watched: bool) -> list[DetectionSource]:
        """The playbook's detection sources that work on this stack, or those that do not."""
        return [source for source in self._plan.playbook.sources if self._world.watches(source) is watched]

    def _watch(self, responder: Responder | None) -> None:
        world, runtime = self._world, self._world.runtime
        world.recorder.listen(self._pager.on_event)
        world.recorder.listen(self._on_event)
        for spec in self._plan.config.probes:
            self._tasks.append(runtime.spawn(watch_probe(world, spec, self._monitor), spec.name))
        for source in self._sources(watched=True):
            if source.type == "http":
                detector = UptimeDetector(source, world.prober, runtime)
                self._tasks.append(runtime.spawn(detector.watch(world.recorder.emit), source.name))
        if world.alerts is not None:
            self._tasks.append(runtime.spawn(world.alerts.watch(world.recorder.emit), "alerts"))
        self._tasks.append(runtime.spawn(self._faults.watch(), "faults"))
        if responder is not None:
            self._play = runtime.spawn(responder.play(DeskView(world, self.desk, "script")), "responder")

    def _on_event(self, event: Event) -> None:
        if event.kind == "impact.ended":
            self._world.runtime.spawn(self._faults.sample_all("impact-ended"), "sample")

    async def _inject(self) -> tuple[str, str] | None:
        """Inject every fault at its offset; the outcome if the drill must end before that."""
        runtime = self._world.runtime
        self._monitor.open = True
        began_ns = runtime.now_ns()
        for fault in sorted(self._plan.scenario.faults, key=lambda fault: fault.start):
            while runtime.now_ns() < began_ns + int(fault.start * 1e9):
                if reason := self._cut():
                    return reason
                await runtime.sleep(_LOOK_S)
            if reason := self._cut():
                return reason
            await self._faults.inject(fault)
        return None

    async def _until_over(self) -> tuple[str, str]:
        runtime = self._world.runtime
        until_ns = runtime.now_ns() + int(self._plan.scenario.max_duration * 1e9)
        while True:
            if reason := self._cut():
                return reason
            if why := self._over(until_ns):
                return "completed", why
            await runtime.sleep(_LOOK_S)

    def _cut(self) -> tuple[str, str] | None:
        """Why the drill must be cut short now, if it must."""
        if self.control.outcome:
            return self.control.outcome, self.control.reason
        if self._world.runtime.failed.is_open:
            return "failed", f"part of the harness failed: {self._world.runtime.failures[0]!r}"
        if self._world.recorder.broken:
            return "failed", str(self._world.recorder.broken)
        if self._guard is not None and not self._guard.alive():
            return "failed", "the guard has died; a drill does not go on without one"
        stop = self._plan.scenario.stop
        for probe in stop.probes:
            bad_s = self._monitor.bad_for_s(probe, self._world.runtime.now_ns())
            if bad_s > stop.bad_for:
                self._world.recorder.emit("stop.triggered", "engine", probe=probe, bad_for_s=round(bad_s, 1))
                return "stopped", f"stop condition: {probe} was bad for {bad_s:.1f} s"
        return None

    def _over(self, until_ns: int) -> str:
        """Why the drill has come to its natural end, or nothing."""
        if self._world.runtime.now_ns() >= until_ns:
            return "the scenario's maximum duration has passed"
        if self._monitor.active or not self._quiet():
            return ""
        if self._monitor.episode == 0:
            return "no impact: absorbed" if self._faults.all_over and self._would_show() else ""
        if self._world.recorder.of("incident.resolved"):
            return "resolved, and the impact is over"
        if self._play is not None and self._play.done:
            return "the script is finished, and the impact is over"
        if self._play is None and self._plan.mode == "scripted" and self._faults.all_over:
            return "every fault is over, and there is no script"
        return ""

    def _would_show(self) -> bool:
        """Whether every probe has had the time to see what even the shortest fault did."""
        looks = max((3 * probe.interval + probe.deadline for probe in self._plan.impact_probes), default=0.0)
        return self._faults.over_for_s() >= looks

    def _quiet(self) -> bool:
        return self._monitor.quiet() and self.desk.mitigations.running == 0

    async def _close(self) -> bool:
        emit = self._world.recorder.emit
        self._faults.closing = self._pager.closed = True
        if self._play is not None:
            self._play.cancel()
        await self._finish_actions()
        for task in self._tasks:
            task.cancel()
        by = "abort" if self.control.outcome else "harness"
        if self.control.outcome:
            kind = "drill.voided" if self.control.outcome == "voided" else "drill.aborting"
            emit(kind, "engine", durable=True, reason=self.control.reason)
        await self._messages_seen()
        return await close(self._world, self._plan.config, self._plan.playbook, by)

    async def _finish_actions(self) -> None:
        """What is in mid-flight, a mitigation or a fault's growth, would fight with the undo: let it end first."""
        runtime = self._world.runtime
        until_ns = runtime.now_ns() + int(_FINISH_S * 1e9)
        while (self.desk.mitigations.running or self._faults.looking) and runtime.now_ns() < until_ns:
            await runtime.sleep(_LOOK_S)

    async def _messages_seen(self) -> None:
        for event in self._world.recorder.of("message.accepted"):
            sink = self._world.sinks[event.data["channel"]]
            try:
                ok: bool | None = await self._world.runtime.call(partial(sink.holds, event.data["message_id"]))
            except StackError:
                ok = None
            names = {"message_id": event.data["message_id"], "channel": event.data["channel"]}
            self._world.recorder.emit("message.seen", "sink", ok=ok, **names)

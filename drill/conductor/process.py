"""The conductor: one process a drill; it owns the clock, the journal and the leases."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from drill.conductor.assemble import stack_of, world_of
from drill.conductor.guard import GuardLink
from drill.conductor.order import Order, read_order
from drill.conductor.runtime_dir import sign_stack_lock, socket_path, take_stack
from drill.conductor.server import Server
from drill.detectors.http import HttpProber
from drill.engine.conduct import Control, Drill
from drill.engine.recorder import Recorder
from drill.engine.setting import World
from drill.errors import DrillError
from drill.journal.lock import FileLock
from drill.journal.writer import create
from drill.ports import Responder, Stack
from drill.responders.script import ScriptedResponder
from drill.runtime import AsyncRuntime
from drill.store import DrillFolder, State

_SWITCH_S = 0.5


def conduct(folder: DrillFolder, finish: Callable[[DrillFolder], None]) -> None:
    """Run the drill of a folder to its end. ``finish`` writes the results. Raises Refused when it may not start."""
    order = read_order(folder)
    stack = stack_of(order)
    keep = take_stack(stack.identity())
    sign_stack_lock(keep, folder)
    lock = FileLock(folder.journal_lock)
    lock.take(wait=True)
    try:
        asyncio.run(_Conductor(order, folder, stack, keep).run())
    finally:
        finish(folder)
        lock.free()
        keep.free()


class _Conductor:
    def __init__(self, order: Order, folder: DrillFolder, stack: Stack, keep: FileLock) -> None:
        self._order = order
        self._folder = folder
        self._stack = stack
        self._guard = GuardLink(folder, keep)

    async def run(self) -> None:
        journal, file = create(self._folder.journal)
        runtime, recorder = AsyncRuntime(), Recorder(journal)
        world = world_of(self._order, self._folder, self._stack, recorder, runtime)
        drill = Drill(self._order.plan, world, guard=self._guard)
        server = Server(socket_path(self._folder), drill, recorder)
        _on_signals(drill.control)
        await server.start()
        watch = runtime.spawn(_watch_kill_switch(self._order, runtime, drill.control), "kill switch")
        try:
            await drill.run(self._responder(world))
        except DrillError:
            return  # refused in preflight: drill.ended says so, and nothing was touched
        finally:
            watch.cancel()
            await server.stop()
            file.close()
            runtime.close()
            await _close_prober(world)
            _off_signals()
        self._guard.farewell()

    def _responder(self, world: World) -> Responder | None:
        if self._order.mode == "live":
            return None
        scenario = self._order.scenario
        return ScriptedResponder(scenario.script, world.runtime, scenario.max_duration, world.recorder.emit)


async def _close_prober(world: World) -> None:
    if isinstance(world.prober, HttpProber):
        await world.prober.aclose()


def _on_signals(control: Control) -> None:
    """Ctrl-C and a polite kill abort, with proof; a closed terminal changes nothing."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, control.end, "aborted", f"{number.name} received")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _off_signals() -> None:
    """The drill is over: a signal that comes now has nothing to abort, and would cut the writing of its results."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


async def _watch_kill_switch(order: Order, runtime: AsyncRuntime, control: Control) -> None:
    state = State(Path(order.state))
    while True:
        if switch := state.kill_switch():
            control.end("aborted", f"kill switch: {switch['reason']}")
        await runtime.sleep(_SWITCH_S)

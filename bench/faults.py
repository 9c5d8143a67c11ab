"""What the harness adds to a fault: from its lease to `applied`, against the engine's SDK doing the same act alone.

    python bench/faults.py

Both sides act on the same small container, of a Compose project of its own, in turn. Meanwhile the harness writes the
lease and three events to disk. Where no container engine answers it says so and measures nothing.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from table import machine, note, row, shown

import scorecards
from drill import clock, registry, shipped
from drill.detectors.http import HttpProber
from drill.engine.faults import Faults
from drill.engine.recorder import Recorder
from drill.engine.setting import Plan, World
from drill.engine.undo import undo
from drill.errors import DrillError
from drill.flags import HttpFlags
from drill.journal.writer import create
from drill.loader import load_playbook
from drill.model import config as model
from drill.model.config import Config, EngineGrant, ServiceSpec, StackConfig
from drill.model.events import Event
from drill.model.lease import Lease
from drill.model.scenario import Expected, FaultSpec, Scenario
from drill.model.units import Seconds
from drill.runtime import AsyncRuntime
from drill.stacks.compose import ComposeStack
from drill.stacks.engine import connect, engine_answers, is_local_socket
from drill.store import LeaseStore

if TYPE_CHECKING:
    from docker.models.containers import Container

_TURNS = {"container.pause": 40, "container.kill": 15}
_IMAGE = "drill-staging-base:local"
_SERVICE = "target"
_COMPOSE = f"""
version: "2.4"
services:
  {_SERVICE}:
    image: {_IMAGE}
    command: [sleep, "600"]
    init: true
    restart: "no"
    labels: {{ drill.staging: "true" }}
"""
_STEPS = {"lease.written": "lease", "fault.applying": "announced", "fault.applied": "applied"}


class _Leases(LeaseStore):
    """Leases on disk, as in a drill; it notes when the writing of one begins."""

    began_s = 0.0

    def write(self, lease: Lease) -> None:
        self.began_s = time.perf_counter()
        super().write(lease)


class _Harness:
    """The part of a drill that injects, on a stack of one container."""

    def __init__(self, folder: Path, stack: ComposeStack, config: Config) -> None:
        journal, self._file = create(folder / "journal.jsonl")
        self._leases, self._runtime = _Leases(folder / "leases"), AsyncRuntime()
        recorder = Recorder(journal)
        recorder.begin()
        recorder.listen(self._passed)
        self._world = World(
            runtime=self._runtime,
            recorder=recorder,
            stack=stack,
            injector=registry.get,
            prober=HttpProber(stack),
            flags=HttpFlags(stack),
            sinks={},
            leases=self._leases,
            boot_id=clock.boot_id(),
        )
        self._config = config
        self.spent: dict[str, float] = {}
        """Seconds from the beginning of the lease to each step of the latest fault."""

    def _passed(self, event: Event) -> None:
        """After the event is on disk."""
        if event.kind in _STEPS:
            self.spent[event.kind] = time.perf_counter() - self._leases.began_s

    async def inject(self, kind: str) -> dict[str, float]:
        """Inject and undo; what ``spent`` is."""
        fault = FaultSpec(id="f", kind=kind, target=_SERVICE, max_duration=Seconds(60))
        faults = Faults(_plan(self._config, fault), self._world)
        await faults.inject(fault)
        spent = dict(self.spent)
        (live,) = faults.live
        if not await undo(self._world, live.lease, "bench"):
            raise DrillError(f"{kind} was not undone; by hand: {'; '.join(live.lease.manual)}")
        self._leases.remove(live.lease)
        return spent

    def close(self) -> None:
        self._file.close()
        self._runtime.close()


def _plan(config: Config, fault: FaultSpec) -> Plan:
    playbook = load_playbook(shipped.playbook_path("standard"))
    scenario = Scenario(
        id="bench",
        title="bench",
        story="",
        faults=(fault,),
        expected=Expected(severity="SEV-4", detection=()),
        max_duration=Seconds(60),
        blast_radius=(_SERVICE,),
    )
    return Plan(
        drill_id="D-bench",
        scenario=scenario,
        playbook=playbook,
        real_playbook=playbook,
        config=config,
        mode="scripted",
        smoke=False,
        seed=1,
        rule_set=scorecards.RULE_SET,
    )


@contextmanager
def _project(endpoint: str, engine_id: str) -> Iterator[tuple[Path, ComposeStack, Config]]:
    """The Compose project, up, in a folder of its own; taken down afterwards. It alone is enrolled, as in a demo."""
    project = f"drill-bench-{os.getpid()}"
    grant = EngineGrant(endpoint=endpoint, id=engine_id, project=project)
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        (folder / "compose.yml").write_text(_COMPOSE)
        settings = StackConfig(
            services=(ServiceSpec(name=_SERVICE),),
            compose=model.ComposeStack(file="compose.yml", project=project),
            data="disposable",
            ready_within=Seconds(30),
        )
        config = Config(project="bench", stack=settings, probes=(), engines=(grant,))
        stack = ComposeStack(config, folder, folder)
        try:
            stack.up(lambda _: None)
            yield folder, stack, config
        finally:
            stack.down(lambda _: None)
            stack.close()


def _alone(container: Container, kind: str) -> float:
    """Seconds of the SDK's call, on a container that runs, and undone."""
    began = time.perf_counter()
    if kind == "container.pause":
        container.pause()
    else:
        container.kill("SIGKILL")
    spent = time.perf_counter() - began
    if kind == "container.pause":
        container.unpause()
    else:
        container.wait(timeout=10)
        container.start()
    return spent


async def _measure(folder: Path, stack: ComposeStack, config: Config) -> None:
    client = connect()
    harness = _Harness(folder, stack, config)
    try:
        container = client.containers.get(stack.services()[_SERVICE].instance)
        for kind, turns in _TURNS.items():
            # The first of each side is not counted.
            alone, whole = [_alone(container, kind)], [await harness.inject(kind)]
            for _ in range(turns):
                alone.append(_alone(container, kind))
                whole.append(await harness.inject(kind))
            _rows(kind, alone[1:], whole[1:])
    finally:
        harness.close()
        client.close()


def _rows(kind: str, alone: list[float], whole: list[dict[str, float]]) -> None:
    reached = [statistics.median(each[step] for each in whole) for step in _STEPS]
    row(kind, len(alone), ("lease to applied", reached[-1]), ("SDK alone", statistics.median(alone)), digits=2)
    parts = zip(_STEPS.values(), [0.0, *reached], reached, strict=False)
    note(" · ".join(f"{name} {shown(end - begin)}" for name, begin, end in parts))


def _why_not(answer: tuple[str, str] | None) -> str:
    """What is missing for this measurement; empty when nothing is."""
    if answer is None:
        return "no container engine answers"
    if not is_local_socket(answer[0]):
        return f"the engine at {answer[0]} is not a local socket"
    client = connect()
    try:
        there = any(_IMAGE in image.tags for image in client.images.list())
    finally:
        client.close()
    return "" if there else f"{_IMAGE} is not on the engine (make images)"


def main() -> None:
    """Measure and print the rows."""
    machine()
    answer = engine_answers()
    if why := _why_not(answer):
        print(f"{'container faults':<28} {why}; not measured")
        return
    assert answer is not None
    with _project(*answer) as (folder, stack, config):
        asyncio.run(_measure(folder, stack, config))


if __name__ == "__main__":
    main()

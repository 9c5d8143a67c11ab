"""What costs time, as ratios: both sides measured on this machine, in this run. Takes under a minute.

    make bench

Each row: what, n measurements of each side, the median of each, and their ratio.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from table import machine, note, row

import scorecards
from drill import registry, shipped
from drill.engine.setting import Plan
from drill.errors import DrillError
from drill.journal.writer import create
from drill.loader import load_config, load_playbook, load_scenario, with_smoke
from drill.testing.rehearse import Rehearsal

_APPENDS = 200
_EVENTS = 1000
_SMALL = Path(__file__).parents[1] / "tests" / "stacks" / "small"
"""A product of four services: what the memory stack can stand for."""


def _timed(work: Callable[[], Any], n: int) -> float:
    """Median seconds of ``n`` calls, after one that is not counted."""
    work()
    spent = []
    for _ in range(n):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def yaml_loaders() -> None:
    """The C parser of libyaml, which the loader takes where there is one, against PyYAML's own."""
    text, n = shipped.playbook_path("standard").read_text(), 30
    loaders: dict[str, Any] = {name: getattr(yaml, name, None) for name in ("SafeLoader", "CSafeLoader")}
    if loaders["CSafeLoader"] is None:
        print("YAML of the playbook         this PyYAML has no C parser")
        return
    pure, fast = (_timed(partial(yaml.load, text, Loader=each), n) for each in loaders.values())
    row("YAML of the playbook", n, ("pure", pure), ("C", fast))
    path = shipped.playbook_path("standard")
    row("playbook, checked", n, ("load_playbook", _timed(lambda: load_playbook(path), n)), ("C parse alone", fast))


def start_up() -> None:
    """A command that only prints help, against an interpreter that does nothing."""
    n = 10
    programs = {"drill --help": ["-m", "drill", "--help"], "bare interpreter": ["-c", "pass"]}
    spent = {name: _timed(partial(_run, args), n) for name, args in programs.items()}
    row("start of the program", n, *spent.items())


def _run(args: list[str]) -> None:
    subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)


def appends() -> None:
    """Appending an event that must be on disk before the next step, against one that need not."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        journal, file = create(Path(folder) / "journal.jsonl")
        facts = {"probe": "accounts", "ok": True, "detail": "HTTP 200", "at_ns": 1, "uncertainty_ns": 1}
        spent = {
            name: _timed(partial(journal.append, "probe.changed", "probes", facts, durable=durable), _APPENDS)
            for name, durable in (("durable", True), ("buffered", False))
        }
        file.close()
    row("append to the journal", _APPENDS, *spent.items())


def virtual_drills() -> None:
    """Whole drills on the virtual clock, against the time that they would take. One that is refused is an error."""
    plan, n = _plan(), 50
    rehearsal = Rehearsal(plan, registry.get)
    if (outcome := rehearsal.run()) != "completed":
        raise DrillError(f"the drill to be measured ended {outcome}: {rehearsal.events[-1].data['detail']}")
    real = rehearsal.events[-1].t / 1e9
    spent = _timed(lambda: Rehearsal(plan, registry.get).run(), n)
    row("virtual drills", n, ("of", real), ("in", spent))
    note(f"{1 / spent:.0f} drills a second, {len(rehearsal.events)} events each")
    events, n = rehearsal.events, 20
    score = _timed(lambda: scorecards.score(events), n) * _EVENTS / len(events)
    read = _timed(lambda: [scorecards.render_markdown(card) for card in [scorecards.score(events)]], n)
    row(f"scoring {_EVENTS} events", n, ("with Markdown", read * _EVENTS / len(events)), ("score", score))


def _plan() -> Plan:
    playbook = load_playbook(_SMALL / "playbook.yaml")
    scenario = load_scenario(shipped.scenarios_dir() / "api-frozen.yaml")
    return Plan(
        drill_id="D-bench",
        # The small product has no alerting of its own: its uptime check alone detects.
        scenario=replace(scenario, expected=replace(scenario.expected, detection=("uptime",))),
        playbook=with_smoke(playbook),
        real_playbook=playbook,
        config=load_config(_SMALL / "drill.yaml"),
        mode="scripted",
        smoke=True,
        seed=1,
        rule_set=scorecards.RULE_SET,
    )


def main() -> None:
    """Measure everything and print the table."""
    machine()
    for measure in (yaml_loaders, start_up, appends, virtual_drills):
        measure()


if __name__ == "__main__":
    main()

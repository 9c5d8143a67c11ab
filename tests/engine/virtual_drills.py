"""Drills on virtual time for the tests of the engine: the shipped scenarios, and any variation of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from small_stack import SOURCE

from drill import shipped
from drill.engine.setting import Plan
from drill.loader import load_config, load_playbook, load_scenario, with_smoke
from drill.model.events import Event
from drill.model.scenario import Scenario
from drill.ports import Injector
from drill.testing.rehearse import Rehearsal
from injectors.container.kill import Kill
from injectors.container.pause import Pause
from injectors.container.stop import Stop
from injectors.noop import NoOp

KINDS: Mapping[str, Injector] = {cls.kind: cls() for cls in (NoOp, Pause, Kill, Stop)}
_CONFIG = load_config(SOURCE / "drill.yaml")
_REAL = load_playbook(SOURCE / "playbook.yaml")
_SMOKE = with_smoke(_REAL)


def scenario(name: str, **changes: Any) -> Scenario:
    """A scenario of the small stack or of the catalogue, changed."""
    own = SOURCE / "scenarios" / f"{name}.yaml"
    return replace(load_scenario(own if own.exists() else shipped.scenarios_dir() / f"{name}.yaml"), **changes)


def plan_of(found: Scenario, **changes: Any) -> Plan:
    """A smoke plan for it."""
    plan = Plan(
        drill_id="D-virtual",
        scenario=found,
        playbook=_SMOKE,
        real_playbook=_REAL,
        config=_CONFIG,
        mode="scripted",
        smoke=True,
        seed=1,
        rule_set="test",
    )
    return replace(plan, **changes)


def rehearsal(found: Scenario, kinds: Mapping[str, Injector] = KINDS, **changes: Any) -> Rehearsal:
    """A drill that has not run yet."""
    lookup: Callable[[str], Injector] = kinds.__getitem__
    return Rehearsal(plan_of(found, **changes), lookup)


def kinds_of(drill: Rehearsal) -> list[str]:
    """The kinds of its events, in order."""
    return [event.kind for event in drill.events]


def only(drill: Rehearsal, kind: str) -> Event:
    """The single event of that kind."""
    (found,) = [event for event in drill.events if event.kind == kind]
    return found


def proofs(drill: Rehearsal) -> dict[str, bool | None]:
    """The three restoration proofs."""
    return {event.data["proof"]: event.data["ok"] for event in drill.events if event.kind == "restoration.checked"}

"""Proof of staging on the process stack: real processes, ours and foreign; and the same proof again before a lease."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from observers import until
from small_stack import SOURCE
from virtual_drills import rehearsal, scenario

from drill.engine.staging import prove_staging
from drill.errors import DrillError, InvalidInput, Refused
from drill.loader import load_config
from drill.model.config import Config, ServiceSpec, StackConfig, StagingException
from drill.model.scenario import FaultSpec
from drill.model.units import Seconds
from drill.ports import StagingSign
from drill.stacks.process import ProcessStack
from drill.testing.rehearse import Rehearsal

STRIPE = "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"
WAIT = ("{python}", "-c", "import signal; signal.pause()")


def config_of(env: Mapping[str, str], *more: str) -> Config:
    spec = ServiceSpec(name="api", command=(*WAIT, *more), env=env)
    return Config(project="Shop", stack=StackConfig(services=(spec,), process=True, default="process"), probes=())


@contextmanager
def up(folder: Path, env: Mapping[str, str] | None = None, *more: str) -> Iterator[ProcessStack]:
    stack = ProcessStack(config_of(env or {}, *more), folder, folder / "stack", folder)
    try:
        stack.up(lambda _: None)
        yield stack
    finally:
        stack.down(lambda _: None)


def prove(stack: ProcessStack, exceptions: tuple[StagingException, ...] = ()) -> str:
    """How the target was proved, or the reason why not."""
    try:
        checks = dict(prove_staging(stack, replace(config_of({}), exceptions=exceptions), ["api"]))
    except DrillError as error:
        return f"{type(error).__name__}: {error}"
    return checks["staging:api"]


def test_a_process_that_the_stack_started_is_the_proof(tmp_path: Path) -> None:
    with up(tmp_path) as stack:
        assert "was started by this stack" in prove(stack)


def test_a_stack_that_was_never_up_proves_nothing(tmp_path: Path) -> None:
    assert "never up" in prove(ProcessStack(config_of({}), tmp_path, tmp_path / "stack", tmp_path))


def test_a_stopped_process_proves_nothing(tmp_path: Path) -> None:
    with up(tmp_path) as stack:
        stack.kill("api")
        assert prove(stack).startswith("Refused: service api: no running process")


@pytest.mark.parametrize("nonce", ["another", "", None])
def test_a_foreign_process_of_the_same_name_is_no_proof(tmp_path: Path, nonce: str | None) -> None:
    with up(tmp_path) as stack:
        stack.kill("api")
        marks = {"DRILL_SERVICE": "api"} | ({} if nonce is None else {"DRILL_STACK_NONCE": nonce})
        foreign = subprocess.Popen(
            [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"],
            env=os.environ | marks,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert foreign.stdout is not None
            assert foreign.stdout.readline() == b"up\n"
            assert prove(stack).startswith("Refused: service api: no running process")
            with pytest.raises(DrillError, match="does not run"):
                stack.pause("api")
            assert foreign.poll() is None
        finally:
            foreign.kill()
            foreign.communicate()


def test_another_nonce_on_disk_disowns_the_processes(tmp_path: Path) -> None:
    with up(tmp_path) as stack:
        file = tmp_path / "stack" / "process-stack.json"
        before = file.read_bytes()
        file.write_text(json.dumps(json.loads(before) | {"nonce": "f" * 32}))
        assert prove(stack).startswith("Refused: service api: no running process")
        file.write_bytes(before)


@pytest.mark.parametrize("where", ["environment", "command line"])
def test_a_live_credential_of_a_process_is_seen_and_not_told(tmp_path: Path, where: str) -> None:
    env, more = ({"KEY": STRIPE}, ()) if where == "environment" else ({}, (STRIPE,))
    with up(tmp_path, env, *more) as stack:
        excuse = StagingException(sign=f"live-credential:{'KEY' if env else where}", reason="only for a moment")
        said = prove(stack, (excuse,))
        assert said.startswith("Refused: service api:")
        assert "live credential" in said
        assert STRIPE not in said


def test_a_live_credential_of_the_caller_reaches_no_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENT_KEY", STRIPE)
    with up(tmp_path) as stack:
        assert "was started by this stack" in prove(stack)


def test_a_sign_of_production_needs_an_exception_by_its_name(tmp_path: Path) -> None:
    with up(tmp_path, {"ENVIRONMENT": "production", "NODE_ENV": "production"}) as stack:
        assert "env:ENVIRONMENT" in prove(stack)
        excuse = StagingException(sign="env:ENVIRONMENT", reason="a copy of the settings")
        assert "was started by this stack" in prove(stack, (excuse,))
        assert "env:ENVIRONMENT" in prove(stack, (replace(excuse, reason=" "),))


@pytest.mark.parametrize(
    ("exception", "word"),
    [
        ("{sign: 'env:ENVIRONMENT'}", "reason: is missing"),
        ("{sign: 'env:ENVIRONMENT', reason: ''}", "reason: is empty"),
        ("{sign: 'env:ENVIRONMENT', reason: '  '}", "reason: is empty"),
        ("{sign: 'env:ENVIRONMENT', reason: null}", "reason: must be text"),
        ("{reason: a copy}", "sign: is missing"),
        ("'env:ENVIRONMENT'", "must be a mapping"),
    ],
)
def test_an_exception_without_a_name_or_a_reason_is_invalid(tmp_path: Path, exception: str, word: str) -> None:
    for name in ("playbook.yaml", "compose.yml"):
        (tmp_path / name).write_bytes((SOURCE / name).read_bytes())
    file = tmp_path / "drill.yaml"
    file.write_text((SOURCE / "drill.yaml").read_text() + f"\nexceptions:\n  - {exception}\n")
    with pytest.raises(InvalidInput) as raised:
        load_config(file)
    assert word in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def drill_on(target: str) -> Rehearsal:
    found = scenario("rehearsal", needs=(), script=())
    fault = FaultSpec(id="one", kind="container.stop", target=target, max_duration=Seconds(5))
    return rehearsal(replace(found, faults=(fault,), blast_radius=()))


def at(drill: Rehearsal, kind: str, act: Callable[[], object]) -> None:
    """Do something to the stack in the moment after an event of this kind."""
    drill.recorder.listen(lambda event: act() if event.kind == kind else None)


def kinds(drill: Rehearsal) -> list[str]:
    return [event.kind for event in drill.events]


@pytest.mark.parametrize("verdict", ["missing", "production", "live-credential", "unheard-of"])
def test_a_target_that_is_no_staging_any_more_when_its_fault_comes_gets_no_lease(verdict: str) -> None:
    drill = drill_on("statuspage")
    bad = StagingSign(name="sign", verdict=verdict, detail="it was made anew")
    at(drill, "snapshot.taken", lambda: drill.stack.signs.append(bad))
    assert drill.run() == "failed"
    assert "lease.written" not in kinds(drill)
    assert drill.leases.all() == []
    assert drill.events[-1].data["undone"] is True
    assert "statuspage" in drill.events[-1].data["detail"]


def remove(drill: Rehearsal, service: str) -> None:
    drill.stack._services.pop(service, None)


def test_a_target_that_was_removed_before_its_lease_gets_none() -> None:
    drill = drill_on("statuspage")
    at(drill, "snapshot.taken", lambda: remove(drill, "statuspage"))
    assert drill.run() == "failed"
    assert "lease.written" not in kinds(drill)
    assert "does not exist" in drill.events[-1].data["detail"]


def test_a_target_that_was_removed_between_plan_and_apply_is_told_with_its_manual_steps() -> None:
    drill = drill_on("statuspage")
    at(drill, "lease.written", lambda: remove(drill, "statuspage"))
    assert drill.run() == "failed"
    (failed,) = [event for event in drill.events if event.kind == "fault.undo-failed"]
    assert failed.data["manual"]
    assert drill.events[-1].data["undone"] is False
    assert [lease.service for lease in drill.leases.all()] == ["statuspage"], "the promise to undo is kept"


def test_a_verdict_that_nobody_knows_is_refused() -> None:
    drill = drill_on("statuspage")
    drill.stack.signs.append(StagingSign(name="sign", verdict="unheard-of", detail=""))
    assert drill.run() == "refused"
    assert "nobody can judge" in drill.events[-1].data["detail"]


def test_no_evidence_at_all_is_refused() -> None:
    drill = drill_on("statuspage")
    drill.stack.signs.clear()
    with pytest.raises(Refused, match="no proof of staging"):
        prove_staging(drill.stack, drill.plan.config, ["statuspage"])


def test_the_nonce_of_another_folder_is_another_stack(tmp_path: Path) -> None:
    with up(tmp_path / "a") as one, up(tmp_path / "b") as other:
        assert one.identity().engine_id != other.identity().engine_id
        one.kill("api")
        assert prove(one).startswith("Refused")
        assert until(lambda: "was started" in prove(other))

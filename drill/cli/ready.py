"""Getting ready: the demo, the doctor, and setting up one's own repository."""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from drill import shipped
from drill.cli.hat import draw_for
from drill.cli.options import JSON, STACK
from drill.cli.project import CONFIG, Project, open_project
from drill.cli.run import prepare, run_drill
from drill.errors import InvalidInput, Refused, StackError

if TYPE_CHECKING:
    from drill.model.config import EngineGrant
    from drill.ports import Stack

_DEMO = "drill-demo"
"""A Compose project of the demo's own: a demo enrols no stack that somebody else started."""
PORTS = {
    "DRILL_GATEWAY_PORT": 18000,
    "DRILL_GATEWAY_TLS_PORT": 18443,
    "DRILL_WORKER_PORT": 18010,
    "DRILL_DB_PRIMARY_PORT": 15432,
    "DRILL_DB_REPLICA_PORT": 15433,
    "DRILL_VENDORS_PORT": 18090,
    "DRILL_TOXIPROXY_PORT": 18474,
    "DRILL_PROMETHEUS_PORT": 19090,
    "DRILL_ALERTMANAGER_PORT": 19093,
    "DRILL_INTAKE_PORT": 18070,
    "DRILL_STATUSPAGE_PORT": 18080,
    "DRILL_MAIL_HTTP_PORT": 18025,
    "DRILL_MAIL_SMTP_PORT": 11025,
    "DRILL_TRAFFIC_PORT": 18060,
}
"""The variables of docker-compose.staging.yml and their defaults."""


@click.command("demo")
@STACK
@click.option("--seed", type=int, help="Seed of the draw; random when left out.")
@click.option("--keep", is_flag=True, help="Leave the stack running afterwards.")
def demo_command(kind: str | None, seed: int | None, keep: bool) -> None:
    """Draw a scenario, break the reference stack, time the response, put everything back."""
    project = _demo_project()
    project.state.check_kill_switch()
    project.undo_orphans()
    kind, why, grant = _choose(project, kind)
    click.echo(f"demo: using the {kind} stack ({why})")
    if grant is not None:
        project = project.enrolled(grant)
    seed = secrets.randbelow(2**31) if seed is None else seed
    if kind == "compose":
        _use_free_ports()
    stack = project.open_stack(kind)
    keep = keep or _runs(stack)
    try:
        stack.up(lambda line: click.echo(f"stack: {line}"))
        code = run_drill(prepare(project, draw_for(project, kind, seed), kind, seed=seed, smoke=True))
    finally:
        if not keep:
            stack.down(lambda line: click.echo(f"stack: {line}"))
    sys.exit(code)


def _runs(stack: Stack) -> bool:
    """Whether somebody started this stack before us; then it is not ours to take down."""
    try:
        return any(state.running for state in stack.services().values())
    except StackError:
        return False


def _demo_project() -> Project:
    """Always the reference stack, whatever drill.yaml the folder has; state and results go to this folder."""
    from drill.loader import load_config

    reference = shipped.reference_config()
    config = load_config(reference)
    if config.stack.compose is not None:
        compose = replace(config.stack.compose, project=_DEMO)
        config = replace(config, stack=replace(config.stack, compose=compose))
    return Project(config, reference.parent, Path.cwd(), reference=True)


def _use_free_ports() -> None:
    """Let the reference stack publish on free ports where its own are taken, for example by `drill stack up`."""
    for name, port in PORTS.items():
        with socket.socket() as trial:
            if name not in os.environ and trial.connect_ex(("127.0.0.1", port)) == 0:
                os.environ[name] = str(_free_port())


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _choose(project: Project, kind: str | None) -> tuple[str, str, EngineGrant | None]:
    """Docker where a local engine answers, processes otherwise; a demo enrols nothing but a local socket."""
    from drill.model.config import EngineGrant
    from drill.stacks.engine import endpoint, engine_answers, is_local_socket

    if kind == "process":
        return "process", "asked for", None
    answer, compose = engine_answers(), project.config.stack.compose
    if answer is None or compose is None:
        if kind == "compose":
            raise StackError(f"no Docker engine answers at {endpoint()}; start one with `make engine`")
        return "process", "no Docker engine answers, so the services run as local processes", None
    if not is_local_socket(answer[0]):
        if kind == "compose":
            raise Refused(f"the engine at {answer[0]} is not a local socket; a demo enrols no other, see `drill init`")
        return "process", f"the engine at {answer[0]} is remote, and a demo breaks only a local one", None
    grant = EngineGrant(endpoint=answer[0], id=answer[1], project=compose.project)
    return "compose", f"a Docker engine answers at {answer[0]}", grant


@click.command("doctor")
@JSON
def doctor_command(as_json: bool) -> None:
    """What is ready, and how to mend the rest."""
    import json

    project = open_project()
    project.mention_orphans()
    findings = [*_doctor_machine(), *_doctor_project(project)]
    if as_json:
        click.echo(json.dumps([{"what": what, "ok": ok, "detail": detail} for what, ok, detail in findings]))
        return
    for what, ok, detail in findings:
        click.echo(f"{'ok  ' if ok else 'MEND'}  {what:<16} {detail}")


def _doctor_machine() -> list[tuple[str, bool, str]]:
    from drill.stacks.engine import endpoint, engine_answers

    answer = engine_answers()
    engine = f"{answer[0]}, id {answer[1]}" if answer else f"none at {endpoint()}; `make engine`, or `--stack process`"
    linux = sys.platform.startswith("linux")
    return [
        ("python", sys.version_info >= (3, 11), sys.version.split()[0]),
        ("process stack", linux, "Linux" if linux else "needs Linux; use Docker"),
        ("docker engine", answer is not None, engine),
    ]


def _doctor_project(project: Project) -> list[tuple[str, bool, str]]:
    where = f"the reference stack (no {CONFIG} here)" if project.reference else str(project.home / CONFIG)
    enrolled = len(project.config.engines)
    hint = f"{enrolled} enrolled" if enrolled else "no engine enrolled; `drill init` does it (`drill demo` needs none)"
    switch = project.state.kill_switch()
    return [
        ("configuration", True, where),
        ("enrolment", bool(enrolled), hint),
        ("kill switch", switch is None, f"on: {switch['reason']}" if switch else "off"),
    ]


@click.command("init")
@click.option("--yes", is_flag=True, help="Do not ask before enrolling the engine.")
def init_command(yes: bool) -> None:
    """Write a drill.yaml for this folder, with this machine's engine enrolled as staging."""
    from drill.stacks.engine import engine_answers

    target = Path.cwd() / CONFIG
    if target.exists():
        raise InvalidInput(f"{target}: exists already; edit it, `drill validate {CONFIG}` checks it")
    answer = engine_answers()
    name = re.sub(r"[^a-z0-9]+", "-", Path.cwd().name.lower()).strip("-") + "-staging"
    grant = ""
    if answer is not None:
        click.echo(f"engine {answer[0]} with id {answer[1]}")
        if yes or click.confirm("Is this engine staging, and may drills break what is labelled on it?"):
            grant = f"\nengines:\n  - endpoint: {answer[0]}\n    id: {answer[1]}\n    project: {name}\n"
    target.write_text(_own_config(name) + grant)
    click.echo(f"wrote {target}; make it yours, then `drill validate {CONFIG}` and `drill stack up`")


def _own_config(project: str) -> str:
    """The reference configuration with the Compose file copied beside it where none is."""
    text = shipped.reference_config().read_text()
    compose = Path.cwd() / "docker-compose.staging.yml"
    if not compose.exists():
        compose.write_bytes((shipped.root() / compose.name).read_bytes())
        click.echo(f"wrote {compose}, the reference stack")
    text = text.replace("../docker-compose.staging.yml", "docker-compose.staging.yml")
    return text.replace("project: drill-staging", f"project: {project}")


COMMANDS = (demo_command, doctor_command, init_command)

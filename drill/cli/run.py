"""Running a drill, and watching one."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from drill.cli.hat import draw_for
from drill.cli.options import JSON, STACK
from drill.cli.progress import follow
from drill.cli.project import Project, open_project
from drill.errors import Aborted, DrillError, InvalidInput, JournalError
from drill.model.verbs import VERBS

if TYPE_CHECKING:
    from drill.model.lease import Lease
    from drill.model.scenario import FaultSpec, Scenario
    from drill.store import DrillFolder


@click.command("run")
@click.argument("scenario", required=False)
@STACK
@click.option("--seed", type=int, help="Seed of everything that is made up; random when left out.")
@click.option("--smoke/--real", default=True, help="Shorter intervals and targets from the playbook, for CI.")
@click.option("--script", default="", help="Version of the scenario's script to play, for example `clumsy`.")
@click.option("--foreground", is_flag=True, help="Run the conductor in this process.")
@click.option("--dry-run", is_flag=True, help="Say what would be done to what, and how it would be undone.")
def run_command(
    scenario: str | None,
    kind: str | None,
    seed: int | None,
    smoke: bool,
    script: str,
    foreground: bool,
    dry_run: bool,
) -> None:
    """Run a drill with the scripted responder. Without SCENARIO the hat draws one."""
    project = open_project()
    project.state.check_kill_switch()
    if dry_run:
        project.mention_orphans()
    else:
        project.undo_orphans()
    seed = secrets.randbelow(2**31) if seed is None else seed
    if scenario is None:
        if dry_run:
            raise InvalidInput("a dry run needs a SCENARIO: a draw from the hat would count")
        scenario = draw_for(project, kind or project.config.stack.default, seed)
    if dry_run:
        _dry_run(project, scenario, kind or "", seed)
        return
    folder = prepare(project, scenario, kind or "", seed=seed, smoke=smoke, script=script)
    sys.exit(run_drill(folder, foreground=foreground))


def run_drill(folder: DrillFolder, *, foreground: bool = False) -> int:
    """Run a prepared drill and watch it to its end; the exit code."""
    if foreground:
        from drill.cli.finish import write_results
        from drill.conductor.process import conduct

        conduct(folder, write_results)
    else:
        _attached(folder)
    return report(folder)


def _attached(folder: DrillFolder) -> None:
    """Start the conductor and watch until it ends. Raises Aborted when Ctrl-C came before anything was touched."""
    from drill.conductor.launch import await_begin, launch

    with _ctrl_c_aborts() as asked:
        process = launch(folder)
        asked.known(process.pid)
        try:
            await_begin(folder, process)
        except DrillError as error:
            if asked.times:
                raise Aborted("aborted before anything was touched") from error
            raise
        follow(folder)
    process.wait()


def prepare(project: Project, scenario: str, kind: str, *, seed: int, smoke: bool, script: str = "") -> DrillFolder:
    """Put a drill's order on disk, and say what will run. Raises InvalidInput for an unknown script."""
    import platform

    import scorecards
    from drill import __version__
    from drill.cli.customers import with_customers
    from drill.conductor.order import Order, write_order
    from drill.loader import with_holidays, with_smoke

    playbook = with_holidays(project.playbook(), _today())
    found = with_script(project.scenario(scenario), script)
    folder = project.state.new_drill()
    order = Order(
        drill_id=folder.id,
        scenario=found,
        playbook=with_smoke(playbook) if smoke else playbook,
        real_playbook=playbook,
        config=with_customers(project.config, seed),
        mode="scripted",
        smoke=smoke,
        seed=seed,
        rule_set=scorecards.RULE_SET,
        incident_number=project.state.incident_number(_today()),
        script=script,
        stack_kind=kind or project.config.stack.default,
        root=str(project.root.resolve()),
        state=str(project.state.path.resolve()),
        results=str(project.results.resolve()),
        versions={"chaos-drill": __version__, "python": platform.python_version()},
    )
    write_order(folder, order)
    played = f", script {script}" if script else ""
    click.echo(f"drill {folder.id}: {scenario} on the {order.stack_kind} stack, seed {seed}{played}")
    return folder


def with_script(scenario: Scenario, name: str) -> Scenario:
    """The scenario with that version of its script in place of its own; an empty name changes nothing."""
    if not name:
        return scenario
    if name not in scenario.scripts:
        known = ", ".join(sorted(scenario.scripts)) or "none"
        raise InvalidInput(f"scenario {scenario.id} has no script {name!r}; besides its own it has: {known}")
    return replace(scenario, script=scenario.scripts[name])


def _today() -> Any:
    from drill import clock

    return clock.utc()


class _Asked:
    """Passes the wish to abort on to the conductor, from the moment on that it has a pid."""

    def __init__(self) -> None:
        self.times = 0
        self._pid = 0

    def known(self, pid: int) -> None:
        """The conductor's pid; it hears at once of what was asked before."""
        self._pid = pid
        if self.times:
            self._tell()

    def abort(self, _number: int, _frame: object) -> None:
        """Handler of a signal."""
        self.times += 1
        click.echo("aborting: everything is being undone, please wait for the proof", err=True)
        self._tell()

    def _tell(self) -> None:
        with suppress(ProcessLookupError):
            if self._pid:
                os.kill(self._pid, signal.SIGTERM)


@contextmanager
def _ctrl_c_aborts() -> Iterator[_Asked]:
    """Ctrl-C, or the SIGTERM of a cancelled CI job, aborts the drill and waits for the proof; again changes nothing."""
    asked = _Asked()
    before = {number: signal.signal(number, asked.abort) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report(folder: DrillFolder) -> int:
    """Print the result of a drill that has ended; its exit code."""
    from drill.cli.finish import exit_code, outcome_of, refusal, write_card
    from drill.cli.summary import summary
    from drill.conductor.takeover import manual_steps
    from drill.journal.reader import read

    recording = read(folder.journal)
    outcome = outcome_of(recording.events)
    if outcome == "refused":
        raise refusal(recording.events, folder.log)
    if outcome == "running":
        raise _without_end(folder)
    written = write_card(recording.events, recording.head, folder)
    for line in summary(written, recording.head):
        click.echo(line)
    code = exit_code(recording.events, written.card.passed)
    if code == 5:
        click.echo(f"NOT PROVED UNDONE, {manual_steps(folder)}", err=True)
    return code


def _without_end(folder: DrillFolder) -> DrillError:
    if folder.leases.all():
        return DrillError(f"drill {folder.id} has no end: its processes are lost; `drill undo` puts everything back")
    return JournalError(
        f"drill {folder.id}: its journal stops before the end, because its processes were lost or the disk is full; no "
        "fault is left; once there is space, `drill undo` checks the stack and writes the end"
    )


def _dry_run(project: Project, name: str, kind: str, seed: int) -> None:
    """Prove staging and plan every fault on the stack as it is; touch nothing, not even what other drills left."""
    from drill import registry
    from drill.engine.preflight import dry_leases, staging_proof

    scenario, stack = project.scenario(name), project.open_stack(kind)
    click.echo(f"dry run of {scenario.id} (seed {seed}): nothing is touched")
    click.echo(f"  staging: {staging_proof(scenario, stack, project.config)}")
    leases = dry_leases(scenario, stack, project.config, registry.get, seed)
    for fault, lease in zip(scenario.faults, leases, strict=True):
        click.echo(f"  at {fault.start:g} s: {fault.kind} on {_hit(fault, lease)} ({lease.reversibility}),")
        click.echo(f"    {_end(fault, lease)}; by hand: {'; '.join(lease.manual)}")
    for step in scenario.script:
        named = [step.args[name] for name in VERBS[step.do].required]
        click.echo(f"  script: {' '.join([step.do, *named])}")


def _hit(fault: FaultSpec, lease: Lease) -> str:
    """The service, how it was aimed at, and with what."""
    role = f", the {fault.target.partition(':')[2]} now" if fault.target != lease.service else ""
    replica = f", replica {lease.replica}" if lease.replica else ""
    params = "".join(f", {name} {value}" for name, value in sorted(fault.params.items()))
    return f"{lease.service}{role}{replica}{params}"


def _end(fault: FaultSpec, lease: Lease) -> str:
    if lease.reversibility == "momentary":
        return "over as soon as it is done, there is nothing to undo"
    plan = f"undone after {fault.duration:g} s, " if fault.duration else "undone "
    return f"{plan}at the latest after {fault.max_duration:g} s"


@click.command("attach")
@click.argument("drill_id", required=False, default="")
def attach_command(drill_id: str) -> None:
    """Watch a drill; Ctrl-C detaches and the drill goes on. For the drillmaster: it shows the faults."""
    project = open_project()
    project.mention_orphans()
    folder = project.state.drill(drill_id)
    try:
        follow(folder)
    except KeyboardInterrupt:
        click.echo(f"detached; drill {folder.id} goes on, `drill attach` comes back to it", err=True)
        return
    sys.exit(report(folder))


@click.command("status")
@JSON
def status_command(as_json: bool) -> None:
    """What a player may see of the running drill."""
    import json

    from drill.conductor.client import ask, running_drill

    project = open_project()
    project.mention_orphans()
    try:
        status = ask(running_drill(project.state), {"do": "status"})["status"]
    except InvalidInput:
        status = {"state": "no drill is running"}
    if as_json:
        click.echo(json.dumps(status, sort_keys=True))
        return
    for name, value in sorted(status.items()):
        click.echo(f"{name.replace('_', ' ')}: {_plain(value)}")


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} ({detail})" for name, detail in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


COMMANDS = (run_command, attach_command, status_command)

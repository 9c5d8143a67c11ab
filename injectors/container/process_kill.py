"""Kill a process inside a container by its name: a worker, a sidecar, a child; the service itself goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from drill.errors import ActionFailed, InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.container.kill import DEADLY, signal_of
from injectors.container.replicas import each, spanning
from injectors.container.target import check_params, running_target

_SETTLE_S = 8.0
"""A helper of a harness that died has struck by then."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

# In a helper in the container's pid name space. Its own processes, known by their control group, are left out.
_SCRIPT = """
import json, os, signal, sys, time
INITS = ("docker-init", "tini", "dumb-init", "catatonit")
def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""
def stat(pid):
    fields = read(pid, "stat").rpartition(")")[2].split()
    return (fields[19], fields[0], fields[1]) if fields else ("", "X", "")
def listed():
    ours, found = read("self", "cgroup"), []
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        start, state, parent = stat(pid)
        if state not in "ZX" and read(pid, "cgroup") != ours:
            argv = read(pid, "cmdline").replace("\\0", " ").strip()
            found.append([f"{pid}:{start}", read(pid, "comm").strip(), argv, parent])
    return found
def main_of(found):
    first = read(1, "comm").strip()
    children = [one[0] for one in found if one[3] == "1"]
    by_init = [min(children, key=lambda name: int(name.split(":")[1]))] if children and first in INITS else []
    return [one[0] for one in found if one[0].startswith("1:")] + by_init
def alive(name):
    pid, start = name.split(":")
    now = stat(pid)
    return now[0] == start and now[1] not in "ZX"
def strike(number, names):
    began, held = time.clock_gettime_ns(time.CLOCK_BOOTTIME), []
    for name in names:
        try:
            pidfd = os.pidfd_open(int(name.split(":")[0]))
            if alive(name):
                signal.pidfd_send_signal(pidfd, number)
                held.append(name)
        except ProcessLookupError:
            pass
    until = time.monotonic() + 3
    while any(alive(name) for name in held) and time.monotonic() < until:
        time.sleep(0.001)  # a pidfd says that it ended, but not that /proc has forgotten it
    return {"began": began, "ended": time.clock_gettime_ns(time.CLOCK_BOOTTIME), "hit": held,
            "boot": read("sys", "kernel/random/boot_id").strip()}
task, names = sys.argv[1], sys.argv[3:]
if task == "list":
    found = listed()
    print(json.dumps({"all": found, "main": main_of(found)}))
elif task == "alive":
    print(json.dumps([name for name in names if alive(name)]))
else:
    print(json.dumps(strike(signal.Signals[sys.argv[2]], names)))
"""


class ProcessKill:
    """Every process of that name gets a signal that ends it, in every replica. Nothing is undone: whoever started the
    process starts it again, or does not."""

    kind = "container.process-kill"
    reversibility: Reversibility = "momentary"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "process": "Name of the program; where none has it, a part of the command line; required.",
            "signal": f"One of {', '.join(DEADLY)}; SIGKILL if left out.",
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that does not run, and a name that no process has, or the
        service's own first one."""
        check_params(fault, self.params)
        name, signal, state = fault.params.get("process"), signal_of(fault, DEADLY), running_target(fault, stack)
        if not isinstance(name, str) or not name.strip():
            raise InvalidInput(f"fault {fault.id}: process is missing; write the name of a program in {fault.target}")
        views = each(stack, fault.target)
        before: dict[str, ParamValue] = {f"processes_{n}": _found(fault, view, name) for n, view in views.items()}
        params: dict[str, ParamValue] = {"process": name, "signal": signal}
        again = f"`docker restart {' '.join(one[:12] for one in state.replicas)}`"
        manual = (f"Nothing is left to undo; if {fault.target} does not start by itself what was killed: {again}",)
        return replace(draft, instance=state.instance, before=before, params=params, manual=manual, settle_s=_SETTLE_S)

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Signal the processes of the plan and see them end. Raises ActionFailed when they had ended by themselves."""
        signal, views = str(lease.params["signal"]), each(stack, lease.service)
        return spanning([_strike(lease, view, signal, names) for view, names in _planned(lease, views) if names])

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether none of the processes of the plan lives any more: by pid and start, so a new one is another."""
        planned = _planned(lease, each(stack, lease.service))
        return not any(_ask(lease.service, view, "alive", "-", *names) for view, names in planned)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Nothing: what was killed does not come back."""

    def undone(self, lease: Lease, stack: Stack) -> bool:  # noqa: ARG002 - the port's signature
        """Whether the helper that struck has gone; what it did is over by itself."""
        return stack.containers().beside("once") == 0


def _planned(lease: Lease, views: Mapping[int, Stack]) -> Sequence[tuple[Stack, list[str]]]:
    """Each replica of the plan that there still is, with the processes that were found in it."""
    return [(view, str(lease.before.get(f"processes_{number}", "")).split()) for number, view in views.items()]


def _found(fault: FaultSpec, stack: Stack, name: str) -> str:
    """``pid:start`` of each process of that name, apart by spaces."""
    told = _ask(fault.target, stack, "list")
    hit = [one for one in told["all"] if name == one[1]] or [one for one in told["all"] if name in one[2]]
    if not hit:
        known = ", ".join(dict.fromkeys(one[1] for one in told["all"]))
        raise InvalidInput(f"fault {fault.id}: no process of {fault.target} is called {name!r}; there are {known}")
    if {one[0] for one in hit} & set(told["main"]):
        raise InvalidInput(
            f"fault {fault.id}: {name!r} is the first process of {fault.target}, the whole service; choose a narrower "
            "name, or use container.crash or container.kill"
        )
    return " ".join(one[0] for one in hit)


def _strike(lease: Lease, stack: Stack, signal: str, names: Sequence[str]) -> Moment:
    began = time.clock_gettime_ns(_CLOCK)
    told = _ask(lease.service, stack, "kill", signal, *names)
    ended = time.clock_gettime_ns(_CLOCK)
    if not told["hit"]:
        raise ActionFailed(f"{lease.service}: {lease.params['process']} ended by itself before it could be killed")
    # The helper's clock is ours when it runs on the same boot of the same kernel.
    if told["boot"] == lease.boot_id and began <= told["began"] <= told["ended"] <= ended:
        return _between(told["began"], told["ended"], "helper")
    return _between(began, ended, "call")


def _between(began_ns: int, ended_ns: int, source: str) -> Moment:
    width = ended_ns - began_ns
    return Moment(at_ns=began_ns + width // 2, uncertainty_ns=width // 2 + 1, source=source)


def _ask(service: str, stack: Stack, task: str, *arguments: str) -> Any:
    """What the script says in the container's pid name space. Raises StackError when it says nothing."""
    command = ["python3", "-c", _SCRIPT, task, *arguments]
    for outcome in stack.containers().run_beside(service, command, share=frozenset({"pid"})):
        if outcome.code != 0:
            raise StackError(f"{service}: looking at its processes failed: {outcome.output.strip()[-200:]}")
        return json.loads(outcome.output)
    return []

"""Helper containers in name spaces of a target's: how a fault reaches into a container that has no tools of its own.

They carry no Compose labels, so nothing takes them for services of the stack, and the engine removes each when it
ends. A command that runs once stands under ``timeout``, so it ends when we have died too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from drill.clock import now_ns
from drill.errors import ActionFailed, StackError
from drill.model.lease import Moment
from drill.ports.containers import Outcome, Shared
from drill.stacks.helper import NOWHERE, ONCE, Place, boot, create, helpers, ready_client, remove, started, sweep
from drill.stacks.moments import bracket, spanning
from drill.stacks.project import Project

if TYPE_CHECKING:
    from docker import DockerClient

T = TypeVar("T")

READY = "ready"
"""The line by which a helper that stays says that its work has begun."""

_READY_S = 20.0
_SLACK_S = 10.0
_KILLED = (124, 137)
_BOUNDED = """timeout -k 1 "$0" "$@" 2>&1; printf '\\n%s' "$?" """


def run_beside(
    project: Project, service: str, argv: Sequence[str], share: frozenset[Shared], timeout_s: float
) -> Sequence[Outcome]:
    """Run a command beside each running replica, at most ``timeout_s`` seconds; empty when none runs.

    With nothing to share it runs once, in name spaces of its own without any network: to try what the machine can.
    Raises StackError without the image, ActionFailed when it cannot run or does not end in time.
    """
    client = ready_client(project)
    sweep(client, project)
    command = ["sh", "-c", _BOUNDED, f"{timeout_s:g}", *argv]
    places = _places(project, service, share) if share else [NOWHERE]

    def run(place: Place) -> Outcome:
        container = create(client, project, ONCE, command, place, share)
        try:
            output = _within(timeout_s + _SLACK_S, service, partial(_output, client, container))
        finally:
            remove(client, container)
        return _outcome(output, service, argv, timeout_s)

    return _at_once(run, places)


def start_beside(project: Project, service: str, name: str, argv: Sequence[str], share: frozenset[Shared]) -> Moment:
    """Start a helper beside each running replica; back when each has said ``ready``, which is the moment's end.

    Raises StackError when no replica runs or the image is missing, ActionFailed with its last words when one does not
    get ready in 20 s; those that did get ready then go on: ``stop_beside`` removes all of the name.
    """
    client = ready_client(project)
    places = _places(project, service, share)
    if not places:
        raise StackError(f"{service} does not run, so no helper can be beside it; run `drill stack up`")

    def start(place: Place) -> Moment:
        container = create(client, project, name, argv, place, share)
        try:
            return _within(_READY_S, service, partial(_await_ready, client, container, service))
        except StackError:
            remove(client, container)
            raise

    return spanning(_at_once(start, places))


def beside(project: Project, name: str) -> int:
    """How many helpers of that name run, each beside a container that was not restarted since."""
    client = project.engine()
    running = [helper for helper in helpers(project) if helper.name == name and helper.state == "running"]
    return sum(helper.place.lives(client) for helper in running)


def stop_beside(project: Project, name: str) -> None:
    """Remove every helper of that name, in any state; back when they are gone. Absent is fine."""
    for helper in helpers(project):
        if helper.name == name:
            remove(project.engine(), helper.container)


def _places(project: Project, service: str, share: frozenset[Shared]) -> list[Place]:
    """The replicas that run, paused ones among them: their name spaces are there.

    Raises StackError for a replica that has the host's: what is done there is done to the whole machine.
    """
    found = [container.attrs for container in project.replicas(service)]
    places = [attrs for attrs in found if attrs["State"]["Running"] and not attrs["State"].get("Restarting")]
    for attrs in places:
        for one, key in (("network", "NetworkMode"), ("pid", "PidMode")):
            if one in share and attrs["HostConfig"].get(key) == "host":
                raise StackError(f"{service} runs in the host's {one} name space, and nothing of the host is touched")
    return [Place.of(attrs) for attrs in places]


def _output(client: DockerClient, container: str) -> str:
    with started(client, container) as pieces:
        return b"".join(pieces).decode(errors="replace")


def _outcome(output: str, service: str, argv: Sequence[str], timeout_s: float) -> Outcome:
    text, _, code = output.rpartition("\n")
    if not code.isdigit():
        raise ActionFailed(f"{service}: the helper that ran {argv[0]} was ended by somebody else; try again")
    if int(code) in _KILLED:
        raise ActionFailed(f"{service}: {argv[0]} did not end within {timeout_s:g} s beside it")
    return Outcome(code=int(code), output=text)


def _await_ready(client: DockerClient, container: str, service: str) -> Moment:
    began, said = now_ns(), b""
    with started(client, container) as pieces:
        for piece in pieces:
            said += piece
            lines = said.decode(errors="replace").splitlines()
            if READY in lines:
                return _own_word(lines) or bracket(began, now_ns(), "ready")
    words = " ".join(said.decode(errors="replace").split())[-200:] or "nothing"
    raise ActionFailed(f"{service}: the helper beside it ended before it was ready; it said: {words}")


def _own_word(lines: Sequence[str]) -> Moment | None:
    """What a helper says in a line `at BOOT FROM TO` (boot clock, ns), if its kernel is this one."""
    for word, *rest in (line.split() for line in lines if line):
        if word == "at" and len(rest) == 3 and rest[0] == boot() and rest[1].isdigit() and rest[2].isdigit():
            return bracket(int(rest[1]), int(rest[2]), "helper")
    return None


def _within(bound_s: float, service: str, work: Callable[[], T]) -> T:
    """The result of reading a stream, which the SDK itself would wait for without any limit."""
    answers: list[T | StackError] = []

    def keep() -> None:
        try:
            answers.append(work())
        except StackError as error:
            answers.append(error)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    thread.join(bound_s)
    if not answers:
        raise ActionFailed(f"{service}: the helper beside it did not answer within {bound_s:g} s")
    if isinstance(answers[0], StackError):
        raise answers[0]
    return answers[0]


def _at_once(act: Callable[[Place], T], places: Sequence[Place]) -> list[T]:
    """Act on all; let all end before the first error is raised."""
    if len(places) <= 1:
        return [act(place) for place in places]
    with ThreadPoolExecutor(len(places)) as pool:
        pending = [pool.submit(act, place) for place in places]
    return [work.result() for work in pending]

"""Running a command inside containers, with a time-out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from drill.clock import now_ns
from drill.errors import ActionFailed
from drill.model.lease import Moment
from drill.ports import ExecResult
from drill.stacks.engine import engine_errors
from drill.stacks.moments import bracket
from drill.stacks.project import Project

if TYPE_CHECKING:
    from docker.models.containers import Container


def run_in_each(
    project: Project, service: str, argv: Sequence[str], timeout_s: float, *, own_user: bool = False
) -> list[ExecResult]:
    """As root, or as the container's own user, in every replica that runs, one after the other."""
    running = [one for one in project.replicas(service) if one.attrs["State"]["Running"]]
    return [run_inside(one, service, argv, timeout_s, user="" if own_user else "0") for one in running]


def act_in_each(
    project: Project, service: str, argv: Sequence[str], timeout_s: float, *, own_user: bool = False
) -> Moment:
    """The same for its effect. Raises ActionFailed when one fails, or none runs."""
    began = now_ns()
    results = run_in_each(project, service, argv, timeout_s, own_user=own_user)
    said = next((f"exit code {one.code}: {' '.join(one.output.split())[-200:]}" for one in results if one.code), "")
    if said or not results:
        raise ActionFailed(f"{service}: {argv[0]} inside failed: {said or 'no replica runs'}")
    return bracket(began, now_ns(), "call")


def run_inside(
    container: Container, service: str, argv: Sequence[str], timeout_s: float, *, user: str = ""
) -> ExecResult:
    """As the container's own user, if none is named.

    Raises ActionFailed when it cannot run or does not end in time; it is not killed then.
    """
    answers: list[ExecResult | Exception] = []
    # The SDK waits for output without any limit: only a thread of its own bounds it.
    work = threading.Thread(target=_exec, args=(container, list(argv), user, answers), daemon=True)
    work.start()
    work.join(timeout_s)
    if not answers:
        raise ActionFailed(f"{service}: {argv[0]} did not end within {timeout_s:g} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _exec(container: Container, argv: list[str], user: str, answers: list[ExecResult | Exception]) -> None:
    try:
        with engine_errors(f"running {argv[0]}"):
            code, output = container.exec_run(argv, user=user)
        text = output if isinstance(output, bytes) else b"".join(output)
        answers.append(ExecResult(code=-1 if code is None else code, output=text.decode(errors="replace")))
    except ActionFailed as error:
        answers.append(error)

"""Running a command inside a container, with a time-out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from drill.errors import ActionFailed
from drill.ports import ExecResult
from drill.stacks.engine import engine_errors

if TYPE_CHECKING:
    from docker.models.containers import Container


def run_inside(container: Container, service: str, argv: Sequence[str], timeout_s: float) -> ExecResult:
    """Raises ActionFailed when it cannot run or does not end in time; it is not killed then."""
    answers: list[ExecResult | Exception] = []
    # The SDK waits for output without any limit: only a thread of its own bounds it.
    work = threading.Thread(target=_exec, args=(container, list(argv), answers), daemon=True)
    work.start()
    work.join(timeout_s)
    if not answers:
        raise ActionFailed(f"{service}: {argv[0]} did not end within {timeout_s:g} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _exec(container: Container, argv: list[str], answers: list[ExecResult | Exception]) -> None:
    try:
        with engine_errors(f"running {argv[0]}"):
            code, output = container.exec_run(argv)
        text = output if isinstance(output, bytes) else b"".join(output)
        answers.append(ExecResult(code=-1 if code is None else code, output=text.decode(errors="replace")))
    except ActionFailed as error:
        answers.append(error)

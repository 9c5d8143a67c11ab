"""Feature flags of the stack's services, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from drill.clock import now_ns
from drill.errors import ActionFailed, InvalidInput
from drill.model.lease import Moment
from drill.ports import Stack
from drill.stacks.http import ask, decoded
from drill.stacks.moments import bracket


class HttpFlags:
    """``GET path`` answers an object of name to boolean; ``PUT path/NAME`` takes ``{"value": true}``."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def read(self, service: str) -> Mapping[str, bool]:
        """All flags of a service; none for one without flags. Raises StackError when it does not answer."""
        path = self._path(service)
        if not path:
            return {}
        answer = decoded(ask(self._stack, service, "http", "GET", path), f"{service}{path}")
        if not isinstance(answer, dict) or not all(isinstance(value, bool) for value in answer.values()):
            raise ActionFailed(f"{service}{path} answered no object of flag to true or false")
        return answer

    def write(self, service: str, flag: str, value: bool) -> Moment:
        """Set one flag. Raises InvalidInput for a service without flags, StackError when it is not taken."""
        path = self._path(service)
        if not path:
            raise InvalidInput(f"drill.yaml: service {service!r} has no flags; give the path of its flags")
        began = now_ns()
        answer = ask(self._stack, service, "http", "PUT", f"{path}/{flag}", {"value": value})
        if not answer.ok:
            raise ActionFailed(f"{service}: setting flag {flag} was answered with HTTP {answer.status}")
        return bracket(began, now_ns(), "call")

    def _path(self, service: str) -> str:
        return next((spec.flags for spec in self._stack.specs() if spec.name == service), "")

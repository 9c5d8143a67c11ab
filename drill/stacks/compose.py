"""The stack under Docker Compose, through the engine's API."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drill.clock import now_ns
from drill.errors import ActionFailed, InvalidInput, StackError
from drill.model import config as model
from drill.model.config import Config, ServiceSpec
from drill.model.lease import Moment, StackIdentity
from drill.ports import ExecResult, ServiceState, StagingSign
from drill.stacks import containers, exits, signs
from drill.stacks.compose_cli import compose, stream
from drill.stacks.engine import connect, endpoint, engine_errors, engine_id
from drill.stacks.moments import bracket

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_POLL_S = 0.1
_RESTART_GRACE_S = 5
_PREPARE_S = 900.0
_COMPOSE_S = 180.0
_PROJECT, _SERVICE, _ONEOFF = (f"com.docker.compose.{name}" for name in ("project", "service", "oneoff"))
_ROLE_QUERY = 'psql -XtAq -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-postgres}" -c "select pg_is_in_recovery()"'


class ComposeStack:
    """One container a service, found by Compose's labels each time.

    ``root``: folder of drill.yaml; ``shipped``: what {shipped} becomes. Every call has a time-out.
    """

    def __init__(self, config: Config, root: Path, shipped: Path) -> None:
        if config.stack.compose is None:
            raise InvalidInput("drill.yaml has no stack.compose; add it, or use `--stack process`")
        self._config = config
        self._compose: model.ComposeStack = config.stack.compose
        self._root = root
        self._shipped = shipped
        self._lock = threading.Lock()
        self._client: DockerClient | None = None

    def identity(self) -> StackIdentity:
        """Endpoint and engine id together, and the Compose project."""
        project = self._compose.project
        return StackIdentity(kind="compose", project=project, endpoint=endpoint(), engine_id=engine_id(self._engine()))

    def capabilities(self) -> frozenset[str]:
        """``postgresql`` when a service has that role."""
        found = {"containers", "pause"} | {"flags" for spec in self.specs() if spec.flags}
        return frozenset(found | {"postgresql" for spec in self.specs() if spec.role == "postgresql"})

    def specs(self) -> Sequence[ServiceSpec]:
        """The services that drill.yaml names."""
        return self._config.stack.services

    def up(self, say: Callable[[str], None]) -> None:
        """Prepare, start and wait until all is healthy. Removes nothing. Raises StackError with the last log lines."""
        file = self._file()
        if self._compose.prepare:
            prepare = [item.replace("{shipped}", str(self._shipped)) for item in self._compose.prepare]
            stream(prepare, self._root, say, _PREPARE_S)
        compose(file, self._compose.project, ["up", "-d"], say, _COMPOSE_S)
        within = self._config.stack.ready_within
        deadline = time.monotonic() + within
        for spec in self.specs():
            if not self.wait_healthy(spec.name, max(deadline - time.monotonic(), 0.1)):
                last = " | ".join(self.logs(spec.name, 5).splitlines()) or "its log is empty"
                raise StackError(f"{spec.name} is not healthy after {within:g} s: {last}")
            say(f"{spec.name} is up")

    def down(self, say: Callable[[str], None]) -> None:
        """Remove the project's containers and networks; its volumes only when the data is disposable."""
        for name, state in self.services().items():
            if state.paused:
                self.unpause(name)
        volumes = ["--volumes"] if self._config.stack.data == "disposable" else []
        compose(self._file(), self._compose.project, ["down", *volumes], say, _COMPOSE_S)

    def services(self) -> Mapping[str, ServiceState]:
        """The services of drill.yaml that have a container, in any state."""
        found = self._containers()
        return {
            spec.name: containers.state_of(spec.name, found[spec.name].attrs)
            for spec in self.specs()
            if spec.name in found
        }

    def staging_signs(self, service: str) -> Sequence[StagingSign]:
        """From the container's labels and environment."""
        attrs = self._container(service).attrs
        return signs.signs(containers.labels_of(attrs), containers.env_of(attrs))

    def start(self, service: str) -> Moment:
        """Start it unless it runs (a paused one runs)."""
        container, began = self._container(service), now_ns()
        if not container.attrs["State"]["Running"]:
            with engine_errors(f"starting {service}"):
                container.start()
        return bracket(began, now_ns(), "call")

    def stop(self, service: str, grace_s: float) -> Moment:
        """Its stop signal, ``grace_s`` seconds, SIGKILL. It stops answering between the signal and the exit."""
        container, began = self._container(service), now_ns()
        if not container.attrs["State"]["Running"]:
            return bracket(began, now_ns(), "already stopped")
        with engine_errors(f"stopping {service}"):
            self._wake(container)
            moment = exits.observe(container, lambda: container.stop(timeout=math.ceil(grace_s)))
        return bracket(began, moment.at_ns + moment.uncertainty_ns, moment.source)

    def kill(self, service: str, signal: str = "SIGKILL") -> Moment:
        """Send a signal that ends it, and see it end."""
        container = self._container(service)
        with engine_errors(f"killing {service}"):
            return exits.observe(container, lambda: container.kill(signal))

    def pause(self, service: str) -> Moment:
        """Freeze all its processes."""
        return self._call(service, "pausing", lambda container: container.pause())

    def unpause(self, service: str) -> Moment:
        """Thaw them."""
        return self._call(service, "unpausing", lambda container: container.unpause())

    def restart(self, service: str) -> Moment:
        """Start it again from any state; ± from the stop to the start's answer."""
        container, began = self._container(service), now_ns()
        with engine_errors(f"restarting {service}"):
            if container.attrs["State"]["Paused"]:
                # Woken first, it would answer what hung, and an alert would clear for a moment. A kill wakes it dying.
                container.kill("SIGKILL")
                container.wait(timeout=_RESTART_GRACE_S)
            container.restart(timeout=_RESTART_GRACE_S)
        return bracket(began, now_ns(), "call")

    def wait_healthy(self, service: str, timeout_s: float) -> bool:
        """Whether it runs and its health check passed (where it has one) within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while True:
            state = self.services().get(service)
            if state and state.running and not state.paused and state.healthy is not False:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)  # health is asked for, never told

    def exec(self, service: str, argv: Sequence[str], timeout_s: float = 10) -> ExecResult:
        """Run a command in the container. Raises ActionFailed when it does not end in time; it is not killed then."""
        container = self._container(service)
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

    def logs(self, service: str, tail: int = 200) -> str:
        """Its last lines of output."""
        container = self._container(service)
        with engine_errors(f"reading the log of {service}"):
            return container.logs(tail=tail).decode(errors="replace")

    def address(self, service: str, port: str) -> tuple[str, int]:
        """From the port bindings of its container, which may be stopped."""
        spec = self._config.service(service)
        if spec is None or port not in spec.ports:
            raise InvalidInput(f"drill.yaml: service {service!r} has no port named {port!r}")
        number = containers.published(self._container(service).attrs, spec.ports[port])
        if number is None:
            raise StackError(f"{service} does not publish its port {spec.ports[port]}; publish it on 127.0.0.1")
        return "127.0.0.1", number

    def data_roles(self) -> Mapping[str, str]:
        """Asked of each database itself."""
        return {spec.name: self._role(spec.name) for spec in self.specs() if spec.role == "postgresql"}

    def close(self) -> None:
        """Give the connections to the engine back."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _role(self, service: str) -> str:
        try:
            answer = self.exec(service, ["sh", "-c", _ROLE_QUERY], timeout_s=5)
        except StackError:
            return "down"
        return {"f": "primary", "t": "replica"}.get(answer.output.strip(), "down")

    def _engine(self) -> DockerClient:
        with self._lock:
            if self._client is None:
                self._client = connect()
            return self._client

    def _file(self) -> Path:
        file = Path(os.path.normpath(self._root / self._compose.file))
        if not file.is_file():
            raise StackError(f"{file}: no such Compose file; see stack.compose.file in drill.yaml")
        return file

    def _containers(self) -> dict[str, Container]:
        wanted = [f"{_PROJECT}={self._compose.project}", f"{_ONEOFF}=False"]
        client = self._engine()
        with engine_errors("listing containers"):
            listed = client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
        found: dict[str, Container] = {}
        for container in listed:
            service = container.labels[_SERVICE]
            if service in found:
                raise StackError(f"service {service} has several containers; scale it to 1: drill hits one at a time")
            found[service] = container
        return found

    def _container(self, service: str) -> Container:
        container = self._containers().get(service)
        if container is None:
            project = self._compose.project
            raise StackError(f"service {service} has no container in project {project}; run `drill stack up`")
        return container

    def _call(self, service: str, doing: str, act: Callable[[Any], None]) -> Moment:
        container, began = self._container(service), now_ns()
        with engine_errors(f"{doing} {service}"):
            act(container)
        return bracket(began, now_ns(), "call")

    def _wake(self, container: Container) -> None:
        if container.attrs["State"]["Paused"]:
            container.unpause()


def _exec(container: Container, argv: list[str], answers: list[ExecResult | Exception]) -> None:
    try:
        with engine_errors(f"running {argv[0]}"):
            code, output = container.exec_run(argv)
        text = output if isinstance(output, bytes) else b"".join(output)
        answers.append(ExecResult(code=-1 if code is None else code, output=text.decode(errors="replace")))
    except ActionFailed as error:
        answers.append(error)

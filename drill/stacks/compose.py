"""The stack under Docker Compose, through the engine's API."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drill.clock import now_ns
from drill.errors import InvalidInput, StackError
from drill.flags import HttpFlags
from drill.model import config as model
from drill.model.config import Config, ServiceSpec
from drill.model.lease import Moment, StackIdentity
from drill.ports import ExecResult, Flags, Proxies, ServiceState, Stack, StagingSign
from drill.ports.containers import Containers
from drill.stacks import containers, deploy, exits, replicas, signs, successor
from drill.stacks.compose_cli import compose, stream
from drill.stacks.containers import Attrs
from drill.stacks.engine import endpoint, engine_errors, engine_id
from drill.stacks.inside import run_inside
from drill.stacks.moments import bracket
from drill.stacks.operations import ContainerOperations
from drill.stacks.project import Project, number_of
from drill.stacks.readiness import wait_until_ready
from drill.stacks.roles import proxies_of, role_capabilities, role_of
from drill.stacks.together import act_on_all

if TYPE_CHECKING:
    from docker.models.containers import Container

_POLL_S = 0.1
_RESTART_GRACE_S = 5
_PREPARE_S = 900.0
_COMPOSE_S = 180.0
_RESTORE_S = 60.0


class ComposeStack:
    """The services of a Compose project, with one container or several each, found by Compose's labels each time.

    What is done to a service is done to all its replicas, at once but for ``deploy``; the moment spans them all.
    ``root``: folder of drill.yaml; ``shipped``: what {shipped} becomes. Every call has a time-out.
    """

    def __init__(self, config: Config, root: Path, shipped: Path) -> None:
        if config.stack.compose is None:
            raise InvalidInput("drill.yaml has no stack.compose; add it, or use `--stack process`")
        self._config = config
        self._compose: model.ComposeStack = config.stack.compose
        self._root = root
        self._shipped = shipped
        self._project = Project(self._compose.project)

    def identity(self) -> StackIdentity:
        """Endpoint and engine id together, and the Compose project."""
        engine = engine_id(self._project.engine())
        return StackIdentity(kind="compose", project=self._project.name, endpoint=endpoint(), engine_id=engine)

    def capabilities(self) -> frozenset[str]:
        """``postgresql``, ``toxiproxy``, ``prometheus``, ``alertmanager`` when a service has that role."""
        return frozenset({"containers", "pause", "deploy"}) | role_capabilities(self.specs())

    def specs(self) -> Sequence[ServiceSpec]:
        """The services that drill.yaml names."""
        return self._config.stack.services

    def up(self, say: Callable[[str], None]) -> None:
        """Prepare, start and wait until all is healthy. Removes nothing. Raises StackError with the last log lines."""
        file = self._file()
        if self._compose.prepare:
            self._stream(self._compose.prepare, say, _PREPARE_S)
        for spec in self.specs():
            successor.settle(self._project, spec.name)
        compose(file, self._project.name, ["up", "-d"], self._shipped, say, _COMPOSE_S)
        wait_until_ready(self, [spec.name for spec in self.specs()], self._config.stack.ready_within, say)

    def down(self, say: Callable[[str], None]) -> None:
        """Remove the project's containers and networks; its volumes only when the data is disposable."""
        for name, state in self.services().items():
            if state.any_paused:
                self.unpause(name)
        volumes = ["--volumes"] if self._config.stack.data == "disposable" else []
        compose(self._file(), self._project.name, ["down", *volumes], self._shipped, say, _COMPOSE_S)

    def services(self) -> Mapping[str, ServiceState]:
        """The services of drill.yaml that have a container, in any state."""
        found, memory = self._project.by_service(), self._project.memory()
        return {
            spec.name: replicas.state_of(spec.name, [container.attrs for container in found[spec.name]], memory)
            for spec in self.specs()
            if spec.name in found
        }

    def staging_signs(self, service: str) -> Sequence[StagingSign]:
        """From labels, environment and command line of each replica; what they share is told once."""
        found = [sign for one in self._project.existing(service) for sign in signs.of_container(one.attrs)]
        return list(dict.fromkeys(found))

    def bystanders(self) -> Mapping[str, Sequence[StagingSign]]:
        """The project's containers of other services, and its one-off jobs."""
        others = self._project.others({spec.name for spec in self.specs()})
        return {str(one.name): signs.against_container(one.attrs) for one in others}

    def start(self, service: str) -> Moment:
        """Start what does not run (a paused one runs)."""
        successor.settle(self._project, service)
        down = [one for one in self._project.existing(service) if not _running(one.attrs["State"])]
        return act_on_all(down, f"starting {service}", lambda one: one.start(), "already running")

    def stop(self, service: str, grace_s: float) -> Moment:
        """Its stop signal, ``grace_s`` seconds, SIGKILL. It stops answering between the signal and the exit."""
        running = [one for one in self._project.existing(service) if _running(one.attrs["State"])]

        def stop_one(container: Container) -> Moment:
            began = now_ns()
            if container.attrs["State"]["Paused"]:
                container.unpause()
            moment = exits.observe(container, lambda: container.stop(timeout=math.ceil(grace_s)))
            return bracket(began, moment.at_ns + moment.uncertainty_ns, moment.source)

        return act_on_all(running, f"stopping {service}", stop_one, "already stopped")

    def kill(self, service: str, signal: str = "SIGKILL") -> Moment:
        """Send a signal that ends it, and see it end. Raises ActionFailed when no replica runs."""

        def kill_one(container: Container) -> Moment:
            return exits.observe(container, lambda: container.kill(signal))

        return act_on_all(self._those(service, _running), f"killing {service}", kill_one)

    def pause(self, service: str) -> Moment:
        """Freeze all its processes. Raises ActionFailed when no replica can be frozen."""
        found = self._project.awake(service) or self._project.existing(service)  # the engine says why it refuses
        return act_on_all(found, f"pausing {service}", lambda one: one.pause())

    def unpause(self, service: str) -> Moment:
        """Thaw them. Raises ActionFailed when no replica is frozen."""
        return act_on_all(self._those(service, _paused), f"unpausing {service}", lambda one: one.unpause())

    def restart(self, service: str) -> Moment:
        """Start it again from any state, all replicas at once; ± from the stop to the start's answer."""
        successor.settle(self._project, service)

        def restart_one(container: Container) -> None:
            if container.attrs["State"]["Paused"]:
                # Woken first, it would answer what hung, and an alert would clear for a moment. A kill wakes it dying.
                container.kill("SIGKILL")
                container.wait(timeout=_RESTART_GRACE_S)
            container.restart(timeout=_RESTART_GRACE_S)

        return act_on_all(self._project.existing(service), f"restarting {service}", restart_one)

    def deploy(self, service: str, image: str) -> Moment:
        """Recreate what does not run from that image, replica by replica; from any state. See ``drill.stacks.deploy``.

        ``image``: a reference or an id; on the engine already. What it changes beside is the image's own settings.
        """
        with successor.changing(
            self._project
        ):  # a roll-back waits for the deployment that it undoes: interleaved, neither would win
            return deploy.deploy(self._project, service, image)

    def image(self, service: str) -> str:
        """The reference that its replicas were made from; where they differ, each in order."""
        return replicas.alike(deploy.references(self._project.existing(service)))

    def image_id(self, image: str) -> str:
        """The id that ``facts["image"]`` shows for it. Raises StackError when it is not on the engine."""
        return str(successor.find_image(self._project.engine(), image).id)

    def wait_healthy(self, service: str, timeout_s: float) -> bool:
        """Whether every replica runs and passed its health check (where it has one) within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = [container.attrs for container in self._project.replicas(service)]
            state = replicas.state_of(service, found) if found else None
            if state and state.running and not state.any_paused and state.healthy is not False:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)  # health is asked for, never told

    def trouble(self, service: str) -> tuple[str, bool]:
        """Why it is not ready, in words; whether a replica has ended for good."""
        found = [container.attrs for container in self._project.replicas(service)]
        ended = [attrs for attrs in found if containers.has_ended(attrs)]
        bad = ended or [attrs for attrs in found if containers.healthy_of(attrs["State"]) is False] or found
        return (containers.trouble(bad[0]) if bad else "it has no container"), bool(ended)

    def exec(self, service: str, argv: Sequence[str], timeout_s: float = 10) -> ExecResult:
        """Run a command in the first replica that runs. Raises ActionFailed when it does not end in time; it is not
        killed then."""
        return run_inside(self._those(service, _active)[0], service, argv, timeout_s)

    def logs(self, service: str, tail: int = 200) -> str:
        """The last lines of output; of several replicas each its own, marked with the container's name."""
        found = self._project.existing(service)
        with engine_errors(f"reading the log of {service}"):
            texts = [(one.name, one.logs(tail=tail).decode(errors="replace")) for one in found]
        if len(texts) == 1:
            return texts[0][1]
        return "\n".join(f"{name} | {line}" for name, text in texts for line in text.splitlines())

    def address(self, service: str, port: str) -> tuple[str, int]:
        """From the port bindings of its container, or of the one it is reached through; that may be stopped."""
        spec = self._config.service(service)
        if spec is not None and spec.through:
            return self.address(spec.through, port)
        if spec is None or port not in spec.ports:
            raise InvalidInput(f"drill.yaml: service {service!r} has no port named {port!r}")
        number = containers.published(self._project.existing(service)[0].attrs, spec.ports[port])
        if number is None:
            raise StackError(f"{service} does not publish its port {spec.ports[port]}; publish it on 127.0.0.1")
        return "127.0.0.1", number

    def data_roles(self) -> Mapping[str, str]:
        """Asked of each database itself."""
        return {spec.name: role_of(self, spec.name) for spec in self.specs() if spec.role == "postgresql"}

    def restore(self, say: Callable[[str], None]) -> None:
        """Run ``stack.restore`` of drill.yaml, at most 60 s. Unfinished deployments are ended first."""
        if not self._config.stack.restore:
            raise InvalidInput("drill.yaml has no stack.restore; add the commands that bring the data roles back")
        for spec in self.specs():
            successor.settle(self._project, spec.name)
        self._stream(self._config.stack.restore, say, _RESTORE_S)

    def proxies(self, service: str) -> Proxies:
        """Those of a service of role ``toxiproxy``, at its port named ``api``."""
        return proxies_of(self, service)

    def flags(self) -> Flags:
        """Over HTTP, at the path that drill.yaml gives."""
        return HttpFlags(self)

    def containers(self) -> Containers:
        """What only containers have."""
        return ContainerOperations(self._project)

    def replica_numbers(self, service: str) -> Sequence[int]:
        """As Compose counts them, from 1."""
        return [number_of(container) for container in self._project.existing(service)]

    def replica(self, service: str, number: int) -> Stack:
        """The same project, over the same connections, with one replica of the service."""
        view = copy.copy(self)
        view._project = self._project.narrowed(service, number)
        return view

    def close(self) -> None:
        """Give the connections to the engine back."""
        self._project.close()

    def _stream(self, argv: Sequence[str], say: Callable[[str], None], timeout_s: float) -> None:
        holes = {"{shipped}": str(self._shipped), "{project}": self._project.name}
        filled = list(argv)
        for hole, value in holes.items():
            filled = [item.replace(hole, value) for item in filled]
        stream(filled, self._root, self._shipped, say, timeout_s)

    def _file(self) -> Path:
        file = Path(os.path.normpath(self._root / self._compose.file))
        if not file.is_file():
            raise StackError(f"{file}: no such Compose file; see stack.compose.file in drill.yaml")
        return file

    def _those(self, service: str, fit: Callable[[Attrs], bool]) -> list[Container]:
        """The replicas whose state fits; all of them when none does: the engine then says why it refuses."""
        found = self._project.existing(service)
        return [one for one in found if fit(one.attrs["State"])] or found


def _running(state: Attrs) -> bool:
    return bool(state["Running"])


def _paused(state: Attrs) -> bool:
    return bool(state["Paused"])


def _active(state: Attrs) -> bool:
    return _running(state) and not _paused(state)

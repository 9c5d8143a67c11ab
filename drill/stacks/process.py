"""The stack as local processes: for machines without an engine."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import signal as signals
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from drill.clock import boot_id, now_ns
from drill.errors import ActionFailed, InvalidInput, Refused, StackError
from drill.flags import HttpFlags
from drill.journal.lock import FileLock
from drill.model.config import Config, ServiceSpec
from drill.model.lease import Moment, StackIdentity
from drill.ports import ExecResult, Flags, Proxies, ServiceState, Stack, StagingSign
from drill.ports.containers import Containers
from drill.stacks import control, process_state, procfs, signs
from drill.stacks.http import request
from drill.stacks.moments import bracket
from drill.stacks.procfs import Proc
from drill.stacks.readiness import wait_until_ready
from drill.stacks.roles import proxies_of, role_capabilities
from drill.stacks.spawn import Holes, environment, last_lines, reap, spawn

_POLL_S = 0.02
_RESTART_GRACE_S = 5.0
_NO_IMAGES = "the process stack runs local processes; use `--stack compose`"


class ProcessStack:
    """Services with a ``command`` as processes of this user. Which process is which is read from /proc each time.

    ``root``: folder of drill.yaml, where commands run; ``state``: folder for nonce, ports, data and logs.
    Raises Refused on anything but Linux.
    """

    def __init__(self, config: Config, root: Path, state: Path, shipped: Path) -> None:
        if not sys.platform.startswith("linux"):
            raise Refused("the process stack needs Linux (it proves its processes by pidfd); use `--stack compose`")
        self._config = config
        self._root = root
        self._folder = state
        self._file = state / "process-stack.json"
        self._shipped = shipped
        self._specs = tuple(spec for spec in config.stack.services if spec.command)

    def identity(self) -> StackIdentity:
        """This host since its boot, and this stack's nonce (only its digest: it is the proof of staging)."""
        digest = hashlib.sha256(self._state().nonce.encode()).hexdigest()[:16]
        boot = f"boot:{boot_id()}"
        return StackIdentity(kind="process", project=self._config.project, endpoint=boot, engine_id=digest)

    def capabilities(self) -> frozenset[str]:
        """Of roles only those of services that have a command."""
        return frozenset({"processes", "pause"}) | role_capabilities(self._specs)

    def specs(self) -> Sequence[ServiceSpec]:
        """The services that can run as processes."""
        return self._specs

    def up(self, say: Callable[[str], None]) -> None:
        """Start what does not run and wait until all is healthy. Raises StackError with the last log lines."""
        process_state.prepare(self._file, self._specs, lambda nonce: any(True for _ in procfs.members(nonce)))
        for spec in self._specs:
            self.start(spec.name)
        wait_until_ready(self, [spec.name for spec in self._specs], self._config.stack.ready_within, say)

    def down(self, say: Callable[[str], None]) -> None:
        """Stop everything that carries the nonce; remove the data only when it is disposable."""
        if process_state.load(self._file) is None:
            return
        for spec in self._specs:
            self.stop(spec.name, _RESTART_GRACE_S)
            self._kill_strays(spec.name)
            say(f"{spec.name} is down")
        if self._config.stack.data == "disposable":
            shutil.rmtree(self._folder / "data", ignore_errors=True)

    def services(self) -> Mapping[str, ServiceState]:
        """Every service, whether it runs or not; empty when the stack was never up."""
        state = process_state.load(self._file)
        if state is None:
            return {}
        leaders = self._leaders(state.nonce)
        return {spec.name: self._service(spec, leaders.get(spec.name)) for spec in self._specs}

    def staging_signs(self, service: str) -> Sequence[StagingSign]:
        """The proof is a pidfd of a process with our nonce: we started it."""
        leader = self._leader(service)
        pidfd = procfs.hold_exactly(leader) if leader else None
        if leader is None or pidfd is None:
            return [StagingSign(name="process", verdict="missing", detail="no running process that this stack started")]
        os.close(pidfd)
        proof = StagingSign(name="process", verdict="proof", detail=f"pid {leader.pid} was started by this stack")
        return [proof, *signs.against({}, procfs.environ(leader.pid), procfs.argv(leader.pid))]

    def bystanders(self) -> Mapping[str, Sequence[StagingSign]]:
        """None: nothing else carries the nonce."""
        return {}

    def start(self, service: str) -> Moment:
        """Start it unless it runs (a paused one runs). Two callers at once start one."""
        spec, state, began = self._spec(service), self._state(), now_ns()
        lock = FileLock(self._folder / f"{service}.lock")
        lock.take(wait=True)
        try:
            if self._leader(service) is None:
                self._kill_strays(service)
                spawn(spec, self._holes(service), state.nonce, self._root, self._log(service))
        finally:
            lock.free()
        return bracket(began, now_ns(), "call")

    def stop(self, service: str, grace_s: float) -> Moment:
        """SIGTERM, ``grace_s`` seconds, SIGKILL. It stops answering somewhere between the signal and the exit."""
        began = now_ns()
        leader = self._leader(service)
        if leader is None:
            return bracket(began, now_ns(), "already stopped")
        return control.stop(leader, grace_s)

    def kill(self, service: str, signal: str = "SIGKILL") -> Moment:
        """Send a signal that ends it, and see it end. SIGKILL takes its children too, as in a container."""
        return control.kill(self._running(service), signals.Signals[signal])

    def pause(self, service: str) -> Moment:
        """SIGSTOP, and wait until the process is seen stopped."""
        return control.toggle(self._running(service), signals.SIGSTOP, paused=True)

    def unpause(self, service: str) -> Moment:
        """SIGCONT, and wait until the process is seen running."""
        return control.toggle(self._running(service), signals.SIGCONT, paused=False)

    def restart(self, service: str) -> Moment:
        """Stop it, from any state, and start it. A paused one is killed: woken first, it would answer what hung."""
        leader = self._leader(service)
        if leader is not None and leader.paused:
            self.kill(service)
        else:
            self.stop(service, _RESTART_GRACE_S)
        return self.start(service)

    def deploy(self, service: str, image: str) -> Moment:
        """A local process has no image."""
        raise InvalidInput(f"{service}: cannot deploy {image}: {_NO_IMAGES}")

    def image(self, service: str) -> str:
        """A local process has no image."""
        raise InvalidInput(f"{service} has no image: {_NO_IMAGES}")

    def image_id(self, image: str) -> str:
        """A local process has no image."""
        raise InvalidInput(f"cannot look for image {image}: {_NO_IMAGES}")

    def wait_healthy(self, service: str, timeout_s: float) -> bool:
        """Whether it runs and its health check passed within ``timeout_s``."""
        spec, deadline = self._spec(service), time.monotonic() + timeout_s
        while True:
            state = self._service(spec, self._leader(service))
            if state.running and state.healthy is not False:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)  # health is asked for, never told

    def trouble(self, service: str) -> tuple[str, bool]:
        """Why it is not ready, in words; whether its process has ended."""
        spec = self._spec(service)
        if self._leader(service) is None:
            return "its process has ended", True
        return f"GET {spec.health} has not answered 200", False

    def exec(self, service: str, argv: Sequence[str], timeout_s: float = 10) -> ExecResult:
        """Run a command with the service's environment. Raises ActionFailed when the service does not run."""
        spec, leader = self._spec(service), self._leader(service)
        if leader is None or leader.paused:
            raise ActionFailed(f"{service} does not run; start it before running {argv[0]} in it")
        return control.run(service, argv, self._root, environment(spec, self._holes(service)), timeout_s)

    def logs(self, service: str, tail: int = 200) -> str:
        """Its last lines of output, of all its runs."""
        self._spec(service)
        return last_lines(self._log(service), tail)

    def address(self, service: str, port: str) -> tuple[str, int]:
        """Chosen at the first `up` and kept, so that a restart comes back on it."""
        ports = self._state().ports.get(self._spec(service).name, {})
        if port not in ports:
            raise InvalidInput(f"service {service} has no port named {port!r}; it has {sorted(ports)}")
        return process_state.LOOPBACK, ports[port]

    def data_roles(self) -> Mapping[str, str]:
        """None: no database runs here."""
        return {}

    def restore(self, say: Callable[[str], None]) -> None:  # noqa: ARG002 - the port's signature
        """There are no data roles to bring back."""
        raise InvalidInput("the process stack has no database, so nothing to restore; use `--stack compose`")

    def proxies(self, service: str) -> Proxies:
        """Those of a service of role ``toxiproxy``, at its port named ``api``."""
        return proxies_of(self, service)

    def flags(self) -> Flags:
        """Over HTTP, at the path that drill.yaml gives."""
        return HttpFlags(self)

    def containers(self) -> Containers:
        """Always refused."""
        raise InvalidInput("this stack has no containers; run the scenario with --stack compose")

    def replica_numbers(self, service: str) -> Sequence[int]:
        """There is one of each."""
        return [1] if self._spec(service) else []

    def replica(self, service: str, number: int) -> Stack:
        """The stack itself: there is one of each. Raises InvalidInput for another number."""
        if number not in self.replica_numbers(service):
            raise InvalidInput(f"service {service} has one replica on this stack, number 1; number {number} is none")
        return self

    def _state(self) -> process_state.ProcessState:
        state = process_state.load(self._file)
        if state is None:
            raise StackError(f"the process stack was never up: no {self._file}; run `drill stack up --stack process`")
        return state

    def _spec(self, service: str) -> ServiceSpec:
        for spec in self._specs:
            if spec.name == service:
                return spec
        raise StackError(f"the process stack has no service {service!r}; it has {[spec.name for spec in self._specs]}")

    def _holes(self, service: str) -> Holes:
        return Holes(shipped=self._shipped, data=self._folder / "data", service=service, ports=self._state().ports)

    def _log(self, service: str) -> Path:
        return self._folder / "logs" / f"{service}.log"

    def _leaders(self, nonce: str) -> dict[str, Proc]:
        """The first process of each service: the one that leads its process group. Without it the service is dead."""
        reap()
        return {name: proc for name, proc in procfs.members(nonce) if proc.group == proc.pid}

    def _leader(self, service: str) -> Proc | None:
        self._spec(service)
        return self._leaders(self._state().nonce).get(service)

    def _running(self, service: str) -> Proc:
        leader = self._leader(service)
        if leader is None:
            raise ActionFailed(f"{service} does not run; start it first")
        return leader

    def _service(self, spec: ServiceSpec, leader: Proc | None) -> ServiceState:
        paused = leader is not None and leader.paused
        return ServiceState(
            name=spec.name,
            instance=leader.instance if leader else "",
            running=leader is not None,
            paused=paused,
            healthy=None if not spec.health else leader is not None and not paused and self._answers(spec),
            pid=leader.pid if leader else None,
            replicas=(leader.instance,) if leader else (),
            any_running=leader is not None,
            any_paused=paused,
            facts=self._facts(spec, leader),
        )

    def _facts(self, spec: ServiceSpec, leader: Proc | None) -> dict[str, str]:
        ports = self._state().ports.get(spec.name, {})
        facts = {"ports": " ".join(f"{name}={port}" for name, port in sorted(ports.items()))}
        if leader is not None:
            env = procfs.environ(leader.pid)
            observed = repr((procfs.argv(leader.pid), [(key, env.get(key)) for key in sorted(spec.env)]))
            facts["configuration"] = hashlib.sha256(observed.encode()).hexdigest()[:16]
        return facts

    def _answers(self, spec: ServiceSpec) -> bool:
        port = "http" if "http" in spec.ports else next(iter(spec.ports))
        try:
            return request(self.address(spec.name, port), "GET", spec.health, timeout_s=1).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def _kill_strays(self, service: str) -> None:
        """Children of a service whose first process has gone: they may still hold its port."""
        for name, proc in procfs.members(self._state().nonce):
            if name == service:
                control.end(proc)

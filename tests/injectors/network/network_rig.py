"""Three services in one network: near, which is hit, far and other. Each serves files; all looks are from outside."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from compose_rig import BASE, Rig, docker
from kernel import HELPER
from observers import DOCKER, until

from drill.model.config import ServiceSpec
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import Seconds
from drill.ports import Injector, Stack

NEAR, FAR, OTHER = "near", "far", "other"
PORT = 8000
BYTES = 200_000
_FILES = f"mkdir /tmp/w && cd /tmp/w && head -c {BYTES} /dev/zero >big && echo ok >small"
_RUN = f"{_FILES} && exec python3 -m http.server {PORT}"
_SERVICE = """
  {name}:
    image: {image}
    init: true
    restart: "no"
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
    command: ["sh", "-c", "rm -rf /tmp/w; {run}"]
"""
COMPOSE = 'version: "2.4"\nservices:' + "".join(
    _SERVICE.format(name=name, image=BASE, run=_RUN) for name in (NEAR, FAR, OTHER)
)


class NetworkRig(Rig):
    """The project. Nothing here shares code with the injectors."""

    def __init__(self, folder: Path) -> None:
        services = tuple(ServiceSpec(name=name) for name in (NEAR, FAR, OTHER))
        super().__init__(folder, COMPOSE, services)

    def container(self, service: str = NEAR) -> str:
        """The id of its one container."""
        return self.ids(service)[0]

    def inside(self, service: str, *argv: str) -> tuple[int, str]:
        """Exit code and output of a command in a container."""
        command = [DOCKER, "exec", self.container(service), *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.returncode, done.stdout.strip()

    def get(self, client: str, server: str, path: str = "small", bound_s: float = 0.3) -> tuple[int, float]:
        """curl's exit code (0 good, 7 refused, 28 too late) and seconds, measured inside."""
        address = f"http://{self.address(server)}:{PORT}/{path}"
        argv = ["curl", "-s", "-m", str(bound_s), "-o", "/dev/null", "-w", "%{time_total}", address]
        code, seconds = self.inside(client, *argv)
        return code, float(seconds)

    def reaches(self, client: str, server: str) -> bool:
        """An answer comes, at once."""
        code, seconds = self.get(client, server)
        return code == 0 and seconds < 0.1

    def address(self, service: str = NEAR) -> str:
        """Its address in the network, by the engine's word."""
        shown = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return docker("inspect", "--format", shown, self.container(service))

    def beside(self, *argv: str, service: str = NEAR) -> str:
        """Output of a tool in the service's network name space."""
        where = ["--rm", "--network", f"container:{self.container(service)}", "--cap-add", "NET_ADMIN", "--user", "0"]
        return docker("run", *where, HELPER, *argv)

    def filter(self) -> list[str]:
        """All rules and disciplines of near's, without counters."""
        shown = self.beside("sh", "-c", "iptables-save; tc qdisc show")
        return [line.split(" refcnt")[0] for line in shown.splitlines() if line.startswith(("-A", "qdisc"))]

    def helpers(self) -> list[str]:
        """Helper containers of the project, in any state."""
        return docker("ps", "-aq", "--filter", f"label=drill.helper.project={self.project}").split()

    def whole(self) -> bool:
        """Everybody reaches everybody, by name too."""
        pairs = ((NEAR, FAR), (FAR, NEAR), (OTHER, NEAR))
        return all(self.reaches(*pair) for pair in pairs) and self.inside(NEAR, "getent", "hosts", FAR)[0] == 0

    def mend(self) -> None:
        """Bring it to its first state, by the command line alone."""
        for helper in self.helpers():
            subprocess.run([DOCKER, "rm", "-f", helper], capture_output=True, check=False, timeout=30)
        if len(self.ids(NEAR)) != 1 or not self._runs(NEAR):
            self.stack.up(lambda _: None)
        if any("drill" in line or "tbf" in line or "netem" in line for line in self.filter()):
            docker("restart", "-t", "0", self.container())
        assert until(self.whole, within_s=30)

    def _runs(self, service: str) -> bool:
        return docker("inspect", "--format", "{{.State.Running}}", self.container(service)) == "true"


def fault(
    injector: Injector, params: Mapping[str, ParamValue], target: str = NEAR, max_duration: float = 60
) -> FaultSpec:
    return FaultSpec(id="f1", kind=injector.kind, target=target, max_duration=Seconds(max_duration), params=params)


def planned(
    injector: Injector,
    stack: Stack,
    params: Mapping[str, ParamValue],
    lease_id: str = "D-1.01",
    target: str = NEAR,
    max_duration: float = 60,
) -> Lease:
    draft = Lease(
        id=lease_id,
        drill_id="D-1",
        fault_id="f1",
        kind=injector.kind,
        service=target,
        instance="",
        reversibility=injector.reversibility,
        stack=stack.identity(),
        boot_id="b",
        expires_at_ns=1,
        expires_utc="",
        settle_s=0,
    )
    return injector.plan(fault(injector, params, target, max_duration), stack, draft)

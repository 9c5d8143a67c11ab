"""The whole alert path with the real Prometheus and Alertmanager, the stack's own rules and routes, and the intake."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
from collections.abc import Iterator

import pytest
from alert_world import STAGING, TOKEN, Addresses, following
from observers import DOCKER, answers, boot_ns, until

from drill.detectors.alertmanager import IntakeFollower
from drill.detectors.http import HttpProber
from drill.loader import load_playbook, with_smoke
from drill.model.config import IntakeConfig
from drill.model.playbook import DetectionSource

pytestmark = pytest.mark.engine

STANDARD = load_playbook(STAGING.parent / "drill" / "playbooks" / "standard.yaml")
SMOKE = tuple(row for row in with_smoke(STANDARD).sources if row.type == "prometheus")
REAL = tuple(row for row in STANDARD.sources if row.type == "prometheus")
DATABASE = next(row for row in SMOKE if row.name == "database")
BASE = "drill-staging-base:local"
FAKE_API = """
import http.server
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b'dependency_up{dependency="store"} 1\\n')
http.server.ThreadingHTTPServer(("", 8000), Api).serve_forever()
"""
ALERTMANAGER = (
    'printf %s "$INTAKE_TOKEN" >/tmp/intake-token && exec prometheus-alertmanager --cluster.listen-address= '
    "--config.file=/etc/drill/alertmanager.yml --storage.path=/tmp/alertmanager --web.listen-address=0.0.0.0:9093"
)


def docker(*words: str) -> str:
    done = subprocess.run([DOCKER, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


class Alerting:
    """Containers of one network of this test's own; ``ports``: service to its port on loopback."""

    def __init__(self) -> None:
        self.name = f"drill-test-alerting-{secrets.token_hex(4)}"
        self.ports: dict[str, int] = {}
        self._made: list[str] = []

    def up(self) -> None:
        docker("network", "create", self.name)
        self._run("api", 8000, [BASE, "python3", "-c", FAKE_API])
        intake_env = ["-e", "PORT=8070", "-e", f"INTAKE_TOKEN={TOKEN}", "-v", f"{STAGING}:/srv:ro"]
        self._run("intake", 8070, [*intake_env, BASE, "python3", "/srv/intake/app.py"])
        configured = ["-e", f"INTAKE_TOKEN={TOKEN}", "-v", f"{STAGING}/alertmanager:/etc/drill:ro"]
        self._run("alertmanager", 9093, [*configured, BASE, "sh", "-c", ALERTMANAGER])
        flags = ["--config.file=/etc/drill/prometheus.yml", "--storage.tsdb.path=/tmp/prometheus"]
        self._run("prometheus", 9090, ["-v", f"{STAGING}/prometheus:/etc/drill:ro", BASE, "prometheus", *flags])
        for service, path in (("intake", "/health"), ("alertmanager", "/-/ready"), ("prometheus", "/-/ready")):
            assert until(lambda port=self.ports[service], path=path: answers(("127.0.0.1", port), path), 30), service

    def _run(self, service: str, port: int, words: list[str]) -> None:
        name = f"{self.name}-{service}"
        self._made.append(name)
        docker("run", "-d", "--init", "--name", name, "--network", self.name, "--network-alias", service,
               "-p", f"127.0.0.1:0:{port}", *words)  # fmt: skip
        self.ports[service] = int(docker("port", name, str(port)).rpartition(":")[2])

    def pause(self, service: str) -> None:
        docker("pause", f"{self.name}-{service}")

    def unpause(self, service: str) -> None:
        docker("unpause", f"{self.name}-{service}")

    def down(self) -> None:
        for name in self._made:
            subprocess.run([DOCKER, "rm", "-f", "-v", name], capture_output=True, timeout=60, check=False)
        subprocess.run([DOCKER, "network", "rm", self.name], capture_output=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def alerting() -> Iterator[Alerting]:
    subprocess.run(["bash", str(STAGING / "build-images.sh")], timeout=900, check=True, capture_output=True)
    made = Alerting()
    try:
        made.up()
        yield made
    finally:
        made.down()


def detail(alerting: Alerting, source: DetectionSource) -> str:
    """Why the source is not clear; empty when it is."""

    async def look() -> str:
        prober = HttpProber(Addresses(alerting.ports["prometheus"]).as_stack())
        try:
            sample = await prober.check(source)
        finally:
            await prober.aclose()
        return "" if sample.ok else sample.detail

    return asyncio.run(look())


@pytest.mark.parametrize("sources", [SMOKE, REAL], ids=["smoke", "real"])
def test_the_stacks_rules_are_the_playbooks(alerting: Alerting, sources: tuple[DetectionSource, ...]) -> None:
    stack = Addresses(alerting.ports["prometheus"]).as_stack()
    follower = IntakeFollower(stack, IntakeConfig(service="intake", token=TOKEN), sources, lambda at_ns: at_ns)
    assert len(sources) == 5
    assert list(follower.disagreements()) == []


def test_an_outage_becomes_an_alert_at_the_intake_and_clears_after_its_end(alerting: Alerting) -> None:
    assert until(lambda: detail(alerting, DATABASE) == "", 30), detail(alerting, DATABASE)
    with following(alerting.ports["intake"], SMOKE) as recorded:
        began = boot_ns()
        alerting.pause("api")
        (fired,) = recorded.wait_for("alert.fired", within_s=30)
        noticed = boot_ns()
        assert detail(alerting, DATABASE) == "DatabaseDown{profile=smoke}: 1 pending or firing"
        alerting.unpause("api")
        ended = boot_ns()
        (cleared,) = recorded.wait_for("alert.cleared", within_s=30)
    assert fired["source"] == "database"
    assert fired["detail"] == "No api replica reaches the database."
    assert cleared["alert_id"] == fired["alert_id"] == "database-1"
    assert began + 2 * 10**9 <= fired["at_ns"] <= noticed
    assert 0 <= fired["delivery_ns"] < 5 * 10**9
    assert fired["at_ns"] < ended <= cleared["at_ns"] + cleared["uncertainty_ns"]
    assert until(lambda: detail(alerting, DATABASE) == "", 10)
    print(
        f"fired {(fired['at_ns'] - began) / 1e9:.2f} s after the pause, delivery {fired['delivery_ns'] / 1e9:.3f} s, "
        f"±{fired['uncertainty_ns'] / 1e6:.1f} ms, cleared {(cleared['at_ns'] - ended) / 1e9:.2f} s after its end"
    )

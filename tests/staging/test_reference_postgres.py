"""The reference product on PostgreSQL, through a relay that can be pointed at another server, as in a failover."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.engine

Launch = Callable[..., Any]
Until = Callable[[Callable[[], bool], str], None]
SERVER = "exec /usr/lib/postgresql/15/bin/postgres -D /pg/data -c listen_addresses=0.0.0.0 -c fsync=off"
INITIALISE = (
    "set -e; export PATH=/usr/lib/postgresql/15/bin:$PATH;"
    " initdb -N -U postgres -A trust --locale=C -E UTF8 -D /pg/data >/dev/null;"
    " echo 'host all all all trust' >>/pg/data/pg_hba.conf; "
)
STANDBY = "touch /pg/data/standby.signal; "


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Server:
    """A PostgreSQL in a container of its own; the data is on a volume that another may take over."""

    def __init__(self, volume: str, script: str) -> None:
        self.name = f"drill-test-pg-{os.getpid()}-{secrets.token_hex(3)}"
        mount = f"{volume}:/pg"
        docker(
            *("run", "--detach", "--init", "--name", self.name, "--publish", "127.0.0.1::5432", "--volume", mount),
            *("--user", "postgres", "drill-staging-base:local", "bash", "-c", script + SERVER),
        )
        host, _, port = docker("port", self.name, "5432/tcp").splitlines()[0].rpartition(":")
        self.address = (host, int(port))

    def run(self, *command: str) -> str:
        return docker("exec", "--user", "postgres", self.name, *command)

    def sql(self, statement: str) -> str:
        return self.run("psql", "-U", "postgres", "-h", "127.0.0.1", "-Atc", statement)

    def answers(self) -> bool:
        try:
            return self.sql("SELECT 1") == "1"
        except AssertionError:
            return False

    def promote(self) -> None:
        self.run("/usr/lib/postgresql/15/bin/pg_ctl", "promote", "-w", "-D", "/pg/data")


class Relay:
    """A TCP relay on loopback. Pointing it elsewhere closes every connection."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self.target, timeout=1)
                except OSError:
                    near.close()
                    continue
                self._pairs.add((near, far))
                threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with near, far, contextlib.suppress(OSError, ValueError):
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    if not (content := ready.recv(65536)):
                        return
                    other[ready].sendall(content)

    def point_at(self, target: tuple[str, int]) -> None:
        self.target = target
        for pair in list(self._pairs):
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.point_at(("127.0.0.1", 1))


@pytest.fixture
def servers(until: Until) -> Iterator[Callable[[str], Server]]:
    """Start a server on the test's volume, one after the other."""
    volume = docker("volume", "create", f"drill-test-pg-{os.getpid()}-{secrets.token_hex(3)}")
    made: list[Server] = []

    def start(script: str) -> Server:
        made.append(Server(volume, script))
        until(made[-1].answers, "the database to answer")
        return made[-1]

    try:
        chown = ("drill-staging-base:local", "chown", "postgres", "/pg")
        docker("run", "--rm", "--user", "root", "--volume", f"{volume}:/pg", *chown)
        yield start
    finally:
        for server in made:
            docker("rm", "--force", server.name)
        docker("volume", "rm", volume)


@pytest.fixture
def primary(servers: Callable[[str], Server]) -> Server:
    return servers(INITIALISE)


@pytest.fixture
def relay(primary: Server) -> Iterator[Relay]:
    made = Relay(primary.address)
    yield made
    made.close()


@pytest.fixture
def replicas(launch: Launch, relay: Relay, tmp_path: Any) -> tuple[Any, Any]:
    """Two api replicas; they start together on an empty database."""
    url = f"postgresql://postgres@127.0.0.1:{relay.port}/postgres"
    made = [launch("api", DATA_DIR=str(tmp_path / "shared"), DATABASE_URL=url) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda api: api.start("/health/ready"), made))
    return made[0], made[1]


def ready(api: Any) -> bool:
    return bool(api.http.get("/health/ready").status_code == 200)


def gauge(api: Any, line: str) -> bool:
    return line in api.http.get("/metrics").text.splitlines()


def test_replicas_that_start_together_make_and_seed_one_schema(replicas: tuple[Any, Any]) -> None:
    assert [len(api.http.get("/api/accounts").json()) for api in replicas] == [40, 40]


def test_a_failover_is_down_until_the_promotion_and_then_up_at_once_with_everything_acknowledged(
    replicas: tuple[Any, Any], relay: Relay, primary: Server, servers: Callable[[str], Server], until: Until
) -> None:
    """The new server first runs as a replica, which takes reads only: that counts as down."""
    for number in range(10):
        assert replicas[number % 2].http.post("/api/canaries", json={"id": f"c{number}"}).status_code == 201
    docker("kill", primary.name)
    assert [api.http.get("/health/ready").status_code for api in replicas] == [503, 503]
    standby = servers(STANDBY)
    relay.point_at(standby.address)
    for api in replicas:
        down = api.http.get("/health/ready")
        assert (down.status_code, "read-only" in down.json()["reason"]) == (503, True)
        assert api.http.post("/api/canaries", json={"id": "refused"}).status_code == 503
        until(lambda api=api: gauge(api, 'dependency_up{dependency="store"} 0.0'), "the gauge")
    standby.promote()
    assert [api.http.get("/health/ready").status_code for api in replicas] == [200, 200]
    assert replicas[0].http.post("/api/canaries", json={"id": "after"}).status_code == 201
    counts = replicas[1].http.get("/api/canaries").json()
    assert counts == {**{f"c{number}": 1 for number in range(10)}, "after": 1}


def test_a_repointed_connection_is_made_anew_within_the_same_call(replicas: tuple[Any, Any], relay: Relay) -> None:
    for number in range(20):
        relay.point_at(relay.target)
        assert replicas[0].http.post("/api/canaries", json={"id": f"c{number}"}).status_code == 201
    assert set(replicas[1].http.get("/api/canaries").json().values()) == {1}


def test_a_server_that_turns_read_only_under_an_open_session_is_down(
    replicas: tuple[Any, Any], primary: Server, until: Until
) -> None:
    primary.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    primary.sql("SELECT pg_reload_conf()")
    until(lambda: not ready(replicas[0]), "the refusal to be seen")
    primary.sql("ALTER SYSTEM RESET default_transaction_read_only")
    primary.sql("SELECT pg_reload_conf()")
    until(lambda: ready(replicas[0]), "the store to be up again")


def test_a_database_that_hangs_holds_up_neither_metrics_nor_liveness(
    replicas: tuple[Any, Any], primary: Server, until: Until
) -> None:
    api = replicas[0]
    until(lambda: gauge(api, 'dependency_up{dependency="store"} 1.0'), "the store to be seen")
    docker("pause", primary.name)
    try:
        with ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(httpx.get, f"{api.url}/api/accounts", timeout=5) for _ in range(4)]
            for path in ("/metrics", "/health/live"):
                assert api.http.get(path).elapsed.total_seconds() < 0.3
            answers = [future.result() for future in waiting]
        assert {answer.status_code for answer in answers} == {503}
        assert max(answer.elapsed.total_seconds() for answer in answers) < 1.0
        until(lambda: gauge(api, 'dependency_up{dependency="store"} 0.0'), "the outage to be seen")
    finally:
        docker("unpause", primary.name)
    until(lambda: ready(api), "the store to be up again")


def test_a_database_that_is_killed_in_mid_traffic_loses_and_doubles_nothing_acknowledged(
    replicas: tuple[Any, Any], relay: Relay, primary: Server, servers: Callable[[str], Server], until: Until
) -> None:
    acknowledged: list[str] = []
    stop = threading.Event()

    def write(lane: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            canary = f"l{lane}-{number}"
            for _ in range(2):  # each asked for at both replicas
                answer = replicas[(lane + number) % 2].http.post("/api/canaries", json={"id": canary})
                if answer.status_code == 201:
                    acknowledged.append(canary)

    with ThreadPoolExecutor(4) as pool:
        lanes = [pool.submit(write, lane) for lane in range(4)]
        until(lambda: len(acknowledged) > 100, "a hundred writes")
        docker("kill", primary.name)
        before = len(acknowledged)
        relay.point_at(servers("").address)
        until(lambda: len(acknowledged) > before + 100, "a hundred more")
        stop.set()
        for lane in lanes:
            lane.result()
    counts = replicas[0].http.get("/api/canaries").json()
    assert {counts.get(canary) for canary in acknowledged} == {1}
    assert set(counts.values()) == {1}


def test_two_workers_share_the_queue_and_a_kill_loses_no_job(
    replicas: tuple[Any, Any], launch: Launch, relay: Relay, until: Until
) -> None:
    api = replicas[0]
    url = f"postgresql://postgres@127.0.0.1:{relay.port}/postgres"
    workers = [launch("worker", DATABASE_URL=url) for _ in range(2)]
    for worker in workers:
        worker.start("/health")
    for number in range(60):
        document = {"id": f"d{number}", "name": "n", "content": "one two"}
        assert api.http.post("/api/documents", json=document).status_code == 201
        if number == 30:
            workers[0].kill()
    until(lambda: {row["words"] for row in api.http.get("/api/documents").json()} == {2}, "all to be indexed")
    assert len(api.http.get("/api/documents").json()) == 60
    until(lambda: api.http.get("/health/status").json()["queue_depth"] == 0, "an empty queue")

"""A pair of database members, a Redis server and an idle worker: looked at by psql, redis-cli and docker alone."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from compose_rig import BASE, Rig, docker
from observers import DOCKER, until

from drill import shipped
from drill.model.config import ServiceSpec

PRIMARY, REPLICA, CACHE, WORKER = "db-primary", "db-replica", "cache", "worker"
MEMBERS = (PRIMARY, REPLICA)
PASSWORD = "only-for-this-test"
RESTORE = shipped.root() / "staging" / "db" / "restore.sh"
MARK = "drill-L1"
_SESSIONS = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{MARK}'"  # noqa: S608 - a constant
_PICTURE = f"""SELECT ({_SESSIONS}), md5(string_agg(name || setting, ' ' ORDER BY name)),
    CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() END
    FROM pg_settings WHERE name <> 'transaction_read_only'"""  # noqa: S608 - as above
_MEND = f"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{MARK}';
ALTER SYSTEM RESET ALL;
SELECT pg_reload_conf();
SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_replay_resume() END;
"""  # noqa: S608 - as above
_MEMBER = """
  {name}:
    image: drill-staging-db:local
    init: true
    restart: "no"
    stop_grace_period: 3s
    labels: {{ drill.staging: "true" }}
    environment: {{ APP_PASSWORD: {password}, PEER: {peer}, ROLE: {role} }}
    volumes: ["{own}:/var/lib/postgresql/drill", "{other}:/var/lib/postgresql/peer:ro"]
"""
_OTHERS = f"""
  cache:
    image: {BASE}
    init: true
    entrypoint: ["redis-server", "--save", "", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]
    labels: {{ drill.staging: "true" }}
  worker:
    image: {BASE}
    init: true
    command: ["sleep", "3600"]
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
volumes: {{ one: {{}}, two: {{}} }}
"""
COMPOSE = (
    'version: "2.4"\nservices:'
    + _MEMBER.format(name=PRIMARY, password=PASSWORD, peer=REPLICA, role="primary", own="one", other="two")
    + _MEMBER.format(name=REPLICA, password=PASSWORD, peer=PRIMARY, role="replica", own="two", other="one")
    + _OTHERS
)


class DataRig(Rig):
    """The project. Nothing here shares code with the injectors."""

    def __init__(self, folder: Path) -> None:
        members = tuple(ServiceSpec(name=name, role="postgresql") for name in MEMBERS)
        super().__init__(folder, COMPOSE, (*members, ServiceSpec(name=CACHE, role="redis"), ServiceSpec(name=WORKER)))

    def begin(self) -> None:
        """Wait until the pair is a pair, and make the table that tests use."""
        assert until(lambda: self.roles() == ["f", "t"], 60)
        self.sql(PRIMARY, "CREATE TABLE rows (n int); GRANT ALL ON rows TO app")
        assert until(lambda: self.sql(REPLICA, "SELECT count(*) FROM rows") == "0", 30)

    def container(self, service: str) -> str:
        """The name of its one container."""
        return f"{self.project}_{service}_1"

    def inside(self, service: str, *argv: str, stdin: str = "") -> str:
        """What a command in a container says, whatever its exit code."""
        command = [DOCKER, "exec", "-i", self.container(service), *argv]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=30)
        return (done.stdout + done.stderr).strip()

    def sql(self, service: str, *commands: str) -> str:
        """As the superuser, each command in a transaction of its own."""
        words = [word for command in commands for word in ("-c", command)]
        return self.inside(service, "psql", "-XtAqw", "-U", "postgres", "-d", "app", *words)

    def as_app(self, service: str, command: str, *first: str) -> str:
        """As the product does: a new session over the network, as an ordinary user."""
        words = [word for one in (*first, command) for word in ("-c", one)]
        url = f"postgresql://app:{PASSWORD}@127.0.0.1/app?connect_timeout=5"
        return self.inside(service, "timeout", "20", "psql", "-XtAqw", url, *words)

    def cli(self, *words: str) -> str:
        """Of redis-cli."""
        return self.inside(CACHE, "redis-cli", *words)

    def roles(self) -> list[str]:
        """Of both members: f takes writes, t follows."""
        return [self.sql(name, "SELECT pg_is_in_recovery()") for name in MEMBERS]

    def sessions(self, service: str = PRIMARY) -> int:
        """How many sessions have the fault's name."""
        return int(self.sql(service, _SESSIONS))

    def processes(self, service: str = PRIMARY) -> list[str]:
        """Names of the processes of a fault's in a container, as the host's kernel shows them."""
        found = []
        for line in docker("top", self.container(service), "-eo", "pid,comm").splitlines()[1:]:
            pid, name = line.split(maxsplit=1)
            with suppress(OSError):  # it may have ended meanwhile
                environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                found += [name] if f"PGAPPNAME={MARK}".encode() in environ else []
        return found

    def own_settings(self, service: str) -> str:
        """What ALTER SYSTEM has written, comments left out."""
        said = self.inside(service, "cat", "/var/lib/postgresql/drill/data/postgresql.auto.conf")
        return "\n".join(line for line in said.splitlines() if not line.startswith("#"))

    def picture(self) -> dict[str, object]:
        """All that a fault of this family may change."""
        names = [self.container(name) for name in (*MEMBERS, CACHE, WORKER)]
        found: dict[str, object] = {"lives": docker("inspect", "-f", "{{.State.StartedAt}} {{.State.Status}}", *names)}
        for name in MEMBERS:
            found[f"{name} set"] = self.own_settings(name)
            found[f"{name} state"] = self.sql(name, _PICTURE)
            found[f"{name} processes"] = self.processes(name)
        found["cache"] = self.cli("CONFIG", "GET", "max*")
        return found

    def restore(self) -> None:
        """The stack's own recipe."""
        subprocess.run(["bash", str(RESTORE), self.project], check=True, capture_output=True, timeout=60)

    def mend(self) -> None:
        """Everything runs and is as at the beginning, whatever a test left."""
        names = [self.container(name) for name in (*MEMBERS, CACHE, WORKER)]
        for name in names:
            state = self._state(name)
            if state in ("", "exited", "created"):
                docker("start", name) if state else self.stack.up(lambda _: None)
            elif state == "paused":
                docker("unpause", name)
        if self.roles() != ["f", "t"]:
            self.restore()
        kill = f"kill $(grep -lszxF PGAPPNAME={MARK} /proc/[0-9]*/environ | cut -d / -f 3) 2>/dev/null"
        for name in MEMBERS:
            self.inside(name, "sh", "-c", f"{kill}; psql -XtAqw -U postgres -d app", stdin=_MEND)
        self.cli("CONFIG", "SET", "maxmemory", "64mb", "maxmemory-policy", "allkeys-lru")
        follows = "SELECT status FROM pg_stat_wal_receiver"
        assert until(lambda: self.sql(REPLICA, follows) == "streaming", 30)

    def _state(self, container: str) -> str:
        command = [DOCKER, "inspect", "-f", "{{.State.Status}}", container]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout.strip()

"""The onlooker sees what is left behind: a look that finds nothing must be able to find something."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from look_inside import IMAGE
from observers import DOCKER
from reference_session import LOOK_WITHIN_S, ReferenceSession
from residue import differences

pytestmark = [pytest.mark.engine, pytest.mark.crash]
PSQL = ("-u", "postgres", "{db-primary}", "psql", "-qU", "postgres", "-d", "app", "-c")
HELPER = ("--rm", "--label", "drill.helper=left", "--name", "drill-helper-{project}")
SERVICES = ("worker", "vendors", "traffic", "intake", "gateway", "api", "mail", "statuspage", "cache")
TOXIC = {"name": "left", "type": "latency", "attributes": {"latency": 1}}


def _beside(target: str, command: str) -> list[str]:
    """A command in its network name space."""
    allowed = ("--rm", "--user", "0", "--cap-add", "NET_ADMIN", "--network", f"container:{target}", IMAGE)
    return ["run", *allowed, *command.split()]


def _in(container: str, script: str) -> list[str]:
    return ["exec", "-u", "0", container, "sh", "-c", script]


def _flag(value: str) -> list[str]:
    url = "http://127.0.0.1:8000/internal/flags/savings_explanations"
    return ["exec", "{api}", "curl", "-fsS", "-X", "PUT", "-d", f'{{"value": {value}}}', url]


LEFT: dict[str, tuple[list[str], list[str]]] = {
    "/worker-1 made/limits/NanoCpus": (
        ["update", "--cpus", "0.5", "{worker}"],
        ["update", "--cpus", str(os.cpu_count()), "{worker}"],
    ),
    "/vendors-1 made/restart": (
        ["update", "--restart", "always", "{vendors}"],
        ["update", "--restart", "no", "{vendors}"],
    ),
    "/traffic-1 made/state": (["pause", "{traffic}"], ["unpause", "{traffic}"]),
    "/intake-1 made/networks": (
        ["network", "disconnect", "{project}_default", "{intake}"],
        ["network", "connect", "--alias", "intake", "{project}_default", "{intake}"],
    ),
    "/gateway-1 network/rules": (
        _beside("{gateway}", "iptables -A INPUT -p tcp --dport 9 -j DROP"),
        _beside("{gateway}", "iptables -D INPUT -p tcp --dport 9 -j DROP"),
    ),
    "/api-1 network/queues": (
        _beside("{api}", "tc qdisc add dev eth0 root tbf rate 1gbit burst 1mb latency 9ms"),
        _beside("{api}", "tc qdisc del dev eth0 root"),
    ),
    "/helpers": (
        ["run", "-d", *HELPER, "--network", "container:{mail}", IMAGE, "sleep", "300"],
        ["rm", "-f", "drill-helper-{project}"],
    ),
    "/mail-1 inside/hosts": (
        _in("{mail}", "echo 10.1.1.1 elsewhere >>/etc/hosts"),
        _in("{mail}", "grep -v elsewhere /etc/hosts >/tmp/h; cat /tmp/h >/etc/hosts; rm /tmp/h"),
    ),
    "/statuspage-1 inside/processes": (
        ["exec", "-d", "{statuspage}", "sh", "-c", "echo $$ >/tmp/left; exec sleep 300"],
        _in("{statuspage}", "kill $(cat /tmp/left); rm /tmp/left"),
    ),
    "/cache-1 inside/files": (_in("{cache}", "touch /tmp/drill-left"), _in("{cache}", "rm /tmp/drill-left")),
    "/redis/settings/maxmemory-samples": (
        ["exec", "{cache}", "redis-cli", "CONFIG", "SET", "maxmemory-samples", "7"],
        ["exec", "{cache}", "redis-cli", "CONFIG", "SET", "maxmemory-samples", "5"],
    ),
    "/redis/our keys": (
        ["exec", "{cache}", "redis-cli", "DEL", "crash-look:3"],
        ["exec", "{cache}", "redis-cli", "SET", "crash-look:3", "kept"],
    ),
    "/postgresql db-primary-1/roles/app": (
        ["exec", *PSQL, "ALTER ROLE app CONNECTION LIMIT 40"],
        ["exec", *PSQL, "ALTER ROLE app CONNECTION LIMIT -1"],
    ),
    "/postgresql db-primary-1/own settings": (
        ["exec", *PSQL, "ALTER SYSTEM SET work_mem = '5MB'"],
        ["exec", *PSQL, "ALTER SYSTEM RESET work_mem"],
    ),
    "/postgresql db-primary-1/sessions of a drill": (
        ["exec", "-d", "-e", "PGAPPNAME=drill-left", *PSQL, "SELECT pg_sleep(300)"],
        ["exec", *PSQL, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'drill-left'"],
    ),
    "/postgresql db-replica-1/replay paused": (
        ["exec", *(word.replace("primary", "replica") for word in PSQL), "SELECT pg_wal_replay_pause()"],
        ["exec", *(word.replace("primary", "replica") for word in PSQL), "SELECT pg_wal_replay_resume()"],
    ),
    "/proxies/llm/toxics": (
        ["exec", "{toxiproxy}", "curl", "-fsS", "-d", json.dumps(TOXIC), "http://127.0.0.1:8474/proxies/llm/toxics"],
        ["exec", "{toxiproxy}", "curl", "-fsS", "-X", "DELETE", "http://127.0.0.1:8474/proxies/llm/toxics/left"],
    ),
    "/customers/flags/savings_explanations": (_flag("false"), _flag("true")),
}
"""Where it is to be seen: how it comes there, how it goes again."""


def _docker(words: list[str], project: str) -> None:
    names = {name: f"{project}_{name}_1" for name in (*SERVICES, "db-primary", "db-replica", "toxiproxy")}
    for name, container in {**names, "project": project}.items():
        words = [word.replace(f"{{{name}}}", container) for word in words]
    subprocess.run([DOCKER, *words], check=True, capture_output=True, timeout=30)


@contextmanager
def _there(come: list[str], go: list[str], project: str) -> Iterator[None]:
    _docker(come, project)
    try:
        yield
    finally:
        _docker(go, project)


def test_each_thing_that_is_left_is_seen_and_nothing_once_it_is_gone(reference: ReferenceSession) -> None:
    assert reference.residue(LOOK_WITHIN_S) == []
    with ExitStack() as left:
        for come, go in LEFT.values():
            left.enter_context(_there(come, go, reference.project))
        seen = reference.residue(0)
    unseen = [place for place in LEFT if not any(line.startswith(place) for line in seen)]
    assert unseen == []
    assert reference.residue(LOOK_WITHIN_S) == []


def test_equal_pictures_do_not_differ_and_a_hidden_part_does() -> None:
    whole = {"a": {"b": [1, 2]}, "c": "x"}
    assert differences(whole, json.loads(json.dumps(whole))) == []
    assert differences(whole, {"a": {"b": [2]}, "c": "not to be seen: no answer"}) == [
        "/a/b: gone [1], come []",
        '/c: "x" -> "not to be seen: no answer"',
    ]
    assert differences(whole, {"a": {"b": [1, 2]}}) == ['/c: "x" -> null']

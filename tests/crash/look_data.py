"""What the stack's stateful parts hold: PostgreSQL, Redis, the proxies, flags, alerting, and what customers get."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from onlooker import Unseen, ask, docker

KEYS = [f"crash-look:{number}" for number in range(8)]
"""Kept in Redis without an end: a cache that was not restarted must still hold them."""
MEMBER = """SELECT json_build_object(
 'recovering', pg_is_in_recovery(),
 'replay paused', CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END,
 'roles', (SELECT json_object_agg(rolname, md5(row(rolsuper, rolcanlogin, rolreplication, rolcreatedb, rolconnlimit,
   rolvaliduntil, rolpassword)::text) || ' login=' || rolcanlogin || ' limit=' || rolconnlimit) FROM pg_authid),
 'role settings', (SELECT json_agg(row_to_json(s)) FROM pg_db_role_setting s),
 'settings', (SELECT json_object_agg(name, setting ORDER BY name) FROM pg_settings
   WHERE source IN ('configuration file', 'command line', 'database', 'user', 'global') AND name <> 'primary_conninfo'),
 'own settings', regexp_replace(pg_read_file('postgresql.auto.conf'), '(^|\\n)#[^\\n]*', '', 'g'),
 'access', md5(pg_read_file('pg_hba.conf')),
 'databases', (SELECT json_object_agg(datname, datallowconn || ' ' || datconnlimit) FROM pg_database),
 'relations', (SELECT json_agg(n ORDER BY n) FROM (SELECT oid::regclass::text || ' ' || relkind::text AS n FROM pg_class
   WHERE oid >= 16384 AND relkind <> 't' AND relnamespace NOT IN ('pg_toast'::regnamespace)) r),
 'triggers', (SELECT json_agg(tgname || ' ' || tgenabled::text) FROM pg_trigger WHERE NOT tgisinternal),
 'slots', (SELECT json_agg(slot_name) FROM pg_replication_slots),
 'prepared', (SELECT count(*) FROM pg_prepared_xacts),
 'sessions of a drill', (SELECT json_agg(application_name || ' ' || state) FROM pg_stat_activity
   WHERE application_name LIKE 'drill-%' OR query LIKE '%drill-%' AND pid <> pg_backend_pid()),
 'waiting for a lock', (SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
   WHERE NOT granted AND now() - query_start > interval '1s'),
 'long transactions', (SELECT count(*) FROM pg_stat_activity
   WHERE backend_type = 'client backend' AND now() - xact_start > interval '3s'),
 'followed by', (SELECT json_agg(state || ' ' || (now() - reply_time < interval '15s')) FROM pg_stat_replication))"""


def member(container: str) -> dict[str, Any]:
    """One database member. Raises Unseen when PostgreSQL does not answer in it."""
    words = ["psql", "-XAtq", "-U", "postgres", "-d", "app", "-v", "ON_ERROR_STOP=1"]
    answer = docker("exec", "-i", "-u", "postgres", "-e", "PGCONNECT_TIMEOUT=2", container, *words, stdin=MEMBER)
    found: dict[str, Any] = json.loads(answer)
    return found


def writable(members: Mapping[str, Any]) -> list[str]:
    """Those that take writes; there must be one."""
    return sorted(name for name, seen in members.items() if isinstance(seen, dict) and seen["recovering"] is False)


def redis(container: str) -> dict[str, Any]:
    """Settings, what a drill left in it, and whether our keys are kept. Raises Unseen."""
    asked = ("CONFIG GET *", "ACL LIST", "CLIENT LIST", "INFO server", "INFO replication", "KEYS *drill-*")
    commands = [*asked, f"EXISTS {' '.join(KEYS)}"]
    output = docker("exec", "-i", container, "redis-cli", stdin="\nECHO @\n".join(commands))
    settings, access, sessions, server, replication, keys, ours = (part.split("\n") for part in output.split("\n@\n"))
    return {
        "settings": dict(zip(settings[::2], settings[1::2], strict=False)),
        "access": access,
        "sessions of a drill": [line for line in sessions if "name=drill-" in line],
        "run": next(line for line in server if line.startswith("run_id")),
        "role": [line for line in replication if line.startswith("role")],
        "keys of a drill": [key for key in keys if key],
        "our keys": int(ours[0]),
    }


def fill(container: str) -> None:
    """Put our keys into Redis."""
    docker("exec", container, "redis-cli", "MSET", *[word for key in KEYS for word in (key, "kept")])


def proxies(port: int) -> dict[str, Any]:
    """Every proxy of a Toxiproxy server with its toxics."""
    return dict(_good(port, "/proxies"))


def alerting(prometheus: int, alertmanager: int) -> dict[str, Any]:
    """Scrape targets that are up (their addresses change), how many rules there are, and silences."""
    targets = _good(prometheus, "/api/v1/targets?state=active")["data"]["activeTargets"]
    groups = _good(prometheus, "/api/v1/rules")["data"]["groups"]
    silences = _good(alertmanager, "/api/v2/silences")
    return {
        "targets": sorted(f"{one['labels']['job']} {one['health']}" for one in targets),
        "rules": sum(len(group["rules"]) for group in groups),
        "silences": [one["id"] for one in silences if one["status"]["state"] == "active"],
    }


def firing(prometheus: int) -> set[str]:
    """Names of the alerts of the short profile that fire or are about to."""
    alerts = _good(prometheus, "/api/v1/alerts")["data"]["alerts"]
    return {one["labels"]["alertname"] for one in alerts if one["labels"].get("profile") == "smoke"}


def customers(gateway: int) -> dict[str, Any]:
    """What customers get: an answer of each part of the product, a payment that was confirmed, and the flags."""
    asked = {path: _status(gateway, path) for path in ("/api/accounts", "/api/savings", "/health/ready", "/banner")}
    paid = ask(gateway, "/api/payments", method="POST", body={"id": f"look-{secrets.token_hex(6)}", "amount_cents": 1})
    return asked | {"payment": paid[0], "flags": _good(gateway, "/internal/flags")}


def _status(port: int, path: str) -> int | str:
    with suppress(Unseen):
        return ask(port, path)[0]
    return "no answer"


def _good(port: int, path: str) -> Any:
    status, content = ask(port, path)
    if status != 200:
        raise Unseen(f"{path} answers {status}")
    return content

"""What a drill left behind: a picture of the reference stack from outside, and how two of them differ.

It shares no code with drill or its injectors: the Docker command line, published ports, and commands inside the
containers. What cannot be looked at is a line of the picture too, so it is never taken for the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import look_data
from look_containers import containers, facts, helpers
from look_inside import NetworkLooks, inside
from onlooker import Unseen, ask, docker

Picture = dict[str, Any]
MEMBERS = ("db-primary-1", "db-replica-1")
CACHE = "cache-1"
UNSEEN = "not to be seen"
HEALTH = {
    "GATEWAY": "/gateway/health",
    "WORKER": "/health",
    "VENDORS": "/health",
    "TOXIPROXY": "/version",
    "PROMETHEUS": "/-/ready",
    "ALERTMANAGER": "/-/ready",
    "INTAKE": "/health",
    "STATUSPAGE": "/health",
    "MAIL_HTTP": "/health",
    "TRAFFIC": "/health",
}


class Onlooker:
    """Looks at one stack again and again. ``ports``: variable of the Compose file to port; ``home``: where drill's
    folder of state is."""

    def __init__(self, project: str, ports: Mapping[str, int], home: Path) -> None:
        self._project = project
        self._ports = {name.removeprefix("DRILL_").removesuffix("_PORT"): port for name, port in ports.items()}
        self._home = home
        self._networks = NetworkLooks(project)
        self._pool = ThreadPoolExecutor(8)
        self._redis_run = ""

    def begin(self, within_s: float) -> Picture:
        """The picture before the first drill, once the stack is sound. Raises Unseen when that takes too long."""
        self.refill()
        until = time.monotonic() + within_s
        while wrong := unsound(picture := self.picture()):
            if time.monotonic() >= until:
                raise Unseen("; ".join(wrong))
        return picture

    def refill(self) -> None:
        """Put our keys into Redis, and remember which server has them."""
        cache = containers(self._project)[CACHE]["Id"]
        look_data.fill(cache)
        self._redis_run = look_data.redis(cache)["run"]

    def picture(self) -> Picture:
        """Everything that has to be the same, looked at now; in about two seconds."""
        found = containers(self._project)
        self._networks.keep(found.values())
        ports = self._ports
        looks: dict[str, Callable[[], Any]] = {
            "helpers": lambda: helpers(self._project, {one["Id"] for one in found.values()}),
            "volumes": lambda: sorted(docker("volume", "ls", "-q", f"--filter=name={self._project}").split()),
            "proxies": lambda: look_data.proxies(ports["TOXIPROXY"]),
            "alerting": lambda: look_data.alerting(ports["PROMETHEUS"], ports["ALERTMANAGER"]),
            "customers": lambda: look_data.customers(ports["GATEWAY"]),
            "redis": lambda: self._kept(look_data.redis(found[CACHE]["Id"])),
            "leases": self._leases,
        }
        for name in MEMBERS:
            looks[f"postgresql {name}"] = lambda name=name: look_data.member(found[name]["Id"])
        for name, path in HEALTH.items():
            looks[f"answers {name}"] = lambda name=name, path=path: ask(ports[name], path)[0]
        for name, one in found.items():
            looks[f"{name} made"] = lambda one=one: facts(one)
            looks[f"{name} inside"] = lambda one=one: inside(one["Id"], one["Config"]["Hostname"])
            looks[f"{name} network"] = lambda one=one: self._networks.look(one)
        return self._all(looks)

    def _all(self, looks: Mapping[str, Callable[[], Any]]) -> Picture:
        futures = {name: self._pool.submit(_seen, look) for name, look in looks.items()}
        seen = {name: future.result() for name, future in futures.items()}
        members = {name: seen[f"postgresql {name}"] for name in MEMBERS}
        return seen | {"writable members": look_data.writable(members)}

    def _kept(self, seen: dict[str, Any]) -> dict[str, Any]:
        """A server that was started anew is empty, as a cache may be."""
        anew = seen.pop("run") != self._redis_run
        return seen | {"our keys": len(look_data.KEYS)} if anew else seen

    def _leases(self) -> list[str]:
        return sorted(str(path) for path in (self._home / ".drill" / "drills").glob("*/leases/*.json"))

    def quiet(self) -> bool:
        """Whether no alert is on its way: the next drill needs a steady state."""
        try:
            return not look_data.firing(self._ports["PROMETHEUS"])
        except Unseen:
            return False

    def residue(self, before: Picture, until: float) -> list[str]:
        """What differs from the picture; looked at again until nothing does, or the monotonic clock says ``until``."""
        while True:
            found = differences(before, self.picture())
            if not found or time.monotonic() >= until:
                return found

    def close(self) -> None:
        """Remove what we put there to look."""
        self._pool.shutdown()
        self._networks.close()


def unsound(picture: Picture) -> list[str]:
    """What may not stand in the picture that others are held against: a part unseen, ill, or in trouble."""
    wrong = [f"{name}: {seen}" for name, seen in picture.items() if str(seen).startswith(UNSEEN)]
    made = {name: seen["state"] for name, seen in picture.items() if name.endswith(" made") and isinstance(seen, dict)}
    wrong += [f"{name}: {state}" for name, state in made.items() if state != ["running", "", "healthy"]]
    wrong += [f"{name}: {seen}" for name, seen in picture.items() if name.startswith("answers ") and seen != 200]
    if len(picture["writable members"]) != 1 or not _followed(picture):
        wrong.append(f"writable members: {picture['writable members']}, or its standby does not follow")
    good = {200, 201}
    answers = (
        [(name, seen) for name, seen in dict(picture["customers"]).items() if name != "flags"] if not wrong else []
    )
    return wrong + [f"customers {name}: {seen}" for name, seen in answers if seen not in good]


def _followed(picture: Picture) -> bool:
    return all(
        picture[f"postgresql {name}"]["followed by"] == ["streaming true"] for name in picture["writable members"]
    )


def _seen(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except (Unseen, KeyError) as error:
        return f"{UNSEEN}: {error}"


def differences(before: object, after: object, path: str = "") -> list[str]:
    """Each place where two pictures differ, with what was there before and after."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted({*before, *after})
        return [line for name in names for line in differences(before.get(name), after.get(name), f"{path}/{name}")]
    if before == after:
        return []
    if isinstance(before, list) and isinstance(after, list):
        gone, come = [one for one in before if one not in after], [one for one in after if one not in before]
        return [f"{path}: gone {json.dumps(gone)}, come {json.dumps(come)}"]
    return [f"{path}: {json.dumps(before)} -> {json.dumps(after)}"]

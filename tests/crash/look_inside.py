"""What stands inside each container, and in its network name space."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from onlooker import Unseen, docker

INSIDE = """echo @hosts; cat /etc/hosts; echo @resolver; cat /etc/resolv.conf
echo @mounts; cat /proc/mounts
echo @processes; for p in /proc/[0-9]*; do
  [ -r $p/stat ] && printf '%s ' $(sed 's/^.*) //; s/ .*//' $p/stat) && tr '\\0' ' ' <$p/cmdline; echo; done
echo @files
find /tmp /var/tmp /dev/shm /run /data /srv /etc /root /var/lib/postgresql -xdev -maxdepth 3 -name '*drill-*'"""
NETWORK = """echo @rules; iptables-save; ip6tables-save
echo @queues; tc qdisc show; for d in /sys/class/net/*; do tc filter show dev ${d##*/}; done
cat /proc/net/netfilter/nfnetlink_queue
echo @links; ip -o link; echo @routes; ip route"""
IMAGE = "drill-helper:local"
_LOOKER_S = "5400"
_PASSING = (
    "sh -c",
    "/bin/sh -c",
    "curl ",
    "wget ",
    "pg_isready",
    "redis-cli",
    "psql ",
    "postgres:",
    "runc ",
    "sleep 0.",
)
"""Health checks, sessions: there at one look and not at the next."""


def _cut(output: str) -> dict[str, list[str]]:
    """By the lines that begin with an @; a process may have one in its arguments."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in output.splitlines():
        if line.startswith("@"):
            name = line[1:]
            found[name] = []
        elif line.strip():
            found.setdefault(name, []).append(line.strip())
    return found


def inside(container: str, host_name: str) -> dict[str, Any]:
    """Name files, mounts, foreign processes and files. Raises Unseen, for example while it is paused."""
    seen = _cut(docker("exec", "-i", "-u", "0", container, "sh", stdin=INSIDE))
    return {
        "hosts": [" ".join(line.split()) for line in seen["hosts"] if host_name not in line],
        "resolver": seen["resolver"],
        "mounts": sorted(filter(None, map(_mounted, seen["mounts"]))),
        "processes": sorted(set(filter(None, map(_process, seen["processes"])))),
        "files": seen["files"],
    }


def _mounted(line: str) -> str:
    _, place, kind, options = line.split()[:4]
    if place.startswith(("/proc", "/sys", "/dev")) and place != "/dev/shm":
        return ""
    size = next((option for option in options.split(",") if option.startswith("size=")), "")
    return f"{place} {kind} {options[:2]} {size}".strip()


def _process(line: str) -> str:
    """What does not belong to the moment: its command, and whether it is stopped."""
    letter, _, command = line.partition(" ")
    if not command or command.strip() == "sh" or (command.startswith(_PASSING) and not _foreign(letter, command)):
        return ""
    return re.sub(r"[0-9a-f]{12,}|\d+", "#", command.strip()) + (" STOPPED" if letter in "Tt" else "")


def _foreign(letter: str, command: str) -> bool:
    return letter in "Tt" or "drill-" in command


class NetworkLooks:
    """Containers of our own that share the network of the looked-at ones; a name space gets one only once."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._lookers: dict[str, str] = {}

    def look(self, one: dict[str, Any]) -> dict[str, Any]:
        """Rules, queues, links and routes. Raises Unseen where the container does not run."""
        if not one["State"]["Running"]:
            raise Unseen("it does not run")
        seen = _cut(docker("exec", "-i", self._looker(one), "sh", stdin=NETWORK))
        return {
            "rules": list(filter(None, map(_rule, seen["rules"]))),
            "queues": sorted(
                re.sub(r"\d+: (dev \S+ root) refcnt \d+", r"\1", _anyeth(line)) for line in seen["queues"]
            ),
            "links": sorted(_link(line) for line in seen["links"]),
            "routes": sorted(re.sub(r" src \S+", "", _anyeth(line)) for line in seen["routes"]),
        }

    def _looker(self, one: dict[str, Any]) -> str:
        space = one["NetworkSettings"]["SandboxKey"] + one["State"]["StartedAt"]
        if space not in self._lookers:
            self._lookers[space] = self._start(one["Id"])
        return self._lookers[space]

    def _start(self, container: str) -> str:
        name = f"crash-look-{secrets.token_hex(6)}"
        beside = ["--network", f"container:{container}", "--cap-drop", "ALL", "--cap-add", "NET_ADMIN"]
        tags = ["--name", name, "--label", f"crash-look={self._project}"]
        docker("run", "-d", "--rm", "--init", *tags, *beside, "--user", "0", "--entrypoint", "sleep", IMAGE, _LOOKER_S)
        return name

    def keep(self, ones: Iterable[dict[str, Any]]) -> None:
        """Remove those whose name space is not one of these any more."""
        spaces = {one["NetworkSettings"]["SandboxKey"] + one["State"]["StartedAt"] for one in ones}
        for space in set(self._lookers) - spaces:
            with suppress(Unseen):
                docker("rm", "-f", self._lookers.pop(space))

    def close(self) -> None:
        """Remove all of them."""
        self.keep([])


def _rule(line: str) -> str:
    """A rule, a chain of somebody's own, or a policy that is not ACCEPT; without what each start makes anew."""
    if line.startswith(("#", "*", "COMMIT")) or (line.startswith(":") and " ACCEPT " in line):
        return ""
    return re.sub(r"\[\d+:\d+\]|127\.0\.0\.11:\d+|--sport \d{4,5}", "#", line)


def _link(line: str) -> str:
    name, rest = line.split(": ", 2)[1:]
    words = rest.split()
    state = {word: words[words.index(word) + 1] for word in ("mtu", "qdisc", "state") if word in words}
    return f"{_anyeth(name.partition('@')[0])} {words[0]} {state}"


def _anyeth(line: str) -> str:
    """A network that was left and joined again comes back under another number."""
    return re.sub(r"\beth\d+", "eth#", line)

"""Packet filter rules that carry a mark as their comment: put, seen and removed without touching any other rule."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

_TOOLS = {4: "iptables", 6: "ip6tables"}
_BOUND_S = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``family``: 4, 6, or 0 for both; ``args``: all but the chain, as for iptables."""

    family: int
    table: str
    chain: str
    args: tuple[str, ...]

    @classmethod
    def of(cls, order: Mapping[str, Any]) -> Rule:
        """From an order's JSON."""
        return cls(int(order["family"]), str(order["table"]), str(order["chain"]), tuple(map(str, order["args"])))

    def at(self, port: str) -> Rule:
        """With ``{port}`` filled in."""
        return replace(self, args=tuple(arg.replace("{port}", port) for arg in self.args))


@dataclass(frozen=True, slots=True)
class Seen:
    """A rule in the kernel, with what it has counted. ``line``: as iptables-save prints it, from ``-A`` on."""

    family: int
    table: str
    line: str
    packets: int


def run(argv: Sequence[str], text: str = "") -> str:
    """Output of a tool. Raises RuntimeError with its last words, or when it takes longer than 5 s."""
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=_BOUND_S)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{argv[0]}: no answer within {_BOUND_S} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise RuntimeError(f"{argv[0]}: {said[-1]}")
    return done.stdout


def addresses() -> list[str]:
    """Every address of this name space that others can reach, of both families."""
    shown = json.loads(run(["ip", "-json", "address", "show", "scope", "global"]))
    return [str(info["local"]) for link in shown for info in link.get("addr_info", ()) if link["ifname"] != "lo"]


def families() -> list[int]:
    """4, and 6 where anybody could be reached by it."""
    return [4, 6] if any(":" in address for address in addresses()) else [4]


def seen(mark: str) -> list[Seen]:
    """The rules that carry the mark, of both families as far as they are in use."""
    return [rule for family in families() for rule in _seen(family, mark)]


def put(mark: str, wanted: Iterable[Rule]) -> int:
    """Put these first in their chains, in their order, in place of what carries the mark already: at once for each
    family in use. How many there are then."""
    rules, count = list(wanted), 0
    for family in families():
        mine = [rule for rule in rules if rule.family in (0, family)]
        _change(family, mark, mine)
        count += len(mine)
    return count


def clear(mark: str) -> None:
    """Remove what carries the mark."""
    put(mark, ())


def _seen(family: int, mark: str) -> list[Seen]:
    found, table = [], ""
    for line in run([f"{_TOOLS[family]}-save", "-c"]).splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif f" --comment {mark} " in line:
            counted, _, rule = line.partition(" ")
            found.append(Seen(family, table, rule, int(counted[1:].split(":")[0])))
    return found


def _change(family: int, mark: str, rules: Sequence[Rule]) -> None:
    old = _seen(family, mark)
    tables = dict.fromkeys([*(rule.table for rule in old), *(rule.table for rule in rules)])
    lines: list[str] = []
    for table in tables:
        lines.append(f"*{table}")
        lines += [rule.line.replace("-A ", "-D ", 1) for rule in old if rule.table == table]
        lines += [_insertion(rule, mark) for rule in reversed(rules) if rule.table == table]
        lines.append("COMMIT")
    if lines:
        run([f"{_TOOLS[family]}-restore", "--noflush"], "\n".join(lines) + "\n")


def _insertion(rule: Rule, mark: str) -> str:
    """The comment stands first: a target such as REJECT takes all arguments after it."""
    quoted = " ".join(f'"{arg}"' if "|" in arg else arg for arg in rule.args)
    return f"-I {rule.chain} 1 -m comment --comment {mark} {quoted}"

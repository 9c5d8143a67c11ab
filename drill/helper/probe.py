"""What this machine's kernel can, tried in a network name space of the helper's own."""

from __future__ import annotations

from drill.helper import rules
from drill.helper.nfqueue import Queue
from drill.helper.rules import Rule, run

_DISCIPLINES = {
    "netem": ("netem", "delay", "1ms"),
    "tbf": ("tbf", "rate", "1mbit", "burst", "16kb", "latency", "100ms"),
}
_RULES = {
    "rules": ("-p", "tcp", "-m", "multiport", "--ports", "9", "-j", "DROP"),
    "reject": ("-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"),
    "statistic": ("-m", "statistic", "--mode", "random", "--probability", "0.5", "-j", "DROP"),
    "conntrack": ("-m", "conntrack", "--ctorigdstport", "53", "-j", "DROP"),
    "string": ("-m", "string", "--algo", "bm", "--hex-string", "|0178|", "-j", "DROP"),
    "queue": ("-j", "NFQUEUE", "--queue-num", "9", "--queue-bypass"),
}


def features() -> dict[str, bool]:
    """Each mechanism that a fault may need, and whether it works here."""
    found = {name: _works(discipline) for name, discipline in _DISCIPLINES.items()}
    found |= {name: _takes(Rule(4, "filter", "OUTPUT", args)) for name, args in _RULES.items()}
    translation = ("-p", "udp", "--dport", "53", "-j", "DNAT", "--to-destination", "127.0.0.1:9")
    found["nat"] = _takes(Rule(4, "nat", "OUTPUT", translation))
    found["queue"] = found["queue"] and _binds()
    return found


def _works(discipline: tuple[str, ...]) -> bool:
    try:
        run(["tc", "qdisc", "add", "dev", "lo", "root", *discipline])
        run(["tc", "qdisc", "del", "dev", "lo", "root"])
    except (RuntimeError, OSError):
        return False
    return True


def _takes(rule: Rule) -> bool:
    try:
        rules.put("drill-probe", [rule])
        return bool(rules.seen("drill-probe"))
    except (RuntimeError, OSError):
        return False


def _binds() -> bool:
    try:
        Queue(9, 10).close()
    except OSError:
        return False
    return True

"""The memory of a Redis server is full: it answers reads, and refuses every write (OOM)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.container.target import short
from injectors.data.members import mark, store_of
from injectors.data.postgresql import runs
from injectors.data.redis import act, ask, config, info

_SETTLE_S = 2.0
_FULL = "noeviction"
# The policy first: under another one a low limit would throw keys away.
_LOWER = """
[ "$(cli CONFIG SET maxmemory-policy noeviction)" = OK ] || { echo "maxmemory-policy cannot be set"; exit 1; }
[ "$(cli CONFIG SET maxmemory "$1")" = OK ] || { echo "maxmemory cannot be set"; exit 1; }
"""
_SET = '[ "$(cli CONFIG SET "$1" "$2")" = OK ] || { echo "$1 cannot be set"; exit 1; }'


class RedisFull:
    """Its limit is lowered below what it uses, and nothing makes room; no key is lost. Undo puts both settings back."""

    kind = "data.redis-full"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"redis", "containers"})
    params: Mapping[str, str] = MappingProxyType({})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, a target that does not run or is no Redis, and one that is full."""
        state = store_of(fault, stack, "redis", self.params)
        memory = info(stack, fault.target, "memory")
        found: dict[str, ParamValue] = {
            "maxmemory": config(stack, fault.target, "maxmemory"),
            "policy": config(stack, fault.target, "maxmemory-policy"),
        }
        # Below what it needs with no key at all: keys that expire make no room.
        limit = min(int(memory["used_memory"]) // 2, int(memory["used_memory_startup"]))
        if 0 < int(found["maxmemory"]) <= limit:
            raise InvalidInput(f"fault {fault.id}: {fault.target} is full already, its maxmemory is that low")
        cli = f"docker exec {short(state)} redis-cli CONFIG SET"
        steps = (
            f"Put the limit back: `{cli} maxmemory {found['maxmemory']}`",
            f"Then the policy: `{cli} maxmemory-policy {found['policy']}`",
        )
        params: dict[str, ParamValue] = {"limit": str(limit)}
        return replace(draft, instance=state.instance, before=found, params=params, settle_s=_SETTLE_S, manual=steps)

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Lower it; the moment spans both settings."""
        return act(stack, lease.service, _LOWER, str(lease.params["limit"]))

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether its limit is the fault's, and a write is refused for want of memory; one that is not lives 1 ms."""
        if not _runs(lease, stack) or config(stack, lease.service, "maxmemory") != lease.params["limit"]:
            return False
        return ask(stack, lease.service, "SET", mark(lease), "1", "PX", "1")[:1][0].startswith("OOM")

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Where the fault's values still hold: the limit first, lest the policy throws keys away."""
        if not _runs(lease, stack):
            return
        if config(stack, lease.service, "maxmemory") == lease.params["limit"]:
            act(stack, lease.service, _SET, "maxmemory", str(lease.before["maxmemory"]))
        if config(stack, lease.service, "maxmemory-policy") == _FULL != lease.before["policy"]:
            act(stack, lease.service, _SET, "maxmemory-policy", str(lease.before["policy"]))

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether neither value holds; a server that does not run has what its file says at its next start."""
        if not _runs(lease, stack):
            return True
        limit = config(stack, lease.service, "maxmemory")
        policy = config(stack, lease.service, "maxmemory-policy")
        return limit != lease.params["limit"] and not policy == _FULL != lease.before["policy"]


def _runs(lease: Lease, stack: Stack) -> bool:
    """Raises StackError while it is paused: nothing can be asked or put back then."""
    state = stack.services().get(lease.service)
    if state is not None and state.any_paused:
        raise StackError(f"{lease.service} is paused: whether its memory is full is not known")
    return runs(stack, lease.service)

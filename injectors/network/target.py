"""What the faults of this family share: a target with a network of its own, and a keeper beside each of its replicas.

The keeper makes the fault inside the target's network name space, watches that it is there, and takes it back when its
time is over, so nothing outlives the fault's maximum duration when everything of ours is dead. A target that is
restarted gets a new name space, without the fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import ServiceState, Stack
from injectors.container.target import check_params, running_target, short
from injectors.network.order import NETWORK, addresses, ask, command, features, life, mark, seen

_SLACK_S = 5
"""The keeper's bound is this much after the fault's expiry: the engine's own undo comes first."""
_SETTLE_S = 4.0
_IMAGE = '"${DRILL_HELPER_IMAGE:-drill-helper:local}"'
MECHANISMS = {
    "conntrack": "connection tracking (xt_conntrack)",
    "nat": "address translation (nf_nat)",
    "netem": "the netem queueing discipline (sch_netem)",
    "queue": "packet queues to user space (xt_NFQUEUE)",
    "reject": "packet rejection (xt_REJECT)",
    "rules": "packet filter rules (nf_tables)",
    "statistic": "chance in packet filter rules (xt_statistic)",
    "string": "text search in packet filter rules (xt_string)",
    "tbf": "the tbf queueing discipline (sch_tbf)",
}


class Kept:
    """Subclass with ``kind``, ``params``, ``mechanisms``, ``read`` and ``order``."""

    kind = ""
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str]
    mechanisms: tuple[str, ...] = ()
    """Names in ``MECHANISMS`` that the kernel must have."""
    back_end = "iptables"

    def read(self, fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:
        """The lease's parameters. Raises InvalidInput."""
        raise NotImplementedError

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:
        """What the keeper is to keep. ``peers``: addresses of the peer, if the lease names one."""
        raise NotImplementedError

    def choose(self, fault: FaultSpec, params: Mapping[str, ParamValue], found: Mapping[str, bool]) -> str:  # noqa: ARG002 - for those with a choice
        """The back end. Raises InvalidInput when the machine's kernel has none that does."""
        require(fault, found, *self.mechanisms)
        return self.back_end

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, a target that does not run or has no network of its own, a peer that
        does not run, or a kernel without the mechanism; StackError without the helper image."""
        check_params(fault, self.params)
        state = running_target(fault, stack)
        own_network(fault, state)
        params = self.read(fault, stack)
        peer = str(params.get("peer", ""))
        params["back_end"] = self.choose(fault, params, features(stack, fault.target))
        params["bound_s"] = float(fault.max_duration) + _SLACK_S
        before: dict[str, ParamValue] = {"peer": life(stack, peer)} if peer else {}
        lease = replace(draft, instance=state.instance, before=before, params=params, settle_s=_SETTLE_S)
        return replace(lease, manual=_by_hand(lease, state))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Start the keeper beside each replica that runs; back when it is done everywhere."""
        order = {"do": "keep", **self._order(lease, stack)}
        return stack.containers().start_beside(lease.service, mark(lease), command(order), share=NETWORK)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether a keeper (it looks at its work twice a second) is beside a replica, or has left its work behind; and
        whether that still meets a peer that was restarted or recreated since."""
        if not stack.containers().beside(mark(lease)) and not self._left_behind(lease, stack):
            return False
        return not self._missed(lease, stack)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Remove the keepers, then what they made, from every replica that runs: one that was restarted has none."""
        stack.containers().stop_beside(mark(lease))
        ask(stack, lease.service, {"do": "clear", "mark": mark(lease)})

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether no keeper and nothing with the lease's mark is in any replica's name space."""
        return stack.containers().beside(mark(lease)) == 0 and not seen(stack, lease)

    def adjust(self, lease: Lease, stack: Stack) -> None:
        """Have the keepers change their work to what the lease says now. Raises StackError when one is not there."""
        ask(stack, lease.service, {"do": "tell", **self._order(lease, stack)})

    def _order(self, lease: Lease, stack: Stack) -> dict[str, Any]:
        peer = str(lease.params.get("peer", ""))
        peers = addresses(stack, peer) if peer else []
        if peer and not peers:
            raise StackError(f"{peer}, which {lease.service} is to be cut off from, does not run; `drill stack up`")
        common: dict[str, Any] = {"mark": mark(lease), "bound_s": lease.params["bound_s"], "rules": []}
        return common | self.order(lease, peers)

    def _left_behind(self, lease: Lease, stack: Stack) -> bool:
        # Without its keeper a queue is passed by: the rule alone does nothing.
        return lease.params["back_end"] != "nfqueue" and bool(seen(stack, lease))

    def _missed(self, lease: Lease, stack: Stack) -> bool:
        """Whether the peer, restarted or recreated since, has an address that no rule names."""
        peer = str(lease.params.get("peer", ""))
        if not peer or life(stack, peer) == lease.before["peer"]:
            return False
        text = " ".join(seen(stack, lease))
        return not all(f" {address}/" in text for address in addresses(stack, peer))


def require(fault: FaultSpec, found: Mapping[str, bool], *mechanisms: str) -> None:
    """Raises InvalidInput for a mechanism that the kernel does not have."""
    for name in mechanisms:
        if not found[name]:
            raise InvalidInput(
                f"fault {fault.id}: {fault.kind} needs {MECHANISMS[name]}, which this machine's kernel does not have; "
                "load the module, or choose another fault"
            )


def own_network(fault: FaultSpec, state: ServiceState) -> None:
    """Raises InvalidInput for a target on the host's network, on another container's, or on none."""
    networks = state.facts.get("networks", "").replace(",", " ").split()
    if not networks or any(name.startswith(("host(", "none(")) for name in networks):
        raise InvalidInput(
            f"fault {fault.id}: {fault.target} has no network of its own (network_mode in the Compose file); "
            "a fault on it would hit others too"
        )


def percent(fault: FaultSpec, name: str, *, default: float | None = None) -> float:
    """A parameter above 0 and up to 100, or its default where it has one. Raises InvalidInput."""
    value = fault.params.get(name, default)
    if value is not None and value == default:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
        raise InvalidInput(f"fault {fault.id}: {name} {value!r} is no percentage above 0 and up to 100")
    return float(value)


def _by_hand(lease: Lease, state: ServiceState) -> tuple[str, ...]:
    clear = " ".join(command({"do": "clear", "mark": mark(lease)}))
    beside = "docker run --rm --cap-add NET_ADMIN --user 0 --network container:"
    return (
        f"Remove its keepers: `docker ps -aq --filter label=drill.helper={mark(lease)} | xargs -r docker rm -f`",
        *(f"Take it back: `{beside}{one} {_IMAGE} {clear}`" for one in short(state).split()),
        f"If that cannot be done, restart the target, which clears its network: `docker restart {short(state)}`",
    )

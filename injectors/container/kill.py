"""Kill a service at once: no goodbye to clients, no clean shutdown, like a crash or the out-of-memory killer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.target import Down, before, blueprint, by_hand, check_params, running_target

SIGNALS = (
    *("SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM"),
    *("SIGXCPU", "SIGXFSZ"),
)
"""Those that end a process that does not handle them, and that a container's init passes on. One that handles a signal
and lives on is a failed injection.
"""
CRASHES = ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS")
"""Signals of a process's own mistakes: an init passes none of them on."""
DEADLY = (*SIGNALS, *CRASHES)


class Kill(Down):
    """The service's first process gets a signal that ends it; undo starts the service."""

    kind = "container.kill"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs: frozenset[str] = frozenset()
    params: Mapping[str, str] = MappingProxyType(
        {
            "signal": f"One of {', '.join(SIGNALS)}; SIGKILL if left out. A service that handles it and goes on makes "
            "the drill end with an error."
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for an unknown parameter or signal, or a target that does not run."""
        check_params(fault, self.params)
        signal = signal_of(fault)
        state = running_target(fault, stack)
        lease = replace(
            draft,
            instance=state.instance,
            before=before(state, stack),
            sealed=blueprint(fault, stack),
            params={"signal": signal},
            settle_s=1.0,
        )
        return replace(lease, manual=by_hand(lease, state))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Kill it and see it end."""
        return stack.kill(lease.service, str(lease.params["signal"]))


def signal_of(fault: FaultSpec, known: tuple[str, ...] = SIGNALS) -> str:
    """The parameter `signal`; SIGKILL if left out. Raises InvalidInput for one that is not among ``known``."""
    signal = fault.params.get("signal", "SIGKILL")
    if not isinstance(signal, str) or signal not in known:
        hint = "; a container's init passes it on to nobody, use container.crash" if signal in CRASHES else ""
        raise InvalidInput(f"fault {fault.id}: signal {signal!r} is none of {', '.join(known)}{hint}")
    return signal

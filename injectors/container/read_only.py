"""The disk turned read-only, as after an error of the device: a service cannot write any more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from drill.ports.containers import Remake
from injectors.change.remade import Remade, planned
from injectors.container.target import check_params, running_target

_READ_ONLY = 30
# The kernel says that a file system is read-only before it says who may not write. What could be written is removed.
_TRY = f"""
LC_ALL=C; export LC_ALL
said=$( {{ : >"$1"; }} 2>&1 ) && {{ rm -f -- "$1"; exit 0; }}
case $said in *"ead-only file system"*) exit {_READ_ONLY} ;; esac
exit 1
"""


class ReadOnly(Remade):
    """The service is recreated with a read-only root file system and read-only volumes; undo recreates it as it was."""

    kind = "container.read-only"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType({})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, or a target that does not run or is read-only already."""
        check_params(fault, self.params)
        running_target(fault, stack)
        if any(one.read_only for one in stack.containers().made(fault.target)):
            raise InvalidInput(f"fault {fault.id}: {fault.target} is read-only already; name another service")
        return planned(fault, stack, draft, {})

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Recreate it so: the moment spans the change-over."""
        return stack.containers().remake(lease.service, Remake(read_only=True))

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether a write fails in a replica, tried now. One that ended for it cannot be asked: it is made so."""
        if not self._marked(lease, stack):
            return False
        tries = stack.containers().run_inside(lease.service, ["sh", "-c", _TRY, "sh", f"/.drill-{lease.id}"])
        return any(one.code == _READ_ONLY for one in tries) or not tries

    def _marks(self, lease: Lease, made: Remake) -> bool:  # noqa: ARG002  # the others go by what the lease says
        return bool(made.read_only)

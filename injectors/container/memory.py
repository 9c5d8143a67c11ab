"""Leave a service hardly any memory: its caches shrink, its disk works harder, and what grows further dies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.limit import Limit
from injectors.container.target import check_params, running_target
from injectors.container.usage import memory_in_use

_SIZE = re.compile(r"([0-9]+)([bkmg]?)", re.IGNORECASE)
_SHARE = re.compile(r"([0-9]+)%")
_BYTES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LEAST = 6 << 20
"""Below it the engine refuses."""
_MIB = 1 << 20
_ROOM = _MIB
_PAGE = 4096


class Memory(Limit):
    """Every replica gets at most this much memory, more than it uses now; undo gives each what it had."""

    kind = "container.memory"
    resource = "memory"
    params: Mapping[str, str] = MappingProxyType(
        {
            "memory": "Bytes that each replica may use, for example 64m (units b, k, m, g), or a share of what the "
            "largest uses now, for example 120%; required."
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad size, one below what is in use, a target that does not run, or as tight a limit
        already."""
        check_params(fault, self.params)
        written = str(fault.params.get("memory", ""))
        size, share = _SIZE.fullmatch(written), _SHARE.fullmatch(written)
        if not size and not share:
            raise InvalidInput(f"fault {fault.id}: memory {written!r} is no size; write 64m, say, or 120%")
        running_target(fault, stack)  # one that does not run cannot be asked what it uses: that is told first
        used = memory_in_use(fault, stack)
        value = int(size[1]) * _BYTES[size[2].lower()] if size else used * int(share[1]) // 100 if share else 0
        if value < max(_LEAST, used + _ROOM):
            raise InvalidInput(
                f"fault {fault.id}: memory {written} is less than the {used / _MIB:.1f} MiB that {fault.target} uses "
                f"and {_ROOM // _MIB} MiB of room, or than the engine's least, 6m; to have it killed, container.oom is "
                "meant"
            )
        return self.prepared(fault, stack, draft, value - value % _PAGE)

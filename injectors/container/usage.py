"""How much memory a container uses, asked inside it: its control group is there, whichever engine runs it."""

from __future__ import annotations

from drill.errors import InvalidInput, StackError
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.replicas import each

# Page cache that nobody uses is left out, as in `docker stats`. Only what every shell has built in.
_IN_USE = """
if [ -r /sys/fs/cgroup/memory.current ]; then
    read used </sys/fs/cgroup/memory.current; idle=inactive_file; stat=/sys/fs/cgroup/memory.stat
else
    read used </sys/fs/cgroup/memory/memory.usage_in_bytes; idle=total_inactive_file
    stat=/sys/fs/cgroup/memory/memory.stat
fi
while read name value; do [ "$name" != "$idle" ] || echo $((used - value)); done <"$stat"
"""


def memory_in_use(fault: FaultSpec, stack: Stack) -> int:
    """Bytes in use by the replica that uses most. Raises InvalidInput when one cannot be asked."""
    return max(_in_use(fault, view) for view in each(stack, fault.target).values())


def _in_use(fault: FaultSpec, stack: Stack) -> int:
    try:
        found = stack.exec(fault.target, ["sh", "-c", _IN_USE])
        return int(found.output)
    except (StackError, ValueError) as error:
        said = " ".join(str(error).split())
        raise InvalidInput(
            f"fault {fault.id}: {fault.target} does not tell what memory it uses ({said}); it needs a shell (sh) and "
            "/sys/fs/cgroup inside"
        ) from error

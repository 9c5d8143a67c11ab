"""A file system of a service is full: nothing more can be written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from drill.errors import ActionFailed, InvalidInput, Refused
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from drill.ports.containers import Outcome
from injectors.container.target import check_params, running_target

_MOST = 512 * 1024 * 1024
_MARGIN = 64 * 1024
_FILL_S = 20.0
_SETTLE_S = 3.0
# $1 the filler, $2 bytes to leave, $3 seconds after which it goes by itself. Its end is awaited by a shell of its own.
_FILL = """
: >"$1" || exit 1
( left=$3; while [ -e "$1" ] && [ "$left" -gt 0 ]; do sleep 1; left=$((left - 1)); done; rm -f -- "$1" ) \
    </dev/null >/dev/null 2>&1 &
for again in 1 2 3; do
    set -- "$1" "$2" "$3" $(stat -f -c '%a %S' -- "${1%/*}/")
    pages=$((($4 * $5 - $2) / 4096))
    [ "$pages" -gt 0 ] || break
    dd if=/dev/zero bs=4096 count="$pages" >>"$1" 2>/dev/null
done
exit 0
"""
# Says the bytes that are free, the filler's size (-1: none), and how many shells wait for its end.
_LOOK = """
set -- "$1" $(stat -f -c '%a %S' -- "${1%/*}/") || exit 1
waiting=0
for one in /proc/[0-9]*; do
    [ "${one#/proc/}" = "$$" ] && continue
    grep -qsF -- "$1" "$one/cmdline" && waiting=$((waiting + 1))
done
echo $(($2 * $3)) "$(stat -c %s -- "$1" 2>/dev/null || echo -1)" "$waiting"
"""
_EMPTY = 'exec rm -f -- "$1"'


@dataclass(frozen=True, slots=True)
class _Room:
    """In one replica: bytes free, the filler's bytes (-1: there is none), shells of ours that wait for its end."""

    free: int
    filler: int
    waiting: int


class DiskFull:
    """A file that is the lease's own takes the room, in memory of a fixed size only; undo removes it."""

    kind = "container.disk-full"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "path": "Folder on the file system to fill: a tmpfs with a size. What may be the host's disk is refused.",
            "leave": "Bytes to leave free; 0 if left out.",
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter or a target that does not run, Refused where it might do harm."""
        check_params(fault, self.params)
        path, leave = fault.params.get("path"), fault.params.get("leave", 0)
        if not isinstance(path, str) or not path.startswith("/"):
            raise InvalidInput(f"fault {fault.id}: path {path!r} is no absolute path; name a folder in {fault.target}")
        state = running_target(fault, stack)
        size = stack.containers().fixed_size(fault.target, path)
        _refuse_harm(fault, path, size)
        if isinstance(leave, bool) or not isinstance(leave, int) or not 0 <= leave < size:
            raise InvalidInput(f"fault {fault.id}: leave {leave!r} is no number of bytes from 0 to {size - 1}")
        file = f"{path.rstrip('/')}/drill-{draft.id}"
        return replace(
            draft,
            instance=state.instance,
            before={"size": size},
            params={"file": file, "leave": leave, "bound_s": int(fault.max_duration) + 1},
            settle_s=_SETTLE_S,
            manual=tuple(f"Remove the file: `docker exec -u 0 {one[:12]} rm -f {file}`" for one in state.replicas),
        )

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Fill it, in every replica; the moment is from before the first byte to after the last."""
        argv = _script(_FILL, lease, str(lease.params["leave"]), str(lease.params["bound_s"]))
        return stack.containers().act_inside(lease.service, argv, timeout_s=_FILL_S)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether in a replica the filler is there and no more than its parameter says is free."""
        least = int(lease.params["leave"]) + _MARGIN
        return any(room.filler > 0 and room.free < least for room in _rooms(lease, stack))

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Remove the filler where a replica runs; in one that does not run the memory is gone, and it too."""
        if not self.undone(lease, stack):
            stack.containers().act_inside(lease.service, _script(_EMPTY, lease))

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether no replica has a filler, nor a shell that waits for its end."""
        return all(room.filler < 0 and not room.waiting for room in _rooms(lease, stack))


def _refuse_harm(fault: FaultSpec, path: str, size: int) -> None:
    if size == 0:
        raise Refused(
            f"fault {fault.id}: {path} of {fault.target} may be the host's own disk, or has no bound: filling it could "
            f"do harm; give the service a tmpfs with a size there"
        )
    if size > _MOST:
        raise Refused(
            f"fault {fault.id}: {path} of {fault.target} holds {size} bytes of memory; at most {_MOST} are filled"
        )


def _script(script: str, lease: Lease, *more: str) -> list[str]:
    return ["sh", "-c", script, "sh", str(lease.params["file"]), *more]


def _rooms(lease: Lease, stack: Stack) -> list[_Room]:
    """Of each replica that runs. Raises ActionFailed when one does not say."""
    return [_room(lease, one) for one in stack.containers().run_inside(lease.service, _script(_LOOK, lease))]


def _room(lease: Lease, said: Outcome) -> _Room:
    words = said.output.split()
    if said.code or len(words) != 3:
        raise ActionFailed(
            f"{lease.service} does not say how full {lease.params['file']} made it: {said.output[-200:]}"
        )
    return _Room(*(int(word) for word in words))

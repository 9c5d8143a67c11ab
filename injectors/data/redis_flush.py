"""Everything in a Redis server is gone at once, as after a flush by mistake; undo puts back what was in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput, Refused, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.container.target import before, blueprint, start_if_down
from injectors.data.members import store_of
from injectors.data.postgresql import runs
from injectors.data.redis import act, ask, info

_SETTLE_S = 2.0
_MOST, _MOST_OF_ONE = 4 * 1024 * 1024, 512 * 1024
_LEAST_MS = 1_000
_LOOKS = 20
_PIECE, _BATCH = 100_000, 1_200_000
"""Characters of one argument of a command, and of all: the kernel takes no more."""
# A line for each key of every database: number, key, end (ms of the wall clock; 0: none), content; key and content hex.
_SNAPSHOT = """
local found, size, lasting = {}, 0, 0
local function hex(text) return (text:gsub('.', function(c) return string.format('%02x', c:byte()) end)) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for db in redis.call('INFO', 'keyspace'):gmatch('db(%d+):') do
    redis.call('SELECT', db)
    local cursor = '0'
    repeat
        local page = redis.call('SCAN', cursor, 'COUNT', 500)
        cursor = page[1]
        for _, key in ipairs(page[2]) do
            local dump, left = redis.call('DUMP', key), redis.call('PTTL', key)
            if dump then
                size = size + #dump + #key
                if size > tonumber(ARGV[1]) or #dump > tonumber(ARGV[2]) then return redis.error_reply('TOOBIG') end
                if left < 0 or left >= tonumber(ARGV[3]) then lasting = lasting + 1 end
                local ends = left < 0 and 0 or now + left
                found[#found + 1] = db .. ' ' .. hex(key) .. ' ' .. string.format('%.0f', ends) .. ' ' .. hex(dump)
            end
        end
    until cursor == '0'
end
table.insert(found, 1, tostring(lasting))
return found
"""
# Of the keys that would still be there: how many are missing, and how many hold something else.
_KEYS = """
local missing, other = 0, 0
local function text(hex) return (hex:gsub('..', function(c) return string.char(tonumber(c, 16)) end)) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for db, key, ends, dump in table.concat(ARGV, '', 2):gmatch('(%d+) (%x*) (%d+) (%x+)\\n') do
    redis.call('SELECT', db)
    key, dump = text(key), text(dump)
    if ends == '0' or tonumber(ends) > now then
        local held = redis.call('DUMP', key)
        if held and held ~= dump then other = other + 1 end
        if not held and ARGV[1] == 'restore' then
            redis.call('RESTORE', key, ends, dump, 'ABSTTL')
        elseif not held then
            missing = missing + 1
        end
    end
end
return {missing, other}
"""
_FLUSH = '[ "$(cli FLUSHALL)" = OK ] || { echo "it does not flush"; exit 1; }'


class RedisFlush:
    """Every key of every database is removed. Undo restores the keys that are missing and lets be what was written
    since; a key that has outlived its time stays away."""

    kind = "data.redis-flush"
    reversibility: Reversibility = "snapshot-restorable"
    loses_data = True
    needs = frozenset({"redis", "containers"})
    params: Mapping[str, str] = MappingProxyType({})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, a target that does not run, is no Redis or holds no key that lives for
        a second; Refused when it holds more than 4 MiB, or 512 KiB in one key."""
        state = store_of(fault, stack, "redis", self.params)
        _, *keys = _snapshot(fault, stack)
        found: dict[str, ParamValue] = {**before(state, stack), **_flushes(stack, fault.target), "keys": len(keys)}
        sealed: dict[str, ParamValue] = {**blueprint(fault, stack), "keys": "".join(f"{line}\n" for line in keys)}
        step = "The product fills it again; what it held is in this lease's file, and put back by: `drill undo`"
        return replace(draft, instance=state.instance, before=found, sealed=sealed, settle_s=_SETTLE_S, manual=(step,))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Flush it."""
        return act(stack, lease.service, _FLUSH)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether it was flushed, and keys that would still live are missing: the product has not filled it again."""
        return runs(stack, lease.service) and _was_flushed(lease, stack) and _look(lease, stack)[0] > 0

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Put back what is missing, into a server that was restarted too. Without a flush nothing is put back: then a
        missing key was removed by its owner."""
        start_if_down(lease, stack)
        if _was_flushed(lease, stack):
            for batch in _batches(str(lease.sealed["keys"])):
                _eval(lease, stack, "restore", batch)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether every key is there that would still live."""
        if not runs(stack, lease.service):
            return False
        return not _was_flushed(lease, stack) or _look(lease, stack)[0] == 0

    def report(self, lease: Lease, stack: Stack) -> str:
        """Keys that others wrote in between."""
        other = _look(lease, stack)[1] if _was_flushed(lease, stack) else 0
        return f"{other} keys of {lease.service} that were written meanwhile were left as they are" if other else ""


def _snapshot(fault: FaultSpec, stack: Stack) -> list[str]:
    """How many keys will last, then a line for each key. A cache of short-lived keys is looked at some times."""
    limits = (str(_MOST), str(_MOST_OF_ONE), str(_LEAST_MS))
    for _ in range(_LOOKS):
        found = ask(stack, fault.target, "EVAL", _SNAPSHOT, "0", *limits)
        if found[0] != "0":
            break
    if "TOOBIG" in found[0]:
        most = f"{_MOST} bytes, or {_MOST_OF_ONE} in one key"
        raise Refused(f"fault {fault.id}: {fault.target} holds more than {most}: too much to put back safely")
    if not found[0].isdigit() or found[0] == "0":
        said = "holds no key that lives for another second" if found[0] == "0" else f"says {found[0][:200]}"
        raise InvalidInput(f"fault {fault.id}: {fault.target} {said}: a flush would show nothing")
    return found


def _flushes(stack: Stack, service: str) -> dict[str, ParamValue]:
    """Which run of the server it is, and how often it was flushed in this run."""
    said = info(stack, service, "commandstats").get("cmdstat_flushall", "calls=0")
    return {"run": info(stack, service, "server")["run_id"], "flushes": int(said.split(",")[0].partition("=")[2])}


def _was_flushed(lease: Lease, stack: Stack) -> bool:
    """Also when the server was restarted: what it counted is gone with its memory."""
    now = _flushes(stack, lease.service)
    return any(now[name] != lease.before[name] for name in now)


def _look(lease: Lease, stack: Stack) -> tuple[int, int]:
    """How many keys that would still live are missing, and how many hold something else."""
    found = [_eval(lease, stack, "look", batch) for batch in _batches(str(lease.sealed["keys"]))]
    return sum(one[0] for one in found), sum(one[1] for one in found)


def _eval(lease: Lease, stack: Stack, what: str, batch: str) -> tuple[int, int]:
    pieces = [batch[at : at + _PIECE] for at in range(0, len(batch), _PIECE)]
    said = ask(stack, lease.service, "EVAL", _KEYS, "0", what, *pieces)
    if len(said) != 2 or not all(line.isdigit() for line in said):
        raise StackError(f"{lease.service} does not {what} its keys: {' '.join(said)[-200:]}")
    return int(said[0]), int(said[1])


def _batches(keys: str) -> Iterator[str]:
    """Whole lines, as many as a command takes."""
    batch = ""
    for line in keys.splitlines(keepends=True):
        if batch and len(batch) + len(line) > _BATCH:
            yield batch
            batch = ""
        batch += line
    if batch:
        yield batch

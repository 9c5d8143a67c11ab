"""Each replica of a target by itself, and the moment of what happens to several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drill.model.lease import Moment
from drill.ports import Stack


def each(stack: Stack, service: str) -> Mapping[int, Stack]:
    """The stack once for each replica, narrowed to it, by the replica's number."""
    return {number: stack.replica(service, number) for number in stack.replica_numbers(service)}


def spanning(moments: Sequence[Moment]) -> Moment:
    """From the earliest that the first of several, at least one, can be to the latest of the last."""
    if len(moments) == 1:
        return moments[0]
    began_ns = min(moment.at_ns - moment.uncertainty_ns for moment in moments)
    ended_ns = max(moment.at_ns + moment.uncertainty_ns for moment in moments)
    sources = ", ".join(dict.fromkeys(moment.source for moment in moments))
    return Moment(at_ns=(began_ns + ended_ns) // 2, uncertainty_ns=(ended_ns - began_ns) // 2 + 1, source=sources)

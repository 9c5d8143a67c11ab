"""Reading the parameters of this family's faults."""

from __future__ import annotations

from collections.abc import Iterable

from drill.errors import InvalidInput
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import parse_seconds

PROXY_PARAM = "Name of the proxy on the target, for example payments."
MOST_MS = 600_000
_TOXICITY = {"toxicity": "Share of the connections that are hit, above 0 and up to 1; 1 if left out."}
STREAM_PARAMS = {
    "stream": "What is hit: downstream, what the client gets (if left out), or upstream, what it sends.",
    **_TOXICITY,
}
MATCH_PARAMS = {
    "route": "Prefix of the request path, for example /payments; all requests if left out.",
    "method": "HTTP method; all if left out.",
    "share": "Percent of the requests that match; 100 if left out.",
    **_TOXICITY,
}


def check_params(fault: FaultSpec, known: Iterable[str]) -> None:
    """Raises InvalidInput for a parameter that the fault kind does not have."""
    names = sorted(known)
    for name in fault.params:
        if name not in names:
            raise InvalidInput(f"fault {fault.id}: {fault.kind} has no parameter {name!r}; it has {', '.join(names)}")


def stream_of(fault: FaultSpec) -> dict[str, ParamValue]:
    """Which direction of which connections is hit. Raises InvalidInput."""
    return {"stream": choice(fault, "stream", ("downstream", "upstream")), "toxicity": _toxicity(fault)}


def match_of(fault: FaultSpec) -> dict[str, ParamValue]:
    """Which requests of which connections are hit. Raises InvalidInput."""
    return {
        "route": word(fault, "route"),
        "method": word(fault, "method"),
        "share": whole_number(fault, "share", 100, 1, 100),
        "toxicity": _toxicity(fault),
    }


def whole_number(fault: FaultSpec, name: str, default: int | None, least: int, most: int) -> int:
    """A parameter that is a whole number; one without a default is required. Raises InvalidInput."""
    value = fault.params.get(name, default)
    if value is None:
        raise InvalidInput(f"fault {fault.id}: {name} is missing; write a whole number from {least} to {most}")
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"fault {fault.id}: {name} {value!r} is no whole number from {least} to {most}")
    return value


def word(fault: FaultSpec, name: str, default: str = "") -> str:
    """A parameter that is text. Raises InvalidInput."""
    value = fault.params.get(name, default)
    if not isinstance(value, str):
        raise InvalidInput(f"fault {fault.id}: {name} {value!r} is no text; put it in quotes")
    return value


def choice(fault: FaultSpec, name: str, choices: tuple[str, ...]) -> str:
    """A parameter that is one of these; the first if left out. Raises InvalidInput."""
    value = word(fault, name, choices[0])
    if value not in choices:
        raise InvalidInput(f"fault {fault.id}: {name} {value!r} is none of {', '.join(choices)}")
    return value


def milliseconds(fault: FaultSpec, name: str, default: int, most: int = MOST_MS) -> int:
    """A parameter that is a duration such as 300ms or 2s, or whole milliseconds. Raises InvalidInput."""
    return _duration(fault, name, default, most, 1_000, "ms")


def microseconds(fault: FaultSpec, name: str, default: int, most: int) -> int:
    """A parameter that is a duration such as 20ms, or whole microseconds. Raises InvalidInput."""
    return _duration(fault, name, default, most, 1_000_000, "µs")


def some_milliseconds(fault: FaultSpec, name: str, without: str) -> int:
    """As ``milliseconds``, but neither 0 nor left out. ``without``: what the fault would do then, for the error."""
    value = milliseconds(fault, name, 0)
    if value == 0:
        raise InvalidInput(f"fault {fault.id}: {name} is missing or 0: {without}; write 2s, say")
    return value


def _duration(fault: FaultSpec, name: str, default: int, most: int, per_s: int, unit: str) -> int:
    value = fault.params.get(name, default)
    try:
        found = round(parse_seconds(value) * per_s) if isinstance(value, str) else value
    except ValueError as error:
        raise InvalidInput(f"fault {fault.id}: {name}: {error}") from error
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= most:
        raise InvalidInput(f"fault {fault.id}: {name} {value!r} is not between 0 and {most} {unit}")
    return found


def _toxicity(fault: FaultSpec) -> float:
    value = fault.params.get("toxicity", 1)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise InvalidInput(f"fault {fault.id}: toxicity {value!r} is no share above 0 and up to 1")
    return float(value)

"""A dependency answers with a body that cannot be used: cut off, no JSON, or another one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.errors import InvalidInput
from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import MATCH_PARAMS, PROXY_PARAM, choice, match_of, whole_number, word
from injectors.proxy.target import Growing

_MODES = ("truncate", "malformed", "replace")
_FOR = {"bytes": "truncate", "body": "replace"}


class HttpBody(Growing):
    """The upstream serves the request; its answer keeps status and headers, and its body is spoiled on the way."""

    kind = "proxy.http-body"
    type = "http_body"
    strength = ("share",)
    ramps = frozenset({"share"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "mode": "truncate, the connection closes in mid-body (if left out); malformed, no JSON; replace.",
            "bytes": "For truncate: bytes of the body that pass; 0 if left out.",
            "body": "For replace: the body in its place; empty if left out.",
            **MATCH_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense, alone or with the mode."""
        mode = choice(fault, "mode", _MODES)
        for name, wanted in _FOR.items():
            if name in fault.params and mode != wanted:
                raise InvalidInput(f"fault {fault.id}: {name} is for mode {wanted}, not {mode}; leave it out")
        return {
            "mode": mode,
            "bytes": whole_number(fault, "bytes", 0, 0, 1_000_000_000),
            "body": word(fault, "body"),
            **match_of(fault),
        }

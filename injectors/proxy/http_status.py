"""A dependency answers with errors: the status of your choice, for all requests or a share of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.scenario import FaultSpec, ParamValue
from injectors.proxy.params import MATCH_PARAMS, PROXY_PARAM, match_of, whole_number, word
from injectors.proxy.target import Growing


class HttpStatus(Growing):
    """The proxy answers requests in the upstream's place, which does not see them."""

    kind = "proxy.http-status"
    type = "http_status"
    strength = ("share",)
    ramps = frozenset({"share"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "status": "Status of the answer; 503 if left out.",
            "body": "Body of the answer; empty if left out.",
            **MATCH_PARAMS,
        }
    )

    def attributes(self, fault: FaultSpec) -> Mapping[str, ParamValue]:
        """Raises InvalidInput for one that makes no sense."""
        return {
            "status": whole_number(fault, "status", 503, 400, 599),
            "body": word(fault, "body"),
            **match_of(fault),
        }

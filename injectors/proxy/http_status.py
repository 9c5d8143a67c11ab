"""A dependency answers with errors: the status of your choice, for all requests or a share of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.lease import Lease, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.proxy.target import (
    MATCH_PARAMS,
    PROXY_PARAM,
    Toxic,
    check_params,
    complete,
    match_of,
    open_proxy,
    whole_number,
    word,
)


class HttpStatus(Toxic):
    """The proxy answers requests in the upstream's place, which does not see them."""

    kind = "proxy.http-status"
    type = "http_status"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"toxiproxy"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "proxy": PROXY_PARAM,
            "status": "Status of the answer; 503 if left out.",
            "body": "Body of the answer; empty if left out.",
            **MATCH_PARAMS,
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, or a proxy that is absent or disabled."""
        check_params(fault, self.params)
        proxy = open_proxy(fault, stack).name
        params: dict[str, ParamValue] = {
            "proxy": proxy,
            "status": whole_number(fault, "status", 503, 400, 599),
            "body": word(fault, "body"),
            **match_of(fault),
        }
        return complete(draft, stack, params, self.steps(draft, stack, proxy))

"""A dependency cannot be reached: connections to it are refused, open ones are closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.model.lease import Lease, Moment, Reversibility
from drill.model.proxies import ProxyState
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.proxy.params import PROXY_PARAM, check_params
from injectors.proxy.target import check_same_server, complete, open_proxy, proxies_now, url


class Down:
    """The proxy is disabled; its toxics stay. Undo enables it if it was enabled before."""

    kind = "proxy.down"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"toxiproxy"})
    params: Mapping[str, str] = MappingProxyType({"proxy": PROXY_PARAM})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for another parameter, or a proxy that is absent or disabled already."""
        check_params(fault, self.params)
        proxy = open_proxy(fault, stack)
        command = f"curl -X PATCH -d '{{\"enabled\": true}}' {url(draft, stack, proxy.name)}"
        lease = complete(draft, stack, {"proxy": proxy.name}, (f"Enable the proxy: `{command}`",))
        return replace(lease, before={**lease.before, "enabled": proxy.enabled})

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Disable it. Raises ActionFailed when the server was restarted since the plan."""
        check_same_server(lease, stack)
        return stack.proxies(lease.service).set_enabled(str(lease.params["proxy"]), False)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether it is there and disabled."""
        proxy = _now(lease, stack)
        return proxy is not None and not proxy.enabled

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Enable it if it is disabled; one that is gone is left gone."""
        if lease.before.get("enabled", True) and self.active(lease, stack):
            stack.proxies(lease.service).set_enabled(str(lease.params["proxy"]), True)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether it is as before, or gone with the server or without."""
        proxy = _now(lease, stack)
        return proxy is None or proxy.enabled == lease.before.get("enabled", True)


def _now(lease: Lease, stack: Stack) -> ProxyState | None:
    return proxies_now(lease, stack).get(str(lease.params["proxy"]))

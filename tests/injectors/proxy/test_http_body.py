"""proxy.http-body, seen by a raw client."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
from proxy_fault_contract import HttpContract, Rig, planned

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.http_body import HttpBody


class TestHttpBody(HttpContract):
    injector = HttpBody()
    params = MappingProxyType({"proxy": "payments", "bytes": 5})

    def told(self, rig: Rig, method: str, path: str) -> bool:
        """The head is whole and the body is cut."""
        request = f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n"
        head, _, body = rig.talk(request.encode()).data.partition(b"\r\n\r\n")
        return head.startswith(b"HTTP/1.1 200") and body == b'{"pat'

    def test_the_upstream_has_served_the_request(self, rig: Rig) -> None:
        self.injector.apply(planned(self.injector, rig, self.params), rig.as_stack())
        assert self.hit(rig)
        assert len(rig.seen) == 1

    @pytest.mark.parametrize(
        ("params", "body"), [({"mode": "malformed"}, b"{"), ({"mode": "replace", "body": "gone"}, b"gone")]
    )
    def test_another_body_comes_with_a_status_of_200(
        self, rig: Rig, params: dict[str, ParamValue], body: bytes
    ) -> None:
        self.injector.apply(planned(self.injector, rig, {"proxy": "payments", **params}), rig.as_stack())
        head, _, seen = rig.talk().data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert seen.startswith(body)
        with pytest.raises(ValueError, match=r"Expecting|delimiter"):
            json.loads(seen)

    @pytest.mark.parametrize(
        ("params", "said"),
        [
            ({"mode": "shred"}, "'shred' is none of truncate, malformed, replace"),
            ({"mode": "malformed", "bytes": 5}, "bytes is for mode truncate, not malformed"),
            ({"body": "x"}, "body is for mode replace, not truncate"),
            ({"bytes": -1}, "bytes -1"),
        ],
    )
    def test_parameters_that_make_no_sense_are_refused(
        self, rig: Rig, params: dict[str, ParamValue], said: str
    ) -> None:
        with pytest.raises(InvalidInput, match=said):
            planned(self.injector, rig, {"proxy": "payments", **params})

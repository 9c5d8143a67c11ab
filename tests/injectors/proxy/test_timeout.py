"""proxy.timeout, seen by a raw client."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from proxy_fault_contract import GET, Rig, StreamContract, planned
from proxyrig import silent

from drill.errors import InvalidInput
from drill.model.scenario import ParamValue
from injectors.proxy.timeout import Timeout


class TestTimeout(StreamContract):
    injector = Timeout()
    params = MappingProxyType({"proxy": "payments", "timeout": "200ms"})

    def hit(self, rig: Rig) -> bool:
        """No answer, and after the time the end."""
        status, _, seconds = rig.get()
        return status == 0 and 0.195 <= seconds < 4

    @pytest.mark.parametrize(("stream", "served"), [("upstream", 0), ("downstream", 1)])
    def test_the_upstream_serves_a_request_whose_answer_alone_is_dropped(
        self, rig: Rig, stream: str, served: int
    ) -> None:
        self.injector.apply(planned(self.injector, rig, {**self.params, "stream": stream}), rig.as_stack())
        assert self.hit(rig)
        assert len(rig.seen) == served

    def test_without_a_time_it_hangs_until_undo_ends_the_connection(self, rig: Rig) -> None:
        lease, stack = planned(self.injector, rig, {"proxy": "payments", "stream": "upstream"}), rig.as_stack()
        self.injector.apply(lease, stack)
        with rig.connect() as client:
            client.sendall(GET)
            assert silent(client, 0.3)
            self.injector.undo(lease, stack)
            assert client.recv(1) == b""
        assert rig.whole()

    @pytest.mark.parametrize("value", [-5, "soon", True, "1h"])
    def test_a_time_that_makes_no_sense_is_refused(self, rig: Rig, value: ParamValue) -> None:
        with pytest.raises(InvalidInput, match="timeout"):
            planned(self.injector, rig, {**self.params, "timeout": value})

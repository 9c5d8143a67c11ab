"""container.crash on real containers."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from compose_rig import Rig, docker, inspect
from end_contract import EndContract
from fault_contract import lease_for
from observers import until

from drill.errors import ActionFailed, InvalidInput
from drill.stacks import crashes
from injectors.container.crash import Crash

pytestmark = pytest.mark.engine


class TestCrash(EndContract):
    injector = Crash()
    params = MappingProxyType({"signal": "SIGKILL"})
    died = MappingProxyType({"Running": False, "OOMKilled": False, "ExitCode": 137})

    def test_another_signal_reaches_the_service_itself_and_not_its_init(self, ends: Rig) -> None:
        lease = lease_for(self.injector, ends.stack, "web", {"signal": "SIGSEGV"})
        self.injector.apply(lease, ends.stack)
        assert [state["ExitCode"] for state in self.states(ends)] == [139, 139]

    def test_a_signal_that_is_unknown_is_refused(self, ends: Rig) -> None:
        with pytest.raises(InvalidInput, match="SIGKILL"):
            lease_for(self.injector, ends.stack, "web", {"signal": "SIGSTOP"})

    def test_where_this_machine_may_not_signal_it_a_helper_does(
        self, ends: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(crashes, "_from_here", lambda *_: False)
        lease = self.planned(ends, "steady")
        self.injector.apply(lease, ends.stack)
        assert self.injector.active(lease, ends.stack)
        assert until(lambda: inspect(lease.instance)["RestartCount"] == 1)
        labels = f"label=drill.helper.project={ends.project}"
        assert until(lambda: docker("ps", "-aq", "--filter", labels) == "")

    def test_a_first_process_that_no_helper_can_end_is_an_error_that_says_what_to_do(
        self, ends: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(crashes, "_from_here", lambda *_: False)
        with pytest.raises(ActionFailed, match="init: true") as caught:
            self.injector.apply(self.planned(ends, "bare"), ends.stack)
        assert "\n" not in str(caught.value)
        assert self.states(ends, "bare")[0]["Running"]

    def test_a_service_that_does_not_run_cannot_crash(self, ends: Rig) -> None:
        lease = self.planned(ends, "bare")
        docker("kill", lease.instance)
        with pytest.raises(ActionFailed, match="bare does not run"):
            self.injector.apply(lease, ends.stack)

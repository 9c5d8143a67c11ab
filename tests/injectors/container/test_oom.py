"""container.oom on real containers: the kernel does the killing."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from compose_rig import Rig, docker
from end_contract import EndContract

from drill.errors import ActionFailed, InvalidInput
from injectors.container import oom
from injectors.container.oom import Oom

pytestmark = pytest.mark.engine


def scores(ends: Rig, service: str) -> list[str]:
    """Of every process in its containers."""
    pids = docker("top", ends.stack.services()[service].instance, "-o", "pid").split()[1:]
    return [Path(f"/proc/{pid}/oom_score_adj").read_text().strip() for pid in pids]


class TestOom(EndContract):
    injector = Oom()
    params = MappingProxyType({})
    died = MappingProxyType({"Running": False, "OOMKilled": True, "ExitCode": 137})

    def test_nothing_is_left_when_the_harness_died_before_the_kill(self, ends: Rig) -> None:
        lease = self.planned(ends, "bare")
        limit = str(lease.params["memory"])
        docker("update", "--memory", limit, "--memory-swap", limit, lease.instance)
        docker("exec", lease.instance, "sh", "-c", "echo 1000 >/proc/1/oom_score_adj")
        assert not self.injector.active(lease, ends.stack)
        assert not self.injector.undone(lease, ends.stack)
        self.injector.undo(lease, ends.stack)
        assert self.injector.undone(lease, ends.stack)
        assert scores(ends, "bare") == ["0"]
        assert [one.memory for one in ends.stack.containers().limits("bare")] == [0]

    def test_only_a_kill_for_lack_of_memory_counts(self, ends: Rig) -> None:
        lease = self.planned(ends, "bare")
        docker("kill", lease.instance)
        assert not self.injector.active(lease, ends.stack)

    def test_where_the_kernel_kills_nothing_that_is_an_error_and_nothing_is_left(
        self, ends: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(oom, "_FILL", oom._FILL.replace("fill 24", "fill 2"))
        lease = self.planned(ends)
        with pytest.raises(ActionFailed, match="the kernel did not kill its main process"):
            self.injector.apply(lease, ends.stack)
        assert self.injector.undone(lease, ends.stack)
        assert set(scores(ends, "web")) == {"0"}

    def test_a_container_without_a_shell_is_refused(self, ends: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        docker("exec", "-u", "0", ends.stack.services()["bare"].instance, "mv", "/usr/bin/sh", "/usr/bin/no-sh")
        try:
            with pytest.raises(InvalidInput, match="needs a shell") as caught:
                self.planned(ends, "bare")
            assert "\n" not in str(caught.value)
        finally:
            docker("exec", "-u", "0", ends.stack.services()["bare"].instance, "mv", "/usr/bin/no-sh", "/usr/bin/sh")

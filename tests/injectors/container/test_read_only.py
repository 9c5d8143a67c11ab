"""container.read-only on a real container."""

from __future__ import annotations

import subprocess

import pytest
from compose_rig import Rig, docker
from observers import DOCKER, until
from remade_contract import RemadeContract
from remade_fixtures import one_service, target

from drill.errors import InvalidInput
from injectors.container.read_only import ReadOnly

__all__ = ["one_service", "target"]
pytestmark = pytest.mark.engine


def write(container: str, place: str) -> str:
    done = subprocess.run(
        [DOCKER, "exec", "-u", "0", container, "touch", place], capture_output=True, text=True, check=False, timeout=20
    )
    return done.stderr.strip()


class TestReadOnly(RemadeContract):
    injector = ReadOnly()

    @staticmethod
    def there(rigged: Rig) -> bool:
        """The write is tried from outside, on the root and on the volume."""
        return any("Read-only" in write(one, place) for one in rigged.ids() for place in ("/file", "/data/file"))

    def test_the_root_and_the_volume_refuse_and_memory_does_not(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        refused = [write(target.ids()[0], place) for place in ("/file", "/data/file", "/small/file")]
        assert ["Read-only file system" in said for said in refused] == [True, True, False]
        self.injector.undo(lease, target.stack)
        assert [write(target.ids()[0], place) for place in ("/file", "/data/file", "/small/file")] == [""] * 3

    def test_the_try_leaves_no_file(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        docker("exec", target.ids()[0], "true")
        assert self.injector.active(lease, target.stack)
        self.injector.undo(lease, target.stack)
        assert docker("exec", target.ids()[0], "sh", "-c", "ls -A / /data | grep drill || true") == ""

    def test_a_service_that_ended_for_it_still_has_it(self, target: Rig) -> None:
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        docker("kill", target.ids()[0])
        assert until(lambda: not target.stack.services()["web"].running)
        assert self.injector.active(lease, target.stack)

    def test_one_that_is_so_already_is_refused(self, target: Rig) -> None:
        self.injector.apply(self.planned(target), target.stack)
        if not target.stack.services()["web"].running:
            pytest.fail("the service ended by itself")
        with pytest.raises(InvalidInput, match="read-only already"):
            self.planned(target)

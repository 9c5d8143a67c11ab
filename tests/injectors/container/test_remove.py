"""container.remove on a real container."""

from __future__ import annotations

import pytest
from compose_rig import Rig, docker
from observers import Outside, Watch
from remade_contract import RemadeContract
from remade_fixtures import one_service, target

from injectors.container.remove import Remove

__all__ = ["one_service", "target"]
pytestmark = pytest.mark.engine


class TestRemove(RemadeContract):
    injector = Remove()
    calls = (1,)

    @staticmethod
    def there(rigged: Rig) -> bool:
        return not rigged.ids()

    def test_the_onset_is_the_exit_within_its_uncertainty(self, target: Rig) -> None:
        lease, outside = self.planned(target), Outside(target.ids()[0])
        with Watch(outside.ended) as watch:
            onset = self.injector.apply(lease, target.stack)
        earliest, latest = watch.span()
        assert onset.at_ns - onset.uncertainty_ns <= latest
        assert earliest <= onset.at_ns + onset.uncertainty_ns

    def test_what_is_on_its_volumes_stays(self, target: Rig) -> None:
        docker("exec", target.ids()[0], "sh", "-c", "echo kept >/data/file")
        lease = self.planned(target)
        self.injector.apply(lease, target.stack)
        self.injector.undo(lease, target.stack)
        assert docker("exec", target.ids()[0], "cat", "/data/file") == "kept"

    def test_a_replica_that_runs_is_nothing_to_undo(self, target: Rig) -> None:
        lease, before = self.planned(target), target.ids()
        assert self.injector.undone(lease, target.stack)
        self.injector.undo(lease, target.stack)
        assert target.ids() == before

"""data.redis-full on a real server."""

from __future__ import annotations

import pytest
from data_rig import DataRig
from redis_contract import RedisContract

from injectors.data.redis_full import RedisFull

pytestmark = pytest.mark.engine


class TestRedisFull(RedisContract):
    injector = RedisFull()

    @staticmethod
    def there(rig: DataRig) -> bool:
        return rig.cli("SET", "outside", "x").startswith("OOM")

    def test_reads_go_on_and_no_key_is_lost(self, rig: DataRig) -> None:
        rig.cli("SET", "kept", "yes")
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        assert rig.cli("GET", "kept") == "yes"
        self.injector.undo(lease, rig.stack)
        assert rig.cli("GET", "kept") == "yes"

    def test_an_apply_cut_after_the_policy_is_undone(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        rig.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
        assert not self.injector.undone(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert rig.cli("CONFIG", "GET", "maxmemory-policy").split() == ["maxmemory-policy", "allkeys-lru"]

    def test_a_limit_that_a_responder_set_is_left(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        rig.cli("CONFIG", "SET", "maxmemory", "32mb")
        assert not self.injector.active(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert rig.cli("CONFIG", "GET", "maxmemory").split()[1] == str(32 * 1024 * 1024)

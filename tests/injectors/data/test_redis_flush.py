"""data.redis-flush on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from compose_rig import docker
from data_rig import CACHE, DataRig
from observers import until
from redis_contract import RedisContract

from drill.errors import InvalidInput, Refused
from injectors.data import redis_flush
from injectors.data.redis_flush import RedisFlush

pytestmark = pytest.mark.engine

KINDS = {
    "text": ("SET", "text", "a\\nb \u00e9"),
    "hash": ("HSET", "hash", "one", "1", "two", "2"),
    "list": ("RPUSH", "list", "a", "b"),
    "": ("SET", "", "of the empty name"),
    "long": ("SETEX", "long", "600", "soon gone"),
}


class TestRedisFlush(RedisContract):
    injector = RedisFlush()

    @pytest.fixture(autouse=True)
    def filled(self, rig: DataRig) -> Iterator[None]:
        rig.cli("FLUSHALL")
        for words in KINDS.values():
            rig.cli(*words)
        rig.cli("-n", "3", "SET", "elsewhere", "kept")
        yield
        rig.cli("FLUSHALL")

    @staticmethod
    def there(rig: DataRig) -> bool:
        return rig.cli("EXISTS", "text", "hash", "list", "", "long") != "5" or rig.cli("-n", "3", "DBSIZE") != "1"

    def test_it_is_undone_after_the_target_was_restarted(self, rig: DataRig) -> None:
        """The memory is gone with the old server: what was in it is put into the new one."""
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        docker("restart", "-t", "1", rig.container(CACHE))
        assert until(lambda: self.answers(rig))
        assert self.injector.active(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert not self.there(rig)

    def test_the_manual_steps_work(self, rig: DataRig) -> None:
        """There is nothing to type but drill's own command."""
        assert "`drill undo`" in self.planned(rig).manual[0]

    def test_every_key_comes_back_with_its_content_and_its_end(self, rig: DataRig) -> None:
        dumps = {name: rig.cli("--no-raw", "DUMP", name) for name in KINDS}
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        assert rig.cli("DBSIZE") == "0"
        self.injector.undo(lease, rig.stack)
        assert {name: rig.cli("--no-raw", "DUMP", name) for name in KINDS} == dumps
        assert 500 < int(rig.cli("TTL", "long")) <= 600
        assert rig.cli("TTL", "text") == "-1"
        assert rig.cli("-n", "3", "GET", "elsewhere") == "kept"
        assert self.injector.report(lease, rig.stack) == ""

    def test_what_was_written_meanwhile_stays_and_is_reported(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        rig.cli("SET", "text", "newer")
        rig.cli("SET", "more", "new")
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert (rig.cli("GET", "text"), rig.cli("GET", "more")) == ("newer", "new")
        assert (
            self.injector.report(lease, rig.stack)
            == "1 keys of cache that were written meanwhile were left as they are"
        )

    def test_without_a_flush_a_key_that_its_owner_removed_stays_away(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        rig.cli("DEL", "text")
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert rig.cli("EXISTS", "text") == "0"

    def test_many_and_large_keys_come_back(self, rig: DataRig) -> None:
        fill = "for n = 1, 3000 do redis.call('SET', 'n' .. n, n) end"
        large = "for n = 1, 5 do redis.call('SET', 'large' .. n, string.rep(tostring(n), 400000)) end"
        rig.cli("EVAL", f"{fill} {large}", "0")
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert (rig.cli("DBSIZE"), rig.cli("STRLEN", "large5"), rig.cli("GET", "n3000")) == ("3010", "400000", "3000")

    def test_nothing_of_the_content_is_in_what_the_journal_gets(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        assert b"soon gone".hex() in str(lease.sealed["keys"])
        assert b"soon gone".hex() not in f"{lease.params}{lease.before}{lease.manual}"

    def test_an_empty_server_and_one_that_holds_too_much_are_refused(
        self, rig: DataRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redis_flush, "_MOST", 50)
        with pytest.raises(Refused, match="more than 50 bytes"):
            self.planned(rig)
        rig.cli("FLUSHALL")
        rig.cli("SET", "short", "x", "PX", "400")
        with pytest.raises(InvalidInput, match="holds no key that lives for another second"):
            self.planned(rig)

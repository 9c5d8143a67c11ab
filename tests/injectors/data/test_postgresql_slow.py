"""data.postgresql-slow on a real primary."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from data_contract import DataContract
from data_rig import PRIMARY, DataRig
from observers import until

from injectors.data.postgresql_slow import PostgresqlSlow

pytestmark = pytest.mark.engine
WAIT_S = 1.5


class TestPostgresqlSlow(DataContract):
    injector = PostgresqlSlow()
    params = MappingProxyType({"database": "app", "table": "public.rows", "wait": "1500ms"})
    bad = (
        {"database": "app", "table": "nothing"},
        {"database": "app", "table": "rows", "wait": "50ms"},
        {"database": "app", "table": "rows", "wait": "1m"},
    )

    @staticmethod
    def there(rig: DataRig) -> bool:
        return any(waited(rig) >= WAIT_S / 4 for _ in range(4))

    def test_queries_are_answered_all_the_same(self, rig: DataRig) -> None:
        self.injector.apply(self.planned(rig), rig.stack)
        for number in range(3):
            assert rig.as_app(PRIMARY, f"INSERT INTO rows SELECT {number} RETURNING n") == str(number)

    def test_past_its_time_it_ends_by_itself(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        lease.params["bound_s"] = 2  # type: ignore[index]  # as if its duration were that short
        self.injector.apply(lease, rig.stack)
        assert until(lambda: rig.sessions() == 0 and rig.processes() == [], 20)


def waited(rig: DataRig) -> float:
    """Seconds that a read took as the product's user, by psql's own clock."""
    said = rig.as_app(PRIMARY, "SELECT count(*) FROM rows", "\\timing on")
    return float(said.split("Time: ")[1].split(" ms")[0]) / 1000

"""For the tests of the data family: one pair of database members and one Redis server for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from compose_rig import images
from data_rig import DataRig


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataRig]:
    """One project for the whole session."""
    with images():
        made = DataRig(tmp_path_factory.mktemp("data"))
    try:
        made.stack.up(lambda _: None)
        made.begin()
        yield made
    finally:
        made.close()


@pytest.fixture
def rig(stores: DataRig) -> Iterator[DataRig]:
    """All of it runs and is whole; afterwards again."""
    yield stores
    stores.mend()

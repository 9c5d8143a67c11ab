"""For the tests of the proxy family: our real proxy as a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from proxy_fault_contract import Rig


@pytest.fixture(scope="session")
def _one_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("proxies"))
    yield made
    made.close()


@pytest.fixture
def rig(_one_rig: Rig) -> Rig:
    """As new, whatever the test before did."""
    _one_rig.renew()
    return _one_rig

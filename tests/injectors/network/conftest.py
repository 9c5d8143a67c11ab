"""For the tests of the network family: three small services in one network, looked at by the Docker command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from network_rig import NetworkRig


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkRig]:
    """One project for the whole session."""
    made = NetworkRig(Path(tmp_path_factory.mktemp("network")))
    try:
        made.stack.up(lambda _: None)
        yield made
    finally:
        made.close()


@pytest.fixture
def rig(network: NetworkRig) -> Iterator[NetworkRig]:
    """The services run and reach each other; afterwards again, and no helper is left."""
    yield network
    network.mend()

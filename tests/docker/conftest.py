"""For the tests of real containers: two releases of one small service, and a project with two replicas of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from compose_rig import BAD, DEAD, GOOD, NEXT, TWO_REPLICAS, Rig, images, rig


@pytest.fixture(scope="session")
def releases() -> Iterator[dict[str, str]]:
    """Image references by name: good, next, bad (never healthy), dead (ends at once)."""
    with images(good=GOOD, next=NEXT, bad=BAD, dead=DEAD) as made:
        yield made


@pytest.fixture(scope="module")
def two(releases: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Two replicas of the good release."""
    with rig(tmp_path_factory.mktemp("two"), TWO_REPLICAS.format(image=releases["good"])) as made:
        yield made

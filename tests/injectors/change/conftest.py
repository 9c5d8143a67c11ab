"""Two releases of one small service, and a project with two replicas of the good one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from compose_rig import GOOD, NEXT, TWO_REPLICAS, Rig, images, rig
from observers import until


@pytest.fixture(scope="module")
def releases() -> Iterator[dict[str, str]]:
    """Image references by name: good, bad."""
    with images(good=GOOD, bad=NEXT) as made:
        yield made


@pytest.fixture(scope="module")
def project(releases: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Two replicas of the good release."""
    with rig(tmp_path_factory.mktemp("two"), TWO_REPLICAS.format(image=releases["good"])) as made:
        yield made


@pytest.fixture
def target(project: Rig, releases: dict[str, str]) -> Iterator[Rig]:
    """The good release runs; afterwards again."""
    project.stack.deploy("web", releases["good"])
    assert until(lambda: project.running_releases() == ["1 mine"] * 2)
    yield project
    project.stack.deploy("web", releases["good"])

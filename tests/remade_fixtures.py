"""A project of one small service for the faults that recreate containers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from compose_rig import WEB, Rig, images, rig
from remade_contract import ONE, compose


@pytest.fixture(scope="module")
def one_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with images(), rig(tmp_path_factory.mktemp("one"), ONE, (WEB,)) as made:
        yield made


@pytest.fixture
def target(one_service: Rig) -> Iterator[Rig]:
    """One replica, as its Compose file says; afterwards again."""
    plan = one_service.stack.containers().blueprint("web")
    yield one_service
    if not one_service.stack.containers().as_blueprint("web", plan) or len(one_service.ids()) > 1:
        one_service.stack.containers().rebuild("web", plan)
        compose(one_service, "up", "-d", "--no-recreate", "--scale", "web=1")

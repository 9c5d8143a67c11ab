"""data.redis-down on a real server."""

from __future__ import annotations

import pytest
from data_rig import CACHE, PRIMARY
from down_contract import DownContract

from injectors.data.redis_down import RedisDown

pytestmark = pytest.mark.engine


class TestRedisDown(DownContract):
    injector = RedisDown()
    target = CACHE
    other = PRIMARY

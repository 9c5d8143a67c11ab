"""What the faults of Redis share, on a real server."""

from __future__ import annotations

from data_contract import DataContract
from data_rig import CACHE, DataRig


class RedisContract(DataContract):
    target = CACHE

    def answers(self, rig: DataRig) -> bool:
        return rig.cli("PING") == "PONG"

"""The toxics: one file each. The first eight are Toxiproxy's, the others are for HTTP and our own."""

from __future__ import annotations

from drill.proxy.toxics.bandwidth import Bandwidth
from drill.proxy.toxics.base import DOWNSTREAM, UPSTREAM, Toxic, ToxicEntry
from drill.proxy.toxics.http import HttpToxic
from drill.proxy.toxics.http_body import HttpBody
from drill.proxy.toxics.http_delay import HttpDelay
from drill.proxy.toxics.http_rate_limit import HttpRateLimit
from drill.proxy.toxics.http_status import HttpStatus
from drill.proxy.toxics.latency import Latency
from drill.proxy.toxics.limit_data import LimitData
from drill.proxy.toxics.noop import Noop
from drill.proxy.toxics.reset_peer import ResetPeer
from drill.proxy.toxics.slicer import Slicer
from drill.proxy.toxics.slow_close import SlowClose
from drill.proxy.toxics.timeout import Timeout

TYPES: dict[str, type[Toxic]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slow_close": SlowClose,
    "timeout": Timeout,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "limit_data": LimitData,
    "noop": Noop,
    "http_status": HttpStatus,
    "http_delay": HttpDelay,
    "http_body": HttpBody,
    "http_rate_limit": HttpRateLimit,
}

__all__ = ["DOWNSTREAM", "TYPES", "UPSTREAM", "HttpToxic", "Toxic", "ToxicEntry"]

"""The ports: small protocols between the engine and the world. Fakes for tests live in ``drill.testing``."""

from drill.ports.injector import Injector, Ramped, Reporting
from drill.ports.people import Message, PlayerView, Receipt, Responder, Sink
from drill.ports.stack import ExecResult, Flags, Proxies, ServiceState, Stack, StagingSign
from drill.ports.time import Clock, Gate, Runtime, T, Task
from drill.ports.watching import AlertFeed, Emit, Prober, Sample

__all__ = [
    "AlertFeed",
    "Clock",
    "Emit",
    "ExecResult",
    "Flags",
    "Gate",
    "Injector",
    "Message",
    "PlayerView",
    "Prober",
    "Proxies",
    "Ramped",
    "Receipt",
    "Reporting",
    "Responder",
    "Runtime",
    "Sample",
    "ServiceState",
    "Sink",
    "Stack",
    "StagingSign",
    "T",
    "Task",
]

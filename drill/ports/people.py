"""Who responds, and where messages go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A customer message or a page on its way out."""

    id: str
    channel: str
    subject: str
    body: str
    recipients: tuple[str, ...]
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The sink's word that it took a message. ``at_ns``: boot clock."""

    id: str
    at_ns: int


class Sink(Protocol):
    """Where messages arrive: capturing mail, status page. Raises StackError when it does not take one."""

    channel: str

    def send(self, message: Message) -> Receipt: ...
    def holds(self, message_id: str) -> bool:
        """Whether the message can be read where a customer would read it."""
        ...


class PlayerView(Protocol):
    """What a player can see, and the verbs. Nothing of the faults."""

    async def wait_for(self, what: str, timeout_s: float) -> bool:
        """``page``: a page was delivered to this player; ``alert-clear``: every alert that fired has cleared."""
        ...

    async def use(self, verb: str, args: Mapping[str, str]) -> str: ...


class Responder(Protocol):
    """Whoever responds: a script in CI; people use the verbs themselves."""

    async def play(self, view: PlayerView) -> None: ...

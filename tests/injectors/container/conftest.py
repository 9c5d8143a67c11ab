"""For the tests of the container family: a plan on the reference stack, and the stack whole again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fault_contract import VICTIM
from observers import answers, until

from drill.ports import Stack


@pytest.fixture
def target(stack: Stack) -> Iterator[Stack]:
    """The stack; afterwards the victim runs and answers."""
    yield stack
    state = stack.services()[VICTIM]
    if state.paused:
        stack.unpause(VICTIM)
    elif not state.running:
        stack.start(VICTIM)
    assert until(lambda: answers(stack.address(VICTIM, "http")))

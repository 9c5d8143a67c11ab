"""For the contract tests: the stack whole again after each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from observers import answers, until

from drill.ports import Stack


@pytest.fixture
def whole(stack: Stack) -> Iterator[Stack]:
    """The stack, mended after the test: whatever is paused or down runs again and answers."""
    yield stack
    for name, state in stack.services().items():
        if state.paused:
            stack.unpause(name)
        elif not state.running:
            stack.start(name)
    for spec in stack.specs():
        if spec.health:
            assert until(partial(answers, stack.address(spec.name, "http"), spec.health)), spec.name

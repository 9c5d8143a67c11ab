"""For all tests: the ``engine`` marker, and the reference stack on both kinds, up once a session."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from drill import shipped
from drill.loader import load_config
from drill.model.config import Config
from drill.ports import Stack
from drill.stacks.compose import ComposeStack
from drill.stacks.engine import engine_answers
from drill.stacks.process import ProcessStack

_PORTS = ("DB", "API", "MAIL_HTTP", "MAIL_SMTP", "STATUSPAGE")


_engine = functools.cache(engine_answers)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs an engine where there is none; with DRILL_REQUIRE_ENGINE=1 that is a failure."""
    if item.get_closest_marker("engine") is not None and _engine() is None:
        required = os.environ.get("DRILL_REQUIRE_ENGINE") == "1"
        (pytest.fail if required else pytest.skip)("no Docker engine answers")


@pytest.fixture(scope="session")
def reference_config() -> Config:
    """The reference stack's settings; its data is disposable."""
    config = load_config(shipped.reference_config())
    return replace(config, stack=replace(config.stack, data="disposable"))


@pytest.fixture(scope="session")
def process_stack(reference_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessStack]:
    """The reference stack as local processes."""
    root = shipped.reference_config().parent
    stack = ProcessStack(reference_config, root, tmp_path_factory.mktemp("process-stack"), shipped.root())
    try:
        stack.up(print)
        yield stack
    finally:
        stack.down(print)


@pytest.fixture(scope="session")
def compose_stack(reference_config: Config) -> Iterator[ComposeStack]:
    """The reference stack under Compose, as a project of this session alone, on free ports."""
    compose = reference_config.stack.compose
    assert compose is not None
    mine = replace(compose, project=f"drill-test-{os.getpid()}-{secrets.token_hex(2)}")
    config = replace(reference_config, stack=replace(reference_config.stack, compose=mine))
    stack = ComposeStack(config, shipped.reference_config().parent, shipped.root())
    with pytest.MonkeyPatch.context() as patch:
        for name, port in zip(_PORTS, _free_ports(len(_PORTS)), strict=True):
            patch.setenv(f"DRILL_{name}_PORT", str(port))
        try:
            stack.up(print)
            yield stack
        finally:
            stack.down(print)
            stack.close()


@pytest.fixture(params=["process", pytest.param("compose", marks=pytest.mark.engine)])
def stack(request: pytest.FixtureRequest) -> Stack:
    """The same test on both stacks."""
    found: Stack = request.getfixturevalue(f"{request.param}_stack")
    return found


def _free_ports(count: int) -> list[int]:
    """Below the kernel's own range: no outgoing connection can take one while its service is down."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", 12000 + secrets.randbelow(8000)))
            found.append(probe.getsockname()[1])
    return found

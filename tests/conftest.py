"""For all tests: the ``engine`` marker, the small stack on both kinds, and the whole reference stack on Docker."""

from __future__ import annotations

import functools
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import kernel
import pytest
from small_stack import free_ports, small_ports, small_project

from drill import shipped
from drill.cli.ready import PORTS
from drill.loader import load_config
from drill.model.config import Config
from drill.ports import Stack
from drill.stacks.compose import ComposeStack
from drill.stacks.engine import engine_answers
from drill.stacks.process import ProcessStack

_engine = functools.cache(engine_answers)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs an engine where there is none; with DRILL_REQUIRE_ENGINE=1 that is a failure."""
    if item.get_closest_marker("engine") is not None and _engine() is None:
        required = os.environ.get("DRILL_REQUIRE_ENGINE") == "1"
        (pytest.fail if required else pytest.skip)("no Docker engine answers")
    kernel.skip_without(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What this machine's kernel could not run is named, not only counted."""
    kernel.report(terminalreporter)


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small stack's project."""
    return small_project(tmp_path_factory.mktemp("small"), _name())


@pytest.fixture(scope="session")
def small_config(small_home: Path) -> Config:
    """The small stack's settings; its data is disposable."""
    return load_config(small_home / "drill.yaml")


@pytest.fixture(scope="session")
def reference_config() -> Config:
    """The reference stack's settings."""
    return load_config(shipped.reference_config())


@pytest.fixture(scope="session")
def process_stack(
    small_config: Config, small_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProcessStack]:
    """The small stack as local processes."""
    stack = ProcessStack(small_config, small_home, tmp_path_factory.mktemp("process-stack"), shipped.root())
    try:
        stack.up(print)
        yield stack
    finally:
        stack.down(print)


@pytest.fixture(scope="session")
def compose_stack(small_config: Config, small_home: Path) -> Iterator[ComposeStack]:
    """The small stack under Compose, as a project of this session alone, on free ports."""
    yield from _up(ComposeStack(small_config, small_home, shipped.root()), small_ports())


@pytest.fixture(scope="session")
def reference_stack(reference_config: Config) -> Iterator[ComposeStack]:
    """The whole reference stack under Compose, as a project of this session alone, on free ports."""
    compose = reference_config.stack.compose
    assert compose is not None
    config = replace(reference_config, stack=replace(reference_config.stack, compose=replace(compose, project=_name())))
    numbers = free_ports(len(PORTS))
    ports = {name: str(number) for name, number in zip(PORTS, numbers, strict=True)}
    yield from _up(ComposeStack(config, shipped.reference_config().parent, shipped.root()), ports)


def _name() -> str:
    return f"drill-test-{os.getpid()}-{secrets.token_hex(2)}"


def _up(stack: ComposeStack, ports: Mapping[str, str]) -> Iterator[ComposeStack]:
    with pytest.MonkeyPatch.context() as patch:
        for name, port in ports.items():
            patch.setenv(name, port)
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

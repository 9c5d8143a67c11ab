"""Asking whether an engine answers."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from observers import DOCKER

from drill.stacks.engine import engine_answers


@pytest.mark.engine
def test_the_engine_is_known_by_endpoint_and_id() -> None:
    told = subprocess.run(
        [DOCKER, "info", "--format", "{{.ID}}"], capture_output=True, text=True, check=True, timeout=20
    )
    assert engine_answers() == (os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock", told.stdout.strip())


def test_no_socket_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert engine_answers() is None


def test_an_engine_that_hangs_is_no_engine_within_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/hangs.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{tmp_path}/hangs.sock")
        silent.listen()
        began = time.monotonic()
        assert engine_answers() is None
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:1", "ssh://no-such-host.invalid"])
def test_an_endpoint_that_makes_no_sense_is_no_engine(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    assert engine_answers() is None

"""The proxy as a program: its configuration file, its errors, its end, and what it may import."""

from __future__ import annotations

import ast
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from proxyrig import ROOT, Stopwatch, echo, own_server, read_exactly, upstream

MODULES = [[sys.executable, "-m", "drill.proxy"], [sys.executable, "-m", "drill", "proxy"]]


def refused(command: list[str]) -> str:
    """The one line of a start that fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_configuration_file_makes_the_first_proxies(tmp_path: Path) -> None:
    with upstream(echo) as behind:
        config = tmp_path / "proxies.json"
        names = {"a": True, "b": False}
        config.write_text(
            json.dumps(
                [
                    {"name": n, "listen": "127.0.0.1:0", "upstream": behind.address, "enabled": e}
                    for n, e in names.items()
                ]
            )
        )
        with own_server("--config", str(config)) as (server, _):
            found = server.must("GET", "/proxies")
            assert {name: proxy["enabled"] for name, proxy in found.items()} == names
            host, port = found["a"]["listen"].split(":")
            with socket.create_connection((host, int(port)), 5) as client:
                client.sendall(b"x")
                assert read_exactly(client, 1) == b"x"


def test_the_environment_may_hold_the_first_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "drill.proxy", "--port", "0"]
    monkeypatch.setenv("PROXIES", '[{"name": "a"}]')
    assert "PROXIES: missing required field: upstream at proxy 1" in refused(command)
    monkeypatch.setenv("PROXIES", '[{"name": "a", "upstream": "127.0.0.1:9"}]')
    monkeypatch.setenv("DRILL_PROXY_COMMAND", f"env PROXIES='{os.environ['PROXIES']}' {sys.executable} -m drill.proxy")
    with own_server() as (server, _):
        assert list(server.must("GET", "/proxies")) == ["a"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second_whatever_is_open(number: signal.Signals) -> None:
    with upstream(echo) as behind, own_server() as (server, process):
        made = server.must("POST", "/proxies", {"name": "p", "listen": "127.0.0.1:0", "upstream": behind.address})
        server.must("POST", "/proxies/p/toxics", {"type": "latency", "attributes": {"latency": 60_000}})
        host, port = made["listen"].split(":")
        with socket.create_connection((host, int(port)), 5) as client, socket.create_connection(server.address, 5):
            client.sendall(b"x")
            watch = Stopwatch()
            process.send_signal(number)
            assert process.wait(5) == 0
            assert watch.s < 1


@pytest.mark.parametrize("command", MODULES)
def test_a_port_that_is_taken_is_one_line(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused([*command, "--port", port])
    assert f"127.0.0.1:{port}" in line
    assert "address already in use" in line
    assert "--port" in line


@pytest.mark.parametrize("command", MODULES)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[\n  {"name": }\n]', "proxies.json:2:12: no JSON"),
        ("{}", "proxies.json:1: expected an array"),
        ('[{"name": "a", "upstream": "x:1"}, {"name": "b"}]', "missing required field: upstream at proxy 2"),
        ('[{"name": "a", "upstream": "x:1", "listen": "nowhere"}]', "missing port in address"),
        (None, "No such file"),
    ],
)
def test_a_bad_configuration_is_one_line_with_the_place(
    tmp_path: Path, command: list[str], text: str | None, said: str
) -> None:
    config = tmp_path / "proxies.json"
    if text is not None:
        config.write_text(text)
    line = refused([*command, "--port", "0", "--config", str(config)])
    assert str(config) in line
    assert said in line


def test_it_imports_the_standard_library_and_h11_only() -> None:
    allowed = sys.stdlib_module_names | {"h11"}
    found = set()
    for path in (ROOT / "drill" / "proxy").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "relative")
    assert {name for name in found if name.split(".")[0] not in allowed and not name.startswith("drill.proxy")} == set()


def test_it_runs_from_a_copy_beside_an_empty_package(tmp_path: Path) -> None:
    (tmp_path / "drill").mkdir()
    (tmp_path / "drill" / "__init__.py").touch()
    os.symlink(ROOT / "drill" / "proxy", tmp_path / "drill" / "proxy")
    command = [sys.executable, "-m", "drill.proxy", "--help"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert "--config" in done.stdout

"""Somebody else's package of faults: installed beside drill, listed, tested by its own tests, and drilled with."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from small_stack import small_project

from drill.model.lease import Lease
from drill.ports import Injector, Ramped

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).parent / "sample_package"
GUIDE = ROOT / "docs" / "writing-an-injector.md"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample in a folder of its own, as its author would have it."""
    return shutil.copytree(SAMPLE, tmp_path_factory.mktemp("acme") / "acme-faults")


@pytest.fixture(scope="module")
def installed(package: Path) -> dict[str, str]:
    """An environment that has the sample installed, and drill as it is here."""
    site = package.parent / "site"
    # Its build backend is the project's own; where that is not installed, pip fetches it.
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps", *isolation]
    subprocess.run([*pip, "--target", str(site), str(package)], check=True, timeout=120)
    return os.environ | {"PYTHONPATH": str(site)}


def run(installed: dict[str, str], home: Path, *words: str, module: str = "drill") -> str:
    """Output of a module's program, which has to succeed or, for `drill run`, at least to have run."""
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, cwd=home, env=installed, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0 or (done.returncode == 1 and words[0] == "run"), done.stdout + done.stderr
    return done.stdout


def test_its_kind_is_listed_beside_the_built_in_ones(installed: dict[str, str], tmp_path: Path) -> None:
    rows = run(installed, tmp_path, "injectors", "list").splitlines()
    assert {row.split()[0] for row in rows} >= {"acme.nudge", "noop", "container.pause"}


def test_its_kind_is_shown_with_its_parameters(installed: dict[str, str], tmp_path: Path) -> None:
    shown = json.loads(run(installed, tmp_path, "injectors", "show", "acme.nudge", "--json"))
    assert shown["params"] == {"signal": "SIGTERM (if left out) or SIGINT."}
    assert shown["reversibility"] == "reversible"


def test_it_is_not_there_without_the_package(tmp_path: Path) -> None:
    assert "acme" not in run(dict(os.environ), tmp_path, "injectors", "list")


def test_its_own_tests_pass_a_whole_drill_on_virtual_time_among_them(installed: dict[str, str], package: Path) -> None:
    said = run(installed, package, "-q", "-W", "error", "-p", "no:cacheprovider", module="pytest")
    assert re.search(r"^\d+ passed", said, re.MULTILINE), said


def test_a_drill_with_it_on_real_processes(installed: dict[str, str], tmp_path: Path) -> None:
    home = small_project(tmp_path / "home")
    shutil.copy(SAMPLE / "nudge.yaml", home / "scenarios")
    assert "good" in run(installed, home, "validate", "scenarios/nudge.yaml")
    run(installed, home, "stack", "up", "--stack", "process")
    try:
        run(installed, home, "run", "nudge", "--stack", "process", "--smoke", "--foreground")
    finally:
        run(installed, home, "stack", "down", "--stack", "process")
    (journal,) = home.glob("drill-results/*/journal.jsonl")
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    kinds = [event["kind"] for event in events if event["kind"].startswith("fault.")]
    assert kinds[:4] == ["fault.applying", "fault.applied", "fault.active", "fault.ended"]
    (undone,) = [event for event in events if event["kind"] == "fault.undone"]
    assert undone["data"]["was_active"] is True
    assert events[-1]["data"]["undone"] is True


def test_the_guide_quotes_the_sample_byte_for_byte() -> None:
    text = GUIDE.read_text()
    blocks = re.findall(r"^```(?:python|toml|yaml)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    files = [path.read_text() for path in SAMPLE.iterdir() if path.is_file()]
    assert [block.splitlines()[0] for block in blocks if block not in files] == []
    assert [file.splitlines()[0] for file in files if file not in blocks] == []


def test_the_guide_explains_every_member_of_an_injector_and_every_field_of_a_lease() -> None:
    text = GUIDE.read_text()
    members = [name for port in (Injector, Ramped) for name in vars(port) if not name.startswith("_")]
    members += [*Injector.__annotations__, *Ramped.__annotations__, *(each.name for each in fields(Lease))]
    assert [name for name in members if not re.search(rf"`{name}\b", text)] == []

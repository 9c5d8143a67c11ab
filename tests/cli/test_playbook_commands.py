"""``drill playbook``: what one lacks, the document, and mistakes in the asking."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drill import shipped
from drill.cli.project import open_project
from drill.cli.run import prepare
from drill.conductor.order import read_order
from drill.documents.playbook import render_playbook
from drill.loader import load_playbook
from drill.model.codec import decode
from drill.model.playbook import Playbook

Drill = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def drill(tmp_path: Path) -> Drill:
    """Run a playbook command in an empty folder; it must never show a traceback."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "drill", "playbook", *map(str, words)]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr + done.stdout
        return done

    return run


def own(folder: Path, *changes: tuple[str, str]) -> Path:
    """The standard playbook as a file of one's own, approved today."""
    text = shipped.playbook_path("standard").read_text().replace("id: standard", "id: ours")
    today = datetime.now(UTC).date()
    for name, day in {"approved": today, "next_review": today + timedelta(days=90)}.items():
        line = next(line for line in text.splitlines() if line.startswith(f"  {name}:"))
        text = text.replace(line, f'  {name}: "{day}"')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "ours.yaml"
    path.write_text(text)
    return path


def test_a_complete_playbook_passes_with_0(drill: Drill, tmp_path: Path) -> None:
    done = drill("check", own(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing found by" in done.stdout
    found = json.loads(drill("check", "ours.yaml", "--json").stdout)
    assert found["findings"] == []
    assert found["rules"] >= 15


def test_a_finding_names_file_line_path_rule_and_source_and_exits_with_1(drill: Drill, tmp_path: Path) -> None:
    path = own(tmp_path, ("    update_every: 30m\n", ""), ("owner: payments engineer", "owner: TBD"))
    done = drill("check", path.name)
    assert done.returncode == 1
    lines = path.read_text().splitlines()
    cadence, owner = done.stdout.splitlines()
    assert cadence.startswith(f"ours.yaml:{lines.index('  - name: SEV-1') + 1}: severities[0]: SEV-1 ")
    assert cadence.endswith("[severity-cadence: A4, E5]")
    assert owner.startswith(f"ours.yaml:{lines.index('    owner: TBD') + 1}: sources[3].owner: ")
    assert "2 findings" in done.stderr
    rows = json.loads(drill("check", path, "--json").stdout)["findings"]
    assert [(row["rule"], row["path"]) for row in rows] == [
        ("severity-cadence", "severities[0]"),
        ("source-owner", "sources[3].owner"),
    ]


def test_without_a_name_the_projects_own_is_taken(drill: Drill, tmp_path: Path) -> None:
    standard = load_playbook(shipped.playbook_path("standard"))
    assert drill("render").stdout == render_playbook(standard)
    own(tmp_path)
    config = shipped.reference_config().read_text().replace("playbook: standard", "playbook: ours.yaml")
    (tmp_path / "drill.yaml").write_text(config.replace("../docker-compose", "docker-compose"))
    assert "# Standard incident playbook" in drill("render").stdout
    assert drill("check").stdout.startswith("ours: nothing found")


def test_render_writes_the_document_and_with_json_the_data(drill: Drill) -> None:
    playbook = load_playbook(shipped.playbook_path("clients"))
    assert drill("render", "clients").stdout == render_playbook(playbook)
    assert decode(Playbook, json.loads(drill("render", "clients", "--json").stdout)) == playbook


@pytest.mark.parametrize("command", ["check", "render"])
@pytest.mark.parametrize(
    ("name", "says"), [("standart", "did you mean standard"), ("none.yaml", "none.yaml:1:"), ("", "shipped: ")]
)
def test_a_playbook_that_is_not_there_is_one_line_and_exit_2(drill: Drill, command: str, name: str, says: str) -> None:
    done = drill(command, name)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_drill_writes_its_countrys_holidays_into_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    order = read_order(prepare(open_project(), "rehearsal", "process", seed=1, smoke=True))
    year = datetime.now(UTC).year
    for playbook in (order.playbook, order.real_playbook):
        assert {f"{year}-12-25", f"{year + 1}-12-25", f"{year + 2}-12-25"} <= set(playbook.calendar.holidays)


def test_a_file_that_is_no_playbook_is_refused_and_not_judged(drill: Drill, tmp_path: Path) -> None:
    path = own(tmp_path, ("    owner: on-call engineer\n", ""))
    done = drill("check", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "sources[0].owner: is missing" in done.stderr

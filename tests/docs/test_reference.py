"""The documents cannot go stale: they are compared with the program that they describe."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import scorecards
from drill import errors, registry
from drill.cli import cli
from drill.journal.reader import Recording, read
from drill.model.events import KINDS, instant

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
TOP = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "bench/README.md")]
TEMPLATES = ROOT / "docs" / "templates"
PAGES = sorted([*TOP, *(path for path in (ROOT / "docs").rglob("*.md") if TEMPLATES not in path.parents)])
SAMPLES = sorted(path.parent for path in (ROOT / "docs" / "samples").glob("*/journal.jsonl"))

_CODE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# The reference


def test_generating_the_reference_again_gives_the_committed_bytes() -> None:
    script = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_event_kind_is_documented() -> None:
    page = (REFERENCE / "events.md").read_text()
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []


def test_every_built_in_fault_kind_is_documented() -> None:
    page = (REFERENCE / "faults.md").read_text()
    kinds = [kind for kind in registry.all_kinds() if type(registry.get(kind)).__module__.startswith("injectors.")]
    assert kinds
    assert [kind for kind in kinds if f"\n## {kind}\n" not in page] == []


def test_every_command_is_documented() -> None:
    page = (REFERENCE / "commands.md").read_text()
    assert [name for name in commands("drill", cli) if f"\n## {name}\n" not in page] == []


def test_every_error_slug_and_exit_code_is_documented() -> None:
    page = (REFERENCE / "exit-codes.md").read_text()
    found = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.DrillError)]
    assert [cls.slug for cls in found if f"| {cls.exit_code} | `{cls.slug}` |" not in page] == []


def commands(name: str, command: click.Command) -> Iterator[str]:
    yield name
    if isinstance(command, click.Group):
        for child in command.commands.values():
            if not child.hidden:
                yield from commands(f"{name} {child.name}", child)


# Links and commands in prose


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_relative_link_resolves(path: Path) -> None:
    links = [link for link in _LINK.findall(_CODE.sub("", path.read_text())) if "://" not in link]
    assert [link for link in links if not resolves(path, link)] == []


def resolves(page: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    file = (page.parent / target).resolve() if target else page
    if not file.exists() or not file.is_relative_to(ROOT):
        return False
    return not anchor or anchor in anchors(file)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shell_lines(path: Path) -> Iterator[list[str]]:
    for language, body in _CODE.findall(path.read_text()):
        if language == "sh":
            for line in body.splitlines():
                for part in line.split("&&"):
                    if words := shlex.split(part, comments=True):
                        yield words


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_shell_command_exists_with_its_options(path: Path) -> None:
    assert [problem for words in shell_lines(path) if (problem := wrong(words))] == []


def wrong(words: list[str]) -> str:
    while re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    program = Path(words[0]).name
    if program == "drill":
        return wrong_drill(words[1:])
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return "".join(f"make {word}?" for word in words[1:] if word not in targets)
    return "" if program in ("git", "cd") else f"{program}?"


def wrong_drill(words: list[str]) -> str:
    command: click.Command = cli
    rest = list(words)
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    if isinstance(command, click.Group):
        return f"drill {' '.join(words)}?"
    known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    return " ".join(f"drill {command.name} {word}?" for word in rest if word.startswith("-") and word not in known)


def test_the_guard_against_unknown_commands_works() -> None:
    assert wrong(["drill", "rnu", "api-frozen"])
    assert wrong(["drill", "run", "--no-such-option"])
    assert wrong(["make", "everything"])
    assert not wrong(["drill", "run", "api-frozen", "--stack", "process"])


def test_every_fenced_scenario_of_the_guide_is_valid(tmp_path: Path) -> None:
    from drill.loader import load_scenario

    blocks = [body for language, body in _CODE.findall((ROOT / "docs/guide.md").read_text()) if language == "yaml"]
    scenarios = [body for body in blocks if "\nfaults:" in body]
    assert scenarios
    for body in scenarios:
        name = re.search(r"^id: (\S+)", body, re.MULTILINE)
        assert name is not None
        path = tmp_path / f"{name[1]}.yaml"
        path.write_text(body)
        assert load_scenario(path).id == name[1]


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_documents_name_nothing_outside_the_repository(path: Path) -> None:
    text = path.read_text()
    assert "/".join(("..", "shared")) not in text
    assert "/".join(("", "work", "")) not in text


# The samples


def test_there_are_a_sample_on_docker_and_one_on_processes() -> None:
    kinds = {read(folder / "journal.jsonl").events[0].data["stack"]["kind"] for folder in SAMPLES}
    assert kinds == {"compose", "process"}


@pytest.fixture(params=SAMPLES, ids=lambda folder: folder.name)
def sample(request: pytest.FixtureRequest) -> tuple[Path, Recording]:
    folder: Path = request.param
    return folder, read(folder / "journal.jsonl")


def test_a_samples_hash_chain_verifies(sample: tuple[Path, Recording]) -> None:
    _, recording = sample
    assert recording.problems == ()
    assert recording.torn_bytes == 0
    assert recording.events[-1].kind == "drill.ended"


def test_a_sample_scores_to_the_committed_bytes(sample: tuple[Path, Recording]) -> None:
    folder, recording = sample
    card = scorecards.score(recording.events)
    again = "; docs/samples/make.sh --score judges the samples again"
    assert scorecards.render_json(card, recording.head) == (folder / "scorecard.json").read_text(), again
    assert scorecards.render_markdown(card, recording.head) == (folder / "scorecard.md").read_text(), again


def test_a_sample_tells_nothing_of_the_machine_that_made_it(sample: tuple[Path, Recording]) -> None:
    folder, _ = sample
    text = (folder / "journal.jsonl").read_text()
    assert re.findall(r"/(?:home|root|tmp|work|Users)/[^\"]*", text) == []


def test_samples_use_payloads_as_documented(sample: tuple[Path, Recording]) -> None:
    _, recording = sample
    undocumented = {
        f"{event.kind}: {name}"
        for event in recording.events
        for name in event.data
        # These two go with every at_ns, as the page says.
        if name not in ("uncertainty_ns", "clock") and not re.search(rf"\b{name}\b", KINDS[event.kind])
    }
    assert undocumented == set()


def test_the_sample_in_the_readme_is_quoted_truly() -> None:
    card = json.loads((ROOT / "docs/samples/db-primary-down/scorecard.json").read_text())
    seconds = {row["id"]: row["observed_ns"] / 1e9 for row in card["rows"] if row["observed_ns"] is not None}
    text = (ROOT / "README.md").read_text()
    assert f"{seconds['restore']:.2f} s" in text
    assert f"{seconds['detect']:.2f} s" in text
    assert f"served again after {seconds['restore']:.0f} s" in text
    assert card["journal_head"][:8] in text


DRILLS = ("db-primary-down", "payment-webhook-500", "llm-rate-limited")
CLUMSY = {"acknowledge", "severity", "notify status-page", "messages"}
"""What a late acknowledgement, a wrong severity and a message without the next update cost, and nothing else."""


def not_passed(sample: str) -> set[str]:
    """Rows and checks of a sample that neither passed nor were out of question."""
    card = json.loads((ROOT / "docs/samples" / sample / "scorecard.json").read_text())
    items = [(f"{row['id']} {row['channel']}".strip(), row["verdict"]) for row in card["rows"]]
    items += [(check["id"], check["verdict"]) for check in card["checks"]]
    return {name for name, verdict in items if verdict in ("fail", "unknown")}


@pytest.mark.parametrize("scenario", DRILLS)
def test_the_right_script_passes_and_the_clumsy_one_fails_where_it_was_clumsy(scenario: str) -> None:
    assert not_passed(scenario) == set()
    assert not_passed(f"{scenario}-clumsy") == CLUMSY


@pytest.mark.parametrize("scenario", DRILLS)
def test_the_first_detection_of_each_drill_came_through_the_intake(scenario: str) -> None:
    recording = read(ROOT / "docs/samples" / scenario / "journal.jsonl")
    fired = min((event for event in recording.events if event.kind == "alert.fired"), key=instant)
    assert "intake" in fired.data["clock"]
    assert fired.data["delivery_ns"] is not None

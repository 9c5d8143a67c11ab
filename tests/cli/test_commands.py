"""Commands that start nothing: output, one-line errors, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from drill import shipped
from drill.cli import cli

Drill = Callable[..., subprocess.CompletedProcess[str]]
SAMPLE = Path(__file__).parents[2] / "docs" / "samples" / "api-frozen" / "journal.jsonl"


@pytest.fixture
def drill(tmp_path: Path) -> Drill:
    """Run a command in an empty folder; it must never show a traceback."""

    def run(*words: str | Path, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "drill", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=60
        )
        assert "Traceback" not in done.stderr + done.stdout
        return done

    return run


BROKEN = {
    "empty.yaml": b"",
    "binary.yaml": bytes(range(256)),
    "tabs.yaml": b"id:\t- x\n\t y",
    "object.yaml": b"!!python/object/apply:os.system ['true']",
    "bomb.yaml": b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]",
    "list.yaml": b"- 1",
    "unknown.yaml": b"id: unknown\ntitle: t\nstory: s\nfaults: []\nexpcted: {}\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_validate_says_where_and_exits_2(drill: Drill, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BROKEN[name])
    done = drill("validate", name)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert lines
    assert all(line.startswith(f"{name}:") for line in lines)


def test_validate_of_a_folder_or_nothing_is_one_line(drill: Drill, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml"):
        done = drill("validate", path)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)


def test_validate_knows_what_scenarios_refer_to(drill: Drill, tmp_path: Path) -> None:
    good = (shipped.scenarios_dir() / "api-frozen.yaml").read_text()
    (tmp_path / "api-frozen.yaml").write_text(good.replace("container.pause", "container.paus"))
    done = drill("validate", "api-frozen.yaml")
    assert done.returncode == 2
    assert "container.pause" in done.stderr
    assert done.stderr.startswith("api-frozen.yaml:")


def test_every_shipped_file_is_good(drill: Drill) -> None:
    assert drill("validate", *sorted(shipped.scenarios_dir().glob("*.yaml"))).returncode == 0


@pytest.mark.parametrize("kind", ["scenario", "playbook", "config"])
def test_the_schema_is_a_schema(drill: Drill, kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(drill("schema", kind).stdout))


@pytest.mark.parametrize(
    "words",
    [
        ["scenarios", "list"],
        ["scenarios", "show", "api-frozen"],
        ["injectors", "list"],
        ["injectors", "show", "container.stop"],
        ["playbook", "list"],
        ["hat", "show"],
        ["status"],
        ["kill-switch", "status"],
        ["doctor"],
        ["journal", "verify", SAMPLE],
        ["validate", shipped.scenarios_dir() / "rehearsal.yaml"],
    ],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_what_reads_also_speaks_json(drill: Drill, words: list[str | Path]) -> None:
    assert drill(*words).stdout.strip()
    json.loads(drill(*words, "--json").stdout)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "api-frozn", "--stack", "process"], 2, "no scenario"),
        (["run", "api-frozen", "--stack", "swarm"], 2, "swarm"),
        (["scenarios", "show", "../../etc/passwd"], 2, "no scenario"),
        (["injectors", "show", "container.paus"], 2, "container.pause"),
        (["ack"], 2, "no drill is running"),
        (["abort"], 2, "no drill is running"),
        (["void"], 2, "--reason"),
        (["attach"], 2, "no drill"),
        (["score", "none.jsonl"], 2, "none.jsonl"),
        (["journal", "verify", "none.jsonl"], 2, "none.jsonl"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(drill: Drill, words: list[str], code: int, says: str) -> None:
    done = drill(*words)
    assert done.returncode == code, done.stderr
    assert says in done.stderr


def test_the_kill_switch_blocks_a_run_with_exit_7(drill: Drill) -> None:
    assert drill("kill-switch", "on", "--reason", "real incident").returncode == 0
    done = drill("run", "api-frozen", "--stack", "process")
    assert done.returncode == 7
    assert "real incident" in done.stderr
    assert "on since" in drill("kill-switch", "status").stdout
    drill("kill-switch", "off")
    assert drill("kill-switch", "status").stdout.strip() == "off"


def test_a_stack_that_was_never_up_is_said_and_nothing_is_left(drill: Drill, tmp_path: Path) -> None:
    done = drill("run", "api-frozen", "--stack", "process")
    assert done.returncode == 4
    assert "drill stack up --stack process" in done.stderr
    assert not list(tmp_path.rglob("leases/*.json"))


def test_the_same_seed_and_history_draw_the_same_and_the_last_is_avoided(drill: Drill, tmp_path: Path) -> None:
    first = drill("hat", "draw", "--seed", "7", "--stack", "process").stdout.split()[1]
    chances = json.loads(drill("hat", "odds", "--stack", "process", "--json").stdout)
    assert chances[first.rstrip(",")] == 0
    assert sum(chances.values()) == pytest.approx(1)
    (tmp_path / ".drill" / "hat.jsonl").unlink()
    assert drill("hat", "draw", "--seed", "7", "--stack", "process").stdout.split()[1] == first


def test_init_writes_what_validates_and_never_overwrites(drill: Drill, tmp_path: Path) -> None:
    assert drill("init", "--yes").returncode == 0
    assert drill("validate", "drill.yaml").returncode == 0
    again = drill("init", "--yes")
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_an_edited_journal_is_found_and_not_judged(drill: Drill, tmp_path: Path) -> None:
    head = drill("journal", "verify", SAMPLE).stdout.split("head ")[1].split()[0].rstrip(",")
    lines = SAMPLE.read_bytes().splitlines(keepends=True)
    edited = tmp_path / "edited.jsonl"
    edited.write_bytes(b"".join(lines).replace(b'"ok":true', b'"ok":false', 1))
    assert drill("journal", "verify", edited).returncode == 4
    assert drill("score", edited).returncode == 4
    shortened = tmp_path / "short.jsonl"
    shortened.write_bytes(b"".join(lines[:-1]))
    assert drill("journal", "verify", shortened).returncode == 0, "only the head kept elsewhere shows a cut tail"
    assert drill("journal", "verify", shortened, "--head", head).returncode == 4
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(b"".join(lines) + b'{"seq":')
    done = drill("journal", "verify", torn)
    assert done.returncode == 0
    assert "7 bytes of a torn last line" in done.stdout


def test_scoring_again_gives_the_same_bytes(drill: Drill, tmp_path: Path) -> None:
    first, second = drill("score", SAMPLE, "--out", "one"), drill("score", SAMPLE, "--out", "two")
    assert first.stdout == second.stdout
    assert first.returncode == 0
    for name in ("scorecard.json", "scorecard.md", "timeline.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "drill", "schema", "playbook"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_state_folder_that_cannot_be_made_is_one_line(drill: Drill, tmp_path: Path) -> None:
    (tmp_path / ".drill").write_text("a file where a folder belongs")
    done = drill("kill-switch", "on")
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1


def test_every_command_has_help() -> None:
    for name, command in cli.commands.items():
        assert command.help or command.hidden, name

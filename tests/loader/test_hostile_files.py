"""Broken, hostile and binary files: one line a problem, with file and line, and nothing but InvalidInput."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
import yaml
from loader_samples import SCENARIO, write

from drill.errors import InvalidInput
from drill.loader import load_config, load_playbook, load_scenario, problems
from drill.loader import nodes as composing

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)

BROKEN: dict[str, tuple[str | bytes, int, str]] = {
    "empty": ("", 1, "empty"),
    "only a comment": ("# nothing\n", 1, "empty"),
    "only a null": ("---\n", 2, "must be a mapping"),
    "a list": ("- a\n- b\n", 1, "must be a mapping"),
    "a word": ("hello\n", 1, "must be a mapping"),
    "a tab": (SCENARIO + "\tstop: {}\n", 15, "not YAML"),
    "an open bracket": (SCENARIO + "probes: [a, b\n", 16, "not YAML"),
    "an open quote": (SCENARIO + 'probes: "a\n', 16, "not YAML"),
    "a billion laughs": (LAUGHS, 5, "aliases are expanded"),
    "an alias to itself": ("id: &a [*a]\n", 1, "no complete anchor"),
    "an unknown alias": ("id: *a\n", 1, "alias"),
    "a Python tag": (SCENARIO + "probes: !!python/object/apply:os.system ['true']\n", 15, "tag"),
    "a standard tag": (SCENARIO + "probes: !!set {a}\n", 15, "tag"),
    "a tag of their own": ("id: !mine x\n", 1, "tag"),
    "two documents": (SCENARIO + "---\nid: b\n", 15, "second document"),
    "NUL bytes": (SCENARIO.encode() + b"\0\0", 15, "NUL"),
    "a picture": (b"\x89PNG\r\n\x1a\n\xff\xfe", 1, "UTF-8"),
    "Latin-1": (SCENARIO.replace("A sample", "Stra\xdfe").encode("latin-1"), 2, "UTF-8"),
    "UTF-16": (SCENARIO.encode("utf-16"), 1, "NUL"),
    "a control character": (SCENARIO + "probes: [a\x07]\n", 1, "not YAML"),
    "too large": ("#" * (1 << 20) + "\n", 1, "1 MiB"),
    "nested lists": ("id: " + "[" * 5000 + "]" * 5000, 1, "nested deeper"),
    "nested mappings": ("id: " + "{a: " * 5000, 1, "nested deeper"),
    "nested blocks": ("".join(" " * n + "a:\n" for n in range(200)), 33, "nested deeper"),
    "a long text again and again": (
        'id: &a "' + "x" * 9000 + '"\nneeds: [' + "*a," * 5000 + "]",
        2,
        "aliases are expanded",
    ),
    "too many values": ("id: [" + "a," * 30_000 + "]", 1, "more than 20000"),
    "a foreign mapping": ("apiVersion: v1\nkind: Pod\n", 1, "none of its keys"),
    "a duplicate key": (SCENARIO + "title: again\n", 15, "twice"),
    "a duplicate key inside": (SCENARIO.replace("params:", "kind: noop\n    params:"), 9, "twice"),
    "a merge key": (SCENARIO + "<<: {title: x}\n", 15, "merge"),
    "a list as key": (SCENARIO + "? [a]\n: b\n", 15, "key must be text"),
    "a number as key": (SCENARIO + "3: b\n", 15, "quotes"),
    "an escaped NUL": (SCENARIO.replace("A sample", '"a\\0b"'), 2, "control character"),
    "an escaped line end": (SCENARIO.replace("A sample", '"a\\u2028b"'), 2, "control character"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_line_with_its_place(name: str, tmp_path: Path) -> None:
    content, line, words = BROKEN[name]
    path = write(tmp_path, content)
    found = problems(path)
    assert len(found) == 1
    assert found[0].startswith(f"{path}:{line}: ")
    assert words in found[0]
    assert len(found[0].splitlines()) == 1


@pytest.mark.parametrize("name", BROKEN)
def test_the_pure_python_parser_refuses_the_same_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composing, "_LOADER", yaml.SafeLoader)
    found = problems(write(tmp_path, BROKEN[name][0]))
    assert len(found) == 1
    assert BROKEN[name][2] in found[0]


@pytest.mark.parametrize("load", [load_scenario, load_playbook, load_config])
@pytest.mark.parametrize("name", BROKEN)
def test_loading_a_broken_file_raises_invalid_input_in_one_line(load: object, name: str, tmp_path: Path) -> None:
    path = write(tmp_path, BROKEN[name][0])
    with pytest.raises(InvalidInput) as raised:
        load(path)  # type: ignore[operator]  # parametrised: one of the three loaders
    assert str(raised.value).startswith(f"{path}:")
    assert len(str(raised.value).splitlines()) == 1


def test_a_missing_file_a_folder_and_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    done: list[list[str]] = []
    thread = threading.Thread(target=lambda: done.append(problems(pipe)), daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert done, "reading a named pipe hangs"
    assert done[0] == [f"{pipe}:1: this is not a regular file (a folder, a pipe, a device?); give a YAML file"]
    assert "not a regular file" in problems(tmp_path / ".")[0]
    assert "No such file" in problems(tmp_path / "absent.yaml")[0]
    assert "cannot be read" in problems(tmp_path / "a\0b.yaml")[0]


def test_an_unreadable_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    path = write(tmp_path, SCENARIO)
    # Root reads everything, so the refusal comes from here.
    monkeypatch.setattr("drill.loader.source.os.open", refuse)
    found = problems(path)
    monkeypatch.undo()
    assert found == [f"{path}:1: the file cannot be read (Permission denied); check the path and its permissions"]


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_followed(tmp_path: Path) -> None:
    inside = tmp_path / "scenarios"
    inside.mkdir()
    write(tmp_path, SCENARIO, "secret.yaml")
    (inside / "sample.yaml").symlink_to(tmp_path / "secret.yaml")
    assert "leads out of" in problems(inside / "sample.yaml")[0]
    write(inside, SCENARIO, "..real")
    (inside / "sample.yaml").unlink()
    (inside / "sample.yaml").symlink_to("..real")
    assert problems(inside / "sample.yaml") == []
    (inside / "loop.yaml").symlink_to("loop.yaml")
    assert "cannot be read" in problems(inside / "loop.yaml")[0]


@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n"), lambda t: "---\n" + t])
def test_a_byte_order_mark_windows_lines_and_a_document_start_are_fine(change: object, tmp_path: Path) -> None:
    text: str = change(SCENARIO)  # type: ignore[operator]  # parametrised
    assert problems(write(tmp_path, text)) == []


def test_a_harmless_alias_is_written_out(tmp_path: Path) -> None:
    text = SCENARIO.replace("blast_radius: [api]", "blast_radius: &all [api]\nneeds: *all")
    assert load_scenario(write(tmp_path, text)).needs == ("api",)


def test_a_file_name_that_is_not_printable_stays_on_one_line(tmp_path: Path) -> None:
    found = problems(write(tmp_path, "", "a\nb.yaml"))
    assert len(found) == 1
    assert len(found[0].splitlines()) == 1

"""Who may import whom, what a start may load, and other rules of the house, read off the sources."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from drill import errors

ROOT = Path(__file__).parents[2]
OURS = ("drill", "injectors", "scorecards")
SOURCES = sorted(path for name in OURS for path in (ROOT / name).rglob("*.py"))
HEAVY = ("pandas", "matplotlib", "docker", "faker", "httpx", "rich")


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_below(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


EDGES = [(module_of(path), name) for path in SOURCES for name in imports_of(path) if is_below(name, *OURS)]


def offenders(of: str, allowed: tuple[str, ...]) -> list[str]:
    names = {(module, name) for module, name in EDGES if is_below(module, of)}
    return sorted(f"{m} -> {n}" for m, n in names if n != "drill" and not is_below(n, of, *allowed))


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("drill.model", ()),
        ("drill.errors", ()),
        ("drill.clock", ()),
        ("drill.ports", ("drill.model",)),
        ("injectors", ("drill.model", "drill.errors", "drill.ports")),
        ("scorecards", ("drill.model", "drill.errors")),
        ("drill.loader", ("drill.model", "drill.errors", "drill.shipped")),
        ("drill.lint", ("drill.model", "drill.loader")),
        ("drill.documents", ("drill.model",)),
        ("drill.journal", ("drill.model", "drill.errors", "drill.clock")),
        (
            "drill.engine",
            ("drill.model", "drill.errors", "drill.ports", "drill.journal", "drill.detectors", "drill.clock"),
        ),
    ],
)
def test_a_layer_imports_only_what_lies_below(package: str, allowed: tuple[str, ...]) -> None:
    assert offenders(package, allowed) == []


@pytest.mark.parametrize(
    ("package", "users"), [("scorecards", ("drill.cli",)), ("injectors", ()), ("drill.cli", ("drill.__main__",))]
)
def test_only_the_named_ones_import_it(package: str, users: tuple[str, ...]) -> None:
    found = {module for module, name in EDGES if is_below(name, package) and not is_below(module, package, *users)}
    assert found == set()


def test_the_fakes_are_for_tests_only() -> None:
    assert {m for m, name in EDGES if is_below(name, "drill.testing") and not is_below(m, "drill.testing")} == set()


@pytest.mark.parametrize("argv", [["-m", "drill", "--help"], ["-c", "import drill.cli"]])
def test_a_start_loads_nothing_heavy(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *argv], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_module_stays_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_exceptions_to_the_rules_have_a_reason_beside(path: Path) -> None:
    lines = ["", *path.read_text().splitlines()]
    for before, line in pairwise(lines):
        exception = re.search(r"# (?:type: ignore\[[a-z, -]+\]|noqa: [A-Z0-9, ]+)|\btime\.sleep\([^)]*\)", line)
        if exception:
            rest = line[exception.end() :]
            assert re.search(r"(?:#|-) ?\w+", rest) or before.strip().startswith("#"), f"{path}: {line.strip()}"


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name.decode() for name in listed.split(b"\0") if name]


def test_no_file_names_a_package_registry_or_the_neighbouring_folder() -> None:
    hosts = ["py" + "pi.org", "python" + "hosted", "deb.deb" + "ian.org", "registry.np" + "mjs", "../sh" + "ared"]
    named = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        if path.is_file() and path.suffix not in (".png",)
        for host in hosts
        if host in path.read_text(errors="replace")
    ]
    assert named == []


def test_every_error_is_in_the_tree_with_its_exit_code_and_slug() -> None:
    tree = inspect.getdoc(errors) or ""
    kinds = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.DrillError)]
    assert len({cls.slug for cls in kinds}) == len(kinds)
    for cls in kinds:
        assert re.search(rf"\b{cls.__name__}\s+{cls.exit_code}\s+{cls.slug}\b", tree), cls

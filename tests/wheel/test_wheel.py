"""An installed wheel carries the catalogue and the reference stack: the program works outside a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the wheel, and not the checkout, is what `drill` means."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(place), str(ROOT)], check=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(place / "site"), str(wheel)], check=True)
    return os.environ | {"PYTHONPATH": str(place / "site")}


def drill(installed: dict[str, str], home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the wheel's program in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "drill", *words], cwd=home, env=installed, capture_output=True, text=True, timeout=150
    )


def test_it_is_the_wheel_that_runs(installed: dict[str, str], tmp_path: Path) -> None:
    code = "import drill; from drill import shipped; print(drill.__file__, shipped.root())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=installed, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in done.stdout
    assert "_shipped" in done.stdout


def test_the_catalogue_comes_along(installed: dict[str, str], tmp_path: Path) -> None:
    assert "api-frozen" in drill(installed, tmp_path, "scenarios", "list").stdout


def test_the_demo_runs_outside_a_checkout(installed: dict[str, str], tmp_path: Path) -> None:
    done = drill(installed, tmp_path, "demo", "--stack", "process", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.glob("drill-results/*/timeline.png"))

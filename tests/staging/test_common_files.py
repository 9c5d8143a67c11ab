"""Files of the reference services on a disk that is full: what was kept stays whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STAGING = Path(__file__).parents[2] / "staging"
PROGRAM = """
import resource, signal, sys
from pathlib import Path
from common import JsonLines

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = JsonLines(Path(sys.argv[1]))
file.append({"id": "kept"})
resource.setrlimit(resource.RLIMIT_FSIZE, (30, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        file.append({"id": "does not fit"})
    except OSError:
        print("refused")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
file.append({"id": "later"})
print([record["id"] for record in file.read()])
"""


def test_a_record_that_does_not_fit_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "lines.jsonl")],
        env={"PYTHONPATH": str(STAGING)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.splitlines() == ["refused", "refused", "['kept', 'later']"]

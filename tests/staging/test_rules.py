"""The alert rules, evaluated by promtool: each fires for its cause, clears after it, and is quiet otherwise."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from drill import shipped

pytestmark = pytest.mark.engine

FOLDER = shipped.root() / "staging" / "prometheus"
BASE = "drill-staging-base:local"
ONSET_S = 400
"""When a cause begins: after the longest window has filled."""


@dataclass(frozen=True)
class Cause:
    """What an alert is about: samples of one second each, once as they are before, and while the cause is there.

    ``steady``, ``failing``: series to its growth a second (a counter) or its value (a gauge).
    """

    steady: dict[str, float]
    failing: dict[str, float]
    gauge: bool = False


CALLS = 'upstream_responses_total{upstream="llm",status="200"}'
LIMITED = 'upstream_responses_total{upstream="llm",status="429"}'
CAUSES = {
    "DatabaseDown": Cause(
        {f'dependency_up{{dependency="store",instance="{name}"}}': 1 for name in "ab"},
        {f'dependency_up{{dependency="store",instance="{name}"}}': 0 for name in "ab"},
        gauge=True,
    ),
    "ErrorRate": Cause(
        {'http_requests_total{status="200"}': 4, 'http_requests_total{status="500"}': 0},
        {'http_requests_total{status="200"}': 3, 'http_requests_total{status="500"}': 1},
    ),
    "PaymentWebhooks": Cause(
        {'webhook_requests_total{result="ok"}': 1, 'webhook_requests_total{result="error"}': 0},
        {'webhook_requests_total{result="ok"}': 0, 'webhook_requests_total{result="error"}': 1},
    ),
    "LlmErrors": Cause({CALLS: 1, LIMITED: 0}, {CALLS: 0, LIMITED: 1}),
    "QueueBacklog": Cause(
        {'jobs_waiting{job="api"}': 1, 'jobs_waiting{job="worker"}': 1},
        {'jobs_waiting{job="api"}': 150, 'jobs_waiting{job="worker"}': 150},
        gauge=True,
    ),
}
HOLDS_S = {"DatabaseDown": 60, "ErrorRate": 300, "PaymentWebhooks": 60, "LlmErrors": 300, "QueueBacklog": 600}
WINDOWS_S = {"DatabaseDown": 0, "ErrorRate": 60, "PaymentWebhooks": 300, "LlmErrors": 300, "QueueBacklog": 0}


def samples(cause: Cause, lasts_s: int, after_s: int) -> list[dict[str, str]]:
    """The series in promtool's notation: steady, failing for ``lasts_s`` from the onset on, steady again."""
    made = []
    for name, steady in cause.steady.items():
        parts, value = [], 0.0
        for rate, seconds in ((steady, ONSET_S), (cause.failing[name], lasts_s), (steady, after_s)):
            if cause.gauge:
                parts.append(f"{rate:g}x{seconds - 1}")
            else:
                parts.append(f"{value + rate:g}+{rate:g}x{seconds - 1}")
                value += rate * seconds
        made.append({"series": name, "values": " ".join(parts)})
    return made


def firing(alert: str, profile: str, at_s: int, expected: bool) -> dict[str, Any]:
    """Whether it fires then."""
    labels = f'alertname="{alert}",profile="{profile}",alertstate="firing"'
    return {
        "eval_time": f"{at_s}s",
        "expr": f"count(ALERTS{{{labels}}}) or vector(0)",
        "exp_samples": [{"labels": "{}", "value": int(expected)}],
    }


def promtool(*arguments: str, folder: Path = FOLDER) -> None:
    """Run it in the image that the stack's Prometheus runs in; its complaint is the failure."""
    mounts = ["-v", f"{FOLDER}:/etc/drill:ro", "-v", f"{folder}:/case:ro"]
    argv = ["docker", "run", "--rm", "--network", "none", *mounts, "--entrypoint", "promtool", BASE, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def judge(folder: Path, series: list[dict[str, str]], expectations: list[dict[str, Any]]) -> None:
    group = {"interval": "1s", "input_series": series, "promql_expr_test": expectations}
    case = {"rule_files": ["/etc/drill/rules.yml"], "evaluation_interval": "1s", "tests": [group]}
    (folder / "case.yml").write_text(json.dumps(case))
    folder.chmod(0o755)  # promtool runs as another user
    promtool("test", "rules", "/case/case.yml", folder=folder)


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    subprocess.run(["bash", str(shipped.root() / "staging/build-images.sh")], check=True, timeout=900)


def test_prometheus_accepts_its_configuration_and_every_rule() -> None:
    promtool("check", "config", "/etc/drill/prometheus.yml")


@pytest.mark.parametrize("alert", CAUSES)
def test_a_smoke_alert_fires_within_seconds_of_its_cause_and_clears_within_seconds_of_its_end(
    alert: str, tmp_path: Path
) -> None:
    ends = ONSET_S + 20
    judge(
        tmp_path,
        samples(CAUSES[alert], lasts_s=20, after_s=30),
        [
            firing(alert, "smoke", ONSET_S - 1, False),
            firing(alert, "smoke", ONSET_S + 1, False),  # it has to hold
            firing(alert, "smoke", ONSET_S + 8, True),
            firing(alert, "smoke", ends - 1, True),
            firing(alert, "smoke", ends + 12, False),
        ],
    )


@pytest.mark.parametrize("alert", CAUSES)
def test_a_real_alert_fires_once_the_playbooks_time_has_passed_and_clears(alert: str, tmp_path: Path) -> None:
    holds, window = HOLDS_S[alert], WINDOWS_S[alert]
    lasts = holds + window + 60
    judge(
        tmp_path,
        samples(CAUSES[alert], lasts_s=lasts, after_s=window + 60),
        [
            firing(alert, "real", ONSET_S + holds - 1, False),
            firing(alert, "real", ONSET_S + lasts - 1, True),
            firing(alert, "real", ONSET_S + lasts + window + 5, False),
        ],
    )


@pytest.mark.parametrize("alert", CAUSES)
def test_a_single_bad_second_fires_nothing(alert: str, tmp_path: Path) -> None:
    quiet = [firing(alert, profile, ONSET_S + at, False) for profile in ("smoke", "real") for at in (1, 3, 5, 9, 60)]
    judge(tmp_path, samples(CAUSES[alert], lasts_s=1, after_s=90), quiet)


@pytest.mark.parametrize("alert", CAUSES)
def test_the_steady_state_fires_nothing(alert: str, tmp_path: Path) -> None:
    at = (300, ONSET_S, ONSET_S + 100)
    quiet = [firing(alert, profile, one, False) for profile in ("smoke", "real") for one in at]
    calm = Cause(CAUSES[alert].steady, CAUSES[alert].steady, CAUSES[alert].gauge)
    judge(tmp_path, samples(calm, lasts_s=100, after_s=10), quiet)


def test_an_api_that_is_gone_altogether_counts_as_a_database_that_nobody_reaches(tmp_path: Path) -> None:
    up = 'dependency_up{dependency="store",instance="a"}'
    judge(
        tmp_path,
        [{"series": up, "values": "1x100 stale"}],
        [firing("DatabaseDown", "smoke", 100, False), firing("DatabaseDown", "smoke", 106, True)],
    )


def test_the_rules_carry_the_numbers_of_the_playbook() -> None:
    """Each source of the shipped playbook, with its own numbers and those of its smoke overlay."""
    playbook = yaml.safe_load(shipped.playbook_path("standard").read_text())
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    found = {(group["name"], rule["labels"]["source"]): (group, rule) for group in groups for rule in group["rules"]}
    for source in (one for one in playbook["sources"] if one["type"] == "prometheus"):
        for profile, numbers in (("real", source), ("smoke", playbook["smoke"]["sources"][source["name"]])):
            group, rule = found.pop((profile, source["name"]))
            assert rule["alert"] == source["alert"]
            assert rule["labels"]["profile"] == numbers["match"]["profile"] == profile
            assert (group["interval"], rule["for"]) == (numbers["interval"], numbers["hold"])
    assert not found

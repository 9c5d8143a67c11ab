"""The three drills that every team knows, on the whole reference stack, as a user runs them; looked at from outside."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from crash_session import Session
from small_stack import free_ports

from drill.cli.ready import PORTS

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
DRILLS = ("db-primary-down", "payment-webhook-500", "llm-rate-limited")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A project made by `drill init`, with the reference stack up on ports of its own."""
    ports = {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    found = Session(tmp_path_factory.mktemp("three-drills"), "compose", ports)
    assert found.drill("init", "--yes").returncode == 0
    up = found.drill("stack", "up", timeout_s=280)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        yield found
    finally:
        found.drill("stack", "down")


def get(session: Session, name: str, path: str) -> Any:
    """What a service answers, decoded."""
    answer = httpx.get(f"http://127.0.0.1:{session.env[f'DRILL_{name}_PORT']}{path}", timeout=10)
    assert answer.status_code == 200, f"{name}{path}: {answer.status_code}"
    return answer.json()


def run(session: Session, *words: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """Exit code, scorecard and events of one drill."""
    before = set(session.folders())
    done = session.drill("run", *words, "--seed", "1", timeout_s=280)
    (folder,) = set(session.folders()) - before
    results = session.home / "drill-results" / folder.name
    card = json.loads((results / "scorecard.json").read_text())
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    return done.returncode, card, events


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["data"] for event in events if event["kind"] == kind]


@pytest.mark.parametrize("scenario", DRILLS)
def test_a_drill_runs_from_fault_to_customer_notice_and_leaves_the_stack_whole(session: Session, scenario: str) -> None:
    code, card, events = run(session, scenario)
    assert code == 0, card["headline"]
    # The alert path is the real one: Prometheus, Alertmanager, intake; the page stands in the chat room.
    assert "intake" in min(of(events, "alert.fired"), key=lambda data: data["at_ns"])["clock"]
    assert any(data["channel"] == "chat" for data in of(events, "page.delivered"))
    texts = [post["text"] for post in get(session, "INTAKE", "/chat/rooms/oncall")]
    assert any("<!here>" in text and "[EXERCISE]" in text for text in texts)
    posts = {post["id"] for post in get(session, "STATUSPAGE", "/posts")}
    mails = {mail["id"] for mail in get(session, "MAIL_HTTP", "/messages")}
    sent = {data["message_id"]: data["channel"] for data in of(events, "message.accepted")}
    assert sent
    for message, channel in sent.items():
        assert message in (posts if channel == "status-page" else mails)
    # The stack, asked by nothing of ours that drills: one primary, no toxic, everything that was promised there once.
    proxies = get(session, "TOXIPROXY", "/proxies")
    assert {name: proxy["toxics"] for name, proxy in proxies.items() if proxy["toxics"]} == {}
    assert proxies["db"]["upstream"] == "db-primary:5432"
    assert get(session, "GATEWAY", "/internal/flags")["savings_explanations"] is True
    for ledger in ("canaries", "payments"):
        promised = get(session, "TRAFFIC", f"/ledger/{ledger}")
        held = get(session, "GATEWAY", f"/api/{ledger}")
        late = [key for key in promised[:-20] if held.get(key) != 1]
        assert promised
        assert late == []


def test_a_clumsy_response_fails_the_drill_and_leaves_the_stack_whole_too(session: Session) -> None:
    code, card, _ = run(session, "llm-rate-limited", "--script", "clumsy")
    assert code == 1
    failed = {row["id"] for row in card["rows"] if row["verdict"] == "fail"}
    assert failed == {"acknowledge", "notify"}
    assert get(session, "GATEWAY", "/internal/flags")["savings_explanations"] is True

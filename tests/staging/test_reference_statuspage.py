"""The public status page: posts are durable, idempotent, escaped and newest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

POST = {"id": "u/1", "status": "investigating", "title": "Sign-in fails", "body": "EXERCISE. Since 09:00 UTC."}


@pytest.fixture
def page(launch: Callable[..., Any]) -> Any:
    service = launch("statuspage")
    service.start("/health")
    return service


def add(page: Any, **changes: str) -> int:
    status: int = page.http.post("/posts", json={**POST, **changes}).status_code
    return status


def test_without_posts_the_page_says_so(page: Any) -> None:
    answer = page.http.get("/")
    assert answer.status_code == 200
    assert "No incidents have been reported." in answer.text
    assert "EXERCISE" not in answer.text


def test_the_same_id_again_is_the_same_post(page: Any) -> None:
    assert add(page) == 201
    assert add(page, title="Something else") == 200
    assert [post["title"] for post in page.http.get("/posts").json()] == ["Sign-in fails"]
    assert page.http.get("/posts/u/1").json()["status"] == "investigating"
    assert page.http.get("/posts/u/2").status_code == 404


@pytest.mark.parametrize("missing", ["id", "status", "title", "body"])
def test_an_incomplete_post_is_refused_by_the_name_of_the_field(page: Any, missing: str) -> None:
    answer = page.http.post("/posts", json={**POST, missing: ""})
    assert answer.status_code == 400
    assert missing in answer.json()["error"]
    assert page.http.get("/posts").json() == []


def test_a_kill_after_201_loses_nothing(page: Any) -> None:
    assert [add(page, id=f"p{number}") for number in range(4)] == [201] * 4
    page.kill()
    page.start("/health")
    assert [post["id"] for post in page.http.get("/posts").json()] == ["p0", "p1", "p2", "p3"]
    assert add(page, id="p3") == 200


def test_the_newest_post_is_first_and_sets_the_headline(page: Any) -> None:
    add(page, id="old", title="Older")
    add(page, id="new", title="Newer", status="Resolved")
    html = page.http.get("/").text
    assert html.index("Newer") < html.index("Older")
    assert "The latest incident is resolved." in html


def test_the_exercise_banner_shows_only_with_the_mark(page: Any) -> None:
    add(page, id="1", body="An update.")
    assert 'class="drill"' not in page.http.get("/").text
    add(page, id="2", title="[EXERCISE] Sign-in fails")
    assert 'class="drill"' in page.http.get("/").text


def test_every_word_of_a_post_is_escaped(page: Any) -> None:
    hostile = '<script>alert(1)</script><img src=x onerror="x">\'&'
    add(page, id=hostile, status=hostile, title=hostile, body=hostile)
    answer = page.http.get("/")
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert answer.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_it_ends_soon_after_sigterm(page: Any) -> None:
    assert page.terminate() < 2.0

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


def put(page: Any, **body: Any) -> Any:
    return page.http.put("/banner", json=body)


def test_the_banner_is_the_one_that_was_put_last(page: Any) -> None:
    assert page.http.get("/banner").json() == {}
    assert put(page, id="b/1", text="EXERCISE. Payments fail.").status_code == 201
    assert put(page, id="b/1", text="EXERCISE. Payments fail.").status_code == 200
    shown = page.http.get("/banner").json()
    assert set(shown) == {"id", "text", "posted"}
    assert shown["text"] == "EXERCISE. Payments fail."
    assert page.http.get("/banner/b%2F1").json() == shown
    assert put(page, id="b/2", text="EXERCISE. Payments work again.").status_code == 201
    assert page.http.get("/banner/b%2F1").status_code == 404
    assert page.http.get("/banner/b%2F2").status_code == 200


def test_the_text_of_a_banner_can_be_changed_under_its_id(page: Any) -> None:
    assert put(page, id="b", text="one").status_code == 201
    assert put(page, id="b", text="two").status_code == 200
    assert page.http.get("/banner").json()["text"] == "two"


def test_an_empty_text_takes_the_banner_down(page: Any) -> None:
    put(page, id="b", text="one")
    assert put(page, id="b", text=" ").status_code == 200
    assert page.http.get("/banner").json() == {}
    assert page.http.get("/banner/b").status_code == 404
    assert put(page, id="b", text="").status_code == 200


def test_a_kill_after_the_answer_loses_no_banner_and_brings_none_back(page: Any) -> None:
    assert put(page, id="b", text="one").status_code == 201
    page.kill()
    page.start("/health")
    assert page.http.get("/banner").json()["text"] == "one"
    put(page, id="b", text="")
    page.kill()
    page.start("/health")
    assert page.http.get("/banner").json() == {}


def test_the_status_page_shows_the_banner_escaped_and_marks_the_exercise(page: Any) -> None:
    put(page, id="b", text="[EXERCISE] <script>alert(1)</script>")
    answer = page.http.get("/")
    assert "[EXERCISE] &lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<script" not in answer.text
    assert 'class="drill"' in answer.text
    put(page, id="b", text="")
    assert "EXERCISE" not in page.http.get("/").text


@pytest.mark.parametrize(
    "body", [{}, {"id": "b"}, {"text": "t"}, {"id": "b", "text": 1}, {"id": "b", "text": "x" * 2001}]
)
def test_a_banner_that_cannot_be_shown_is_refused_and_the_old_one_stays(page: Any, body: dict[str, Any]) -> None:
    put(page, id="old", text="one")
    assert put(page, **body).status_code == 400
    assert page.http.get("/banner").json()["text"] == "one"


@pytest.mark.parametrize("raw", [b"[]", b'{"id": "b", "text": "\\ud800"}', b'{"id": "b", "text": NaN}'])
def test_hostile_bodies_spoil_neither_the_posts_nor_the_banner(page: Any, raw: bytes) -> None:
    assert page.http.put("/banner", content=raw).status_code == 400
    post = b'{"id": "p", "status": "s", "title": "\\udfff", "body": "b"}'
    assert page.http.post("/posts", content=post).status_code == 400
    assert [page.http.get(path).status_code for path in ("/", "/banner", "/posts")] == [200] * 3


def test_a_body_over_a_mebibyte_is_refused(page: Any) -> None:
    text = "x" * (1024 * 1024)
    assert put(page, id="b", text=text).status_code == 413
    assert page.http.post("/posts", json={**POST, "body": text}).status_code == 413


def test_it_ends_soon_after_sigterm(page: Any) -> None:
    assert page.terminate() < 2.0

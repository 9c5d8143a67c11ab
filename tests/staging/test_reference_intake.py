"""The intake: what it took is on disk, readers wake at once, strangers get nothing, people can read the chat."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

TOKEN = "a secret of the tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HOSTILE = '<script>alert(1)</script><img src=x onerror="x">\'&'


@pytest.fixture
def intake(launch: Callable[..., Any]) -> Any:
    service = launch("intake", INTAKE_TOKEN=TOKEN)
    service.start("/health")
    return service


def hook(intake: Any, body: Any, source: str = "alertmanager") -> int:
    answer = intake.http.post(f"/hooks/{source}", json=body, headers=BEARER)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def events(intake: Any, after: int = 0, wait: float = 0) -> list[dict[str, Any]]:
    answer = intake.http.get("/events", params={"after": after, "wait": wait}, headers=BEARER)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["events"]
    return listed


def ack(intake: Any, number: int) -> Any:
    return intake.http.post("/ack", json={"id": number}, headers=BEARER)


def say(intake: Any, room: str = "oncall", **body: str) -> int:
    status: int = intake.http.post(f"/chat/hooks/{room}", json=body, headers=BEARER).status_code
    return status


def room(intake: Any, name: str = "oncall") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = intake.http.get(f"/chat/rooms/{name}").json()
    return listed


@contextlib.contextmanager
def waiting_reader(intake: Any) -> Iterator[http.client.HTTPConnection]:
    """A reader whose question has been taken, and is not answered yet."""
    connection = http.client.HTTPConnection("127.0.0.1", intake.port, timeout=10)
    connection.request("GET", "/events?wait=20", headers=BEARER)
    try:
        assert intake.http.get("/health").status_code == 200  # a later question, answered: the earlier one was taken
        assert select.select([connection.sock], [], [], 0) == ([], [], [])
        yield connection
    finally:
        connection.close()


def test_events_come_back_as_they_arrived_with_the_time_of_arrival(intake: Any) -> None:
    began = time.time_ns()
    numbers = [hook(intake, {"text": f"Grüße {number}", "n": [1, None, 2.5]}) for number in range(3)]
    ended = time.time_ns()
    found = events(intake)
    assert [event["id"] for event in found] == numbers
    assert [event["body"]["text"] for event in found] == ["Grüße 0", "Grüße 1", "Grüße 2"]
    assert [event["source"] for event in found] == ["alertmanager"] * 3
    arrivals = [event["received_utc_ns"] for event in found]
    assert [began, *arrivals, ended] == sorted([began, *arrivals, ended])
    assert [event["id"] for event in events(intake, after=numbers[0])] == numbers[1:]


def test_the_clock_in_an_answer_is_the_clock_of_the_answer(intake: Any) -> None:
    began = time.time_ns()
    now = intake.http.get("/events", headers=BEARER).json()["now_utc_ns"]
    assert began <= now <= time.time_ns()


def test_a_kill_after_202_loses_nothing_and_no_number_is_used_twice(intake: Any) -> None:
    numbers = [hook(intake, {"n": number}) for number in range(4)]
    intake.kill()
    intake.start("/health")
    assert [event["id"] for event in events(intake)] == numbers
    assert ack(intake, numbers[-1]).json() == {"left": 0}
    intake.kill()
    intake.start("/health")
    assert events(intake) == []
    assert hook(intake, {}) == numbers[-1] + 1


def test_a_kill_in_the_middle_of_many_hooks_keeps_every_acknowledged_one(intake: Any) -> None:
    taken: list[int] = []

    def send(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", intake.port, timeout=5)
        try:
            connection.request("POST", "/hooks/many", json.dumps({"n": number}), BEARER)
            answer = connection.getresponse()
            if answer.status == 202:
                taken.append(json.loads(answer.read())["id"])
        except (OSError, http.client.HTTPException):
            pass  # the killed one answered nobody
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(send, number) for number in range(200)]
        while len(taken) < 20:
            time.sleep(0.002)
        intake.kill()
        for future in futures:
            future.result()
    intake.start("/health")
    kept = [event["id"] for event in events(intake)]
    assert set(taken) <= set(kept)
    assert len(taken) < 200
    assert kept == sorted(set(kept))


def test_a_reader_is_told_the_highest_number(intake: Any) -> None:
    assert intake.http.get("/events", headers=BEARER).json()["last"] == 0
    number = hook(intake, {})
    ack(intake, number)
    assert intake.http.get("/events?after=99", headers=BEARER).json()["last"] == number


def test_acknowledged_events_are_forgotten_on_disk_too(intake: Any) -> None:
    first, second = hook(intake, {"text": "a" * 1000}), hook(intake, {"text": "b" * 1000})
    assert ack(intake, first).json() == {"left": 1}
    assert [event["id"] for event in events(intake)] == [second]
    assert b"aaaa" not in (intake.data / "events.jsonl").read_bytes()


def test_acknowledging_what_has_not_come_yet_does_not_forget_it(intake: Any) -> None:
    assert ack(intake, 1000).status_code == 200
    number = hook(intake, {})
    assert [event["id"] for event in events(intake)] == [number]


def test_a_waiting_reader_wakes_at_once(intake: Any) -> None:
    with waiting_reader(intake) as reader:
        before = time.monotonic()
        number = hook(intake, {})
        listed = json.loads(reader.getresponse().read())["events"]
        assert time.monotonic() - before < 1.0
    assert [event["id"] for event in listed] == [number]


def test_a_reader_who_waits_in_vain_gets_an_empty_answer_in_time(intake: Any) -> None:
    began = time.monotonic()
    assert events(intake, wait=0.2) == []
    assert 0.2 <= time.monotonic() - began < 2.0


def test_one_answer_is_bounded_and_the_rest_follows(intake: Any) -> None:
    numbers = [hook(intake, {"text": "x" * 900_000}) for _ in range(6)]
    first = events(intake)
    assert 0 < len(first) < 6
    rest = events(intake, after=first[-1]["id"])
    assert [event["id"] for event in first + rest] == numbers


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Bearer \xe9", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_without_the_token_there_is_nothing(intake: Any, given: str) -> None:
    headers = {"Authorization": given.encode("latin-1")} if given else {}
    answers = [
        intake.http.post("/hooks/a", json={}, headers=headers),
        intake.http.post("/hooks/a?token=" + TOKEN, json={}, headers=headers),
        intake.http.get("/events", headers=headers),
        intake.http.post("/ack", json={"id": 1}, headers=headers),
        intake.http.post("/chat/hooks/oncall", json={"text": "x"}, headers=headers),
        intake.http.post("/chat/hooks/oncall?token=%00%ff", json={"text": "x"}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [401] * 6
    assert events(intake) == []
    assert room(intake) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"nonsense",
        b"\xff\xfe\x00",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused_and_spoils_nothing(intake: Any, raw: bytes) -> None:
    before = hook(intake, {})
    for path in ("/hooks/a", "/ack", "/chat/hooks/oncall"):
        assert intake.http.post(path, content=raw, headers=BEARER).status_code == 400
    assert [event["id"] for event in events(intake)] == [before]
    assert intake.http.get("/chat").status_code == 200


def test_a_body_over_a_mebibyte_is_refused_and_not_kept(intake: Any) -> None:
    big = json.dumps({"text": "x" * (1024 * 1024)})
    for path in ("/hooks/a", "/chat/hooks/oncall"):
        assert intake.http.post(path, content=big, headers=BEARER).status_code == 413
        chunked = (part for part in [big[:600_000].encode(), big[600_000:].encode()])
        assert intake.http.post(path, content=chunked, headers=BEARER).status_code == 413
    assert events(intake) == []
    assert room(intake) == []


@pytest.mark.parametrize("query", ["after=-1", "after=x", "wait=nan", "wait=inf", "wait=-1", "after=" + "9" * 4000])
def test_a_senseless_question_is_answered_with_400(intake: Any, query: str) -> None:
    assert intake.http.get(f"/events?{query}", headers=BEARER).status_code == 400


def test_a_full_mailbox_says_so_and_takes_again_once_it_was_read(intake: Any) -> None:
    intake.kill()
    lines = (json.dumps({"id": n, "source": "a", "received_utc_ns": 1, "body": {}}) for n in range(1, 10_001))
    (intake.data / "events.jsonl").write_text("".join(line + "\n" for line in lines))
    intake.start("/health")
    assert intake.http.post("/hooks/a", json={}, headers=BEARER).status_code == 507
    assert ack(intake, 9_999).json() == {"left": 1}
    assert hook(intake, {}) == 10_001


def test_it_does_not_start_without_a_token(launch: Callable[..., Any]) -> None:
    service = launch("intake", INTAKE_TOKEN=" ")
    with pytest.raises(AssertionError, match="INTAKE_TOKEN is empty"):
        service.start("/health")


def test_slacks_incoming_webhook_works_with_the_token_in_the_address(intake: Any) -> None:
    answer = intake.http.post("/chat/hooks/oncall", params={"token": TOKEN}, json={"text": "hello"})
    assert (answer.status_code, answer.text) == (200, "ok")
    (post,) = room(intake)
    assert set(post) == {"id", "text", "posted_utc"}
    assert post["text"] == "hello"


def test_the_same_id_again_is_the_same_post(intake: Any) -> None:
    assert [say(intake, text="first", id="p/1"), say(intake, text="second", id="p/1")] == [200, 200]
    assert say(intake, room="other", text="third", id="p/1") == 200
    assert [post["text"] for post in room(intake)] == ["first"]
    assert intake.http.get("/chat/rooms/oncall/p%2F1").json()["text"] == "first"
    assert intake.http.get("/chat/rooms/oncall/p%2F2").status_code == 404


def test_a_kill_after_ok_loses_no_post(intake: Any) -> None:
    assert [say(intake, text=f"t{number}", id=f"p{number}") for number in range(4)] == [200] * 4
    intake.kill()
    intake.start("/health")
    assert [post["id"] for post in room(intake)] == ["p0", "p1", "p2", "p3"]


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": 3}, {"text": "x" * 40_001}, {"text": "x", "id": 3}])
def test_a_post_that_cannot_be_shown_is_refused(intake: Any, body: dict[str, Any]) -> None:
    assert intake.http.post("/chat/hooks/oncall", json=body, headers=BEARER).status_code == 400


@pytest.mark.parametrize("name", ["%20", "a%00b", "a%0Ab", "x" * 81])
def test_a_room_has_a_short_printable_name(intake: Any, name: str) -> None:
    assert intake.http.post(f"/chat/hooks/{name}", json={"text": "x"}, headers=BEARER).status_code == 400


def test_old_posts_give_way_to_new_ones(intake: Any) -> None:
    intake.kill()
    old = {"room": "oncall", "text": "old", "posted_utc": "2026-11-21T00:00:00+00:00"}
    lines = (json.dumps({"id": f"p{number}", **old}) + "\n" for number in range(10_000))
    (intake.data / "chat.jsonl").write_text("".join(lines))
    intake.start("/health")
    assert say(intake, text="new", id="newest") == 200
    posts = room(intake)
    assert 9_000 <= len(posts) <= 10_000
    assert posts[-1]["id"] == "newest"
    assert len((intake.data / "chat.jsonl").read_bytes().splitlines()) == len(posts)


def test_the_chat_page_escapes_every_word_and_runs_nothing(intake: Any) -> None:
    say(intake, room="oncall", text=HOSTILE, id="1")
    say(intake, room=HOSTILE.replace("/", ""), text="x", id="2")
    answer = intake.http.get("/chat")
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_call_to_everybody_is_shown_as_people_know_it(intake: Any) -> None:
    say(intake, text="<!here> the database is down\nlook <!channel>")
    say(intake, text="no call: <!herein> @here")
    say(intake, text="told: &lt;!here&gt; a &amp; b")
    page = intake.http.get("/chat").text
    assert "<p><mark>@here</mark> the database is down\nlook <mark>@channel</mark></p>" in page
    assert "<p>no call: &lt;!herein&gt; @here</p>" in page
    assert "<p>told: &lt;!here&gt; a &amp; b</p>" in page


def test_the_chat_page_has_the_newest_first_and_says_what_it_leaves_out(intake: Any) -> None:
    for number in range(305):
        assert say(intake, text=f"post number {number}.") == 200
    page = intake.http.get("/chat").text
    assert page.index("post number 304.") < page.index("post number 303.")
    assert "post number 4." not in page
    assert "5 older posts" in page


def test_the_chat_page_reloads_only_when_asked(intake: Any) -> None:
    assert "http-equiv" not in intake.http.get("/chat").text
    live = intake.http.get("/chat", params={"live": "1"}).text
    assert 'http-equiv="refresh"' in live
    assert "Stop reloading" in live
    assert "Nothing has been posted." in live


def test_it_ends_soon_after_sigterm_even_with_a_waiting_reader(intake: Any) -> None:
    with waiting_reader(intake):
        assert intake.terminate() < 3.0

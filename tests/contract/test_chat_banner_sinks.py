"""The chat room and the banner: what is accepted, what fails, and the same against the services themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from observers import answers, boot_ns, until
from small_stack import free_ports
from web import Known, serving

from drill.errors import ActionFailed
from drill.ports import Message, Sink, Stack
from drill.sinks.banner import BannerSink
from drill.sinks.chat import ChatSink

STAGING = Path(__file__).parents[2] / "staging"
TOKEN = "of the tests"
MESSAGE = Message(
    id="m-1/a@drill", channel="chat", subject="<!here> [EXERCISE] down", body="Grüße\nRunbook: r\n", recipients=()
)


def chat(stack: Stack, token: str = TOKEN, room: str = "on call") -> ChatSink:
    return ChatSink(stack, "intake", room, token)


def banner(stack: Stack) -> BannerSink:
    return BannerSink(stack, "statuspage")


SINKS: dict[str, Callable[[Stack], Sink]] = {"chat": chat, "banner": banner}


def test_a_chat_post_has_the_subject_on_its_first_line() -> None:
    asked: list[tuple[str, str, Any]] = []

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked.append((method, path, body))
        return 200, b"ok"

    with serving(handle) as port:
        chat(Known(http=port).as_stack()).send(MESSAGE)
        chat(Known(http=port).as_stack()).send(replace(MESSAGE, body=""))
    assert asked[0][:2] == ("POST", "/chat/hooks/on%20call")
    assert asked[0][2] == {"id": MESSAGE.id, "text": "<!here> [EXERCISE] down\nGrüße\nRunbook: r"}
    assert asked[1][2]["text"] == "<!here> [EXERCISE] down"


@pytest.mark.parametrize("status", [202, 400, 401, 500])
@pytest.mark.parametrize("name", ["chat", "banner"])
def test_what_is_not_taken_fails_with_id_service_and_status(name: str, status: int) -> None:
    with serving(lambda *_: (status, {})) as port, pytest.raises(ActionFailed, match=rf"m-1/a@drill .*{status}"):
        SINKS[name](Known(http=port).as_stack()).send(MESSAGE)


@pytest.mark.parametrize("name", ["chat", "banner"])
def test_a_sink_that_is_broken_does_not_say_that_a_message_is_missing(name: str) -> None:
    with serving(lambda *_: (500, {})) as port, pytest.raises(ActionFailed, match="500"):
        SINKS[name](Known(http=port).as_stack()).holds("m")


@pytest.mark.parametrize("name", ["chat", "banner"])
def test_a_service_that_is_down_fails_in_one_line_without_the_token(name: str) -> None:
    sink = SINKS[name](Known(http=free_ports(1)[0]).as_stack())
    for call in (lambda: sink.send(MESSAGE), lambda: sink.holds("m")):
        with pytest.raises(ActionFailed) as caught:
            call()
        assert "\n" not in str(caught.value)
        assert TOKEN not in str(caught.value)


def test_a_banner_without_text_is_never_sent_because_that_would_remove_one() -> None:
    asked: list[str] = []

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked.append(path)
        return 200, {}

    with serving(handle) as port, pytest.raises(ActionFailed, match="no text"):
        banner(Known(http=port).as_stack()).send(replace(MESSAGE, subject="", body=" \n"))
    assert asked == []


@contextmanager
def running(name: str, folder: Path) -> Iterator[Stack]:
    """One of the reference services as a local process."""
    (port,) = free_ports(1)
    env = {"PORT": str(port), "DATA_DIR": str(folder), "PYTHONPATH": str(STAGING), "INTAKE_TOKEN": TOKEN}
    program = [sys.executable, str(STAGING / name / "app.py")]
    with subprocess.Popen(program, env={"PATH": os.environ["PATH"], **env}) as process:
        try:
            assert until(lambda: answers(("127.0.0.1", port))), f"{name} does not answer"
            yield Known(http=port).as_stack()
        finally:
            process.kill()


def test_a_post_that_was_accepted_can_be_read_in_the_room(tmp_path: Path) -> None:
    with running("intake", tmp_path) as stack:
        sink, began = chat(stack), boot_ns()
        assert not sink.holds(MESSAGE.id)
        receipt = sink.send(MESSAGE)
        assert receipt.id == MESSAGE.id
        assert began <= receipt.at_ns <= boot_ns()
        assert sink.holds(MESSAGE.id)
        assert not chat(stack, room="another").holds(MESSAGE.id)
        with pytest.raises(ActionFailed, match="401"):
            chat(stack, token="wrong").send(MESSAGE)


def test_a_banner_is_held_as_long_as_it_is_shown_or_was_replaced_by_a_later_one_of_ours(tmp_path: Path) -> None:
    with running("statuspage", tmp_path) as stack:
        sink, stranger = banner(stack), banner(stack)
        assert not sink.holds(MESSAGE.id)
        assert sink.send(MESSAGE).id == MESSAGE.id
        assert sink.holds(MESSAGE.id)
        sink.send(replace(MESSAGE, id="second"))
        assert [sink.holds(MESSAGE.id), sink.holds("second")] == [True, True]
        stranger.send(replace(MESSAGE, id="other"))
        assert [sink.holds("second"), stranger.holds("other")] == [False, True]
        sink.send(replace(MESSAGE, id="third"))
        assert not sink.holds("second")

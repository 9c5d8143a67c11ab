"""Sinks and flags over the network: what is accepted, what fails, in one line."""

from __future__ import annotations

import socket
from email import message_from_bytes
from email.message import Message as Letter
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from observers import boot_ns
from web import Known, serving

from drill.errors import ActionFailed, InvalidInput
from drill.flags import HttpFlags
from drill.ports import Message
from drill.sinks.smtp import MailSink
from drill.sinks.statuspage import StatusPageSink

MESSAGE = Message(
    id="m-1@drill",
    channel="email",
    subject="EXERCISE: outage",
    body="Grüße",
    recipients=("a@x.test", "b@x.test"),
    status="monitoring",
)


class Mailbox:
    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.letters: list[tuple[list[str], Letter]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        self.letters.append((list(envelope.rcpt_tos), message_from_bytes(envelope.content)))
        return self.answer


def mail(box: Mailbox, port: int) -> Controller:
    return Controller(box, hostname="127.0.0.1", port=port)


@pytest.fixture
def port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def test_mail_is_accepted_at_the_250_and_arrives_whole(port: int) -> None:
    box, began = Mailbox(), boot_ns()
    controller = mail(box, port)
    controller.start()
    try:
        receipt = MailSink(Known(smtp=port).as_stack(), "mail", "drill@x.test").send(MESSAGE)
    finally:
        controller.stop()
    ((recipients, letter),) = box.letters
    assert receipt.id == MESSAGE.id
    assert began <= receipt.at_ns <= boot_ns()
    assert recipients == list(MESSAGE.recipients)
    assert (letter["Message-ID"], letter["From"], letter["Subject"]) == ("<m-1@drill>", "drill@x.test", MESSAGE.subject)
    payload = letter.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().strip() == MESSAGE.body


def test_mail_that_is_refused_fails(port: int) -> None:
    controller = mail(Mailbox("554 no"), port)
    controller.start()
    try:
        with pytest.raises(ActionFailed, match="m-1@drill"):
            MailSink(Known(smtp=port).as_stack(), "mail", "drill@x.test").send(MESSAGE)
    finally:
        controller.stop()


@pytest.mark.parametrize("subject", ["two\nlines", "ok"])
def test_mail_that_cannot_be_sent_fails_in_one_line(port: int, subject: str) -> None:
    message = Message(id="m", channel="email", subject=subject, body="b", recipients=("a@x.test",))
    with pytest.raises(ActionFailed) as caught:
        MailSink(Known(smtp=port).as_stack(), "mail", "drill@x.test").send(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("status", "held"), [(200, True), (404, False)])
def test_mail_is_held_when_the_service_lists_it(status: int, held: bool) -> None:
    asked: list[str] = []

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        asked.append(path)
        return status, {}

    with serving(handle) as port:
        assert MailSink(Known(http=port).as_stack(), "mail", "d@x.test").holds("m-1@drill") is held
    assert asked == ["/messages/m-1%40drill"]


def test_a_post_is_accepted_at_201_and_shown_afterwards() -> None:
    posts: dict[str, Any] = {}

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "POST":
            posts[body["id"]] = body
            return 201, {}
        return (200 if path.split("/")[-1] in posts else 404), {}

    with serving(handle) as port:
        sink = StatusPageSink(Known(http=port).as_stack(), "statuspage")
        message = Message(id="p1", channel="status-page", subject="t", body="b", recipients=(), status="investigating")
        assert not sink.holds("p1")
        assert sink.send(message).id == "p1"
        assert sink.holds("p1")
    assert posts["p1"] == {"id": "p1", "status": "investigating", "title": "t", "body": "b"}


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_post_that_is_not_created_fails(status: int) -> None:
    with serving(lambda *_: (status, {})) as port, pytest.raises(ActionFailed, match=str(status)):
        StatusPageSink(Known(http=port).as_stack(), "statuspage").send(MESSAGE)


def test_a_sink_that_is_broken_does_not_say_that_a_message_is_missing() -> None:
    with serving(lambda *_: (500, {})) as port:
        stack = Known(http=port).as_stack()
        for sink in (MailSink(stack, "mail", "d@x.test"), StatusPageSink(stack, "statuspage")):
            with pytest.raises(ActionFailed):
                sink.holds("m")


def test_flags_are_read_and_written() -> None:
    flags = {"checkout": True, "search": False}

    def handle(method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "PUT":
            flags[path.rsplit("/", 1)[1]] = body["value"]
        return 200, flags

    with serving(handle) as port:
        client = HttpFlags(Known(http=port).as_stack())
        client.write("api", "search", True)
        assert client.read("api") == {"checkout": True, "search": True}


def test_a_service_without_flags_has_none_and_takes_none() -> None:
    client = HttpFlags(Known(http=1).as_stack())
    assert client.read("plain") == {}
    with pytest.raises(InvalidInput, match="plain"):
        client.write("plain", "f", True)


@pytest.mark.parametrize("answer", [(200, {"a": "yes"}), (200, ["a"]), (200, b"<html>"), (500, {})])
def test_flags_that_cannot_be_read_fail(answer: tuple[int, Any]) -> None:
    with serving(lambda *_: answer) as port, pytest.raises(ActionFailed, match="/internal/flags"):
        HttpFlags(Known(http=port).as_stack()).read("api")


def test_a_flag_that_is_not_taken_fails() -> None:
    with serving(lambda *_: (404, {})) as port, pytest.raises(ActionFailed, match="no-such-flag"):
        HttpFlags(Known(http=port).as_stack()).write("api", "no-such-flag", True)

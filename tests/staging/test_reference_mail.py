"""The capturing mail server: what SMTP accepted can be read over HTTP, after a kill too."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest


@pytest.fixture
def mail(launch: Callable[..., Any], other_port: int) -> Any:
    service = launch("mail", SMTP_PORT=str(other_port))
    service.start("/health")
    return service


def message(identity: str, body: str = "The EXERCISE goes on.") -> EmailMessage:
    made = EmailMessage()
    made["Message-ID"] = f"<{identity}>"
    made["From"], made["To"] = "status@example.com", "ada@example.com"
    made["Subject"] = "[EXERCISE] Störung: update"
    made.set_content(body)
    return made


def send(mail: Any, *messages: EmailMessage | bytes) -> None:
    with connect(mail) as connection:
        for each in messages:
            content = each if isinstance(each, bytes) else each.as_bytes(policy=SMTP)
            connection.sendmail("status@example.com", ["ada@example.com", "bo@example.com"], content)


def connect(mail: Any) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", int(mail.env["SMTP_PORT"]), timeout=5)


def test_an_accepted_message_is_listed_as_its_reader_sees_it(mail: Any) -> None:
    send(mail, message("a/1@drill"))
    (kept,) = mail.http.get("/messages").json()
    assert kept.pop("received").endswith("+00:00")
    assert kept == {
        "id": "a/1@drill",
        "from": "status@example.com",
        "to": ["ada@example.com", "bo@example.com"],
        "subject": "[EXERCISE] Störung: update",
        "body": "The EXERCISE goes on.\n",
    }


def test_a_message_is_found_by_its_id(mail: Any) -> None:
    send(mail, message("a/1@drill"), message("b@drill"))
    assert mail.http.get("/messages/a/1@drill").json()["id"] == "a/1@drill"
    assert mail.http.get("/messages/c@drill").status_code == 404


def test_a_kill_after_250_loses_nothing(mail: Any) -> None:
    send(mail, *[message(f"{number}@drill") for number in range(5)])
    mail.kill()
    mail.start("/health")
    assert [kept["id"] for kept in mail.http.get("/messages").json()] == [f"{number}@drill" for number in range(5)]


def test_a_torn_last_line_is_cut_and_writing_goes_on(mail: Any) -> None:
    send(mail, message("whole@drill"))
    mail.kill()
    with (mail.data / "messages.jsonl").open("ab") as file:
        file.write(b'{"id": "torn')
    mail.start("/health")
    send(mail, message("next@drill"))
    assert [kept["id"] for kept in mail.http.get("/messages").json()] == ["whole@drill", "next@drill"]


@pytest.mark.parametrize(
    "raw",
    [
        b"no header at all",
        b"Subject: x\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nbody\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
        b"Message-ID: broken <<>\r\nFrom: <<<\r\nSubject: =?x?q?=\r\n\r\n\xff\xfe\r\n",
    ],
)
def test_a_malformed_message_is_kept_too(mail: Any, raw: bytes) -> None:
    send(mail, raw)
    (kept,) = mail.http.get("/messages").json()
    assert kept["id"]


def test_it_ends_soon_after_sigterm_with_a_connection_open(mail: Any) -> None:
    with connect(mail) as connection:
        assert connection.noop()[0] == 250
        assert mail.terminate() < 2.0
        connection.close()

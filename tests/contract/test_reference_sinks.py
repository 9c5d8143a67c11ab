"""Sinks, flags and canaries against the reference services themselves, on both stacks."""

from __future__ import annotations

import asyncio

from drill.detectors.http import HttpProber
from drill.flags import HttpFlags
from drill.model.config import ProbeSpec
from drill.ports import Message, Stack
from drill.sinks.smtp import MailSink
from drill.sinks.statuspage import StatusPageSink


def test_mail_that_was_accepted_can_be_read_again(stack: Stack) -> None:
    sink = MailSink(stack, "mail", "drill@staging.test")
    letter = Message(id="m-1.drill", channel="email", subject="EXERCISE", body="Grüße", recipients=("a@customer.test",))
    assert not sink.holds(letter.id)
    assert sink.send(letter).id == letter.id
    assert sink.holds(letter.id)


def test_a_post_that_was_accepted_can_be_read_again(stack: Stack) -> None:
    sink = StatusPageSink(stack, "statuspage")
    post = Message(id="p-1", channel="status-page", subject="t", body="b", recipients=(), status="investigating")
    assert not sink.holds(post.id)
    assert sink.send(post).id == post.id
    assert sink.holds(post.id)


def test_a_flag_can_be_set_and_put_back(stack: Stack) -> None:
    flags = HttpFlags(stack)
    before = flags.read("api")
    name, value = next(iter(before.items()))
    flags.write("api", name, not value)
    assert flags.read("api")[name] is not value
    flags.write("api", name, value)
    assert flags.read("api") == before


def test_an_acknowledged_canary_is_there_once(stack: Stack) -> None:
    spec = ProbeSpec(name="c", service="api", path="/api/canaries", audience="user", type="canary")

    async def write_and_list() -> None:
        prober = HttpProber(stack)
        try:
            sample = await prober.probe(spec)
            found = await prober.canaries(spec)
        finally:
            await prober.aclose()
        assert sample.acknowledged, sample.detail
        assert found is not None
        assert found[sample.token] == 1

    asyncio.run(write_and_list())

"""The simulated vendors: charges, and webhooks that reach their receiver however often either side dies."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Launch = Callable[..., Any]
Until = Callable[[Callable[[], bool], str], None]


@pytest.fixture
def vendors(launch: Launch, stub: Any) -> Any:
    service = launch("vendors", WEBHOOK_URL=f"{stub.url}/hook")
    service.start("/health")
    return service


def charge(vendors: Any, name: str, amount_cents: int = 500) -> int:
    body = {"id": name, "amount_cents": amount_cents}
    answer: httpx.Response = vendors.http.post("/payments/charges", json=body)
    return answer.status_code


def events(vendors: Any) -> dict[str, dict[str, Any]]:
    return {event["id"]: event for event in vendors.http.get("/payments/events").json()}


def drained(vendors: Any) -> bool:
    return bool(vendors.http.get("/payments/health").json()["undelivered"] == 0)


def charges_told(stub: Any) -> list[str]:
    return [json.loads(body)["data"]["id"] for _, body in stub.asked]


def test_the_same_charge_again_is_the_same_charge_with_one_event(vendors: Any, stub: Any, until: Until) -> None:
    assert [charge(vendors, "c1"), charge(vendors, "c1", 700)] == [201, 200]
    until(lambda: drained(vendors), "the event to be delivered")
    assert events(vendors) == {"c1": {"id": "c1", "event": "evt-c1", "attempts": 1, "delivered": True}}
    (told,) = stub.asked
    assert json.loads(told[1]) == {
        "id": "evt-c1",
        "type": "payment.succeeded",
        "data": {"id": "c1", "amount_cents": 500},
    }


@pytest.mark.parametrize("body", [{}, {"id": "c"}, {"id": "c", "amount_cents": 0}, {"id": "", "amount_cents": 5}])
def test_a_charge_that_makes_no_sense_is_refused(vendors: Any, body: dict[str, object]) -> None:
    assert vendors.http.post("/payments/charges", json=body).status_code == 400
    assert events(vendors) == {}


def test_a_failing_receiver_is_tried_again_and_gets_everything_soon_after_it_works(
    vendors: Any, stub: Any, until: Until
) -> None:
    stub.status = 500
    names = [f"c{number}" for number in range(12)]
    assert {charge(vendors, name) for name in names} == {201}
    until(lambda: all(event["attempts"] >= 2 for event in events(vendors).values()), "second attempts")
    assert not any(event["delivered"] for event in events(vendors).values())
    stub.status = 200
    stub.asked.clear()
    until(lambda: drained(vendors), "the outbox to drain")
    assert sorted(charges_told(stub)) == sorted(names)


def test_delays_between_attempts_grow(vendors: Any, stub: Any, until: Until) -> None:
    moments: list[float] = []

    def note(_path: str, _body: bytes, headers: dict[str, str]) -> int:
        moments.append(time.monotonic())
        return 503

    stub.forward = note
    charge(vendors, "c1")
    until(lambda: len(moments) >= 5, "five attempts")
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments[:5])]
    for gap, delay in zip(gaps, (0.5, 1.0, 2.0, 2.0), strict=True):
        assert delay <= gap < delay + 0.7


def test_what_was_not_delivered_when_it_was_killed_is_delivered_by_the_next_process(
    vendors: Any, stub: Any, until: Until
) -> None:
    charge(vendors, "early")
    until(lambda: drained(vendors), "the first event to be delivered")
    stub.status = 500
    assert charge(vendors, "late") == 201
    vendors.kill()
    stub.status = 200
    stub.asked.clear()
    vendors.start("/health")
    until(lambda: drained(vendors), "the outbox to drain")
    assert charges_told(stub) == ["late"]
    assert charge(vendors, "early") == 200


def test_it_ends_loudly_when_it_can_keep_no_record_any_more(vendors: Any, stub: Any, until: Until) -> None:
    stub.status = 500
    assert charge(vendors, "c1") == 201
    shutil.rmtree(vendors.data)
    assert charge(vendors, "c2") == 500
    stub.status = 200
    until(vendors.ended, "the service to end")
    assert "a background task failed; the service ends" in vendors.log()


def test_a_confirmation_that_is_lost_means_the_event_comes_again_and_is_booked_once(
    product: dict[str, Any], stub: Any, until: Until
) -> None:
    """The stub stands between the two: the receiver books and answers 200, and nobody hears it."""
    api, vendors = product["api"], product["vendors"]
    vendors.kill()
    vendors.env["WEBHOOK_URL"] = f"{stub.url}/api/webhooks/payments"
    vendors.start("/health")

    def forward(path: str, body: bytes, headers: dict[str, str]) -> int:
        return httpx.post(api.url + path, content=body, headers={"X-Signature": headers["X-Signature"]}).status_code

    stub.forward, stub.lost = forward, True
    answer = api.http.post("/api/payments", json={"id": "p1", "amount_cents": 900})
    assert answer.status_code == 201
    until(lambda: events(vendors)["p1"]["attempts"] >= 2, "a second attempt")
    stub.lost = False
    until(lambda: drained(vendors), "the event to be confirmed")
    assert api.http.get("/api/payments").json() == {"p1": 1}


def test_payments_made_while_everything_is_killed_in_turn_are_booked_once_each(
    product: dict[str, Any], until: Until
) -> None:
    api, vendors = product["api"], product["vendors"]
    accepted: list[str] = []
    for number in range(12):
        name = f"p{number}"
        answer = api.http.post("/api/payments", json={"id": name, "amount_cents": 900})
        if answer.is_success:
            accepted.append(name)
        if number % 4 == 1:
            vendors.kill()
            vendors.start("/health")
        if number % 4 == 3:
            api.kill()
            api.start("/health/live")
    until(lambda: drained(vendors), "the outbox to drain")
    counts = api.http.get("/api/payments").json()
    assert accepted
    assert {counts.get(name) for name in accepted} == {1}
    assert set(counts.values()) == {1}


def test_retries_drain_after_the_receiver_was_away(product: dict[str, Any], until: Until) -> None:
    api, vendors = product["api"], product["vendors"]
    api.kill()
    names = {f"p{number}" for number in range(8)}
    assert {charge(vendors, name) for name in names} == {201}
    until(lambda: all(event["attempts"] >= 1 for event in events(vendors).values()), "an attempt at each")
    api.start("/health/live")
    until(lambda: drained(vendors), "the outbox to drain")
    assert api.http.get("/api/payments").json() == dict.fromkeys(names, 1)


def test_the_language_model_answers_soon_and_the_same_each_time(vendors: Any) -> None:
    answers = [vendors.http.post("/llm/completions", json={"prompt": "Explain: you saved 5"}) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"text": "In short: you saved 5"}] * 2
    assert min(answer.elapsed.total_seconds() for answer in answers) < 0.2


def test_the_identity_provider_vouches_for_addresses_only(vendors: Any) -> None:
    def verified(email: str) -> object:
        return vendors.http.post("/identity/verify", json={"email": email}).json()["verified"]

    assert [verified("ann@example.com"), verified("ann"), verified("@example.com")] == [True, False, False]

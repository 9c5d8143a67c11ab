"""The reference product's own features: savings, payments, documents, the page, and what is counted meanwhile."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Launch = Callable[..., Any]
Until = Callable[[Callable[[], bool], str], None]
STAGING = Path(__file__).parents[2] / "staging"
SECRET = "staging-only"


@pytest.fixture
def api(product: dict[str, Any]) -> Any:
    return product["api"]


@pytest.fixture
def beside(launch: Launch, tmp_path: Path, stub: Any) -> Any:
    """An api whose vendors are the stub."""
    urls = dict.fromkeys(("PAYMENTS_URL", "LLM_URL", "IDENTITY_URL"), stub.url)
    service = launch("api", DATABASE_URL=f"sqlite:///{tmp_path}/store.db", **urls)
    service.start("/health/live")
    return service


def metric(service: Any, line: str) -> float | None:
    """The value of one series, named as Prometheus shows it; None when there is none."""
    for found in service.http.get("/metrics").text.splitlines():
        name, _, value = found.rpartition(" ")
        if name == line:
            return float(value)
    return None


def flag(api: Any, name: str, value: bool) -> None:
    assert api.http.put(f"/internal/flags/{name}", json={"value": value}).status_code == 200


def signed(body: bytes, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """The header as the contract words it, computed here anew."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Signature": f"t={stamp},v1={digest}"}


def event(payment: str, kind: str = "payment.succeeded") -> bytes:
    return json.dumps({"id": "evt", "type": kind, "data": {"id": payment, "amount_cents": 500}}).encode()


def post_event(api: Any, body: bytes, headers: dict[str, str]) -> int:
    answer: httpx.Response = api.http.post("/api/webhooks/payments", content=body, headers=headers)
    return answer.status_code


def test_a_payment_is_confirmed_by_the_providers_webhook_and_booked_once(api: Any) -> None:
    for _ in range(2):
        answer = api.http.post("/api/payments", json={"id": "p1", "amount_cents": 1200})
        assert (answer.status_code, answer.json()) == (201, {"id": "p1", "status": "confirmed"})
    assert api.http.get("/api/payments").json() == {"p1": 1}


def test_a_payment_without_a_confirmation_is_pending(beside: Any) -> None:
    answer = beside.http.post("/api/payments", json={"id": "p1", "amount_cents": 1200})
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert 1.4 < answer.elapsed.total_seconds() < 2.2
    assert beside.http.get("/api/payments").json() == {}


def test_a_payment_that_the_provider_does_not_take_is_503_at_once(beside: Any, stub: Any) -> None:
    stub.status = 500
    answer = beside.http.post("/api/payments", json={"id": "p1", "amount_cents": 1200})
    assert answer.status_code == 503
    stub.status, stub.delay_s = 200, 5.0
    hanging = beside.http.post("/api/payments", json={"id": "p2", "amount_cents": 1200})
    assert hanging.status_code == 503
    assert hanging.elapsed.total_seconds() < 0.9


@pytest.mark.parametrize("amount", [None, 0, -5, 1.5, True, "100", 2**40])
def test_a_payment_of_no_proper_amount_is_refused(beside: Any, stub: Any, amount: object) -> None:
    assert beside.http.post("/api/payments", json={"id": "p1", "amount_cents": amount}).status_code == 400
    assert stub.asked == []


def test_a_signed_event_is_booked_once_however_often_it_comes(api: Any) -> None:
    body = event("p7")
    assert [post_event(api, body, signed(body)) for _ in range(3)] == [200, 200, 200]
    assert api.http.get("/api/payments").json() == {"p7": 1}
    api.kill()
    api.start("/health/live")
    assert api.http.get("/api/payments").json() == {"p7": 1}


def test_an_event_that_is_not_signed_properly_is_refused(api: Any) -> None:
    body = event("p8")
    now = time.time()
    wrong = [
        {},
        {"X-Signature": "t=1,v1="},
        signed(body, secret="other"),
        signed(body + b" "),
        signed(body, at=now - 301),
        signed(body, at=now + 330),
    ]
    assert [post_event(api, body, headers) for headers in wrong] == [400] * len(wrong)
    assert api.http.get("/api/payments").json() == {}
    assert post_event(api, body, signed(body, at=now - 290)) == 200
    assert metric(api, 'webhook_requests_total{result="bad_signature"}') == len(wrong)
    assert metric(api, 'webhook_requests_total{result="ok"}') == 1


def test_an_event_of_another_kind_is_taken_and_books_nothing(api: Any) -> None:
    body = event("p9", kind="charge.created")
    assert post_event(api, body, signed(body)) == 200
    assert api.http.get("/api/payments").json() == {}


def test_savings_come_with_an_explanation_and_the_flag_turns_it_off(api: Any) -> None:
    found = api.http.get("/api/savings").json()
    assert found["saved_cents"] == sum(found["months"].values()) > 0
    assert len(found["months"]) == 6
    assert found["company"] in found["explanation"]
    flag(api, "savings_explanations", False)
    assert api.http.get("/api/savings").json() == {**found, "explanation": None}


def test_savings_are_those_of_the_company_that_is_signed_in(api: Any) -> None:
    accounts = api.http.get("/api/accounts").json()
    for account in accounts[:2]:
        api.http.post("/api/sign-in", json={"email": account["email"]})
        assert api.http.get("/api/savings").json()["company"] == account["company"]
    for forged in ("99", "x", "-1"):
        answer = httpx.get(f"{api.url}/api/savings", cookies={"account": forged})
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("status", "delay_s", "seen"), [(429, 0.0, "429"), (500, 0.0, "500"), (200, 5.0, "timeout"), (200, 0.0, "200")]
)
def test_a_failing_language_model_is_502_in_time_and_its_words_are_not_passed_on(
    beside: Any, stub: Any, status: int, delay_s: float, seen: str
) -> None:
    stub.status, stub.delay_s, stub.body = status, delay_s, b"secret: sk-live-4711"
    answer = beside.http.get("/api/savings")
    assert answer.status_code == 502
    assert answer.elapsed.total_seconds() < 0.9
    assert "error" in answer.json()
    assert "4711" not in answer.text
    assert metric(beside, f'upstream_responses_total{{status="{seen}",upstream="llm"}}') == 1
    assert metric(beside, 'dependency_up{dependency="llm"}') == 0
    flag(beside, "savings_explanations", False)
    assert beside.http.get("/api/savings").status_code == 200


def test_trouble_with_a_vendor_is_degraded_and_not_down(beside: Any, stub: Any) -> None:
    stub.status = 429
    beside.http.get("/api/savings")
    for path in ("/health/ready", "/api/health", "/health/status"):
        health = beside.http.get(path)
        assert (health.status_code, health.json()["status"], health.json()["llm"]) == (200, "degraded", "down")
    stub.status, stub.body = 200, b'{"text": "fine"}'
    assert beside.http.get("/api/savings").json()["explanation"] == "fine"
    assert beside.http.get("/health/status").json()["status"] == "ok"


def test_the_identity_provider_is_asked_only_while_its_flag_is_on(beside: Any, stub: Any) -> None:
    email = beside.http.get("/api/accounts").json()[0]["email"]
    assert beside.http.post("/api/sign-in", json={"email": email}).status_code == 200
    assert stub.asked == []
    flag(beside, "external_sign_in", True)
    stub.body = b'{"verified": false}'
    assert beside.http.post("/api/sign-in", json={"email": email}).status_code == 403
    stub.status = 503
    assert beside.http.post("/api/sign-in", json={"email": email}).status_code == 502
    stub.status, stub.body = 200, b'{"verified": true}'
    assert beside.http.post("/api/sign-in", json={"email": email}).status_code == 200
    assert [path for path, _ in stub.asked] == ["/identity/verify"] * 3


def test_without_a_vendor_its_feature_is_503_and_the_rest_works(launch: Launch, tmp_path: Path) -> None:
    api = launch("api", DATABASE_URL=f"sqlite:///{tmp_path}/store.db")
    api.start("/health/live")
    assert api.http.post("/api/payments", json={"id": "p", "amount_cents": 5}).status_code == 503
    assert api.http.get("/api/savings").status_code == 503
    flag(api, "savings_explanations", False)
    assert api.http.get("/api/savings").status_code == 200
    assert api.http.get("/health/ready").json()["status"] == "ok"


def test_a_document_is_stored_with_one_job_listed_and_shared(api: Any) -> None:
    document = {"id": "d1", "name": "Report", "content": "two words"}
    assert [api.http.post("/api/documents", json=document).status_code for _ in range(2)] == [201, 201]
    for _ in range(2):
        assert api.http.post("/api/documents/d1/share", json={"email": "ann@example.com"}).status_code == 201
    assert api.http.post("/api/documents/d2/share", json={"email": "ann@example.com"}).status_code == 404
    listed = [{"id": "d1", "name": "Report", "words": None, "shared_with": ["ann@example.com"]}]
    assert api.http.get("/api/documents").json() == listed


def test_waiting_jobs_are_counted_for_people_and_for_prometheus(api: Any, until: Until) -> None:
    for number in range(3):
        api.http.post("/api/documents", json={"id": f"d{number}", "name": "n", "content": "c"})
    until(lambda: metric(api, "jobs_waiting") == 3, "the jobs to be counted")
    assert api.http.get("/health/status").json()["queue_depth"] == 3


def test_the_page_shows_the_banner_and_loads_nothing_from_elsewhere(api: Any) -> None:
    page = api.http.get("/")
    assert page.status_code == 200
    assert '"/banner"' in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]


def test_every_answer_is_counted_by_route_and_status(api: Any) -> None:
    for path in ("/api/accounts", "/api/accounts", "/no/such/1", "/no/such/2"):
        api.http.get(path)
    api.http.post("/api/documents/unknown/share", json={"email": "a@example.com"})
    api.http.delete("/api/accounts")
    series = {
        'http_requests_total{method="GET",route="/api/accounts",status="200"}': 2,
        'http_requests_total{method="GET",route="other",status="404"}': 2,
        'http_requests_total{method="POST",route="/api/documents/{id}/share",status="404"}': 1,
        'http_requests_total{method="DELETE",route="/api/accounts",status="405"}': 1,
        'http_request_seconds_count{method="GET",route="/api/accounts"}': 2,
    }
    assert {line: metric(api, line) for line in series} == series


def test_the_metrics_tell_at_once_that_the_store_is_down(api: Any, tmp_path: Path, until: Until) -> None:
    until(lambda: metric(api, 'dependency_up{dependency="store"}') == 1, "the store to be seen")
    (tmp_path / "store.db").rename(tmp_path / "away.db")
    (tmp_path / "store.db").mkdir()
    until(lambda: metric(api, 'dependency_up{dependency="store"}') == 0, "the outage to be seen")
    assert api.http.get("/metrics").elapsed.total_seconds() < 0.3


@pytest.fixture
def bad_release(tmp_path: Path) -> Path:
    """The sources as they are in the image of the bad release."""
    sources = tmp_path / "payments-2"
    shutil.copytree(STAGING, sources, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(STAGING / "releases/payments-2", sources / "api", dirs_exist_ok=True)
    return sources


def test_the_bad_release_fails_every_webhook_books_nothing_and_a_roll_back_heals_all(
    product: dict[str, Any], launch: Launch, bad_release: Path, until: Until
) -> None:
    good, vendors = product["api"], product["vendors"]
    good.terminate()
    bad = launch("api", bad_release, **{**good.env, "PYTHONPATH": str(bad_release), "RELEASE": "reference-2"})
    bad.start("/health/live")
    paid = bad.http.post("/api/payments", json={"id": "p1", "amount_cents": 700})
    assert (paid.status_code, paid.json()["status"]) == (202, "pending")
    body = event("p2")
    assert [post_event(bad, body, signed(body)) for _ in range(5)] == [500] * 5
    assert post_event(bad, body, {}) == 400
    assert bad.http.get("/api/payments").json() == {}
    assert metric(bad, 'webhook_requests_total{result="error"}') >= 2
    assert metric(bad, 'http_requests_total{method="POST",route="/api/webhooks/payments",status="500"}') >= 2
    for path in ("/health/ready", "/api/accounts", "/api/savings", "/api/documents"):
        assert bad.http.get(path).status_code == 200
    assert bad.http.get("/health/status").json()["release"] == "reference-2"
    bad.kill()
    good.start("/health/live")
    until(lambda: good.http.get("/api/payments").json() == {"p1": 1}, "the provider to repeat the webhook")
    until(lambda: vendors.http.get("/payments/health").json()["undelivered"] == 0, "the outbox to drain")


def test_releases_hold_only_files_that_differ_from_the_api() -> None:
    changed = sorted((STAGING / "releases/payments-2").glob("*.py"))
    assert changed
    for path in changed:
        assert (STAGING / "api" / path.name).read_text() != path.read_text()

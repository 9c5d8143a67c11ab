"""Evidence of staging and of production, from labels and environment."""

from __future__ import annotations

import pytest

from drill.stacks.signs import against, signs

STAGING = {"drill.staging": "true"}
# Put together here so that no scanner takes this file for a leak.
KEYS = [
    "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "rk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "pk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "live_" + "dHar4XY7LxsDOtmnkVtjNVWXLSlXsM",
    "AKIA" + "IOSFODNN7REALONE",
    "xoxb-" + "123456789012-abcdefABCDEF",
    "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "glpat-" + "aBcDeFgHiJkLmNoPqRsT",
]


def verdicts(labels: dict[str, str], env: dict[str, str]) -> list[tuple[str, str]]:
    return [(sign.name, sign.verdict) for sign in signs(labels, env)]


def test_the_label_is_the_proof() -> None:
    assert verdicts(STAGING, {}) == [("drill.staging", "proof")]


@pytest.mark.parametrize("labels", [{}, {"drill.staging": "false"}, {"drill.staging": ""}, {"staging": "true"}])
def test_without_the_label_the_proof_is_missing(labels: dict[str, str]) -> None:
    assert verdicts(labels, {}) == [("drill.staging", "missing")]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["{}", "https://user:{}@host/path", "a={},b=c"])
def test_a_live_credential_is_found_and_its_value_never_told(key: str, around: str) -> None:
    (sign,) = against({}, {"PAYMENT": around.format(key)})
    assert sign.verdict == "live-credential"
    assert "PAYMENT" in sign.name
    assert key not in sign.detail + sign.name


@pytest.mark.parametrize(
    "value",
    [
        "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
        "live_reload",
        "delivery_live_status",
        "AKIAIOSFODNN7EXAMPLE",
        "task_live_123456789",
        "",
    ],
)
def test_test_keys_and_plain_words_are_no_credentials(value: str) -> None:
    assert against({}, {"SETTING": value}) == []


@pytest.mark.parametrize("name", ["APP_ENV", "ENVIRONMENT", "STAGE"])
@pytest.mark.parametrize("value", ["production", "prod", "LIVE", " Production "])
def test_a_stage_variable_that_says_production_is_a_sign(name: str, value: str) -> None:
    assert verdicts(STAGING, {name: value})[1:] == [(f"env:{name}", "production")]


@pytest.mark.parametrize("name", ["NODE_ENV", "RAILS_ENV", "RACK_ENV", "FLASK_ENV", "ASPNETCORE_ENVIRONMENT"])
def test_a_framework_mode_is_no_evidence(name: str) -> None:
    assert against({}, {name: "production"}) == []


@pytest.mark.parametrize("label", ["env", "environment", "com.example.env", "example.com/environment"])
def test_a_label_that_says_production_is_a_sign(label: str) -> None:
    assert [sign.name for sign in against({label: "production"}, {})] == [f"label:{label}"]


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://app:secret@db.prod.example.com/app",
        "prod-db:5432",
        "https://api.production.example.com",
        "prod2.db",
    ],
)
def test_an_address_in_production_is_a_sign_without_its_password(value: str) -> None:
    (sign,) = against({}, {"DATABASE_URL": value})
    assert (sign.name, sign.verdict) == ("host:DATABASE_URL", "production")
    assert "secret" not in sign.detail


@pytest.mark.parametrize(
    "value", ["http://product-service:80", "https://reproduction.example.com", "db:5432", "http://[::1"]
)
def test_other_addresses_are_no_sign(value: str) -> None:
    assert against({}, {"DATABASE_URL": value}) == []


def test_a_production_word_outside_an_address_is_no_sign() -> None:
    assert against({}, {"GREETING": "prod.example.com"}) == []

"""Evidence for and against staging, read from a target's labels and environment (design, Safety 1). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from drill.ports import StagingSign

STAGING_LABEL = "drill.staging"

# Prefixes that their issuers give to live credentials only. The lengths keep `live_reload` out: no exception is
# possible for these, so a false alarm could not be silenced.
_LIVE_KEYS: tuple[tuple[str, str], ...] = (
    (r"sk_live_[0-9A-Za-z]{8,}", "Stripe live secret key"),
    (r"rk_live_[0-9A-Za-z]{8,}", "Stripe live restricted key"),
    (r"pk_live_[0-9A-Za-z]{8,}", "Stripe live publishable key"),
    (r"live_[0-9A-Za-z]{20,}", "payment provider's live key"),
    (r"(?:AKIA|ASIA)(?![0-9A-Z]*EXAMPLE)[0-9A-Z]{16}", "AWS access key"),
    (r"xox[bp]-[0-9A-Za-z-]{10,}", "Slack token"),
    (r"gh[po]_[0-9A-Za-z]{20,}", "GitHub token"),
    (r"github_pat_[0-9A-Za-z_]{20,}", "GitHub token"),
    (r"glpat-[0-9A-Za-z_-]{16,}", "GitLab token"),
)
_LIVE = tuple((re.compile(r"(?<![0-9A-Za-z_])" + pattern), name) for pattern, name in _LIVE_KEYS)

# NODE_ENV, RAILS_ENV, FLASK_ENV and their like are not here: staging rightly runs frameworks in production mode.
_STAGE_VARIABLES = frozenset(
    {"APP_ENV", "DD_ENV", "DEPLOY_ENV", "DEPLOYMENT_ENVIRONMENT", "ENV", "ENVIRONMENT", "SENTRY_ENVIRONMENT", "STAGE"}
)
_STAGE_LABELS = frozenset({"env", "environment", "stage", "deployment-environment"})
_PRODUCTION = frozenset({"production", "prod", "live"})
_ADDRESS_SUFFIXES = ("_URL", "_URI", "_DSN", "_HOST", "_ENDPOINT")
_PRODUCTION_HOST = re.compile(r"(?:^|[.\-_])(?:prod|production|prd)\d*(?:[.\-_]|$)", re.IGNORECASE)


def signs(labels: Mapping[str, str], env: Mapping[str, str]) -> list[StagingSign]:
    """The staging label's verdict, then everything that speaks for production. No detail holds a value of ``env``
    but for the host name of an address."""
    return [_label(labels), *against(labels, env)]


def against(labels: Mapping[str, str], env: Mapping[str, str]) -> list[StagingSign]:
    """Only what speaks against staging."""
    found = [sign for text in (env, labels) for sign in _credentials(text)]
    return [*found, *_stages(labels, env), *_hosts(env)]


def _label(labels: Mapping[str, str]) -> StagingSign:
    if labels.get(STAGING_LABEL) == "true":
        return StagingSign(name=STAGING_LABEL, verdict="proof", detail=f"label {STAGING_LABEL}=true")
    return StagingSign(
        name=STAGING_LABEL,
        verdict="missing",
        detail=f"no label {STAGING_LABEL}=true; add it to the service in the Compose file if this is staging",
    )


def _credentials(values: Mapping[str, str]) -> Iterator[StagingSign]:
    for key, value in sorted(values.items()):
        name = next((name for pattern, name in _LIVE if pattern.search(value)), None)
        if name:
            yield StagingSign(name=f"live-credential:{key}", verdict="live-credential", detail=f"{key} holds a {name}")


def _stages(labels: Mapping[str, str], env: Mapping[str, str]) -> Iterator[StagingSign]:
    for key, value in sorted(env.items()):
        if key.upper() in _STAGE_VARIABLES and value.strip().lower() in _PRODUCTION:
            yield StagingSign(name=f"env:{key}", verdict="production", detail=f"{key} says production")
    for key, value in sorted(labels.items()):
        if re.split(r"[./]", key)[-1].lower() in _STAGE_LABELS and value.strip().lower() in _PRODUCTION:
            yield StagingSign(name=f"label:{key}", verdict="production", detail=f"label {key} says production")


def _hosts(env: Mapping[str, str]) -> Iterator[StagingSign]:
    for key, value in sorted(env.items()):
        host = _host(value) if key.upper().endswith(_ADDRESS_SUFFIXES) else ""
        if host and _PRODUCTION_HOST.search(host):
            yield StagingSign(name=f"host:{key}", verdict="production", detail=f"{key} points to {host}")


def _host(value: str) -> str:
    try:
        return urlsplit(value if "://" in value else f"//{value}").hostname or ""
    except ValueError:
        return ""

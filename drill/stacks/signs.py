"""Evidence for and against staging, read from a target's labels, environment and command line (design, Safety 1). Pure.

No detail holds a value of the environment or the command line but for the host name of an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from drill.ports import StagingSign
from drill.stacks.containers import Attrs, env_of, labels_of

STAGING_LABEL = "drill.staging"
COMMAND = "command line"

# What spends money, reaches customers, or opens the company's own accounts. The lengths keep `live_reload` out: no
# exception is possible for these, so a false alarm could not be silenced. Keys of a provider's test mode are left out.
_LIVE_KEYS: tuple[tuple[str, str], ...] = (
    (r"[srp]k_live_[0-9A-Za-z]{8,}", "Stripe live key"),
    (r"live_[0-9A-Za-z]{20,}", "payment provider's live key"),
    (r"rzp_live_[0-9A-Za-z]{14}", "Razorpay live key"),
    (r"access_token\$production\$\w+", "PayPal live token"),
    (r"access-production-[0-9a-f-]{36}", "Plaid live token"),
    (r"(?<!sandbox-)sq0(?:atp|csp|idp)-[\w-]{22,}", "Square live key"),
    (r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", "Shopify token"),
    (r"SG\.[\w-]{16,}\.[\w-]{16,}", "SendGrid key"),
    (r"key-[0-9a-f]{32}", "Mailgun key"),
    (r"[0-9a-f]{32}-us[0-9]{1,2}(?![\w-])", "Mailchimp key"),
    (r"SK[0-9a-f]{32}(?!\w)", "Twilio key"),
    (r"(?:AKIA|ASIA)(?![0-9A-Z]*EXAMPLE)[0-9A-Z]{16}", "AWS access key"),
    (r"AIza[\w-]{35}", "Google API key"),
    (r"GOCSPX-[\w-]{20,}", "Google client secret"),
    (r"dop_v1_[0-9a-f]{64}", "DigitalOcean token"),
    (r"xox[abeoprs](?:\.xox[bp])?-[0-9A-Za-z-]{10,}", "Slack token"),
    (r"xapp-[0-9]-[0-9A-Za-z-]{10,}", "Slack token"),
    (r"hooks\.slack\.com/(?:services|workflows)/T\w+/\w+/\w{16,}", "Slack webhook"),
    (r"gh[oprsu]_[0-9A-Za-z]{20,}", "GitHub token"),
    (r"github_pat_[0-9A-Za-z_]{20,}", "GitHub token"),
    (r"glpat-[0-9A-Za-z_-]{16,}", "GitLab token"),
)
_LIVE = tuple((re.compile(r"(?<![0-9A-Za-z_])" + pattern), name) for pattern, name in _LIVE_KEYS)

# NODE_ENV, RAILS_ENV, FLASK_ENV and their like are not here: staging rightly runs frameworks in production mode.
_STAGE_VARIABLES = frozenset(
    {"APP_ENV", "DD_ENV", "DEPLOY_ENV", "DEPLOYMENT_ENVIRONMENT", "ENV", "ENVIRONMENT", "SENTRY_ENVIRONMENT", "STAGE"}
    # Which side of a payment provider is used.
    | {"ADYEN_ENVIRONMENT", "BRAINTREE_ENVIRONMENT", "PAYPAL_ENVIRONMENT", "PAYPAL_MODE", "PLAID_ENV"}
    | {"SQUARE_ENVIRONMENT"}
)
_STAGE_LABELS = frozenset({"env", "environment", "stage", "deployment-environment"})
_WORD = r"(?<![a-z0-9])(?<!non[-_.])(?<!pre[-_.])(?<!not[-_.])(?:{})[0-9]*(?![a-z0-9])(?![-_.]like)"
_PRODUCTION = re.compile(_WORD.format("prod|production|prd|live"), re.IGNORECASE)
_PRODUCTION_HOST = re.compile(_WORD.format("prod|production|prd"), re.IGNORECASE)

_ADDRESS_WORDS = frozenset(
    {"URL", "URLS", "URI", "DSN", "HOST", "PGHOST", "HOSTS", "ENDPOINT", "ENDPOINTS", "SERVERS", "ADDR", "BROKERS"}
)
_STORE = re.compile(
    r"\b(?:jdbc:\w+|postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|kafka|mssql|sqlserver)[\w+:]*://"
)
_AUTHORITY = re.compile(r"://(?:[^/?#\s]*@)?([^/?#;\s]+)")
_KEYWORD = re.compile(
    r"(?:^|[;\s])(?:host|hostaddr|server|data source|addr|address)\s*=\s*'?(?:tcp:)?([^;\s']+)", re.IGNORECASE
)
_AFTER_AT = re.compile(r"@(?:\w+\()?([^/@()]+)[^@]*$")
_HOST_NAME = re.compile(r"[\w.-]+")


def of_container(attrs: Attrs) -> list[StagingSign]:
    """All evidence from an inspected container."""
    return signs(labels_of(attrs), env_of(attrs), _argv(attrs))


def against_container(attrs: Attrs) -> list[StagingSign]:
    """Only what speaks against staging."""
    return against(labels_of(attrs), env_of(attrs), _argv(attrs))


def _argv(attrs: Attrs) -> list[str]:
    return [attrs.get("Path") or "", *(attrs.get("Args") or [])]


def signs(labels: Mapping[str, str], env: Mapping[str, str], argv: Sequence[str] = ()) -> list[StagingSign]:
    """The staging label's verdict, then everything that speaks for production."""
    return [_label(labels), *against(labels, env, argv)]


def against(labels: Mapping[str, str], env: Mapping[str, str], argv: Sequence[str] = ()) -> list[StagingSign]:
    """Only what speaks against staging."""
    found = [sign for text in (env, labels, {COMMAND: "\n".join(argv)}) for sign in _credentials(text)]
    return [*found, *_stages(labels, env), *_hosts(env)]


def _label(labels: Mapping[str, str]) -> StagingSign:
    said = labels.get(STAGING_LABEL)
    if said == "true":
        return StagingSign(name=STAGING_LABEL, verdict="proof", detail=f"label {STAGING_LABEL}=true")
    detail = f"no label {STAGING_LABEL}=true; add it to the service in the Compose file if this is staging"
    if said is not None:
        detail = f"label {STAGING_LABEL} is {said[:20]!r}, and only 'true' is a proof; correct it if this is staging"
    return StagingSign(name=STAGING_LABEL, verdict="missing", detail=detail)


def _credentials(values: Mapping[str, str]) -> Iterator[StagingSign]:
    for key, value in sorted(values.items()):
        name = next((name for pattern, name in _LIVE if pattern.search(value)), None)
        if name:
            yield StagingSign(name=f"live-credential:{key}", verdict="live-credential", detail=f"{key} holds a {name}")


def _stages(labels: Mapping[str, str], env: Mapping[str, str]) -> Iterator[StagingSign]:
    for key, value in sorted(env.items()):
        if key.upper() in _STAGE_VARIABLES and _PRODUCTION.search(value):
            yield StagingSign(name=f"env:{key}", verdict="production", detail=f"{key} says production")
    for key, value in sorted(labels.items()):
        if re.split(r"[./]", key)[-1].lower() in _STAGE_LABELS and _PRODUCTION.search(value):
            yield StagingSign(name=f"label:{key}", verdict="production", detail=f"label {key} says production")


def _hosts(env: Mapping[str, str]) -> Iterator[StagingSign]:
    for key, value in sorted(env.items()):
        if key.upper().rpartition("_")[2] in _ADDRESS_WORDS or _STORE.search(value):
            host = next((host for host in _hosts_in(value.strip()) if _PRODUCTION_HOST.search(host)), "")
            if host:
                yield StagingSign(name=f"host:{key}", verdict="production", detail=f"{key} points to {host}")


def _hosts_in(value: str) -> Iterator[str]:
    """The host names of an address in any usual form: URL, key=value pairs, user:password@host, or a list of hosts."""
    if "://" in value:
        found = _AUTHORITY.findall(value)
    elif "=" in value:
        found = _KEYWORD.findall(value)
    elif "@" in value:
        found = _AFTER_AT.findall(value)
    else:
        found = [value.partition("/")[0]]
    for one in ",".join(found).split(","):
        host = one.strip().partition(":")[0]
        if _HOST_NAME.fullmatch(host):
            yield host.lower()

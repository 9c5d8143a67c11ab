"""Positive proof of staging (design, Safety 1): many set-ups, hostile and harmless, each told by a fake engine.

Each runs the engine's own preflight, as a drill does. Whatever is refused has asked the engine nothing but reads, and
no lease was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from fake_engine import PROJECT, STAGED, Box, FakeEngine, serving

from drill.clock import boot_id
from drill.engine.conduct import Drill
from drill.engine.preflight import preflight
from drill.engine.recorder import Recorder
from drill.engine.setting import Plan, World
from drill.errors import DrillError, Refused
from drill.journal.writer import Journal
from drill.loader import load_playbook
from drill.model import config as model
from drill.model.config import Config, EngineGrant, ProbeSpec, ServiceSpec, StackConfig, StagingException
from drill.model.scenario import Expected, FaultSpec, Scenario
from drill.model.units import Seconds
from drill.stacks.compose import ComposeStack
from drill.testing.memory import MemoryLeases, MemorySink
from drill.testing.virtual import VirtualRuntime
from injectors.noop import NoOp

ENGINE = "AAAA:BBBB"
HERE = "HERE"
"""In a row: the endpoint at which the fake engine really answers."""
DB = Box("db")
API = Box("api")


def holds(*, name: str = "SETTING", **env: str) -> Box:
    """The api with this in its environment."""
    return Box("api", env=env or {}, name=name if not env else "")


def api(env: Mapping[str, str] | None = None, **changes: object) -> Box:
    return replace(API, env=dict(env or {}), **changes)  # type: ignore[arg-type]  # fields of a row


@dataclass(frozen=True)
class Row:
    """A set-up: what stands on the engine and in drill.yaml, the verdict, and words of the reason."""

    name: str
    verdict: str
    words: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = (API, DB)
    grants: tuple[EngineGrant, ...] = (EngineGrant(endpoint=HERE, id=ENGINE, project=PROJECT),)
    exceptions: tuple[StagingException, ...] = ()
    target: str = "api"
    remote: bool = False
    secret: str = field(default="", repr=False)
    """What no message may hold."""


def live(name: str, secret: str, **where: object) -> Row:
    """A live credential in the target's environment; nothing excuses it."""
    box = api({"PAYMENT_KEY": secret})
    row = Row(f"a live key: {name}", "refused", ("PAYMENT_KEY", "live credential"), (box, DB), secret=secret)
    return replace(row, **where)  # type: ignore[arg-type]  # fields of a row


def sign(name: str, word: str, env: Mapping[str, str], **more: object) -> Row:
    """A sign of production in the target's environment."""
    row = Row(name, "refused", (word, "looks like production"), (api(env), DB))
    return replace(row, **more)  # type: ignore[arg-type]  # fields of a row


def harmless(name: str, env: Mapping[str, str]) -> Row:
    return Row(name, "proved", ("drill.staging=true",), (api(env), DB))


def reason(sign_name: str) -> tuple[StagingException, ...]:
    return (StagingException(sign=sign_name, reason="copied from production by mistake, harmless here"),)


def other_grant(**changes: str) -> tuple[EngineGrant, ...]:
    return (EngineGrant(**{"endpoint": HERE, "id": ENGINE, "project": PROJECT} | changes),)


# Put together here, so that no scanner takes this file for a leak.
A, N, H = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA" * 3, "1234567890" * 8, "0a1b2c3d4e5f6789" * 5
KEYS = {
    "Stripe secret": "sk_" + "live_" + A[:24],
    "Stripe restricted": "rk_" + "live_" + A[:24],
    "Stripe publishable": "pk_" + "live_" + A[:24],
    "AWS": "AKIA" + "QWERTYUIOP234567",
    "AWS for a session": "ASIA" + "QWERTYUIOP234567",
    "GitHub classic": "ghp_" + A[:36],
    "GitHub app": "ghs_" + A[:36],
    "GitHub refresh": "ghr_" + A[:36],
    "GitHub fine-grained": "github_pat_" + A[:40],
    "GitLab": "glpat-" + A[:20],
    "Slack bot": "xoxb-" + N[:12] + "-" + A[:24],
    "Slack user": "xoxp-" + N[:12] + "-" + A[:24],
    "Slack app": "xapp-1-" + A[:11] + "-" + N[:13],
    "Slack webhook": "https://hooks.slack" + ".com/services/T" + "0AB1CD2EF/B" + "0AB1CD2EF/" + A[:24],
    "SendGrid": "SG." + A[:22] + "." + A[:43],
    "Mailgun": "key-" + H[:32],
    "Mailchimp": H[:32] + "-us21",
    "Twilio": "SK" + H[:32],
    "Google": "AIza" + A[:35],
    "Google client secret": "GOCSPX-" + A[:28],
    "PayPal": "access_token$" + "production$" + A[:16].lower() + "$" + H[:32],
    "Square": "sq0atp-" + A[:22],
    "Razorpay": "rzp_" + "live_" + A[:14],
    "Plaid": "access-" + "production-" + "01234567-89ab-cdef-0123-456789abcdef",
    "Shopify": "shpat_" + H[:32],
    "DigitalOcean": "dop_v1_" + H[:64],
    "Mollie": "live_" + A[:30],
}
TEST_KEYS = {
    "STRIPE": "sk_" + "test_" + A[:24],
    "PAYPAL": "access_token$" + "sandbox$" + A[:16].lower() + "$" + H[:32],
    "PLAID": "access-" + "sandbox-" + "01234567-89ab-cdef-0123-456789abcdef",
    "SQUARE": "sandbox-" + "sq0csp-" + A[:43],
    "RAZORPAY": "rzp_" + "test_" + A[:14],
    "AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "DIGEST": "sha256:" + H[:64],
    "RELOAD": "live_reload",
}

ROWS = [
    Row("all is as it should be", "proved", ("is enrolled for shop", "label drill.staging=true")),
    # --- the label
    Row("the label is missing", "refused", ("api", "drill.staging"), (replace(API, labels={}), DB)),
    *[
        Row(
            f"the label says {value!r}", "refused", ("drill.staging",), (replace(API, labels={"drill.staging": value}),)
        )
        for value in ("false", "False", "True", "TRUE", "1", "yes", "", " true", "true ")
    ],
    Row(
        "the label has another name",
        "refused",
        ("drill.staging",),
        (replace(API, labels={"staging": "true", "drill.stage": "true", "DRILL.STAGING": "true"}),),
    ),
    Row(
        "the label is on one replica only",
        "refused",
        ("api", "drill.staging"),
        (API, replace(API, number=2, labels={}), DB),
    ),
    Row("a service that is not the target has no label", "proved", (), (API, replace(DB, labels={}))),
    Row("the label is on another service only", "refused", ("api",), (replace(API, labels={}), DB)),
    Row(
        "an exception cannot stand for the label",
        "refused",
        ("drill.staging",),
        (replace(API, labels={}), DB),
        exceptions=reason("drill.staging"),
    ),
    # --- the engine
    Row("no engine is enrolled", "refused", ("not enrolled", "drill init"), grants=()),
    Row("an unknown engine", "refused", ("not enrolled",), grants=other_grant(id="CCCC:DDDD")),
    Row(
        "the right id at another endpoint",
        "refused",
        ("not enrolled",),
        grants=other_grant(endpoint="unix:///var/run/docker.sock"),
    ),
    Row("enrolled for another project", "refused", ("not enrolled", PROJECT), grants=other_grant(project="blog")),
    Row(
        "the project's name is enrolled on another engine",
        "refused",
        ("not enrolled",),
        grants=(EngineGrant(endpoint="unix:///other.sock", id=ENGINE, project=PROJECT), *other_grant(id="other")),
    ),
    Row(
        "three grants that fit in part",
        "refused",
        ("not enrolled",),
        grants=(*other_grant(id="x"), *other_grant(project="x"), *other_grant(endpoint="unix:///x")),
    ),
    Row("a project that begins like the enrolled one", "refused", ("not enrolled",), grants=other_grant(project="sho")),
    Row("a remote engine over tcp", "refused", ("tcp://", "not enrolled"), grants=(), remote=True),
    Row(
        "a remote engine with the id of the local one",
        "refused",
        ("tcp://", "not enrolled"),
        grants=other_grant(endpoint="unix:///var/run/docker.sock"),
        remote=True,
    ),
    Row("a remote engine that was enrolled by hand", "proved", ("tcp://",), remote=True),
    # --- live credentials: no exception
    *[live(name, key) for name, key in KEYS.items()],
    live("inside an address", "https://user:" + KEYS["Stripe secret"] + "@pay.example.test/"),
    live("inside JSON", '{"payments": {"key": "' + KEYS["Stripe secret"] + '"}}'),
    live("quoted", "'" + KEYS["Stripe secret"] + "'"),
    live("excused by its name", KEYS["Stripe secret"], exceptions=reason("live-credential:PAYMENT_KEY")),
    live("on the second replica", KEYS["AWS"], boxes=(API, api({"PAYMENT_KEY": KEYS["AWS"]}, number=2), DB)),
    live("in a service that is not the target", KEYS["GitHub classic"], target="db"),
    Row(
        "a live key in a label",
        "refused",
        ("live credential",),
        (replace(API, labels={**STAGED, "payment.key": KEYS["Stripe secret"]}), DB),
        secret=KEYS["Stripe secret"],
    ),
    Row(
        "a live key on the command line",
        "refused",
        ("live credential",),
        (replace(API, argv=("serve", "--key=" + KEYS["Stripe secret"])), DB),
        secret=KEYS["Stripe secret"],
    ),
    Row(
        "a live key in a service that drill.yaml does not name",
        "refused",
        ("billing", "live credential"),
        (API, DB, Box("billing", labels={}, env={"KEY": KEYS["Stripe secret"]})),
        secret=KEYS["Stripe secret"],
    ),
    Row(
        "a live key in a job that runs beside the services",
        "refused",
        ("live credential",),
        (API, DB, Box("api", oneoff=True, labels={}, env={"KEY": KEYS["Stripe secret"]}, name="shop_api_run_1")),
        secret=KEYS["Stripe secret"],
    ),
    harmless("test keys of the same providers", TEST_KEYS),
    # --- framework modes
    *[
        harmless(f"a framework's mode: {name}={value}", {name: value})
        for name, value in {
            "NODE_ENV": "production",
            "RAILS_ENV": "production",
            "RACK_ENV": "production",
            "FLASK_ENV": "production",
            "MIX_ENV": "prod",
            "DJANGO_SETTINGS_MODULE": "shop.settings.production",
            "ASPNETCORE_ENVIRONMENT": "Production",
            "DOTNET_ENVIRONMENT": "Production",
        }.items()
    ],
    # --- signs of production
    *[
        sign(f"{name}={value}", name, {name: value})
        for name, value in [
            ("ENVIRONMENT", "production"),
            ("ENVIRONMENT", "PROD"),
            ("ENVIRONMENT", "prod-eu-1"),
            ("DEPLOY_ENV", "eu-production"),
            ("SENTRY_ENVIRONMENT", "live"),
            ("environment", " production "),
            ("STAGE", "prd"),
            ("PAYPAL_MODE", "live"),
            ("PLAID_ENV", "production"),
            ("DATABASE_URL", "postgresql://app:pw@db.prod.example.com/app"),
            ("DATABASE_URL", "jdbc:postgresql://db.prod.example.com:5432/app"),
            ("MONGO_URL", "mongodb://u:p@a.staging.example,b.prod.example:27017/x"),
            ("KAFKA_BROKERS", "kafka-staging-1:9092,kafka-prod-2:9092"),
            ("PGHOST", "db-prod"),
            ("MYSQL_DSN", "app:pw@tcp(db.prod.example.com:3306)/app"),
            ("QUEUE", "amqps://u:p@mq.production.example.com/"),
        ]
    ],
    sign(
        "a password in a keyword address is not told",
        "db.prod.example.com",
        {"DATABASE_DSN": "host=db.prod.example.com user=app password=hunter2"},
        secret="hunter2",
    ),
    sign(
        "a password in an ODBC address is not told",
        "db.prod.example.com",
        {"DATABASE_DSN": "Server=tcp:db.prod.example.com,1433;Uid=app;Pwd=hunter2"},
        secret="hunter2",
    ),
    sign("a label that says production", "label", {}, boxes=(replace(API, labels={**STAGED, "env": "production"}), DB)),
    sign(
        "a sign in a service that is not the target",
        "db",
        {},
        boxes=(API, replace(DB, env={"ENVIRONMENT": "production"})),
    ),
    sign(
        "a sign in a service that drill.yaml does not name",
        "billing",
        {},
        boxes=(API, DB, Box("billing", labels={}, env={"ENVIRONMENT": "production"})),
    ),
    sign(
        "an exception with the wrong name", "env:ENVIRONMENT", {"ENVIRONMENT": "production"}, exceptions=reason("env")
    ),
    replace(
        sign("an exception with a reason", "", {"ENVIRONMENT": "production"}, exceptions=reason("env:ENVIRONMENT")),
        verdict="proved",
        words=(),
    ),
    replace(
        sign(
            "an exception for an address",
            "",
            {"DATABASE_URL": "postgresql://db.prod.example.com/app"},
            exceptions=reason("host:DATABASE_URL"),
        ),
        verdict="proved",
        words=(),
    ),
    *[
        harmless(f"{name}={value}", {name: value})
        for name, value in [
            ("ENVIRONMENT", "staging"),
            ("ENVIRONMENT", "non-prod"),
            ("ENVIRONMENT", "pre-production"),
            ("ENVIRONMENT", "preprod"),
            ("ENVIRONMENT", "production-like"),
            ("DATABASE_URL", "postgresql://app:prod@db.staging.example.com/prod"),
            ("DATABASE_URL", "postgresql://db.pre-prod.example.com/app"),
            ("DATABASE_URL", "sqlite:////data/prod/api.db"),
            ("API_URL", "http://product-service:80/production/report"),
            ("DATABASE_DSN", "host=db user=app dbname=prod password=prod"),
        ]
    ],
    # --- the selector
    Row("the target has no container", "refused", ("api", "drill stack up"), (DB,)),
    Row("nothing runs at all", "refused", ("api",), ()),
    Row("the same service in other people's project", "refused", ("api",), (replace(API, project="blog"), DB)),
    Row(
        "the same service in other people's project beside ours",
        "proved",
        (),
        (API, DB, replace(API, project="blog", labels={}, env={"KEY": KEYS["Stripe secret"]})),
    ),
    Row("a service that drill.yaml does not name", "refused", ("cache",), (API, DB, Box("cache")), target="cache"),
    Row(
        "a helper of ours beside the stack",
        "proved",
        (),
        (API, DB, Box("api", project="", labels={"drill.helper": "once", "drill.helper.project": PROJECT}, name="h")),
    ),
    Row(
        "nothing but helpers of ours",
        "refused",
        ("api",),
        (Box("api", project="", labels={"drill.helper": "api", "drill.helper.project": PROJECT, **STAGED}, name="h"),),
    ),
    Row("a one-off job of the service is no replica", "refused", ("api",), (replace(API, oneoff=True), DB)),
]


def scenario(target: str) -> Scenario:
    fault = FaultSpec(id="one", kind="noop", target=target, max_duration=Seconds(5))
    return Scenario(
        id="sample",
        title="A sample",
        story="It hangs.",
        faults=(fault,),
        expected=Expected(severity="SEV-1", detection=()),
        max_duration=Seconds(9),
        blast_radius=(),
    )


class Attempt:
    """One preflight against one fake engine."""

    def __init__(self, row: Row, endpoint: str, folder: Path) -> None:
        compose = model.ComposeStack(file="compose.yml", project=PROJECT)
        services = tuple(ServiceSpec(name=name) for name in ("api", "db"))
        self.config = Config(
            project="Shop",
            stack=StackConfig(services=services, compose=compose),
            probes=(ProbeSpec(name="page", service="api", path="/", audience="user"),),
            engines=tuple(replace(g, endpoint=endpoint if g.endpoint == HERE else g.endpoint) for g in row.grants),
            exceptions=row.exceptions,
        )
        self.stack = ComposeStack(self.config, folder, folder)
        playbook = load_playbook(Path(__file__).parents[1] / "stacks" / "small" / "playbook.yaml")
        self.plan = Plan(
            drill_id="D-test",
            scenario=scenario(row.target),
            playbook=playbook,
            real_playbook=playbook,
            config=self.config,
            mode="scripted",
            smoke=True,
            seed=1,
            rule_set="test",
        )
        self.lines: list[bytes] = []
        self.runtime = VirtualRuntime()
        self.leases = MemoryLeases()
        self.recorder = Recorder(
            Journal(lambda line, _: self.lines.append(line), self.runtime.now_ns, self.runtime.utc)
        )

    def world(self) -> World:
        # No probe and no sink is reached before the proof, or the attempt fails.
        return World(
            runtime=self.runtime,
            recorder=self.recorder,
            stack=self.stack,
            injector={"noop": NoOp()}.__getitem__,
            prober=None,  # type: ignore[arg-type]  # never asked in preflight
            flags=self.stack.flags(),
            sinks={"email": MemorySink("email", self.runtime)},
            leases=self.leases,
            boot_id=boot_id(),
        )


@pytest.fixture
def attempt(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    row: Row = request.param
    engine = FakeEngine(list(row.boxes), ENGINE)
    with serving(engine, tmp_path / "engine.sock", remote=row.remote) as endpoint:
        monkeypatch.setenv("DOCKER_HOST", endpoint)
        made = Attempt(row, endpoint, tmp_path)
        try:
            yield row, made, engine
        finally:
            made.stack.close()


def of(*verdicts: str) -> list[object]:
    return [pytest.param(row, id=row.name) for row in ROWS if row.verdict in verdicts]


def test_there_are_many_set_ups_of_both_sorts_and_each_has_its_own_name() -> None:
    assert len(of("refused")) >= 40
    assert len(of("proved")) >= 20
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("attempt", of("refused"), indirect=True)
def test_what_is_not_proved_staging_is_refused_in_a_line_before_anything_is_written_or_touched(
    attempt: tuple[Row, Attempt, FakeEngine],
) -> None:
    row, made, engine = attempt
    drill = Drill(made.plan, made.world())
    with pytest.raises(DrillError) as raised:
        made.runtime.run(drill.run(None))
    said = str(raised.value)
    assert isinstance(raised.value, Refused), said
    assert len(said.splitlines()) == 1
    for word in row.words:
        assert word in said
    assert made.leases.all() == []
    kinds = [event.kind for event in made.recorder.events]
    assert set(kinds) == {"drill.started", "preflight.checked", "drill.ended"}
    assert made.recorder.events[-1].data["outcome"] == "refused"
    assert {method for method, _ in engine.asked} == {"GET"}
    if row.secret:
        assert row.secret not in said
        assert row.secret.encode() not in b"".join(made.lines)


@pytest.mark.parametrize("attempt", of("proved"), indirect=True)
def test_what_is_staging_is_proved_and_the_proof_says_how(attempt: tuple[Row, Attempt, FakeEngine]) -> None:
    row, made, engine = attempt
    made.runtime.run(preflight(made.plan, made.world()))
    checks = {event.data["name"]: event.data for event in made.recorder.events if event.kind == "preflight.checked"}
    assert all(check["ok"] for check in checks.values())
    for word in row.words:
        assert word in checks["staging"]["detail"]
    assert {method for method, _ in engine.asked} == {"GET"}
    assert made.leases.all() == []

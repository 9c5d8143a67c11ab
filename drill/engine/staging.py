"""Positive proof of staging: label or nonce, enrolled engine, no live credential, no other sign of production."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drill.errors import Refused
from drill.model.config import Config
from drill.ports import Stack, StagingSign

Check = tuple[str, str]
"""Name of what was proved, and how."""


def prove_staging(stack: Stack, config: Config, targets: Iterable[str]) -> list[Check]:
    """Every proof, or Refused with the first that is missing. Nothing has been touched by then."""
    checks = [_engine_enrolled(stack, config)]
    for service in sorted(stack.services()):
        signs = stack.staging_signs(service)
        _refuse_production(service, signs, config)
        if service in set(targets):
            checks.append(_proof(service, signs))
    return checks


def _engine_enrolled(stack: Stack, config: Config) -> Check:
    identity = stack.identity()
    if identity.kind == "process":
        return "engine", "local processes that drill itself started"
    for grant in config.engines:
        if (grant.endpoint, grant.id, grant.project) == (identity.endpoint, identity.engine_id, identity.project):
            return "engine", f"{identity.endpoint} with id {identity.engine_id} is enrolled for {identity.project}"
    raise Refused(
        f"engine {identity.endpoint} (id {identity.engine_id}) is not enrolled for project {identity.project!r} in "
        "drill.yaml; if it is staging, enrol it with `drill init`"
    )


def _refuse_production(service: str, signs: Iterable[StagingSign], config: Config) -> None:
    excepted = {exception.sign for exception in config.exceptions}
    for sign in signs:
        if sign.verdict == "live-credential":
            raise Refused(
                f"service {service}: {sign.detail}; a stack with a live credential is never drilled, remove it"
            )
        if sign.verdict == "production" and sign.name not in excepted:
            raise Refused(
                f"service {service}: {sign.detail} looks like production; if it is harmless, name {sign.name!r} with a "
                "reason under `exceptions` in drill.yaml"
            )


def _proof(service: str, signs: Iterable[StagingSign]) -> Check:
    proof = next((sign for sign in signs if sign.verdict == "proof"), None)
    missing = next(_missing(signs), None)
    if proof is None or missing is not None:
        detail = missing.detail if missing else "no proof of staging; label it drill.staging=true if it is staging"
        raise Refused(f"service {service}: {detail}")
    return f"staging:{service}", proof.detail


def _missing(signs: Iterable[StagingSign]) -> Iterator[StagingSign]:
    return (sign for sign in signs if sign.verdict == "missing")

"""Positive proof of staging: label or nonce, enrolled engine, no live credential, no other sign of production."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drill.errors import Refused
from drill.model.config import Config
from drill.ports import Stack, StagingSign

Check = tuple[str, str]
"""Name of what was proved, and how."""

_VERDICTS = ("proof", "missing", "production", "live-credential")


def prove_staging(stack: Stack, config: Config, targets: Iterable[str]) -> list[Check]:
    """Every proof, or Refused with the first that is missing. Nothing has been touched by then.

    Signs of production count wherever they are in the stack, in what drill.yaml does not name too; the label counts on
    the targets.
    """
    checks = [_engine_enrolled(stack, config)]
    for name, signs in sorted(stack.bystanders().items()):
        _refuse_production(name, signs, config)
    there, wanted = stack.services(), set(targets)
    for service in sorted(there):
        signs = stack.staging_signs(service)
        _refuse_production(service, signs, config)
        if service in wanted:
            checks.append(_proof(service, signs))
    for service in sorted(wanted - set(there)):
        raise _absent(service)
    return checks


def prove_target(stack: Stack, config: Config, service: str) -> None:
    """The proofs of one target again, right before its lease: it may have been made anew since the preflight.

    Raises Refused.
    """
    _engine_enrolled(stack, config)
    if service not in stack.services():
        raise _absent(service)
    signs = stack.staging_signs(service)
    _refuse_production(service, signs, config)
    _proof(service, signs)


def _absent(service: str) -> Refused:
    return Refused(
        f"service {service} does not exist on this stack, so nothing proves it staging; run `drill stack up`, or "
        "correct the target"
    )


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
    excepted = {exception.sign for exception in config.exceptions if exception.reason.strip()}
    for sign in signs:
        if sign.verdict == "live-credential":
            raise Refused(
                f"service {service}: {sign.detail}; a stack with a live credential is never drilled, remove it"
            )
        if sign.verdict == "production" and sign.name not in excepted:
            raise Refused(
                f"service {service}: {sign.detail}, which looks like production; if it is harmless, name "
                f"{sign.name!r} with a reason under `exceptions` in drill.yaml"
            )
        if sign.verdict not in _VERDICTS:
            raise Refused(f"service {service}: {sign.name} says {sign.verdict!r}, which nobody can judge; update drill")


def _proof(service: str, signs: Iterable[StagingSign]) -> Check:
    found = list(signs)
    proof = next((sign for sign in found if sign.verdict == "proof"), None)
    missing = next(_missing(found), None)
    if proof is None or missing is not None:
        detail = missing.detail if missing else "no proof of staging; label it drill.staging=true if it is staging"
        raise Refused(f"service {service}: {detail}")
    return f"staging:{service}", proof.detail


def _missing(signs: Iterable[StagingSign]) -> Iterator[StagingSign]:
    return (sign for sign in signs if sign.verdict == "missing")

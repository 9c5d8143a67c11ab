"""What must hold within ``drill.yaml``: names that refer to each other, paths that stay inside the project."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from drill.loader.checks import above_zero, absolute, known, some, unique
from drill.loader.finding import Finding, show, step
from drill.loader.places import is_path
from drill.model.config import ComposeStack, Config, ProbeSpec, ServiceSpec, StackConfig

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
# Other braces, such as JSON in an argument, are left as they are.
_HOLE = re.compile(r"\{([a-z]+(?::[^{}]*)?)\}")
_ACCEPT = re.compile(r"([^.\s]+)\.\S+")
HOLES = ("python", "shipped", "data")


def check_config(config: Config, folder: Path, root: Path) -> Iterator[Finding]:
    """Findings of a ``drill.yaml`` in ``folder``, whose paths must stay inside ``root``."""
    services = [service.name for service in config.stack.services]
    yield from _stack(config.stack)
    yield from unique("probes", "name", [probe.name for probe in config.probes])
    for audience in ("user", "internal"):
        if not any(probe.audience == audience for probe in config.probes):
            yield Finding("probes", f"no probe has audience {audience}; add one (recovery needs both views)")
    for index, probe in enumerate(config.probes):
        yield from _probe(f"probes[{index}]", probe, config)
    yield from known("sinks.mail_service", config.sinks.mail_service, services, "service")
    yield from known("sinks.status_service", config.sinks.status_service, services, "service")
    for index, ledger in enumerate(config.ledgers):
        for name in ("service", "held_service"):
            yield from known(f"ledgers[{index}].{name}", getattr(ledger, name), services, "service")
        for name in ("path", "held_path"):
            yield from absolute(f"ledgers[{index}].{name}", getattr(ledger, name))
    if config.intake:
        yield from known("intake.service", config.intake.service, services, "service")
    yield from _accept(config.accept, services)
    if config.hat_avoid < 0:
        yield Finding("hat_avoid", "is below 0; write 0 to avoid nothing")
    yield from _paths(config, folder, root)


def _stack(stack: StackConfig) -> Iterator[Finding]:
    yield from some("stack.services", stack.services)
    names = [service.name for service in stack.services]
    yield from unique("stack.services", "name", names)
    elsewhere = [f"port:{service.name}.{name}" for service in stack.services for name in service.ports]
    for index, service in enumerate(stack.services):
        yield from _service(f"stack.services[{index}]", service, elsewhere)
        if service.through:
            yield from known(f"stack.services[{index}].through", service.through, names, "service")
    yield from above_zero([("stack.ready_within", stack.ready_within)])
    for index, argument in enumerate(stack.restore):
        yield from _holes(f"stack.restore[{index}]", argument, ("shipped", "project"))
    if stack.compose:
        yield from _compose(stack.compose)
    if stack.default == "compose" and stack.compose is None:
        yield Finding("stack.default", "is compose, but there is no stack.compose; add it or write process")
    if stack.default == "process" and not stack.process:
        yield Finding("stack.default", "is process, but stack.process is false; set it to true or write compose")
    if stack.process and not any(service.command for service in stack.services):
        yield Finding("stack.process", "is true, but no service has a command; add the commands")


def _compose(compose: ComposeStack) -> Iterator[Finding]:
    if not _NAME.fullmatch(compose.project):
        yield Finding("stack.compose.project", "is no Compose project name; use small letters, digits, - and _")
    for index, argument in enumerate(compose.prepare):
        yield from _holes(f"stack.compose.prepare[{index}]", argument, ("shipped",))


def _service(path: str, service: ServiceSpec, elsewhere: list[str]) -> Iterator[Finding]:
    if not _NAME.fullmatch(service.name):
        yield Finding(f"{path}.name", f"{show(service.name)} is no service name; use small letters, digits, - and _")
    for name, port in service.ports.items():
        if not 0 < port < 65536:
            yield Finding(step(f"{path}.ports", name), f"{port} is no port; give 1 to 65535")
    for name in ("health", "flags"):
        if value := getattr(service, name):
            yield from absolute(f"{path}.{name}", value)
    holes = (*HOLES, *(f"port:{name}" for name in service.ports), *elsewhere)
    for index, argument in enumerate(service.command):
        yield from _holes(f"{path}.command[{index}]", argument, holes)
    for name, value in service.env.items():
        yield from _holes(step(f"{path}.env", name), value, holes)


def _holes(path: str, text: str, names: Collection[str]) -> Iterator[Finding]:
    for name in _HOLE.findall(text):
        yield from known(path, name, names, "hole")


def _probe(path: str, probe: ProbeSpec, config: Config) -> Iterator[Finding]:
    yield from known(f"{path}.service", probe.service, [each.name for each in config.stack.services], "service")
    if service := config.service(probe.service):
        yield from known(f"{path}.port", probe.port, service.ports, f"port of {probe.service}")
    yield from absolute(f"{path}.path", probe.path)
    yield from above_zero([(f"{path}.interval", probe.interval), (f"{path}.deadline", probe.deadline)])
    if probe.expect and not 100 <= probe.expect <= 599:
        yield Finding(f"{path}.expect", f"{probe.expect} is no HTTP status; give 100 to 599")


def _accept(accept: tuple[str, ...], services: list[str]) -> Iterator[Finding]:
    for index, entry in enumerate(accept):
        found = _ACCEPT.fullmatch(entry)
        if found is None:
            yield Finding(f"accept[{index}]", f"{show(entry)} is not service.field; write for example db.image")
        else:
            yield from known(f"accept[{index}]", found[1], services, "service")


def _paths(config: Config, folder: Path, root: Path) -> Iterator[Finding]:
    paths = {"scenarios": config.scenarios, "state_dir": config.state_dir, "results_dir": config.results_dir}
    if config.stack.compose:
        paths["stack.compose.file"] = config.stack.compose.file
    if is_path(config.playbook):
        paths["playbook"] = config.playbook
    for where, value in paths.items():
        real = Path(os.path.realpath(folder / value))
        if not real.is_relative_to(os.path.realpath(root)):
            yield Finding(where, f"{show(value)} leads out of the project ({root}); move it inside")

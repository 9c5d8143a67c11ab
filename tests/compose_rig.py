"""Small throw-away Compose projects, and images made for them. Looked at by the plain Docker command line only."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from observers import DOCKER

from drill import shipped
from drill.model import config as model
from drill.model.config import Config, ServiceSpec, StackConfig
from drill.model.units import Seconds
from drill.stacks.compose import ComposeStack

BASE = "drill-staging-base:local"
RUN = "mkdir -p /tmp/w; echo $RELEASE $OWN >/tmp/w/release; cd /tmp/w; exec python3 -m http.server 80"
SERVE = f'CMD ["sh", "-c", "{RUN}"]'
GOOD = f"""FROM {BASE}
USER root
ENV RELEASE=1 OF_THE_IMAGE=one
LABEL release=1 of.the.image=one
WORKDIR /srv
VOLUME /kept
EXPOSE 80
{SERVE}
"""
BAD = f"""FROM {BASE}
USER root
ENV RELEASE=2 ONLY_IN_TWO=x
LABEL release=2
WORKDIR /tmp
VOLUME /kept
EXPOSE 81
STOPSIGNAL SIGINT
HEALTHCHECK --interval=1s --retries=1 CMD false
{SERVE}
"""
# Another release of which nobody knows whether it is healthy: for tests that need many deployments.
NEXT = GOOD.replace("=1", "=2")
# It ends as soon as it is started.
DEAD = f"""FROM {BASE}
CMD ["false"]
"""
TWO_REPLICAS = """
version: "2.4"
services:
  web:
    image: {image}
    scale: 2
    init: true
    restart: "no"
    stop_grace_period: 1s
    labels: {{ drill.staging: "true", mine: "yes" }}
    environment: {{ OWN: mine }}
    ports: ["127.0.0.1::80"]
    networks: {{ front: {{ aliases: [www] }}, back: {{ }} }}
    volumes: ["shared:/shared", "/anonymous"]
networks: {{ front: {{ }}, back: {{ }} }}
volumes: {{ shared: {{ }} }}
"""
WEB = ServiceSpec(name="web", ports={"http": 80})


def docker(*arguments: str) -> str:
    """Output of the Docker command line."""
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def inspect(container: str) -> dict[str, Any]:
    """`docker inspect` of one container."""
    found: dict[str, Any] = json.loads(docker("inspect", container))[0]
    return found


@contextmanager
def images(**dockerfiles: str) -> Iterator[dict[str, str]]:
    """Images made from these, by name; removed afterwards."""
    if subprocess.run([DOCKER, "image", "inspect", BASE], capture_output=True, check=False, timeout=20).returncode:
        subprocess.run(["bash", str(shipped.root() / "staging/build-images.sh")], check=True, timeout=900)
    mark, made = f"{os.getpid()}-{secrets.token_hex(3)}", {}
    try:
        for name, text in dockerfiles.items():
            made[name] = f"drill-test-release:{name}-{mark}"
            build(made[name], text)
        yield made
    finally:
        for tag in made.values():
            subprocess.run([DOCKER, "rmi", "-f", tag], capture_output=True, check=False, timeout=60)


def build(tag: str, dockerfile: str) -> None:
    """Without any context, by the builder that needs no plugin."""
    env = {**os.environ, "DOCKER_BUILDKIT": "0"}
    command = [DOCKER, "build", "-q", "-t", tag, "-"]
    subprocess.run(command, input=dockerfile, text=True, capture_output=True, check=True, timeout=120, env=env)


class Rig:
    """One project: the stack, and what stands there by the engine's own word."""

    def __init__(self, folder: Path, compose: str, services: tuple[ServiceSpec, ...], **stack: Any) -> None:
        self.project = f"drill-test-e-{os.getpid()}-{secrets.token_hex(3)}"
        self.file = folder / "compose.yml"
        self.file.write_text(compose)
        settings = model.ComposeStack(file=self.file.name, project=self.project)
        stack.setdefault("ready_within", Seconds(30))
        self._config = StackConfig(services=services, compose=settings, data="disposable", **stack)
        self.stack = self.open()

    def open(self, *more: ServiceSpec) -> ComposeStack:
        """Another object on the same project, which may know of more services."""
        config = replace(self._config, services=(*self._config.services, *more))
        return ComposeStack(Config(project="test", stack=config, probes=()), self.file.parent, self.file.parent)

    def close(self) -> None:
        """Take the project down, whatever state it is in."""
        for container in self.ids():
            docker("rm", "-f", "-v", container)
        self.stack.down(lambda _: None)
        self.stack.close()

    def ids(self, service: str = "") -> list[str]:
        """Every container of the project, or of one service, those set aside too."""
        labels = [f"label=com.docker.compose.project={self.project}"]
        labels += [f"label=com.docker.compose.service={service}"] if service else []
        return docker("ps", "-aq", "--no-trunc", *(f"--filter={label}" for label in labels)).split()

    def names(self) -> list[str]:
        """Of its containers, in order."""
        return sorted(inspect(container)["Name"].lstrip("/") for container in self.ids())

    def running_releases(self, service: str = "web") -> list[str]:
        """What each replica answers over its own published port, in order of their names."""
        found = sorted((inspect(container) for container in self.ids(service)), key=lambda one: str(one["Name"]))
        bindings = [(one["NetworkSettings"]["Ports"] or {}).get("80/tcp") for one in found]
        return [fetch(int(bound[0]["HostPort"])) if bound else "" for bound in bindings]


def fetch(port: int, path: str = "/release") -> str:
    """The body at a port of this host; empty while nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode().strip()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


@contextmanager
def rig(
    folder: Path, compose: str, services: tuple[ServiceSpec, ...] = (WEB,), *, up: bool = True, **stack: Any
) -> Iterator[Rig]:
    """A project that is up, and down afterwards."""
    made = Rig(folder, compose, services, **stack)
    try:
        if up:
            made.stack.up(lambda _: None)
        yield made
    finally:
        made.close()

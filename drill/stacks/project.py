"""The containers of one Compose project, found by Compose's labels each time."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from drill.errors import StackError
from drill.stacks.engine import connect, engine_errors

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

ASIDE = ".replaced"
"""Ending of the name of a container that a deployment has set aside; what stands before it is its own name."""

_PROJECT, _SERVICE, _ONEOFF, _NUMBER = (
    f"com.docker.compose.{name}" for name in ("project", "service", "oneoff", "container-number")
)


class Project:
    """One Compose project on the engine. Contacts nobody before the first question.

    A narrowed one sees of one service the replica of one number alone, as if it had no other.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._only: tuple[str, int] | None = None
        self._whole: Project | None = None
        self._lock = threading.Lock()
        self._client: DockerClient | None = None
        self._memory = 0

    def engine(self) -> DockerClient:
        """The client, made at its first use. Raises StackError when no engine answers."""
        if self._whole is not None:
            return self._whole.engine()
        with self._lock:
            if self._client is None:
                self._client = connect()
            return self._client

    def narrowed(self, service: str, number: int) -> Project:
        """The same project over the same connections, with one replica of that service."""
        view = Project(self.name)
        view._only, view._whole = (service, number), self
        return view

    def memory(self) -> int:
        """Bytes of memory that the engine's host has; asked once."""
        if not self._memory:
            with engine_errors("docker info"):
                self._memory = int(self.engine().info()["MemTotal"])
        return self._memory

    def close(self) -> None:
        """Give the connections to the engine back."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def by_service(self) -> dict[str, list[Container]]:
        """Every service that has a container, in any state; its replicas in order of their number."""
        found: dict[str, list[Container]] = {}
        for container in self._listed():
            if not is_aside(container):
                found.setdefault(container.labels[_SERVICE], []).append(container)
        return found

    def replicas(self, service: str) -> list[Container]:
        """The replicas of one service in order, those of an unfinished deployment left out; may be empty."""
        return [container for container in self._listed(service) if not is_aside(container)]

    def awake(self, service: str) -> list[Container]:
        """The replicas that run and are not paused, by what a single listing says: they hold an id and little else."""
        client = self.engine()
        filters: dict[str, str | list[str] | bool] = {"label": self._wanted(service), "status": ["running"]}
        with engine_errors("listing containers"):
            listed = client.containers.list(filters=filters, sparse=True)
        return [
            one
            for one in listed
            if self._shows(one.attrs["Labels"]) and not any(name.endswith(ASIDE) for name in one.attrs["Names"])
        ]

    def aside(self, service: str) -> list[Container]:
        """What an unfinished deployment of the service has set aside."""
        return [container for container in self._listed(service) if is_aside(container)]

    def existing(self, service: str) -> list[Container]:
        """The replicas of a service. Raises StackError when it has none."""
        found = self.replicas(service)
        if not found:
            raise StackError(f"service {service} has no container in project {self.name}; run `drill stack up`")
        return found

    def others(self, services: Collection[str]) -> list[Container]:
        """What is of the project and no replica of these services: other services, and jobs that were run once."""
        found = self._those([f"{_PROJECT}={self.name}"])
        return [one for one in found if one.labels.get(_ONEOFF) == "True" or one.labels.get(_SERVICE) not in services]

    def _listed(self, service: str = "") -> list[Container]:
        return [one for one in self._those(self._wanted(service)) if self._shows(one.labels)]

    def _wanted(self, service: str = "") -> list[str]:
        return [f"{_PROJECT}={self.name}", f"{_ONEOFF}=False", *([f"{_SERVICE}={service}"] if service else [])]

    def _those(self, wanted: list[str]) -> list[Container]:
        client = self.engine()
        with engine_errors("listing containers"):
            listed = client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
        return sorted(listed, key=_place)

    def _shows(self, labels: Mapping[str, str]) -> bool:
        return self._only is None or labels[_SERVICE] != self._only[0] or _number(labels) == self._only[1]


def is_aside(container: Container) -> bool:
    """Whether a deployment has set it aside."""
    return str(container.name).endswith(ASIDE)


def number_of(container: Container) -> int:
    """Its place among the replicas of its service, from 1."""
    return _number(container.labels)


def _number(labels: Mapping[str, str]) -> int:
    number = labels.get(_NUMBER, "")
    return int(number) if number.isdigit() else 0


def _place(container: Container) -> tuple[int, str]:
    return number_of(container), str(container.name)

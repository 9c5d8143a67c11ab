"""Reading an inspected container. No engine is needed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from drill.errors import StackError
from drill.stacks import containers
from drill.stacks.engine import check_api, is_local_socket

ID = "0123456789abcdef" * 4


def inspected(**changes: Any) -> dict[str, Any]:
    attrs: dict[str, Any] = {
        "Id": ID,
        "Image": "sha256:1",
        "State": {"Running": True, "Paused": False, "Pid": 0, "Health": {"Status": "healthy"}},
        "Config": {
            "Cmd": ["serve"],
            "Entrypoint": None,
            "Env": ["A=1", "PASSWORD=hush=hush"],
            "Labels": {"drill.staging": "true", "com.docker.compose.config-hash": "x"},
            "User": "app",
        },
        "HostConfig": {
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        },
        "NetworkSettings": {"Networks": {"net": {"Aliases": ["api", ID[:12]]}}, "Ports": {}},
        "Mounts": [{"Type": "volume", "Name": "v", "Source": "/x", "Destination": "/data", "RW": True}],
    }
    attrs = copy.deepcopy(attrs)
    for path, value in changes.items():
        at = attrs
        *folders, last = path.split("__")
        for folder in folders:
            at = at[folder]
        at[last] = value
    return attrs


@pytest.mark.parametrize(
    ("state", "healthy"),
    [
        ({"Running": True, "Paused": False, "Health": {"Status": "healthy"}}, True),
        ({"Running": True, "Paused": False, "Health": {"Status": "starting"}}, False),
        ({"Running": True, "Paused": False, "Health": {"Status": "unhealthy"}}, False),
        ({"Running": True, "Paused": True, "Health": {"Status": "healthy"}}, False),
        ({"Running": False, "Paused": False, "Health": {"Status": "healthy"}}, False),
        ({"Running": True, "Paused": False}, None),
    ],
)
def test_health_is_true_only_of_a_running_healthy_container(state: dict[str, Any], healthy: bool | None) -> None:
    assert containers.state_of("api", inspected(State=state)).healthy is healthy


def test_no_value_of_the_environment_stands_in_the_facts() -> None:
    assert "hush" not in str(containers.facts(inspected()))
    assert containers.env_of(inspected()) == {"A": "1", "PASSWORD": "hush=hush"}


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"Image": "sha256:2"}, "image"),
        ({"Config__Env": ["A=2"]}, "configuration"),
        ({"Config__Cmd": ["other"]}, "configuration"),
        ({"Config__User": "root"}, "configuration"),
        ({"Config__Labels": {"drill.staging": "false"}}, "configuration"),
        ({"Mounts": []}, "configuration"),
        ({"NetworkSettings__Networks": {}}, "networks"),
        ({"NetworkSettings__Networks": {"net": {"Aliases": []}}}, "networks"),
        ({"HostConfig__PortBindings": {}}, "ports"),
        ({"HostConfig__RestartPolicy": {"Name": "always"}}, "restart"),
    ],
)
def test_a_change_shows_in_its_fact_and_in_no_other(change: dict[str, Any], fact: str) -> None:
    before, after = containers.facts(inspected()), containers.facts(inspected(**change))
    assert {name for name in before if before[name] != after[name]} == {fact}


def test_a_recreated_container_has_the_same_facts() -> None:
    labels = {"drill.staging": "true", "com.docker.compose.config-hash": "y"}
    networks = {"net": {"Aliases": ["f" * 12, "api"]}}
    again = inspected(Id="f" * 64, Config__Labels=labels, NetworkSettings__Networks=networks)
    assert containers.facts(again) == containers.facts(inspected())


@pytest.mark.parametrize(
    ("bindings", "running", "port"),
    [
        ({"80/tcp": [{"HostPort": "8080"}]}, {}, 8080),
        ({"80/tcp": [{"HostPort": ""}]}, {"80/tcp": [{"HostPort": "32801"}]}, 32801),
        ({"80/tcp": [{"HostPort": "0"}]}, {}, None),
        ({}, {"80/tcp": None}, None),
    ],
)
def test_a_published_port_is_known_while_the_container_is_stopped(
    bindings: Any, running: Any, port: int | None
) -> None:
    attrs = inspected(HostConfig__PortBindings=bindings, NetworkSettings__Ports=running)
    assert containers.published(attrs, 80) == port


@pytest.mark.parametrize("pid", [0, 1, 2**22 + 1])
def test_a_pid_that_is_not_the_containers_own_is_never_used(pid: int) -> None:
    assert containers.visible_pid(inspected(State={"Pid": pid})) is None


@pytest.mark.parametrize(
    ("version", "good"), [("1.39", False), ("1.40", True), ("1.9", False), ("1.51", True), ("2.0", True)]
)
def test_an_engine_older_than_api_1_40_is_refused(version: str, good: bool) -> None:
    if good:
        check_api(version)
    else:
        with pytest.raises(StackError, match=f"API {version}"):
            check_api(version)


@pytest.mark.parametrize(
    ("address", "local"),
    [("unix:///var/run/docker.sock", True), ("tcp://127.0.0.1:2375", False), ("ssh://host", False), ("", False)],
)
def test_only_a_unix_socket_is_local(address: str, local: bool) -> None:
    assert is_local_socket(address) is local

"""Reading an inspected container. No engine is needed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from drill.errors import StackError
from drill.stacks import containers, replicas
from drill.stacks.engine import common_api, is_local_socket

ID = "0123456789abcdef" * 4


def inspected(**changes: Any) -> dict[str, Any]:
    attrs: dict[str, Any] = {
        "Id": ID,
        "Image": "sha256:1",
        "State": {"Running": True, "Paused": False, "Status": "running", "Pid": 0, "Health": {"Status": "healthy"}},
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
    assert containers.healthy_of(state) is healthy
    assert replicas.state_of("api", [inspected(State=state)]).healthy is healthy


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
        ({"HostConfig__NanoCpus": 500_000_000}, "limits"),
        ({"HostConfig__CpuQuota": 50_000}, "limits"),
        ({"HostConfig__Memory": 64 << 20}, "limits"),
        ({"HostConfig__PidsLimit": 100}, "limits"),
        ({"HostConfig__ReadonlyRootfs": True}, "read_only"),
    ],
)
def test_a_change_shows_in_its_fact_and_in_no_other(change: dict[str, Any], fact: str) -> None:
    before, after = containers.facts(inspected()), containers.facts(inspected(**change))
    assert {name for name in before if before[name] != after[name]} == {fact}


@pytest.mark.parametrize("change", [{"Memory": 1 << 34}, {"CpuQuota": -1}, {"PidsLimit": -1}, {"PidsLimit": None}])
def test_a_limit_that_was_lifted_is_none(change: dict[str, Any]) -> None:
    lifted = inspected(**{f"HostConfig__{name}": value for name, value in change.items()})
    assert containers.facts(lifted, host_memory=1 << 34) == containers.facts(inspected(), host_memory=1 << 34)


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


@pytest.mark.parametrize("version", ["1.39", "1.9", "1.12"])
def test_an_engine_older_than_api_1_40_is_refused(version: str) -> None:
    with pytest.raises(StackError, match=rf"API {version}, drill needs 1\.40; update it"):
        common_api(version, "1.12")


def test_an_engine_that_speaks_only_what_we_do_not_know_is_refused() -> None:
    with pytest.raises(StackError, match=r"no API older than 1\.60.*update drill") as caught:
        common_api("1.61", "1.60")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.40", "1.12", "1.40"), ("1.41", "1.12", "1.41"), ("1.51", "1.24", "1.44"), ("1.52", "1.44", "1.44")],
)
def test_the_newest_api_that_both_know_is_spoken(newest: str, oldest: str, spoken: str) -> None:
    assert common_api(newest, oldest) == spoken


@pytest.mark.parametrize(
    ("address", "local"),
    [("unix:///var/run/docker.sock", True), ("tcp://127.0.0.1:2375", False), ("ssh://host", False), ("", False)],
)
def test_only_a_unix_socket_is_local(address: str, local: bool) -> None:
    assert is_local_socket(address) is local


def test_replicas_that_are_alike_have_the_facts_of_one() -> None:
    second = inspected(Id="f" * 64, NetworkSettings__Networks={"net": {"Aliases": ["api", "f" * 12]}})
    state = replicas.state_of("api", [inspected(), second])
    assert state.facts == containers.facts(inspected()) | {"replicas": "2"}
    assert state.replicas == (ID, "f" * 64)
    assert state.instance == ID


@pytest.mark.parametrize(
    "change",
    [
        {"Image": "sha256:2"},
        {"Config__Env": ["A=2"]},
        {"HostConfig__RestartPolicy": {"Name": "always"}},
        {"State": {"Running": True, "Paused": True, "Status": "paused"}},
        {"State": {"Running": False, "Paused": False, "Status": "exited"}},
    ],
)
def test_a_change_in_one_replica_shows_and_in_which(change: dict[str, Any]) -> None:
    whole = replicas.facts_of([inspected(), inspected()])
    first = replicas.facts_of([inspected(**change), inspected()])
    second = replicas.facts_of([inspected(), inspected(**change)])
    assert len({str(facts) for facts in (whole, first, second)}) == 3


@pytest.mark.parametrize(
    ("paused", "running", "expected"),
    [
        ((False, False), (True, True), (True, True, False, False)),
        ((True, False), (True, True), (True, True, False, True)),
        ((True, True), (True, True), (True, True, True, True)),
        ((False, False), (True, False), (False, True, False, False)),
        ((False, False), (False, False), (False, False, False, False)),
    ],
)
def test_running_and_paused_hold_for_all_and_any_for_one(
    paused: tuple[bool, bool], running: tuple[bool, bool], expected: tuple[bool, ...]
) -> None:
    each = [inspected(State={"Running": r, "Paused": p}) for r, p in zip(running, paused, strict=True)]
    state = replicas.state_of("api", each)
    assert (state.running, state.any_running, state.paused, state.any_paused) == expected


def test_one_replica_that_is_not_healthy_makes_the_service_unhealthy() -> None:
    sick = inspected(State={"Running": True, "Paused": False, "Health": {"Status": "unhealthy"}})
    assert replicas.state_of("api", [inspected(), inspected()]).healthy is True
    assert replicas.state_of("api", [inspected(), sick]).healthy is False


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"Running": False, "Paused": False, "ExitCode": 3}, "exited with code 3"),
        ({"Running": True, "Paused": True}, "paused"),
        ({"Running": True, "Paused": False}, "has not answered"),
        (
            {"Running": True, "Paused": False, "Health": {"Log": [{"ExitCode": 7, "Output": "no\nroute"}]}},
            "exit code 7: no route",
        ),
    ],
)
def test_trouble_is_told_in_words(state: dict[str, Any], words: str) -> None:
    assert words in containers.trouble(inspected(State=state))


@pytest.mark.parametrize(("policy", "ended"), [("no", True), ("", True), ("on-failure", False), ("always", False)])
def test_what_a_restart_policy_starts_again_has_not_ended(policy: str, ended: bool) -> None:
    state = {"Running": False, "Paused": False, "Status": "exited"}
    attrs = inspected(State=state, HostConfig__RestartPolicy={"Name": policy})
    assert containers.has_ended(attrs) is ended

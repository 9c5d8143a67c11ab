"""What the engine is asked for when a container gets another image. No engine is needed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drill.stacks.recreate import creation, further_networks

ID = "0123456789abcdef" * 4
Config = dict[str, Any]


def inspected(config: Config, **host: Any) -> dict[str, Any]:
    return {
        "Id": ID,
        "Config": config,
        "HostConfig": {"NetworkMode": "front", "Binds": None, **host},
        "Mounts": [],
        "NetworkSettings": {"Networks": {"front": {"Aliases": ["web", ID[:12]]}}},
    }


def mixed(own: Config, image: Config) -> Config:
    """As the engine mixes the settings of a container with its image's (its documented rules, written down again)."""
    config = copy.deepcopy(own)
    names = {item.split("=", 1)[0] for item in own.get("Env") or []}
    config["Env"] = [*(own.get("Env") or []), *(e for e in image.get("Env") or [] if e.split("=", 1)[0] not in names)]
    for table in ("Labels", "ExposedPorts"):
        config[table] = {**(image.get(table) or {}), **(own.get(table) or {})}
    for field in ("User", "WorkingDir", "StopSignal"):
        config[field] = own.get(field) or image.get(field) or ""
    if not own.get("Entrypoint"):
        config["Cmd"] = own.get("Cmd") or image.get("Cmd")
        config["Entrypoint"] = image.get("Entrypoint")
    check = {**(image.get("Healthcheck") or {}), **(own.get("Healthcheck") or {})}
    config["Healthcheck"] = check or None
    return config


def settings(mark: str) -> st.SearchStrategy[Config]:
    """Values that carry a mark, so that nobody else's can be equal to them."""
    words = st.lists(st.sampled_from([f"{mark}-1", f"{mark}-2"]), min_size=1, max_size=2)
    maybe = st.none() | words
    text = st.sampled_from(["", mark])
    return st.fixed_dictionaries(
        {
            "Env": st.lists(st.sampled_from([f"A={mark}", f"B={mark}", f"C={mark}"]), unique=True),
            "Labels": st.dictionaries(st.sampled_from(["a", "b"]), st.just(mark)),
            "ExposedPorts": st.dictionaries(st.sampled_from([f"{len(mark)}/tcp"]), st.just({})),
            "User": text,
            "WorkingDir": text,
            "StopSignal": text,
            "Entrypoint": maybe,
            "Cmd": maybe,
            "Healthcheck": st.none()
            | st.fixed_dictionaries({"Test": st.just(["CMD", mark])}, optional={"Interval": st.just(len(mark))}),
        }
    )


def deployed(config: Config, old: Config, new: Config) -> Config:
    return mixed(creation(inspected(config), old, "new:1"), new)


def plain(config: Config) -> Config:
    keys = ("Labels", "ExposedPorts", "User", "WorkingDir", "StopSignal", "Entrypoint", "Cmd", "Healthcheck")
    return {key: config.get(key) or None for key in keys} | {"Env": sorted(config["Env"])}


@given(settings("own"), settings("image-one"), settings("image-two-"))
def test_the_new_settings_are_the_containers_own_over_the_new_images(own: Config, one: Config, two: Config) -> None:
    assert plain(deployed(mixed(own, one), one, two)) == plain(mixed(own, two))


@given(settings("own"), settings("image-one"), settings("image-two-"))
def test_there_and_back_is_the_same(own: Config, one: Config, two: Config) -> None:
    first = mixed(own, one)
    assert plain(deployed(deployed(first, one, two), two, one)) == plain(first)


def test_the_engines_own_additions_are_not_asked_for_again() -> None:
    config = {"Hostname": ID[:12], "MacAddress": "02:42", "Image": "old:1", "Volumes": {"/x": {}}}
    body = creation(inspected(config), {}, "new:1")
    assert body["Image"] == "new:1"
    assert not {"Hostname", "MacAddress", "Volumes"} & set(body)
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"front": {"Aliases": ["web"]}}}


@pytest.mark.parametrize(
    ("mode", "kept"), [("front", True), ("bridge", True), ("host", False), ("container:abc", False)]
)
def test_a_host_name_of_its_own_is_kept_where_the_engine_takes_one(mode: str, kept: bool) -> None:
    body = creation(inspected({"Hostname": "mine"}, NetworkMode=mode), {}, "new:1")
    assert ("Hostname" in body) is kept


def test_anonymous_volumes_are_named_and_named_ones_said_once() -> None:
    attrs = inspected({}, Binds=["data:/data:rw", "/host:/host:ro"], Mounts=[{"Type": "volume", "Target": "/long"}])
    attrs["Mounts"] = [
        {"Type": "volume", "Name": "data", "Destination": "/data", "RW": True},
        {"Type": "volume", "Name": "f" * 64, "Destination": "/image", "RW": True},
        {"Type": "volume", "Name": "e" * 64, "Destination": "/long", "RW": True},
        {"Type": "volume", "Name": "d" * 64, "Destination": "/read", "RW": False},
        {"Type": "bind", "Source": "/host", "Destination": "/host", "RW": False},
    ]
    host = creation(attrs, {}, "new:1")["HostConfig"]
    assert host["Binds"] == ["data:/data:rw", "/host:/host:ro", f"{'f' * 64}:/image:rw", f"{'d' * 64}:/read:ro"]
    assert host["Mounts"] == [{"Type": "volume", "Target": "/long", "Source": "e" * 64}]


def test_a_port_that_is_published_is_exposed_whichever_image_names_it() -> None:
    attrs = inspected({"ExposedPorts": {"80/tcp": {}, "81/tcp": {}}}, PortBindings={"80/tcp": [{"HostPort": "8080"}]})
    assert creation(attrs, {"ExposedPorts": {"80/tcp": {}, "81/tcp": {}}}, "new:1")["ExposedPorts"] == {"80/tcp": {}}


def test_an_entry_point_of_the_image_without_its_command_stays_without() -> None:
    """An empty command together with the image's entry point can only be said by giving both."""
    image = {"Entrypoint": ["run"], "Cmd": ["serve"]}
    body = creation(inspected({"Entrypoint": ["run"], "Cmd": None}), image, "new:1")
    assert (body["Entrypoint"], body["Cmd"]) == (["run"], None)


def test_further_networks_keep_aliases_and_fixed_addresses() -> None:
    attrs = inspected({})
    attrs["NetworkSettings"]["Networks"]["back"] = {
        "Aliases": ["db", ID[:12]],
        "IPAMConfig": {"IPv4Address": "10.9.0.7"},
        "IPAddress": "10.9.0.7",
        "Links": ["other:o"],
        "DriverOpts": {"a": "b"},
    }
    assert further_networks(attrs) == {
        "back": {
            "aliases": ["db"],
            "driver_opt": {"a": "b"},
            "ipv4_address": "10.9.0.7",
            "ipv6_address": None,
            "link_local_ips": None,
            "links": [["other", "o"]],
        }
    }


@pytest.mark.parametrize("mode", ["host", "none", "default", "container:abc"])
def test_without_a_network_of_its_own_none_is_asked_for(mode: str) -> None:
    attrs = inspected({}, NetworkMode=mode)
    attrs["NetworkSettings"]["Networks"] = {} if mode == "container:abc" else {mode.replace("default", "bridge"): {}}
    assert creation(attrs, {}, "new:1")["NetworkingConfig"] == {"EndpointsConfig": {}}
    assert further_networks(attrs) == {}

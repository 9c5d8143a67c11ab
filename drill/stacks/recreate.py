"""What to ask the engine for so that a container comes back with another image and all else alike. Pure.

The engine answers an inspection with the image's own settings and the container's mixed. The old image's are taken
out again, so that the new image's hold. A setting of the container's that equals the old image's cannot be told from
it, and goes too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from drill.ports.containers import Remake
from drill.stacks.containers import Attrs, networks_of

_AS_IS = ("Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce", "StopTimeout")
_OF_THE_IMAGE = ("User", "WorkingDir", "StopSignal", "Shell")
_NO_NETWORK_OF_ITS_OWN = ("host", "container:")
_BUILT_IN = ("bridge", "host", "none")
_ANONYMOUS = re.compile(r"^[0-9a-f]{64}(?=:|$)")
_COMPOSE = "com.docker.compose."
_OF_THE_CALLER = ("ConsoleSize",)


def creation(attrs: Attrs, old_image: Attrs, image: str) -> dict[str, Any]:
    """The body of the create call. ``old_image``: the ``Config`` of the image that the container was made from.

    Volumes are named as they are, anonymous ones too, so that their data stays. One network at most is in it (an
    older engine takes no more): the others are those of ``further_networks``.
    """
    config: Attrs = attrs["Config"]
    own: dict[str, Any] = {key: config[key] for key in _AS_IS if config.get(key) is not None}
    own |= {key: config[key] for key in _OF_THE_IMAGE if config.get(key) and config[key] != old_image.get(key)}
    own |= {"Labels": _less(config.get("Labels"), old_image.get("Labels")), "ExposedPorts": _ports(attrs, old_image)}
    own["Env"] = [item for item in config.get("Env") or [] if item not in (old_image.get("Env") or [])]
    own |= _healthcheck(config, old_image) | _command(config, old_image) | _hostname(attrs)
    first = _first_network(attrs)
    endpoints = {first: _endpoint(attrs, first)} if first else {}
    return {
        **own,
        "Image": image,
        "HostConfig": _host_config(attrs),
        "NetworkingConfig": {"EndpointsConfig": endpoints},
    }


def further_networks(attrs: Attrs) -> dict[str, dict[str, Any]]:
    """The other networks of the container, by name: its end of each, as the SDK's connect takes it."""
    first = _first_network(attrs)
    names = [name for name in sorted(networks_of(attrs)) if name != first and name not in _BUILT_IN]
    return {name: _connection(_endpoint(attrs, name)) for name in names}


def _less(has: Attrs | None, without: Attrs | None) -> dict[str, Any]:
    taken = without or {}
    return {key: value for key, value in (has or {}).items() if key not in taken or taken[key] != value}


def _ports(attrs: Attrs, old_image: Attrs) -> dict[str, Any]:
    """Those that it publishes are its own even where the old image names them: the engine publishes no others."""
    own = _less(attrs["Config"].get("ExposedPorts"), old_image.get("ExposedPorts"))
    return own | {port: {} for port in attrs["HostConfig"].get("PortBindings") or {}}


def _healthcheck(config: Attrs, old_image: Attrs) -> dict[str, Any]:
    """Only the fields that are its own: the engine fills in the rest from the new image."""
    own = _less(config.get("Healthcheck"), old_image.get("Healthcheck"))
    return {"Healthcheck": own} if own else {}


def _command(config: Attrs, old_image: Attrs) -> dict[str, Any]:
    """A container with an entry point of its own takes no command from the image, and so needs both."""
    entrypoint, command = config.get("Entrypoint"), config.get("Cmd")
    if entrypoint == old_image.get("Entrypoint"):
        if command == old_image.get("Cmd"):
            return {}
        if command:
            return {"Cmd": command}
    return {"Entrypoint": entrypoint, "Cmd": command}


def _hostname(attrs: Attrs) -> dict[str, str]:
    """The engine names a host after the container's id, and refuses one where the network is another's."""
    name, mode = attrs["Config"].get("Hostname"), attrs["HostConfig"].get("NetworkMode") or ""
    generated = not name or name == attrs["Id"][:12] or mode.startswith(_NO_NETWORK_OF_ITS_OWN)
    return {} if generated else {"Hostname": name}


def _host_config(attrs: Attrs) -> dict[str, Any]:
    host = dict(attrs["HostConfig"])
    mounts = [dict(mount) for mount in host.get("Mounts") or []]
    names = {mount["Destination"]: mount["Name"] for mount in attrs["Mounts"] if mount.get("Type") == "volume"}
    for mount in mounts:
        if mount.get("Type") == "volume" and not mount.get("Source"):
            mount["Source"] = names[mount["Target"]]
    binds = list(host.get("Binds") or [])
    said = {bind.split(":")[1] for bind in binds if ":" in bind} | {mount.get("Target") for mount in mounts}
    binds += [f"{name}:{place}{_mode(attrs, place)}" for place, name in sorted(names.items()) if place not in said]
    return {**host, "Binds": binds, "Mounts": mounts}


def _mode(attrs: Attrs, place: str) -> str:
    writable = next(mount.get("RW", True) for mount in attrs["Mounts"] if mount["Destination"] == place)
    return ":rw" if writable else ":ro"


def _first_network(attrs: Attrs) -> str | None:
    """The network that it is created in: the engine attaches it to that of its mode in any case."""
    mode = attrs["HostConfig"].get("NetworkMode") or ""
    return mode if mode in networks_of(attrs) and mode not in _BUILT_IN else None


def _endpoint(attrs: Attrs, network: str) -> dict[str, Any]:
    """Its end of a network, without what the engine gave it: addresses and the alias made of its old id."""
    old: Mapping[str, Any] = networks_of(attrs)[network]
    aliases = [alias for alias in old.get("Aliases") or [] if alias != attrs["Id"][:12]]
    kept = {key: old[key] for key in ("IPAMConfig", "Links", "DriverOpts") if old.get(key)}
    return {**kept, "Aliases": aliases}


def _connection(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    addresses = endpoint.get("IPAMConfig") or {}
    return {
        "aliases": endpoint["Aliases"],
        "driver_opt": endpoint.get("DriverOpts"),
        "ipv4_address": addresses.get("IPv4Address"),
        "ipv6_address": addresses.get("IPv6Address"),
        "link_local_ips": addresses.get("LinkLocalIPs"),
        "links": [link.split(":", 1) for link in endpoint.get("Links") or []] or None,
    }


def changed(body: Mapping[str, Any], change: Remake) -> dict[str, Any]:
    """The body of the create call with a change. A variable without a value takes the image's own away too."""
    new, host = dict(body), dict(body["HostConfig"])
    kept = [item for item in body["Env"] if item.split("=", 1)[0] not in change.env]
    new["Env"] = kept + [name if value is None else f"{name}={value}" for name, value in change.env.items()]
    if change.command is not None:
        new |= {"Entrypoint": list(change.command), "Cmd": None}
    if change.restart is not None:
        host["RestartPolicy"] = {"Name": change.restart, "MaximumRetryCount": 0}
    if change.read_only is not None:
        host["ReadonlyRootfs"] = change.read_only
    if change.read_only:
        host["Binds"] = [_read_only(bind) for bind in host["Binds"]]
        host["Mounts"] = [
            mount if mount.get("Type") == "tmpfs" else {**mount, "ReadOnly": True} for mount in host["Mounts"]
        ]
    return new | {"HostConfig": host}


def _read_only(bind: str) -> str:
    source, place, *mode = bind.split(":")
    kept = [word for word in ",".join(mode).split(",") if word not in ("", "rw", "ro")]
    return ":".join((source, place, ",".join(("ro", *kept))))


def essence(body: Mapping[str, Any], networks: Mapping[str, Any], image_id: str) -> str:
    """What two containers of a service have in common when one can stand for the other, as text to compare.

    Left out: Compose's own labels, names of anonymous volumes, the order of lists that have none, and what is empty.
    """
    labels = {name: value for name, value in body["Labels"].items() if not name.startswith(_COMPOSE)}
    host = {name: value for name, value in body["HostConfig"].items() if value and name not in _OF_THE_CALLER}
    host["Binds"] = sorted(_ANONYMOUS.sub("", bind) for bind in host.get("Binds") or [])
    host["Mounts"] = [
        {**one, "Source": _ANONYMOUS.sub("", one.get("Source") or "")} for one in host.get("Mounts") or []
    ]
    ends = {**body["NetworkingConfig"]["EndpointsConfig"], **networks}
    whole = {**body, "Image": image_id, "Labels": labels, "HostConfig": host, "NetworkingConfig": None}
    whole |= {"Env": sorted(body["Env"]), "Networks": {name: _end(one) for name, one in ends.items()}}
    return json.dumps({name: value for name, value in whole.items() if value}, sort_keys=True)


def _end(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    return {name: sorted(value) if name.lower() == "aliases" else value for name, value in endpoint.items() if value}

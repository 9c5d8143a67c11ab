"""A file inside containers, read and rewritten; and which file systems may be filled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from compose_rig import BASE, WEB, Rig, docker, images, rig
from observers import DOCKER, boot_ns

from drill.errors import InvalidInput, StackError
from drill.model.config import ServiceSpec
from drill.ports.containers import Containers

pytestmark = pytest.mark.engine
COMPOSE = f"""
version: "2.4"
services:
  web:
    image: {BASE}
    scale: 2
    user: "1000"
    command: ["sh", "-c", "mkdir -p /tmp/w; echo first >/tmp/w/file; chmod 640 /tmp/w/file; sleep 300"]
    init: true
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
    tmpfs: ["/small:size=1m,mode=1777", "/endless"]
    volumes: ["data:/data", "fixed:/fixed", "./mounted:/etc/mounted", "/dev/shm:/host"]
  one:
    image: {BASE}
    command: ["sleep", "300"]
    init: true
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
    volumes: ["own:/fixed"]
volumes:
  data: {{}}
  own: {{ driver_opts: {{ type: tmpfs, device: tmpfs, o: "size=2m" }} }}
  fixed: {{ driver_opts: {{ type: tmpfs, device: tmpfs, o: "size=2m" }} }}
"""
PLACE = "/tmp/w/file"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "mounted").write_text("host\n")
    with images(), rig(folder, COMPOSE, (WEB,)) as made:
        yield made


@pytest.fixture
def target(project: Rig) -> Iterator[Rig]:
    project.stack.start("web")
    for one in project.ids("web"):
        docker("exec", "-u", "0", one, "sh", "-c", f"echo first >{PLACE}; chown 1000 {PLACE}; chmod 640 {PLACE}")
    yield project
    project.stack.start("web")


def of(rigged: Rig) -> Containers:
    return rigged.stack.containers()


def looks(rigged: Rig, path: str = PLACE) -> list[str]:
    """Content, inode, owner and mode in each replica, by the plain command line."""
    return [docker("exec", one, "sh", "-c", f"cat {path}; stat -c '%i %u %a' {path}") for one in rigged.ids("web")]


def test_a_file_is_rewritten_in_place_in_every_replica(target: Rig) -> None:
    before, began = looks(target), boot_ns()
    assert of(target).read_file("web", PLACE) == b"first\n"
    moment = of(target).write_file("web", PLACE, b"second\n")
    assert began <= moment.at_ns - moment.uncertainty_ns <= moment.at_ns + moment.uncertainty_ns <= boot_ns()
    assert looks(target) == [text.replace("first", "second") for text in before]


@pytest.mark.parametrize("content", [b"", b"\0\x01\xff\n\n", b"x" * 1_048_576], ids=["empty", "binary", "1 MiB"])
def test_any_content_is_kept_to_the_byte(target: Rig, content: bytes) -> None:
    of(target).write_file("web", PLACE, content)
    assert of(target).read_file("web", PLACE) == content


def test_a_file_can_be_removed_and_made(target: Rig) -> None:
    of(target).write_file("web", PLACE, None)
    assert of(target).read_file("web", PLACE) is None
    of(target).write_file("web", PLACE, None)
    of(target).write_file("web", PLACE, b"new\n")
    assert [text.splitlines()[0] for text in looks(target)] == ["new", "new"]


def test_a_mounted_file_keeps_its_inode_on_the_host(target: Rig) -> None:
    host = target.file.parent / "mounted"
    inode = host.stat().st_ino
    of(target).write_file("web", "/etc/mounted", b"changed\n")
    assert (host.read_bytes(), host.stat().st_ino) == (b"changed\n", inode)
    of(target).write_file("web", "/etc/hosts", of(target).read_file("web", "/etc/hosts") or b"")


def test_a_file_in_memory_and_one_behind_a_link_are_reached(target: Rig) -> None:
    of(target).write_file("web", "/small/file", b"tiny")
    docker("exec", "-u", "0", target.stack.services()["web"].replicas[0], "ln", "-sf", "/small/file", "/tmp/link")
    assert of(target).read_file("web", "/tmp/link") == b"tiny"


def test_in_a_stopped_container_owner_and_mode_are_kept(target: Rig) -> None:
    before = [text.splitlines()[1].split()[1:] for text in looks(target)]
    for one in target.ids("web"):
        docker("kill", one)
    assert of(target).read_file("web", PLACE) == b"first\n"
    of(target).write_file("web", PLACE, b"second\n")
    assert of(target).read_file("web", PLACE) == b"second\n"
    assert of(target).read_file("web", "/no/such") is None
    with pytest.raises(StackError, match="does not run"):
        of(target).write_file("web", PLACE, None)
    first = target.ids("web")[0]
    done = subprocess.run([DOCKER, "cp", f"{first}:{PLACE}", "-"], capture_output=True, check=True, timeout=20)
    listed = subprocess.run(["tar", "tvf", "-"], input=done.stdout, capture_output=True, check=True, timeout=20)
    assert b"-rw-r-----" in listed.stdout
    assert before[0] == ["1000", "640"]
    assert b"1000" in listed.stdout


@pytest.mark.parametrize(
    ("path", "said"),
    [("/tmp/w", "no regular file"), ("/no/such/folder/file", "cannot be written"), ("relative", "abs")],
)
def test_what_cannot_be_written_is_an_error_of_one_line(target: Rig, path: str, said: str) -> None:
    with pytest.raises((StackError, InvalidInput), match=said) as caught:
        of(target).write_file("web", path, b"x")
    assert "\n" not in str(caught.value)


def test_a_large_file_is_refused(target: Rig) -> None:
    docker("exec", target.stack.services()["web"].replicas[0], "sh", "-c", f"head -c 1100000 /dev/zero >{PLACE}")
    with pytest.raises(StackError, match="more than"):
        of(target).read_file("web", PLACE)
    with pytest.raises(InvalidInput, match="more than"):
        of(target).write_file("web", PLACE, b"x" * 1_100_000)


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/small", 1048576),
        ("/fixed", 0),  # both replicas use it
        ("/", 0),
        ("/tmp", 0),
        ("/data", 0),
        ("/endless", 0),
        ("/host", 0),
        ("/proc", 0),
        ("/etc/mounted", 0),
        ("/no/such", 0),
        ("/small/../tmp", 0),
    ],
)
def test_only_memory_of_a_fixed_size_may_be_filled(target: Rig, path: str, size: int) -> None:
    assert of(target).fixed_size("web", path) == size


def test_a_volume_of_a_fixed_size_that_one_container_alone_uses_may_be_filled(target: Rig) -> None:
    stack = target.open(ServiceSpec(name="one"))
    assert stack.containers().fixed_size("one", "/fixed") == 2097152
    stack.close()

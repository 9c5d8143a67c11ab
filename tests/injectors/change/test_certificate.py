"""change.certificate on a real nginx, seen by an openssl of its own and by the plain Docker command line."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest
from compose_rig import BASE, Rig, docker, images, inspect, rig
from observers import Watch, boot_ns, until
from remade_contract import compose, lease_for

from drill.errors import ActionFailed, DrillError, InvalidInput, Refused, StackError
from drill.model.codec import decode, encode
from drill.model.config import ServiceSpec
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Stack
from injectors.change import certificate
from injectors.change.certificate import Certificate

pytestmark = pytest.mark.engine

WEB = ServiceSpec(name="web", ports={"https": 8443, "http": 8080, "shut": 8081})
PATH, KEY = "/tmp/tls/certificate.pem", "/tmp/tls/key.pem"
PARAMS: Mapping[str, ParamValue] = {"path": PATH, "key": KEY}
REQUEST = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=web"
# A certificate is made once and kept over restarts; with a second one behind it, as a chain has.
START = f"""
make() {{
    {REQUEST} -keyout other.pem -out chain.pem
    {REQUEST} -keyout key.pem -out certificate.pem
    cat chain.pem >>certificate.pem
    cat key.pem certificate.pem >both.pem
    cat >nginx.conf <<END
daemon off;
pid /tmp/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    ssl_certificate {PATH}; ssl_certificate_key {KEY};
    server {{ listen 8443 ssl; listen 8080; return 200; }}
}}
END
}}
mkdir -p /tmp/tls && cd /tmp/tls
[ -e nginx.conf ] || make
exec nginx -c /tmp/tls/nginx.conf
"""
COMPOSE = {
    "version": "2.4",
    "services": {
        "web": {
            "image": BASE,
            "init": True,
            "stop_grace_period": "1s",
            "labels": {"drill.staging": "true"},
            "command": ["sh", "-c", START.replace("$", "$$")],
            "ports": ["127.0.0.1::8443", "127.0.0.1::8080", "127.0.0.1::8081"],
        }
    },
}


def port_of(container: str) -> int:
    return int(docker("port", container, "8443/tcp").rpartition(":")[2])


def served(container: str) -> str:
    """The certificate that it presents; empty while it presents none."""
    try:
        return ssl.get_server_certificate(("127.0.0.1", port_of(container)), timeout=2)
    except (OSError, subprocess.CalledProcessError):
        return ""


def openssl(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, text=True, timeout=20, check=False)


def expired(container: str) -> bool:
    """What the command line says of a real handshake; fails where there is none."""
    said = openssl("s_client", "-connect", f"127.0.0.1:{port_of(container)}").stdout
    assert "BEGIN CERTIFICATE" in said, said
    return openssl("x509", "-noout", "-checkend", "0", stdin=said).returncode == 1


def good(container: str) -> bool:
    pem = served(container)
    return bool(pem) and openssl("x509", "-noout", "-checkend", "0", stdin=pem).returncode == 0


def files(container: str) -> str:
    """Names, owners, modes, contents."""
    script = "cd /tmp/tls && stat -c '%n %u %a %i' * && sha256sum *"
    return docker("exec", "-u", "0", container, "sh", "-c", script)


def inside(container: str, script: str) -> str:
    return docker("exec", "-u", "0", container, "sh", "-c", script)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with images(), rig(tmp_path_factory.mktemp("tls"), json.dumps(COMPOSE), (WEB,)) as made:
        yield made


@pytest.fixture
def target(one: Rig) -> Rig:
    """One nginx with a certificate that is valid: a new one where the test before left something else."""
    ids = one.ids()
    if len(ids) != 1 or not good(ids[0]):
        compose(one, "up", "-d", "--force-recreate", "--scale", "web=1")
        assert until(lambda: good(one.ids()[0]))
    return one


def planned(rigged: Rig, **params: ParamValue) -> Lease:
    return lease_for(Certificate(), rigged.stack, {**PARAMS, **params})


def gone(rigged: Rig, lease: Lease) -> bool:
    return Certificate().undone(lease, rigged.stack) and not Certificate().active(lease, rigged.stack)


def public_key(pem: str) -> str:
    return openssl("x509", "-noout", "-pubkey", stdin=pem).stdout


def test_plan_touches_nothing_and_the_lease_survives_json(target: Rig) -> None:
    (web,) = target.ids()
    before = (inspect(web)["State"], files(web), sorted(docker("diff", web).split("\n")))
    lease = planned(target)
    assert (inspect(web)["State"], files(web), sorted(docker("diff", web).split("\n"))) == before
    assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease
    assert any("`" in step for step in lease.manual)


def test_the_certificate_is_sealed_and_the_key_is_nowhere(target: Rig) -> None:
    lease = planned(target)
    whole = str(encode(lease))
    journalled = str({name: value for name, value in encode(lease).items() if name != "sealed"})
    assert "BEGIN CERTIFICATE" in whole
    assert "BEGIN CERTIFICATE" not in journalled
    key = inside(target.ids()[0], f"cat {KEY}")
    assert "PRIVATE KEY" in key
    assert key.splitlines()[1] not in whole


def test_apply_is_active_and_undo_ends_it_as_seen_from_outside(target: Rig) -> None:
    (web,) = target.ids()
    before, was, chain = files(web), served(web), inside(web, f"grep -c BEGIN {PATH}")
    lease = planned(target)
    assert gone(target, lease)
    Certificate().apply(lease, target.stack)
    assert expired(web)
    assert Certificate().active(lease, target.stack)
    assert not Certificate().undone(lease, target.stack)
    assert public_key(served(web)) == public_key(was)
    assert inside(web, f"grep -c BEGIN {PATH}") == chain, "the rest of the chain stays"
    Certificate().undo(lease, target.stack)
    assert served(web) == was
    assert not expired(web)
    assert files(web) == before
    assert gone(target, lease)


def test_the_onset_is_true_within_its_uncertainty(target: Rig) -> None:
    (web,) = target.ids()
    lease, was, port = planned(target), served(web), ("127.0.0.1", port_of(web))
    began = boot_ns()
    with Watch(lambda: ssl.get_server_certificate(port, timeout=2) != was) as watch:
        onset = Certificate().apply(lease, target.stack)
    earliest, latest = watch.span()
    assert began <= onset.at_ns - onset.uncertainty_ns <= latest
    assert earliest <= onset.at_ns + onset.uncertainty_ns <= boot_ns()
    assert onset.uncertainty_ns < 2e9


def test_undo_twice_and_undo_without_apply_change_nothing(target: Rig) -> None:
    (web,) = target.ids()
    lease, before, workers = planned(target), files(web), docker("top", web)
    Certificate().undo(lease, target.stack)
    assert (files(web), docker("top", web)) == (before, workers)
    Certificate().apply(lease, target.stack)
    Certificate().undo(lease, target.stack)
    workers = docker("top", web)
    Certificate().undo(lease, target.stack)
    assert (files(web), docker("top", web)) == (before, workers)


def test_a_restart_does_not_heal_it_and_undo_does(target: Rig) -> None:
    (web,) = target.ids()
    lease, before = planned(target), files(web)
    Certificate().apply(lease, target.stack)
    docker("restart", "-t", "1", web)
    assert until(lambda: bool(served(web)))
    assert expired(web)
    assert Certificate().active(lease, target.stack)
    Certificate().undo(lease, target.stack)
    assert not expired(web)
    assert files(web) == before


def test_undo_leaves_what_a_responder_made_again(target: Rig) -> None:
    lease = planned(target)
    Certificate().apply(lease, target.stack)
    compose(target, "up", "-d", "--force-recreate")
    (web,) = target.ids()
    assert until(lambda: good(web))
    before, was = files(web), served(web)
    assert gone(target, lease)
    Certificate().undo(lease, target.stack)
    assert target.ids() == [web]
    assert (files(web), served(web)) == (before, was)


@pytest.mark.parametrize("reload", ["kill -s HUP 1", "true"], ids=["reloaded", "not reloaded yet"])
def test_what_a_responder_put_in_survives_undo(target: Rig, reload: str) -> None:
    (web,) = target.ids()
    lease = planned(target)
    Certificate().apply(lease, target.stack)
    inside(web, f"cd /tmp/tls && {REQUEST} -keyout new-key -out new && cat new-key >{KEY} && cat new >{PATH}; {reload}")
    renewed = inside(web, f"rm -f /tmp/tls/new*; cat {PATH}")
    before = files(web)
    Certificate().undo(lease, target.stack)
    assert files(web) == before
    assert until(lambda: served(web).strip() == renewed)
    assert gone(target, lease)


def test_a_target_that_was_stopped_is_mended_and_stays_down(target: Rig) -> None:
    (web,) = target.ids()
    lease = planned(target)
    Certificate().apply(lease, target.stack)
    docker("stop", "-t", "1", web)
    assert not Certificate().active(lease, target.stack)
    assert not Certificate().undone(lease, target.stack)
    Certificate().undo(lease, target.stack)
    assert Certificate().undone(lease, target.stack)
    assert not inspect(web)["State"]["Running"]
    docker("start", web)
    assert until(lambda: good(web))


def test_a_target_that_was_removed_is_made_again(target: Rig) -> None:
    lease = planned(target)
    Certificate().apply(lease, target.stack)
    docker("rm", "-f", *target.ids())
    assert not Certificate().active(lease, target.stack)
    assert not Certificate().undone(lease, target.stack)
    Certificate().undo(lease, target.stack)
    assert until(lambda: good(target.ids()[0]))
    assert gone(target, lease)


def test_a_paused_target_is_unknown(target: Rig) -> None:
    (web,) = target.ids()
    lease = planned(target)
    docker("pause", web)
    try:
        with pytest.raises(StackError, match="no TLS handshake"):
            Certificate().active(lease, target.stack)
    finally:
        docker("unpause", web)


KILLED = """
import json, os, signal, sys
from pathlib import Path
from drill.model import config as model
from drill.model.codec import decode
from drill.model.lease import Lease
from drill.stacks.compose import ComposeStack
from drill.stacks.operations import ContainerOperations
from injectors.change.certificate import Certificate

file, project, act, before = sys.argv[1:]
web = model.ServiceSpec(name="web", ports={"https": 8443})
compose = model.ComposeStack(file=file, project=project)
config = model.Config(project="test", stack=model.StackConfig(services=(web,), compose=compose), probes=())
stack = ComposeStack(config, Path(file).parent, Path(file).parent)
setattr(ContainerOperations, before, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
getattr(Certificate(), act)(decode(Lease, json.load(sys.stdin)), stack)
"""


def killed(rigged: Rig, lease: Lease, act: str, before: str) -> None:
    """Do it in a process of its own, which kills itself before that call on the containers."""
    words = [sys.executable, "-c", KILLED, str(rigged.file), rigged.project, act, before]
    said = subprocess.run(
        words, input=json.dumps(encode(lease)), capture_output=True, text=True, timeout=60, check=False
    )
    assert said.returncode == -signal.SIGKILL, said.stderr


@pytest.mark.parametrize("before", ["write_file", "act_inside"])
def test_undo_mends_what_a_harness_that_was_killed_in_apply_left(target: Rig, before: str) -> None:
    (web,) = target.ids()
    lease, was, content = planned(target), served(web), files(web)
    killed(target, lease, "apply", before)
    assert (files(web) == content) == (before == "write_file")
    assert not expired(web)
    assert Certificate().undone(lease, target.stack) == (before == "write_file")
    Certificate().undo(lease, target.stack)
    docker("exec", "-u", "0", web, "sh", "-c", "kill -s HUP 1")
    assert (files(web), served(web)) == (content, was)
    assert gone(target, lease)


def test_undo_goes_on_where_a_harness_was_killed_in_undo(target: Rig) -> None:
    (web,) = target.ids()
    lease, was, content = planned(target), served(web), files(web)
    Certificate().apply(lease, target.stack)
    killed(target, lease, "undo", "act_inside")
    assert files(web) == content
    assert expired(web), "written back, and not taken yet"
    assert not Certificate().undone(lease, target.stack)
    Certificate().undo(lease, target.stack)
    assert served(web) == was
    assert gone(target, lease)


@pytest.mark.parametrize("kept", [0, 100], ids=["empty", "half"])
def test_a_file_that_was_cut_short_on_its_way_is_the_faults(target: Rig, kept: int) -> None:
    (web,) = target.ids()
    lease, content = planned(target), files(web)
    Certificate().apply(lease, target.stack)
    inside(web, f"head -c {kept} {PATH} >/tmp/cut; cat /tmp/cut >{PATH}")
    assert not Certificate().undone(lease, target.stack)
    Certificate().undo(lease, target.stack)
    assert files(web) == content
    assert good(web)
    assert gone(target, lease)


def test_an_apply_or_undo_that_does_nothing_is_seen(target: Rig) -> None:
    class Idle(Certificate):
        def apply(self, lease: Lease, stack: Stack) -> Moment:
            return Moment(at_ns=0, uncertainty_ns=0, source="call")

        def undo(self, lease: Lease, stack: Stack) -> None:
            """Nothing."""

    lease = planned(target)
    Idle().apply(lease, target.stack)
    assert not Idle().active(lease, target.stack)
    Certificate().apply(lease, target.stack)
    Idle().undo(lease, target.stack)
    assert not Idle().undone(lease, target.stack)
    Certificate().undo(lease, target.stack)


def test_a_server_that_does_not_take_the_file_is_told_and_undo_mends_the_file(
    target: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate, "_TAKEN_S", 0.5)
    (web,) = target.ids()
    lease, content = planned(target, reload="USR1"), files(web)
    with pytest.raises(ActionFailed, match="did not take"):
        Certificate().apply(lease, target.stack)
    assert not Certificate().active(lease, target.stack)
    assert not Certificate().undone(lease, target.stack)
    Certificate().undo(lease, target.stack)
    assert files(web) == content
    assert gone(target, lease)


def test_the_manual_steps_work(target: Rig) -> None:
    lease = planned(target)
    Certificate().apply(lease, target.stack)
    for command in [step.split("`")[1] for step in lease.manual]:
        subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=60)
    assert until(lambda: gone(target, lease))
    assert good(target.ids()[0])


def test_each_replica_has_its_own_certificate_back(target: Rig) -> None:
    compose(target, "up", "-d", "--no-recreate", "--scale", "web=2")
    assert until(lambda: all(good(one) for one in target.ids()))
    was = {one: files(one) for one in target.ids()}
    assert len({served(one) for one in target.ids()}) == 2
    lease = planned(target)
    Certificate().apply(lease, target.stack)
    assert all(expired(one) for one in target.ids())
    Certificate().undo(lease, target.stack)
    assert all(good(one) for one in target.ids())
    assert {one: files(one) for one in target.ids()} == was
    assert gone(target, lease)


@pytest.mark.parametrize(
    ("params", "kind", "said"),
    [
        ({"path": None}, InvalidInput, "no absolute path"),
        ({"path": "tls/x"}, InvalidInput, "no absolute path"),
        ({"key": None}, InvalidInput, "no absolute path"),
        ({"path": "/nothing.pem"}, InvalidInput, "is not there"),
        ({"path": "/tmp"}, StackError, "no regular file"),
        ({"path": "/etc/hostname"}, InvalidInput, "is no certificate"),
        ({"path": "/tmp/tls/both.pem"}, Refused, "private key"),
        ({"path": "/tmp/tls/chain.pem"}, InvalidInput, "not what its port https serves"),
        ({"key": "/tmp/tls/other.pem"}, InvalidInput, "is not the key of"),
        ({"key": "/tmp/tls/chain.pem"}, InvalidInput, "is no key"),
        ({"reload": "KILL"}, InvalidInput, "no such signal"),
        ({"port": "wrong"}, InvalidInput, "no port named 'wrong'"),
        ({"port": "http"}, StackError, "no TLS handshake"),
        ({"port": "shut"}, StackError, "no TLS handshake"),
        ({"wrnog": 1}, InvalidInput, "'wrnog'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    target: Rig, params: dict[str, ParamValue | None], kind: type[DrillError], said: str
) -> None:
    wanted = {name: value for name, value in {**PARAMS, **params}.items() if value is not None}
    with pytest.raises(kind, match=said) as caught:
        lease_for(Certificate(), target.stack, wanted)
    assert "\n" not in str(caught.value)


def test_a_certificate_that_has_expired_already_is_refused(target: Rig) -> None:
    Certificate().apply(planned(target), target.stack)
    with pytest.raises(InvalidInput, match="certificate has expired"):
        planned(target)


def test_an_image_without_openssl_is_refused(target: Rig) -> None:
    (web,) = target.ids()
    inside(web, "mv /usr/bin/openssl /usr/bin/openssl.away")
    try:
        with pytest.raises(InvalidInput, match="has no openssl"):
            planned(target)
    finally:
        inside(web, "mv /usr/bin/openssl.away /usr/bin/openssl")


def test_a_target_that_is_absent_or_down_is_refused(target: Rig) -> None:
    with pytest.raises(InvalidInput, match="no service 'nobody'"):
        lease_for(Certificate(), target.stack, PARAMS, "nobody")
    target.stack.stop("web", 0)
    with pytest.raises(InvalidInput, match="not running"):
        planned(target)

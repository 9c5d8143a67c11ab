"""The reference gateway's TLS listener, on the stack's own image and on one that has no openssl."""

from __future__ import annotations

import http.client
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine

GATEWAY = Path(__file__).parents[2] / "staging" / "gateway"
IMAGE = "drill-staging-base:local"
NO_OPENSSL = "rm /usr/bin/openssl; exec sh /etc/drill/start.sh"
YEAR_S = 365 * 24 * 3600

Until = Callable[[Callable[[], bool], str], None]


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=60)
    return (done.stdout + done.stderr).strip()


class Gateway:
    """One container of it, its configuration mounted as the stack mounts it."""

    def __init__(self, *options: str, command: tuple[str, ...]) -> None:
        mount, self.name = f"{GATEWAY}:/etc/drill:ro", f"drill-test-gateway-{secrets.token_hex(4)}"
        ports = ("-p", "127.0.0.1::8443", "-p", "127.0.0.1::8080")
        words = ("run", "-d", "--init", "--name", self.name, "-v", mount, *ports, "--entrypoint", "sh", *options)
        docker(*words, IMAGE, *command)

    def port(self, inside: int) -> int:
        return int(docker("port", self.name, f"{inside}/tcp").rpartition(":")[2])

    def answers(self) -> bool:
        """Over plain HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(8080), timeout=1)
        try:
            connection.request("GET", "/gateway/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def certificate(self) -> str:
        return ssl.get_server_certificate(("127.0.0.1", self.port(8443)), timeout=5)


@pytest.fixture
def launched(until: Until) -> Iterator[Callable[..., Gateway]]:
    """Make one that answers; it ends with the test."""
    made: list[Gateway] = []

    def launch(*options: str, command: tuple[str, ...] = ("/etc/drill/start.sh",)) -> Gateway:
        made.append(Gateway(*options, command=command))
        until(made[-1].answers, "the gateway to answer")
        return made[-1]

    yield launch
    for one in made:
        docker("rm", "-f", one.name)


def test_a_client_that_trusts_its_certificate_reaches_it_by_name_for_a_year(
    launched: Callable[..., Gateway],
) -> None:
    gateway = launched()
    context = ssl.create_default_context(cadata=gateway.certificate())
    address = ("127.0.0.1", gateway.port(8443))
    with socket.create_connection(address, 5) as plain, context.wrap_socket(plain, server_hostname="localhost") as tls:
        shown = tls.getpeercert()
        assert shown
        left_s = ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()
        tls.sendall(b"GET /gateway/health HTTP/1.0\r\n\r\n")
        assert b" 200 " in tls.makefile("rb").readline()
    assert YEAR_S - 3600 < left_s <= YEAR_S


def test_its_key_is_its_own_and_each_start_makes_another(launched: Callable[..., Gateway], until: Until) -> None:
    gateway = launched()
    assert docker("exec", gateway.name, "stat", "-c", "%U %a", "/tmp/tls/key.pem") == "app 600"
    before = gateway.certificate()
    docker("restart", "-t", "2", gateway.name)
    until(gateway.answers, "the gateway to answer again")
    assert gateway.certificate() != before


def test_without_openssl_it_serves_plain_http_alone_and_says_so(launched: Callable[..., Gateway]) -> None:
    gateway = launched("-u", "0", command=("-c", NO_OPENSSL))
    assert "gateway: no TLS on port 8443" in docker("logs", gateway.name)
    with pytest.raises((ConnectionError, ssl.SSLError)):
        gateway.certificate()

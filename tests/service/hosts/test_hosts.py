"""The roles on real sockets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.passport14 import authorization
from msnpauth.service import Service, run
from msnpauth.service.hosts import web as web_host
from msnpauth.service.roles.notification import NotificationRole


@pytest.fixture
def own() -> Iterator[Service]:
    with run({"alice@example.com": "secret"}) as service:
        yield service


def web(service: Service) -> socket.socket:
    url = service.servers.nexus
    assert url is not None
    sock = socket.create_connection((url.host, url.address.port), 20)
    return service.ssl_context.wrap_socket(sock, server_hostname=url.host)


def msnp(service: Service) -> socket.socket:
    host, _, port = service.notification.rpartition(":")
    return socket.create_connection((host, int(port)), 20)


def rest(sock: socket.socket) -> bytes:
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except (ConnectionError, ssl.SSLError):
        pass
    return data


def converse(service: Service, *parts: bytes) -> bytes:
    with web(service) as sock:
        for part in parts:
            sock.sendall(part)
        socket.socket.shutdown(sock, socket.SHUT_WR)
        return rest(sock)


NEXUS = b"GET /rdr/pprdr.asp HTTP/1.1\r\nHost: x\r\n\r\n"


def test_header_names_are_spelled_as_old_clients_want(service: Service) -> None:
    answer = converse(service, NEXUS)
    lines = answer.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    names = [line.partition(b": ")[0] for line in lines[1:] if line]
    # A server with a clock states it (RFC 9110, 6.6.1), and what a role says comes last.
    assert names == [b"Date", b"Content-Length", b"Content-Type", b"PassportURLs"]
    assert b"Content-Length: 0\r\n" in answer


def test_two_requests_on_one_connection(service: Service) -> None:
    assert converse(service, NEXUS + NEXUS).count(b"HTTP/1.1 200 OK") == 2


def test_byte_by_byte(service: Service) -> None:
    parts = [NEXUS[at : at + 1] for at in range(len(NEXUS))]
    assert converse(service, *parts).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("request_", [b"GET /rdr/pprdr.asp\r\n\r\n", b"GET //rdr/pprdr.asp\n\n"])
def test_a_request_without_http_version_and_host(service: Service, request_: bytes) -> None:
    answer = converse(service, request_)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"DALogin=127.0.0.1:" in answer


def test_the_whole_login(service: Service) -> None:
    value = authorization("alice@example.com", Secret("p,a=ss%w o+rd"), "lc=1").reveal()
    head = f"GET /login2.srf HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\n\r\n"
    answer = converse(service, head.encode())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nDate: ")
    assert b"\r\nAuthentication-Info: Passport1.4 da-status=success," in answer
    assert b"from-PP='t=" in answer


def test_a_post_with_a_body(service: Service) -> None:
    answer = converse(
        service, b"POST /login2.srf HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\nDate: ")
    assert b"\r\nWWW-Authenticate: Passport1.4 " in answer


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: y\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70000, b"431"),
    ],
)
def test_what_is_no_request(service: Service, data: bytes, status: bytes) -> None:
    assert converse(service, data)[:12] == b"HTTP/1.1 " + status


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"x" * 70000])
def test_what_is_not_finished(service: Service, data: bytes) -> None:
    assert b"200" not in converse(service, data)[:12]


def test_headers_that_drip_are_not_searched_anew_for_each_byte() -> None:
    """Only the end of what was looked at before can be the beginning of the end."""

    class Watched(bytearray):
        searched = 0

        def find(self, what: bytes, start: int = 0) -> int:  # type: ignore[override]
            Watched.searched += min(len(self), 4096) - start
            return super().find(what, start)

    heard = Watched(b"GET / HTTP/1.1\r\n")
    assert not web_host._is_enough(heard, 0)
    for _ in range(1000):
        Watched.searched = 0
        looked = len(heard)
        heard += b"x"
        assert not web_host._is_enough(heard, looked)
        assert Watched.searched - len(heard) < 100, "the first line is found by memchr"
    for byte in b"\r\n\r":
        looked = len(heard)
        heard.append(byte)
        assert not web_host._is_enough(heard, looked)
    assert web_host._is_enough(heard + b"\n", len(heard))


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\nA: b\n\n"])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
def test_the_end_of_the_headers_is_found_wherever_it_is_cut(head: bytes, step: int) -> None:
    heard, looked = bytearray(), 0
    while not web_host._is_enough(heard, looked):
        looked = len(heard)
        heard += head[looked : looked + step]
    assert bytes(heard) == head


def test_a_body_that_is_too_long(service: Service) -> None:
    """It is answered, and not read to its end."""
    head = b"POST /login2.srf HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    with web(service) as sock:
        sock.sendall(head % 100_000 + b"x" * 100_000)
        assert rest(sock).startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    with web(service) as sock:
        sock.sendall(head % 9_999_999)
        with pytest.raises(OSError):  # noqa: PT011 - each system has an error of its own
            for _ in range(1000):
                sock.sendall(b"x" * 65536)


def test_idle_connections_are_closed(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_host, "_IDLE_SECONDS", 0.05)
    monkeypatch.setattr(NotificationRole, "sign_in_seconds", 0.05)
    with web(own) as sock:
        assert rest(sock) == b""
    with web(own) as sock:
        sock.sendall(NEXUS)
        assert rest(sock).startswith(b"HTTP/1.1 200")
    with msnp(own) as sock:
        sock.sendall(b"VER 1 MS")
        assert rest(sock) == b""


def test_a_client_that_does_not_speak_tls(service: Service) -> None:
    url = service.servers.nexus
    assert url is not None
    with socket.create_connection((url.host, url.address.port), 20) as sock:
        sock.sendall(NEXUS)
        assert b"200" not in rest(sock)


def test_msnp_lines_byte_by_byte(service: Service) -> None:
    with msnp(service) as sock:
        for byte in b"VER 1 MSNP12\r\nUSR 2 TWN I x@y.example\nOUT\r\n":
            sock.sendall(bytes([byte]))
        answer = rest(sock)
    assert answer.startswith(b"VER 1 MSNP12\r\nUSR 2 TWN S lc=1033,")


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1\r\n", b"VER" + b"x" * 70000, b"UUX 1 99999999\r\n", b"UUX 1 -1\r\n", b"QRY 1 id x\r\n", b""]
)  # fmt: skip
def test_msnp_that_is_none(service: Service, data: bytes) -> None:
    with msnp(service) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        assert rest(sock) == b""


@pytest.mark.parametrize(
    "path", ["/RST.srf", "//RST.srf", "/RST2.srf", "//abservice/abservice.asmx"]
)
def test_soap_with_doubled_slashes(service: Service, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nSOAPAction: \r\nContent-Length: 4\r\n\r\n<a/>"
    answer = converse(service, head.encode())
    assert b"\r\nContent-Type: text/xml\r\n" in answer
    assert b"\r\nContent-Length: " in answer
    assert b"Fault" in answer


@pytest.mark.parametrize("method", [b"CONNECT", b"HEAD", b"PUT", b"TRACE", b"X"])
@pytest.mark.parametrize("target", [b"/rdr/pprdr.asp", b"*", b"h:1"])
def test_methods_that_no_client_has(service: Service, method: bytes, target: bytes) -> None:
    answer = converse(service, method + b" " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 501 Not Implemented\r\n")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "bad", [b"CVR 2 1 1 1 1 1 1\x0b2 1 a@b\r\n", b"MSG x\r\n", b"nonsense\r\n", b"X" * 20_000]
)
def test_replies_to_good_commands_come_before_the_end(service: Service, bad: bytes) -> None:
    with msnp(service) as sock:
        sock.sendall(b"VER 1 MSNP8 CVR0\r\n" + bad)
        assert rest(sock) == b"VER 1 MSNP8\r\n"


def test_hundreds_of_commands_in_one_packet(service: Service) -> None:
    with msnp(service) as sock:
        sock.sendall(b"VER 1 MSNP8\r\n" + b"CVR 2 1 1 1 1 1 1 1 a@b\r\n" * 1000 + b"OUT\r\n")
        assert rest(sock).count(b"\r\nCVR 2 ") == 1000


def fails(*_: object, **__: object) -> None:
    raise ZeroDivisionError("the client's secret words")


@pytest.mark.parametrize("host", ["msnp", "web"])
def test_a_fault_of_our_own_closes_one_connection(
    own: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    host: str,
) -> None:
    """It is logged by its kind and place, and the service goes on."""
    with monkeypatch.context() as patched:
        if host == "msnp":
            patched.setattr(NotificationRole, "receive", fails)
            with msnp(own) as sock:
                sock.sendall(b"VER 1 MSNP8\r\n")
                assert rest(sock) == b""
        else:
            patched.setattr(web_host, "_web_request", fails)
            assert converse(own, NEXUS) == b""
    (record,) = [record for record in caplog.records if record.name == "msnpauth.service"]
    assert "ZeroDivisionError at test_hosts.py line" in record.getMessage()
    assert "secret" not in caplog.text
    assert converse(own, NEXUS).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\nGET /rdr/pprdr.asp HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /rdr/pprdr.asp HTTP/1.1\r\n\r\n",
        b"GET /rdr/pprdr.asp HTTP/1.1\nAccept: x\n\n",
        b"GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n",
        b"GET https://login.example/rdr/pprdr.asp HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET HTTP://login.example:443/rdr/pprdr.asp?x=/y HTTP/1.0\r\n\r\n",
        b"GET  /rdr/pprdr.asp  HTTP/1.1\r\nhost : x\r\nHost: y\r\n\r\n".replace(
            b"host : x\r\n", b""
        ),
    ],
)
@pytest.mark.parametrize("way", ["whole", "byte by byte"])
def test_requests_of_clients_that_break_rules(service: Service, request_: bytes, way: str) -> None:
    parts = [request_] if way == "whole" else [request_[at : at + 1] for at in range(len(request_))]
    answer = converse(service, *parts)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nPassportURLs: " in answer


def test_a_target_that_is_a_host_alone(service: Service) -> None:
    answer = converse(service, b"POST https://login.example HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_line_end_behind_a_body_begins_no_request(service: Service) -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab\r\n"
    answer = converse(service, post + post + b"\r\n" + NEXUS)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert converse(service, post).count(b"HTTP/1.1") == 1

from __future__ import annotations

import errno
import queue
import socket
import ssl
from typing import Any

import pytest

from msnpauth import CertificateRejected, ConnectionFailed, SignInError
from msnpauth.core.errors import Step
from msnpauth.core.urls import Address
from msnpauth.net.names import look_up, network_error, numeric


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), ConnectionFailed, "connection refused"),
        (socket.gaierror(-2, "x"), ConnectionFailed, "there is no such host name"),
        (OSError(), ConnectionFailed, "connection lost"),
        (
            ConnectionResetError(104, "Reset"),
            ConnectionFailed,
            "closed the connection (connection reset by peer)",
        ),
        (BrokenPipeError(32, "Pipe"), ConnectionFailed, "closed the connection (broken pipe)"),
        (
            ConnectionAbortedError(103, "Gone"),
            ConnectionFailed,
            "closed the connection (software caused connection abort)",
        ),
        (ValueError("the password"), ConnectionFailed, "the connection failed (ValueError)"),
        (ssl.SSLError(1, "x"), ConnectionFailed, "TLS failed: connection lost"),
        (ssl.SSLCertVerificationError(), CertificateRejected, "certificate was rejected"),
        (ssl.SSLEOFError(), ConnectionFailed, "TLS failed: connection lost"),
        (ConnectionFailed("ours"), ConnectionFailed, "ours"),
    ],
)
def test_errors(error: Exception, kind: type[SignInError], text: str) -> None:
    found = network_error(error, Step.LOGIN, "h:1")
    assert type(found) is kind
    assert text in found.text
    if found is not error:
        assert (found.step, found.server) == (Step.LOGIN, "h:1")


def looked_up(host: str) -> Any:
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()
    look_up(Address(host, 5), Step.LOGIN, found.put)
    return found.get(timeout=20)


RESOLVER = "check this machine's network and its resolver (DNS)"


def test_look_up() -> None:
    assert looked_up("127.0.0.1") == [(socket.AF_INET, ("127.0.0.1", 5))]


@pytest.mark.parametrize(
    ("number", "text", "hint"),
    [
        (socket.EAI_NONAME, "there is no such host name", "check the address and the network"),
        (socket.EAI_NODATA, "there is no such host name", "check the address and the network"),
        (
            socket.EAI_AGAIN,
            "the host name could not be looked up just now: the resolver did not answer",
            f"{RESOLVER}, and try again",
        ),
        (socket.EAI_FAIL, "the host name could not be looked up: the resolver failed", RESOLVER),
        (socket.EAI_SYSTEM, "the host name could not be looked up: the resolver failed", RESOLVER),
    ],
)
def test_why_a_name_was_not_found(
    number: int, text: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msnpauth.net.names._is_offline", lambda: False)
    found = network_error(socket.gaierror(number, "secret"), Step.LOGIN, "h:1")
    assert type(found) is ConnectionFailed
    assert str(found) == f"login at h:1: {text}; {hint}"


def test_no_network_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: Any) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", nowhere)
    found = network_error(socket.gaierror(socket.EAI_AGAIN, ""), Step.LOGIN, "h:1")
    assert str(found) == "login at h:1: this machine has no network; connect it first"
    monkeypatch.setattr(socket.socket, "connect", lambda *_: None)
    found = network_error(socket.gaierror(socket.EAI_AGAIN, ""), Step.LOGIN, "h:1")
    assert "resolver" in found.text


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EMFILE, "limit"),
        (errno.ENFILE, "limit"),
        (errno.EAFNOSUPPORT, "no IPv6"),
        (errno.ENETUNREACH, "online"),
        (errno.EACCES, "firewall"),
        (errno.ECONNREFUSED, "nothing listens at that port"),
        (errno.ETIMEDOUT, "firewall"),
    ],
)
def test_what_to_do_about_a_number(number: int, hint: str) -> None:
    found = network_error(OSError(number, "secret"), Step.LOGIN, "h:1")
    assert hint in found.hint
    assert "secret" not in str(found)


def test_foreign_texts_are_not_quoted() -> None:
    """They may hold the header or the address with the password in it."""
    for kind in (
        ValueError,
        RuntimeError,
        OverflowError,
        UnicodeError,
        KeyError,
        OSError,
        Exception,
    ):
        found = network_error(kind("secret"), Step.LOGIN, "h:1")
        assert type(found) is ConnectionFailed
        assert "secret" not in f"{found!s}{found!r}{found.args}{found.__dict__}"
    assert "thread" in network_error(RuntimeError("can't start new thread"), Step.LOGIN, "h").text
    unknown = ssl.SSLError(1, "x")
    unknown.reason = "the secret"
    assert "secret" not in str(network_error(unknown, Step.LOGIN, "h:1"))


def test_numbers_of_windows() -> None:
    error = OSError(10061, "No connection could be made")
    error.winerror = 10061  # type: ignore[attr-defined]
    assert network_error(error, Step.LOGIN, "h").text == "no connection could be made"


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_NONAME, "no"),
        UnicodeError("label too long"),
    ],
)
def test_look_up_of_nobody(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **settings: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    found = looked_up("x.example")
    assert isinstance(found, ConnectionFailed)
    assert "no such host" in found.text


@pytest.mark.parametrize("error", [OverflowError("port"), ValueError("null"), MemoryError()])
def test_whatever_the_resolver_raises(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert isinstance(looked_up("x.example"), ConnectionFailed)


def test_other_families_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "x"),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 5)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert looked_up("x.example") == [(socket.AF_INET, ("127.0.0.1", 5))]


@pytest.mark.parametrize(
    ("host", "family"),
    [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6), ("localhost", None), ("1.2.3", None)],
)
def test_what_is_an_address_already(host: str, family: socket.AddressFamily | None) -> None:
    assert numeric(Address(host, 5)) == ([(family, (host, 5))] if family else [])

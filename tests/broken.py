"""Networks that are broken, one for each finding: what a person meets, on real sockets.

Each function is a context manager. It yields what `Broken` says: where the network is, and what the
braces of the finding's sentences stand for.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conftest import Authority
from msnpauth.net import names, tls
from msnpauth.net.tls import CertificateFault
from wire import PASSPORT, PASSWORD, Peer, Script, Server, http, opening

DAY = timedelta(days=1)


class Broken(NamedTuple):
    """A network that is broken in one way.

    Attributes:
        where: its addresses, as `Servers` takes them.
        at: the step and the server that the error names.
        facts: what the braces of the finding's sentences stand for.
        code: what stands in brackets behind the text.
        options: of `sign_in`.
        service: the network's name, instead of addresses.
        says, hint: the sentences, where they are not the finding's own.
    """

    where: Mapping[str, Any] = MappingProxyType({})
    at: str = ""
    facts: Mapping[str, object] = MappingProxyType({})
    code: int | str | None = None
    options: Mapping[str, Any] = MappingProxyType({})
    service: str | None = None
    passport: str = PASSPORT
    password: str = PASSWORD
    says: str | None = None
    hint: str | None = None
    server_text: str | None = None


Stage = Callable[[pytest.MonkeyPatch, Authority], AbstractContextManager[Broken]]


# --- names and connections -----------------------------------------------------------------------

MD5 = {"dialects": [7]}
NOWHERE = Broken(
    {"notification": "nowhere.example"}, "notification at nowhere.example:1863", options=MD5
)


def _no_names(number: int, *, is_online: bool) -> Stage:
    @contextmanager
    def stage(patch: pytest.MonkeyPatch, _: Authority) -> Iterator[Broken]:
        def fail(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(number, "words of the system")

        patch.setattr(socket, "getaddrinfo", fail)
        patch.setattr(names, "_has_way", lambda _: is_online)
        yield NOWHERE

    return stage


@contextmanager
def refused(patch: pytest.MonkeyPatch, _: Authority) -> Iterator[Broken]:
    with Server(lambda _: None) as gone:
        pass
    yield Broken(
        {"notification": gone.address},
        f"notification at {gone.address}",
        {"port": gone.port},
        options=MD5,
    )


@contextmanager
def dropped(patch: pytest.MonkeyPatch, _: Authority) -> Iterator[Broken]:
    """Be a port that drops everything: its queue of new connections is full."""
    patch.setattr(names, "CONNECT_SECONDS", 0.3)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(sock.getsockname())
        at, facts = f"notification at {address}", {"seconds": "0.3"}
        yield Broken({"notification": address}, at, facts, options=MD5)
        for one in waiting:
            one.close()


def _system_says(number: int, *, facts: bool = True, where: str = "127.0.0.1:9") -> Stage:
    """Return a machine that answers every attempt to connect by an error number."""

    class Failing(socket.socket):
        def connect(self, *_: Any) -> None:
            raise OSError(number, os.strerror(number))

    def new_socket(family: socket.AddressFamily) -> socket.socket:
        if number == errno.EMFILE:
            raise OSError(number, os.strerror(number))
        return Failing(family, socket.SOCK_STREAM)

    @contextmanager
    def stage(patch: pytest.MonkeyPatch, _: Authority) -> Iterator[Broken]:
        patch.setattr("msnpauth.net.sockets.new_socket", new_socket)
        patch.setattr("msnpauth.net.streams.new_socket", new_socket)
        patch.setattr(names, "_has_way", lambda family: family == socket.AF_INET)
        words = os.strerror(number)
        words = words[:1].lower() + words[1:]
        told = {"words": words, "theirs": "IPv6"}
        yield Broken({"notification": where}, f"notification at {where}", told, options=MD5)

    return stage


def _says(
    script: Script, *, text: str | None = None, hint: str | None = None, **facts: object
) -> Stage:
    """Return a notification server with this script."""
    code = facts.pop("code", None)
    options = facts.pop("options", {})
    password = facts.pop("password", PASSWORD)

    @contextmanager
    def stage(_: pytest.MonkeyPatch, __: Authority) -> Iterator[Broken]:
        with Server(script) as server:
            yield Broken(
                {"notification": server.address, "login": "https://127.0.0.1:9"},
                f"notification at {server.address}",
                facts,
                code,  # type: ignore[arg-type]
                {"dialects": [12], **options},  # type: ignore[dict-item]
                password=str(password),
                says=text,
                hint=hint,
            )

    return stage


def _line(*lines: str) -> Script:
    def script(peer: Peer) -> None:
        for line in lines:
            peer.line()
            peer.send(f"{line}\r\n")
        peer.until_closed()

    return script


@contextmanager
def gone(_: pytest.MonkeyPatch, __: Authority) -> Iterator[Broken]:
    note = "Switched off in 2013; Passport 1.4 from April 2006 on, account by account."
    yield Broken(service="microsoft", facts={"name": "microsoft", "note": note})


# --- what is behind HTTPS ------------------------------------------------------------------------


def _login(
    script: Script,
    make_tls: Callable[[Authority], ssl.SSLContext | None] = lambda authority: authority.server_tls,
    *,
    prepare: Callable[[pytest.MonkeyPatch], None] = lambda _: None,
    **about: Any,
) -> Stage:
    """Return a network whose login server has this script and this TLS."""

    @contextmanager
    def stage(patch: pytest.MonkeyPatch, authority: Authority) -> Iterator[Broken]:
        def notification(peer: Peer) -> None:
            opening(peer)
            peer.until_closed()

        facts = {"host": "127.0.0.1", "today": f"{datetime.now(UTC):%Y-%m-%d}"}
        prepare(patch)
        with Server(notification) as first, Server(script, make_tls(authority)) as login:
            yield Broken(
                {"notification": first.address, "login": login.url},
                f"login at {login.url}",
                facts | {"own": login.url} | about.get("facts", {}),
                about.get("code"),
                {"dialects": [12], "ca_file": str(authority.ca_file), **about.get("options", {})},
                password=about.get("password", PASSWORD),
                says=about.get("says"),
                server_text=about.get("server_text"),
            )

    return stage


def _issued(**dates: Any) -> Callable[[Authority], ssl.SSLContext]:
    def make(authority: Authority) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.ca.issue_cert("127.0.0.1", **dates).configure_cert(context)
        return context

    return make


def _self_signed(authority: Authority) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    pem = key.private_bytes(
        form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(form)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with trustme.Blob(pem).tempfile() as path:
        context.load_cert_chain(path)
    return context


def _old(authority: Authority) -> ssl.SSLContext:
    context = authority.tls_for("127.0.0.1")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):  # that it is weak is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _mutual(authority: Authority) -> ssl.SSLContext:
    context = authority.tls_for("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    return context


def _weak(authority: Authority) -> ssl.SSLContext:
    context = authority.tls_for("127.0.0.1")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    return context


def _found(fault: CertificateFault) -> Callable[[pytest.MonkeyPatch], None]:
    """Have OpenSSL find this in a certificate that nobody trusts: such ones cannot be made here."""
    return lambda patch: patch.setattr(CertificateFault, "of", lambda _: fault)


def _stranger(_: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def _plain(_: Authority) -> None:
    return None


def _says_hello(peer: Peer) -> None:
    peer.send("220 welcome\r\n" * 10)
    peer.until_closed()


def _hangs_up(peer: Peer) -> None:
    peer.sock.recv(65536)


def _is_silent(peer: Peer) -> None:
    peer.until_closed()


def _answers(response: bytes | str) -> Script:
    """Return a script that gives every request the same answer."""

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(response)

    return script


def _no_module(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "ssl", None)


def _no_trust(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tls, "_openssl_context", lambda *_: None)

    class Empty:
        def __init__(self, *_: object) -> None: ...

        def wrap_bio(self, *_: object, **__: object) -> Empty:
            return self

        @property
        def context(self) -> Empty:
            return self

        def cert_store_stats(self) -> dict[str, int]:
            return {"x509_ca": 0}

    patch.setattr("truststore.SSLContext", Empty)


def _unready(prepare: Callable[[pytest.MonkeyPatch], None], **facts: object) -> Stage:
    """Return a machine from which nothing can be sent."""

    @contextmanager
    def stage(patch: pytest.MonkeyPatch, _: Authority) -> Iterator[Broken]:
        prepare(patch)
        where = {"notification": "127.0.0.1:9", "login": "https://127.0.0.1:9"}
        yield Broken(where, facts=facts, options={"dialects": [12]})

    return stage


def _page(status: int = 200) -> Script:
    return _answers(http(status, "Content-Type: text/html", body=b"<!DOCTYPE html><p>Welcome"))


def _redirects(to: str = "{own}/again") -> Stage:
    """Return a login server that sends everybody on."""

    @contextmanager
    def stage(patch: pytest.MonkeyPatch, authority: Authority) -> Iterator[Broken]:
        place: list[str] = []

        def script(peer: Peer) -> None:
            while True:
                peer.request()
                peer.send(http(302, f"Location: {to.format(own=place[0])}"))

        with _login(script)(patch, authority) as broken:
            place.append(broken.where["login"])
            url = to.format(own=place[0])
            yield broken._replace(facts={"url": "/".join(url.split("/")[:3])})

    return stage


def _refuses(status: str) -> Script:
    return _answers(http(401, f"WWW-Authenticate: Passport1.4 da-status={status},prompt"))


# --- proxies --------------------------------------------------------------------------------------


def _proxied(stage: Stage, script: Script | None, *, value: str = "", **about: Any) -> Stage:
    """Return the network of another stage, seen from where the environment names a proxy."""

    @contextmanager
    def proxied(patch: pytest.MonkeyPatch, authority: Authority) -> Iterator[Broken]:
        patch.setenv("NO_PROXY", "")
        with Server(script or (lambda _: None)) as proxy, stage(patch, authority) as broken:
            if script is None:
                proxy.__exit__(None, None, None)
            place = proxy.address
            patch.setenv("https_proxy", value or f"http://{place}")
            name = value.partition("://")[2] or place
            facts = {"proxy": f"the proxy {name} (of https_proxy)", "variable": "https_proxy"}
            yield broken._replace(
                facts={**broken.facts, **facts, **about.get("facts", {})},
                code=about.get("code", broken.code),
                says=about.get("says", broken.says),
                options={**broken.options, **about.get("options", {})},
            )

    return proxied


CURL = {"transport": "curl"}
NO_LOGIN = _login(_hangs_up)


@contextmanager
def login_refused(patch: pytest.MonkeyPatch, authority: Authority) -> Iterator[Broken]:
    with NO_LOGIN(patch, authority) as broken, Server(lambda _: None) as closed:
        closed.__exit__(None, None, None)
        yield broken._replace(
            where={**broken.where, "login": closed.url},
            at=f"login at {closed.url}",
            facts={"words": "connection refused"},
        )


TO_USR = ("VER 1 MSNP12", "CVR 2 1 1 1 x x")
WEAK_RULES = {"number": 20}

STAGES: dict[str, Stage] = {
    "MA-NET-01": _no_names(socket.EAI_AGAIN, is_online=False),
    "MA-NET-02": _no_names(socket.EAI_NONAME, is_online=True),
    "MA-NET-03": _no_names(socket.EAI_AGAIN, is_online=True),
    "MA-NET-04": refused,
    "MA-NET-05": dropped,
    "MA-NET-06": _system_says(errno.EHOSTUNREACH),
    "MA-NET-07": _system_says(errno.ENETUNREACH, where="[::1]:9"),
    "MA-NET-08": _says(_hangs_up, what="VER"),
    "MA-NET-09": _system_says(errno.EACCES),
    "MA-NET-10": _system_says(errno.EMFILE),
    "MA-NET-11": _login(
        _is_silent,
        facts={"what": "the ticket", "seconds": "0.5"},
        options={"timeout": 0.5},
    ),
    "MA-NET-12": gone,
    "MA-NET-13": _system_says(errno.EADDRNOTAVAIL),
    "MA-PRX-01": _proxied(NO_LOGIN, _answers("HTTP/1.1 407 No\r\n\r\n"), code=407, options=CURL),
    "MA-PRX-02": _proxied(NO_LOGIN, _answers("HTTP/1.1 403 No\r\n\r\n"), code=403, options=CURL),
    "MA-PRX-03": _proxied(NO_LOGIN, None, value="http://no.such.host.invalid:3128", options=CURL),
    "MA-PRX-04": _proxied(NO_LOGIN, None, options=CURL, facts={"words": "connection refused"}),
    "MA-PRX-05": _proxied(refused, _hangs_up, facts={"words": "connection refused"}),
    "MA-PRX-06": _proxied(login_refused, _hangs_up),
    "MA-PRX-07": _proxied(NO_LOGIN, None, value="gopher://127.0.0.1:1", options=CURL),
    "MA-TLS-01": _login(_hangs_up, _issued(not_after=datetime.now(UTC) - DAY)),
    "MA-TLS-02": _login(
        _hangs_up,
        _issued(not_before=datetime.now(UTC) + DAY, not_after=datetime.now(UTC) + 9 * DAY),
    ),
    "MA-TLS-03": _login(_hangs_up, _stranger),
    "MA-TLS-04": _login(_hangs_up, _self_signed),
    "MA-TLS-05": _login(_hangs_up, lambda authority: authority.tls_for("other.example")),
    "MA-TLS-06": _login(_hangs_up, _stranger, prepare=_found(CertificateFault.REVOKED)),
    "MA-TLS-07": _login(_hangs_up, _stranger, prepare=_found(CertificateFault.WEAK)),
    "MA-TLS-08": _login(
        _hangs_up, _stranger, prepare=_found(CertificateFault.BADLY_MADE), facts=WEAK_RULES
    ),
    "MA-TLS-09": _login(
        _hangs_up, _stranger, prepare=_found(CertificateFault.OTHER), facts=WEAK_RULES
    ),
    "MA-TLS-10": _login(_says_hello, _plain),
    "MA-TLS-11": _login(_hangs_up, _old),
    "MA-TLS-12": _login(_hangs_up, _weak),
    "MA-TLS-16": _login(_answers(http(200)), _mutual),
    "MA-TLS-13": _login(_hangs_up, _plain, facts={"words": "connection lost"}),
    "MA-TLS-14": _unready(_no_module, install=tls._NO_TLS_HINT.partition(";")[0]),
    "MA-TLS-15": _unready(_no_trust),
    "MA-WEB-01": _login(_answers(http(200)), code=200),
    "MA-WEB-02": _login(_page(), code=200),
    "MA-WEB-03": _login(_answers("SSH-2.0-OpenSSH_9.2\r\n\r\n")),
    "MA-WEB-04": _login(_answers(http(500)), code=500),
    "MA-WEB-05": _redirects(),
    "MA-WEB-06": _redirects("https://evil.example/login"),
    "MA-WEB-07": _redirects("http://127.0.0.1/login"),
    "MA-WEB-09": _login(_answers(http(404)), code=404),
    "MA-WEB-08": _login(_answers(http(401, "WWW-Authenticate: Basic realm=x")), code=401),
    "MA-MSN-01": _says(lambda peer: peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"), what="HTTP"),
    "MA-MSN-02": _says(_line("VER 1 0"), ours="MSNP12"),
    "MA-MSN-03": _says(_line("USR 1 OK x"), words="USR while VER was awaited"),
    "MA-MSN-04": _says(_line("200 1"), words="the server found a syntax error", code=200),
    "MA-MSN-05": _says(_line("420 1"), code=420),
    "MA-MSN-06": _says(_line("540 1"), code=540),
    "MA-MSN-07": _says(_line(*TO_USR, "USR 3 OK alice@example.com Alice 1 0")),
    "MA-ACC-01": _login(
        _refuses("failed"),
        code="failed",
        says="the login server refused the passport or the password",
    ),
    "MA-ACC-02": _login(
        _refuses("failed"),
        code="failed",
        password="seventeen letters",
        says="the login server refused the passport or the password",
    ),
    "MA-ACC-03": _says(_line(*TO_USR, "205 3"), code=205),
    "MA-ACC-04": _says(_line(*TO_USR, "928 3"), code=928),
    "MA-ACC-05": _says(_line(*TO_USR, "924 3"), code=924),
    "MA-ACC-06": _login(_refuses("failed-noretry"), code="failed-noretry"),
}
"""A network for each finding that a sign-in can come to."""

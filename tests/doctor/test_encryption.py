"""Certificates, versions of TLS, clocks, and servers that are told no name."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme

from broken import _old
from conftest import Authority
from examined import patient, says
from msnpauth.doctor import encryption as encryption_module
from msnpauth.doctor.encryption import encryption
from msnpauth.doctor.finding import Finding
from wire import Peer, Script, Server, http

NOW = datetime.now(UTC)


def dated(date: str | None) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(http(404, *([f"Date: {date}"] if date else [])))

    return script


def looked_at(
    tls: ssl.SSLContext, authority: Authority, date: str | None = format_datetime(NOW, usegmt=True)
) -> dict[str, Finding]:
    with Server(dated(date), tls) as server:
        one = patient(authority.ca_file, nexus=server.url)
        return {finding.code: finding for finding in encryption(one)}


def dated_from(authority: Authority, begin: datetime, end: datetime) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made = authority.ca.issue_cert("127.0.0.1", not_before=begin, not_after=end)
    made.configure_cert(context)
    return context


def test_all_is_well(authority: Authority) -> None:
    found = looked_at(authority.server_tls, authority)
    assert {finding.state for finding in found.values()} == {"passed"}
    assert set(found) == {"MA-DOC-07", "MA-DOC-08", "MA-DOC-09", "MA-DOC-29"}
    assert found["MA-DOC-07"].seen.startswith("TLS 1.3 and TLS 1.2; TLS_")
    assert found["MA-DOC-08"].seen.startswith("for localhost, 127.0.0.1; signed by trustme v")
    assert "EC key (secp256r1); from 2000-01-01 to 3000-01-01" in found["MA-DOC-08"].seen


def test_no_https_server() -> None:
    assert says(encryption(patient(notification="n.example"))) == [
        "not tried MA-DOC-28 encryption: no https server is known"
    ]


def test_an_unknown_authority(authority: Authority) -> None:
    found = looked_at(authority.tls_for("127.0.0.1", ca=trustme.CA()), authority)
    assert found["MA-TLS-03"].state == "failed"
    assert found["MA-DOC-08"].state == "warning"
    assert "MA-DOC-07" not in found


def test_a_certificate_that_ends_soon(authority: Authority) -> None:
    tls = dated_from(authority, NOW - timedelta(days=60), NOW + timedelta(days=3, hours=1))
    found = looked_at(tls, authority)
    assert (found["MA-DOC-07"].state, found["MA-DOC-08"].state) == ("passed", "warning")
    assert found["MA-DOC-08"].advice == "it ends in 3 days: the network has to renew it"


@pytest.mark.parametrize(
    ("skew", "state", "words"),
    [
        (60, "passed", "ahead of"),
        (-200, "warning", "behind"),
        (3700, "failed", "62 minutes ahead of"),
        (-86400 * 3, "failed", "3 days behind"),
    ],
)
def test_clocks(authority: Authority, skew: int, state: str, words: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=skew), usegmt=True)
    finding = looked_at(authority.server_tls, authority, date)["MA-DOC-09"]
    assert finding.state == state
    assert words in finding.seen


@pytest.mark.parametrize("date", [None, "yesterday", "Thu, 99 Xxx 20260 25:61:61 GMT"])
def test_no_clock(authority: Authority, date: str | None) -> None:
    assert looked_at(authority.server_tls, authority, date)["MA-DOC-09"].state == "not tried"


def test_the_clock_of_a_server_whose_certificate_is_not_yet_valid(authority: Authority) -> None:
    """This machine's clock is behind: the server's Date shows it, though nothing is believed."""
    tomorrow = NOW + timedelta(days=2)
    tls = dated_from(authority, tomorrow, tomorrow + timedelta(days=90))
    found = looked_at(tls, authority, format_datetime(tomorrow, usegmt=True))
    assert (found["MA-TLS-02"].state, found["MA-DOC-09"].state) == ("failed", "failed")


def test_another_certificate_without_a_name(authority: Authority) -> None:
    named, other = authority.tls_for("localhost"), authority.tls_for("other.example")

    def choose(sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name == "localhost":
            sock.context = named

    other.sni_callback = choose
    with Server(dated(None), other) as server:
        one = patient(authority.ca_file, nexus=f"https://localhost:{server.port}/")
        finding = next(f for f in encryption(one) if f.code == "MA-DOC-29")
    assert finding.state == "warning"
    assert finding.seen == "another certificate comes, for other.example"


def test_a_server_that_wants_a_name(authority: Authority) -> None:
    named = authority.tls_for("localhost")

    def choose(
        sock: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        return None if name else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    named.sni_callback = choose
    with Server(dated(None), named) as server:
        one = patient(authority.ca_file, nexus=f"https://localhost:{server.port}/")
        finding = next(f for f in encryption(one) if f.code == "MA-DOC-29")
    assert (finding.state, one.facts["without_sni"]) == ("warning", False)


def test_tls_1_2_alone(authority: Authority) -> None:
    tls = authority.tls_for("127.0.0.1")
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    assert looked_at(tls, authority)["MA-DOC-07"].seen.startswith("TLS 1.2; ")


def test_a_port_that_does_not_speak_tls(authority: Authority) -> None:
    def script(peer: Peer) -> None:
        peer.send("220 mail\r\n")
        peer.until_closed()

    with Server(script) as server:
        lines = [f.code for f in encryption(patient(authority.ca_file, nexus=server.url))]
    assert lines == ["MA-TLS-10"]


def test_a_certificate_that_cannot_be_read_in_full(authority: Authority) -> None:
    """`cryptography` raises a kind of its own for names and keys that few certificates have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encryption_module, "_names", lambda _: 1 / 0)
        found = looked_at(authority.server_tls, authority)
    assert found["MA-DOC-08"].seen.startswith(
        "for something that cannot be read (ZeroDivisionError); signed by trustme"
    )


def test_old_tls_is_seen_and_said(authority: Authority) -> None:
    found = looked_at(_old(authority), authority)
    assert found["MA-TLS-11"].state == "failed"
    assert found["MA-DOC-07"].seen == "the server has TLS 1.1 and nothing newer"
    assert found["MA-DOC-08"].state == "warning"


def test_a_server_that_drips_its_headers_ends_by_the_deadline(authority: Authority) -> None:
    def drips(peer: Peer) -> None:
        peer.request()
        peer.send("HTTP/1.1 200 OK\r\n")
        peer.drip(b"X-Drip: x\r\n")

    with Server(drips, authority.server_tls) as server:
        one = patient(authority.ca_file, nexus=server.url)
        one.deadline.at -= one.deadline.timeout - 2.0
        found = {finding.code: finding for finding in encryption(one)}
    assert found["MA-DOC-09"].state == "not tried"


def test_what_is_silent_is_not_waited_for_again(authority: Authority) -> None:
    with Server(lambda peer: peer.silence()) as server:
        one = patient(authority.ca_file, nexus=server.url)
        one.deadline.at -= one.deadline.timeout - 2.0
        [finding] = encryption(one)
        assert finding.code == "MA-NET-11"
        one.deadline.at += 10
        [again] = encryption(one)
    assert (again.code, again.seen) == ("MA-DOC-28", "it cannot be reached")

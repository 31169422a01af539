"""MSNP versions, the way on, and pipelining."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Authority
from examined import patient, says, speaks
from msnpauth.core.urls import Address
from msnpauth.doctor import versions
from msnpauth.doctor.versions import negotiated, opening
from wire import Peer, Server


def test_each_version_by_itself() -> None:
    with Server(speaks(2, 8, 9, 10, 12, 18)) as server:
        one = patient(notification=server.address)
        one.versions = []
        lines = says(negotiated(one))
    assert one.versions == [2, 8, 9, 10, 12, 18]
    assert lines == [
        "passed MA-DOC-03 MSNP versions: MSNP2, 8 to 10, 12, 18; not MSNP3, MSNP4, MSNP5, MSNP6,"
        " MSNP7, MSNP11, MSNP13, MSNP14, MSNP15, MSNP16, MSNP17, MSNP19, MSNP21"
    ]
    assert server.connections == 19


def test_a_server_of_md5_alone() -> None:
    with Server(speaks(5, 6)) as server:
        one = patient(notification=server.address)
        one.versions = []
        codes = [finding.code for finding in negotiated(one)]
    assert codes == ["MA-DOC-03", "MA-DOC-04"]


def test_a_server_that_agrees_to_nothing() -> None:
    with Server(speaks()) as server:
        one = patient(notification=server.address)
        one.versions = []
        [finding] = negotiated(one)
    assert (finding.code, finding.state) == ("MA-MSN-02", "failed")


def test_a_server_that_speaks_something_else() -> None:
    def script(peer: Peer) -> None:
        peer.send("SSH-2.0-OpenSSH_9\r\n")
        peer.until_closed()

    with Server(script) as server:
        one = patient(notification=server.address)
        one.versions = []
        [finding] = negotiated(one)
    assert (finding.code, finding.state) == ("MA-MSN-01", "failed")
    assert finding.seen == f"{server.address}: the server speaks SSH on that port, and not MSNP"
    assert server.connections == 3, "it has said what it is: nobody asks whether it speaks TLS"


def test_a_version_that_ends_the_connection_is_one_it_does_not_have() -> None:
    def script(peer: Peer) -> None:
        if "MSNP8 " in (line := peer.line()):
            peer.send(f"VER {line.split()[1]} MSNP8\r\n")
            peer.until_closed()

    with Server(script) as server:
        one = patient(notification=server.address)
        one.versions = []
        [finding] = negotiated(one)
    assert one.versions == [8]
    assert finding.state == "passed"
    assert finding.seen.startswith("MSNP8; no answer to MSNP2, MSNP3, MSNP4, MSNP5, MSNP6, MSNP7,")


def test_a_server_that_is_slow_keeps_time_for_the_rest() -> None:
    with Server(speaks(8, 18)) as server:
        one = patient(notification=server.address)
        one.versions = []
        one.deadline.at -= 20 - 2.0
        one.deadline.timeout = 2.0

        def slowly(*arguments: Any) -> Any:
            one.deadline.at -= 0.5
            return asked(*arguments)

        asked = versions._asked
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(versions, "_asked", slowly)
            [finding] = negotiated(one)
    assert finding.seen.startswith("MSNP8, 18; not asked, as the server is slow: MSNP2, MSNP3")


def test_tls_at_the_notification_port(authority: Authority) -> None:
    def silent(peer: Peer) -> None:
        peer.until_closed()

    with Server(silent, authority.server_tls) as server:
        one = patient(notification=server.address)
        one.versions = []
        [finding] = negotiated(one)
    assert (finding.code, finding.seen) == (
        "MA-MSN-01",
        "the server speaks TLS on that port, and not MSNP",
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("600 1", "MA-WEB-04"),
        ("220 (vsFTPd 3.0.3)", "MA-MSN-01"),
        ("530 Please login", "MA-MSN-01"),
        ("-ERR unknown command 'VER'", "MA-MSN-01"),
        (":irc.example NOTICE * :*** Looking up", "MA-MSN-01"),
    ],
)
def test_what_a_server_says_instead(line: str, code: str) -> None:
    def script(peer: Peer) -> None:
        peer.line()
        peer.send(f"{line}\r\n")
        peer.until_closed()

    with Server(script) as server:
        one = patient(notification=server.address)
        one.versions = []
        [finding] = negotiated(one)
    assert (finding.code, finding.state) == (code, "failed")


def test_no_server() -> None:
    one = patient(nexus="https://n.example/")
    one.versions = []
    assert [f.state for f in (*negotiated(one), *opening(one))] == ["not tried", "not tried"]


def test_the_way_by_xfr() -> None:
    with Server(speaks(8)) as last:

        def dispatch(peer: Peer) -> None:
            peer.line()
            peer.send("VER 1 MSNP8\r\n")
            peer.line()
            peer.send("CVR 2 1 1 1 u u\r\n")
            peer.line()
            peer.send(f"XFR 3 NS {last.address} 0 x\r\n")
            peer.until_closed()

        with Server(dispatch) as first:
            one = patient(notification=first.address)
            assert says(opening(one)) == [
                f"passed MA-DOC-05 way to a server: XFR from {first.address} to {last.address};"
                " it asks on",
                "passed MA-DOC-06 pipelining: three commands in one packet are answered",
            ]
    assert one.last_server == Address("127.0.0.1", last.port)


def test_a_circle() -> None:
    def script(peer: Peer) -> None:
        peer.line()
        peer.send(f"VER 1 MSNP8\r\nXFR 3 NS {address[0]} 0 x\r\n")
        peer.until_closed()

    address: list[str] = []
    with Server(script) as server:
        address.append(server.address)
        [finding] = opening(patient(notification=server.address))
    assert (finding.code, finding.state) == ("MA-WEB-05", "failed")


def test_a_way_that_leads_nowhere_is_told() -> None:
    def script(peer: Peer) -> None:
        peer.line()
        peer.send(f"VER 1 MSNP8\r\nXFR 3 NS {gone.address} 0 x\r\n")
        peer.until_closed()

    with Server(lambda _: None) as gone:
        pass
    with Server(script) as server:
        [finding] = opening(patient(notification=server.address))
    assert finding.seen == (
        f"sent on by XFR, {server.address} to {gone.address}; {gone.address}: connection refused"
    )


def test_an_unknown_account_may_be_refused() -> None:
    def script(peer: Peer) -> None:
        peer.line()
        peer.send("VER 1 MSNP8\r\n911 3\r\n")
        peer.until_closed()

    with Server(script) as server:
        first, _ = opening(patient(notification=server.address))
        [known] = opening(patient(notification=server.address, account=True))
    assert first.state == "passed"
    assert "nothing to ask of an unknown account" in first.seen
    assert (known.code, known.state) == ("MA-ACC-01", "failed")


def test_one_command_of_each_packet() -> None:
    with Server(speaks(8, pipeline=False)) as server:
        one = patient(notification=server.address)
        one.deadline.at -= 18.5  # a second and a half: it stays silent behind VER
        findings = list(opening(one))
    assert findings[-1][:3] == ("MA-DOC-06", "pipelining", "warning")
    assert "pipeline=False" in findings[-1].advice

from __future__ import annotations

from conftest import Authority
from examined import speaks
from msnpauth import Servers
from msnpauth.doctor.glance import glance
from msnpauth.service import Service
from wire import Peer, Server, answers, http


def test_a_network_that_answers(healthy: Service) -> None:
    seen = glance(healthy.servers, ca_file=healthy.ca_file)
    assert seen.answers == ("notification", "nexus", "login", "rst", "rst2", "contacts")
    assert (seen.version, seen.problems) == ("MSNP21", ())


def test_one_question_each(authority: Authority) -> None:
    nothing = [http(404)] * 3
    with (
        Server(speaks(8, 12, 15)) as server,
        Server(answers(*nothing), authority.server_tls) as web,
    ):
        where = Servers(
            notification=server.address, nexus=web.url, rst=f"{web.url}/RST.srf", contacts=web.url
        )
        seen = glance(where, ca_file=authority.ca_file)
    assert (seen.answers, seen.version) == (("notification",), "MSNP15")
    assert [problem.code for problem in seen.problems] == ["MA-WEB-09"] * 3
    assert server.connections == 2, "one to see whether it is there, and one to ask"


def test_a_network_that_does_not() -> None:
    with Server(lambda peer: None) as gone:
        pass
    seen = glance(Servers(notification=gone.address, nexus=gone.url))
    assert (seen.answers, seen.version) == ((), "")
    assert [problem.code for problem in seen.problems] == ["MA-NET-04"], "one host and port"


def test_a_server_that_says_nothing_of_use() -> None:
    def no(peer: Peer) -> None:
        peer.line()
        peer.send("VER 1 0\r\n")

    for script, code in ((lambda peer: None, "MA-NET-08"), (no, "MA-MSN-02")):
        with Server(script) as server:
            seen = glance(Servers(notification=server.address))
        assert (seen.answers, seen.version) == ((), "")
        assert [problem.code for problem in seen.problems] == [code]


def test_no_time() -> None:
    seen = glance(Servers(nexus="https://127.0.0.1:9/"), timeout=0.5)
    assert seen.problems[-1].code in ("MA-DOC-30", "MA-NET-04")
    assert seen.answers == ()

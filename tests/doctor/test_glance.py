from __future__ import annotations

from conftest import Authority
from examined import speaks
from msnpauth import Servers
from msnpauth.doctor.glance import glance
from wire import Server, answers, http


def test_a_network_that_answers(authority: Authority) -> None:
    named = http(200, "PassportURLs: DALogin=l.example/login")
    with (
        Server(speaks(8, 12, 15)) as server,
        Server(answers(named, *[http(404)] * 3), authority.server_tls) as web,
    ):
        where = Servers(notification=server.address, nexus=web.url, rst=f"{web.url}/RST.srf")
        seen = glance(where, ca_file=authority.ca_file)
    assert seen.answers[:3] == ("notification", "nexus", "login")
    assert seen.version == "MSNP15"
    assert server.connections == 2, "one to see whether it is there, and one to ask"


def test_a_network_that_does_not() -> None:
    with Server(lambda peer: None) as gone:
        pass
    seen = glance(Servers(notification=gone.address, nexus=gone.url))
    assert (seen.answers, seen.version) == ((), "")
    assert [problem.code for problem in seen.problems] == ["MA-NET-04"], "one host and port"


def test_a_server_that_says_nothing(authority: Authority) -> None:
    with Server(lambda peer: None) as server:
        seen = glance(Servers(notification=server.address))
    assert (seen.answers, seen.version, seen.problems) == (("notification",), "", ())


def test_no_time() -> None:
    seen = glance(Servers(notification="127.0.0.1:9"), timeout=0.000001)
    assert seen.answers in (("notification",), ())

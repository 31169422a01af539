from __future__ import annotations

import pytest

from msnpauth.core.errors import LocalProtocolError
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.auth import TicketRequest
from msnpauth.core.tickets.exchange import Response


def test_without_servers_the_historic_table_is_asked() -> None:
    request = TicketRequest("bob@MSN.com", "x", "lc=1", None)
    assert next(request.exchange()).url.host == "msnialogin.passport.com"


def test_with_servers_theirs() -> None:
    request = TicketRequest("bob@msn.com", "x", "lc=1", Servers(login="https://l.example/"))
    assert next(request.exchange()).url.host == "l.example"


def test_wrong_arguments_are_refused_at_once() -> None:
    for arguments in (("bob", "x", "lc=1"), ("bob@msn.com", "", "lc=1"), ("bob@msn.com", "x", "S")):
        with pytest.raises(LocalProtocolError):
            TicketRequest(*arguments, None)
    with pytest.raises(LocalProtocolError, match="Servers"):
        TicketRequest("bob@msn.com", "x", "lc=1", "escargot")  # type: ignore[arg-type]


def test_repr() -> None:
    assert repr(TicketRequest("bob@msn.com", "hunter2", "lc=1", None)) == "for 'bob@msn.com'"


def test_servers_that_are_none() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        TicketRequest("a@b.example", "x", "lc=1", "messenger.example")  # type: ignore[arg-type]
    assert str(caught.value) == ('servers= is not a Servers; as in Servers("messenger.example")')


def test_what_stays_the_same_is_made_once() -> None:
    asked = TicketRequest("bob@msn.com", "x", "lc=1", Servers(login="https://l.example/"))
    assert next(asked.exchange()) is next(asked.exchange())


def test_but_not_what_a_redirect_leads_to() -> None:
    """Each may lead to another address, and none of them is kept."""
    asked = TicketRequest("bob@msn.com", "x", "lc=1", Servers(login="https://l.example/"))
    for number in range(3):
        exchange = asked.exchange()
        first = next(exchange)
        second = exchange.send(Response(302, (("Location", f"https://l.example/{number}"),)))
        assert str(second.url) == f"https://l.example/{number}"
        assert list(asked._made) == [first.url]


def test_another_login_server_takes_its_place() -> None:
    asked = TicketRequest("bob@msn.com", "x", "lc=1", Servers(nexus="https://n.example/"))
    for host in ("a.example", "b.example", "b.example"):
        exchange = asked.exchange()
        next(exchange)
        named = Response(200, (("PassportURLs", f"DALogin={host}/"),))
        assert exchange.send(named).url.host == host
        assert [url.host for url in asked._made] == [host]

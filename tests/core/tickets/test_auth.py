from __future__ import annotations

import pytest

from msnpauth.core.errors import LocalProtocolError
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.auth import TicketRequest


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

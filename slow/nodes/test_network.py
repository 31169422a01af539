"""Two nodes behind a balancer, and what fails meanwhile: who is let in, lost, and back."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner

from msnpauth import (
    ConnectionFailed,
    ListName,
    MessageReceived,
    MSNPAuth,
    Reconnect,
    Secret,
    ServiceUnavailable,
    SessionEnded,
    SessionState,
    Status,
    WrongCredentials,
)
from msnpauth.cli import main
from msnpauth.core.tickets.passport14 import authorization
from msnpauth.core.tickets.xml import escape_xml
from msnpauth.service.storage import open_database
from msnpauth.service.stores.shared.server import SharedServer
from msnpauth.service.stores.shared.state import ValkeyState
from msnpauth.service.stores.sql.migrate import migrate
from msnpauth.store.caches import MemoryTicketCache
from network import PASSWORD, Network, Node, network
from servers import Postgres, Shared

pytest_plugins = ["nodes_fixtures"]

# A node that stands still is taken for dead after ten seconds, and a guess waits for eight.
pytestmark = pytest.mark.timeout(120)

_T = TypeVar("_T")

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
BACK = Reconnect(first=0.1, longest=0.5, longest_wish=1.0)


@pytest.fixture(scope="module")
def here(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Postgres, shared_server: Shared
) -> Iterator[Network]:
    url = postgres_server.database()
    with closing(open_database(url, check=False)) as database:
        migrate(database)
    shared_server.empty()
    place = tmp_path_factory.mktemp("network")
    with network(place, url, shared_server.url) as made:
        made.add(ALICE, BOB, CAROL)
        yield made


@pytest.fixture(autouse=True)
def _all_run(here: Network, postgres_server: Postgres, shared_server: Shared) -> Iterator[None]:
    """Have everything run again after each test."""
    yield
    for server in (postgres_server, shared_server):
        if not server.is_running:
            server.start()
    for node in here.nodes:
        if node.process is None:
            node.start()
        else:
            node.send(signal.SIGCONT)
        until(lambda: signs_in(here, node))  # noqa: B023 - at once


def signs_in(here: Network, node: Node) -> bool:
    here.sign_in(CAROL, node.servers).close()
    return True


@pytest.fixture
def nodes(here: Network) -> list[Node]:
    return here.nodes


def until(ask: Callable[[], _T], seconds: float = 25.0) -> _T:
    """Ask until the answer is something; a network needs a moment to find out."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            answer = ask()
        except ServiceUnavailable:
            pass
        else:
            if answer:
                return answer
        time.sleep(0.1)
    raise AssertionError("it never came")


def friends(here: Network, stack: ExitStack, **options: Any) -> tuple[Any, Any]:
    """Return Alice at the first node and Bob at the second, who see each other."""
    one, two = here.nodes
    alice = stack.enter_context(here.sign_in(ALICE, one.servers, **options))
    bob = stack.enter_context(here.sign_in(BOB, two.servers, **options))
    for session, other in ((alice, BOB), (bob, ALICE)):
        session.go_online()
        known = {one.passport for one in session.contacts() if ListName.FORWARD in one.lists}
        if other not in known:
            session.add_contact(other)
    until(lambda: sees(alice, BOB) and sees(bob, ALICE))
    return alice, bob


def sees(session: Any, passport: str) -> bool:
    return any(
        one.passport == passport and one.status is not Status.OFFLINE for one in session.contacts()
    )


def answers(session: Any) -> bool:
    """Tell whether a session's server answers it."""
    return bool(session.request("CHG", "NLN", "0").verb == "CHG")


def online(here: Network, passport: str) -> bool:
    """Tell whether a new session may write to somebody, who is there for all nodes."""
    with here.sign_in(CAROL) as carol:
        carol.go_online()
        return sees(carol, passport)


# --- everything is served by any node ------------------------------------------------------------


@pytest.mark.parametrize("dialect", [8, 12, 15, 18, 21])
def test_any_node_serves_any_step(here: Network, dialect: int) -> None:
    for _ in range(6):
        with here.sign_in(ALICE, dialects=[dialect]) as session:
            session.go_online()
            assert answers(session)
    assert "signed in" in here.nodes[0].log()
    assert "signed in" in here.nodes[1].log()


def test_a_ticket_of_one_node_signs_in_once_at_another(nodes: list[Node]) -> None:
    one, two = nodes
    ticket = login_ticket(one, ALICE)
    assert shown(two, ALICE, ticket) == "USR"
    assert shown(one, ALICE, ticket) == "911"
    assert shown(two, ALICE, ticket) == "911"


def login_ticket(node: Node, passport: str) -> str:
    """Return a ticket of a node's login server."""
    challenge, where = "lc=1033,id=507", {"servers": node.servers, "ca_file": node.network.ca_file}
    with MSNPAuth(passport, PASSWORD, challenge, **where) as auth:  # type: ignore[arg-type]
        return auth.get_key()


def shown(node: Node, passport: str, ticket: str) -> str:
    """Show a ticket to a node's notification server; return the verb of its answer."""
    address = (node.host, node.network.ports["notification-port"])
    with socket.create_connection(address, 20) as sock, sock.makefile("rb") as lines:
        sock.sendall(b"VER 1 MSNP12 CVR0\r\n")
        sock.sendall(f"CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 7.0 MSMSGS {passport}\r\n".encode())
        sock.sendall(f"USR 3 TWN I {passport}\r\n".encode())
        sock.sendall(f"USR 4 TWN S {ticket}\r\n".encode())
        while line := lines.readline().decode():
            words = line.split()
            if words[1:2] == ["4"]:
                return words[0]
    raise AssertionError("it closed without an answer")


def test_a_second_session_ends_the_first_at_another_node(here: Network, nodes: list[Node]) -> None:
    one, two = nodes
    with here.sign_in(ALICE, one.servers, dialects=[12]) as first:
        with here.sign_in(ALICE, two.servers, dialects=[12]):
            assert [said.verb for said in first][-1] == "OUT"
        assert isinstance(first.ended, SessionEnded)
        assert first.ended.reason == "OTH"


def test_two_machines_of_an_account_at_two_nodes(here: Network, nodes: list[Node]) -> None:
    one, two = nodes
    guid = "{00000000-0000-0000-0000-000000000002}"
    with (
        here.sign_in(ALICE, one.servers) as first,
        here.sign_in(ALICE, two.servers, guid=guid) as second,
    ):
        assert answers(first)
        assert answers(second)


def test_presence_goes_from_node_to_node(here: Network) -> None:
    with ExitStack() as stack:
        alice, bob = friends(here, stack)
        bob.set_status(Status.BUSY)
        until(lambda: status_of(alice, BOB) is Status.BUSY)
        bob.set_personal_message("at the other node")
        until(lambda: contact(alice, BOB).personal_message == "at the other node")
        bob.close()
        until(lambda: not sees(alice, BOB))


def contact(session: Any, passport: str) -> Any:
    return next(one for one in session.contacts() if one.passport == passport)


def status_of(session: Any, passport: str) -> Status:
    status: Status = contact(session, passport).status
    return status


def test_a_chat_between_people_of_two_nodes(here: Network) -> None:
    with ExitStack() as stack:
        alice, bob = friends(here, stack)
        alice.send_message(BOB, "hello from the first node")
        message = next_message(bob)
        assert (message.sender, message.text) == (ALICE, "hello from the first node")
        bob.send_message(ALICE, "and back")
        assert next_message(alice).text == "and back"


def next_message(session: Any) -> MessageReceived[Any]:
    while True:
        event = session.next_event(20)
        if isinstance(event, MessageReceived):
            return event


def test_a_message_that_is_left_at_one_node_is_told_at_the_other(
    here: Network, nodes: list[Node]
) -> None:
    one, two = nodes
    with here.sign_in(CAROL, two.servers) as carol:
        carol.go_online()
        with here.sign_in(ALICE, one.servers, tickets=[SECURE]) as alice:
            left_message(one, alice.tickets[SECURE], CAROL, "for later")
        message = next_message(carol)
        assert (message.sender, message.text) == (ALICE, "for later")


SECURE = "messengersecure.live.com"


def left_message(node: Node, ticket: Any, to: str, text: str) -> None:
    """Leave a message at a node, as the official client does."""
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        f'<From memberName="{ALICE}"/><To memberName="{to}"/>'
        f'<Ticket passport="{escape_xml(ticket.reveal())}" lockkey="x"/>'
        "<Sequence><MessageNumber>1</MessageNumber></Sequence></s:Header><s:Body>"
        f"<MessageType>text</MessageType><Content>MIME-Version: 1.0\r\n\r\n{text}</Content>"
        "</s:Body></s:Envelope>"
    ).encode()
    head = f"POST /OimWS/oim.asmx HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert asked(node.network, node.host, head + body).startswith(b"HTTP/1.1 200 ")


def test_a_new_password_ends_sessions_and_tickets_at_every_node(
    here: Network, nodes: list[Node]
) -> None:
    with here.directory() as accounts:
        accounts.add("dave@example.com", PASSWORD)
    cache = MemoryTicketCache()
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(here.sign_in("dave@example.com", node.servers, cache=cache))
            for node in nodes
        ]
        with here.directory() as accounts:
            accounts.set_password("dave@example.com", "another")
        for session in sessions:
            assert [said.verb for said in session][-1] == "OUT"
    for node in nodes:
        with pytest.raises(WrongCredentials):
            here.sign_in("dave@example.com", node.servers, cache=cache)
        here.sign_in("dave@example.com", node.servers, password="another").close()


def test_keys_that_are_rotated_at_one_node_are_those_of_all(
    here: Network, nodes: list[Node]
) -> None:
    one, two = nodes
    rotated = CliRunner().invoke(
        main, ["keys", "rotate", "--data", str(one.folder), "--database", here.database]
    )
    assert rotated.exit_code == 0, rotated.stderr
    for node in (one, two):
        until(lambda: "the ring of ticket keys was read again" in node.log())  # noqa: B023 - at once
    for _ in range(4):
        here.sign_in(ALICE).close()


# --- who guesses ---------------------------------------------------------------------------------


def test_a_stranger_who_goes_from_node_to_node_waits_as_long_and_the_owner_does_not(
    here: Network, nodes: list[Node]
) -> None:
    """The balancer says where the stranger comes from; the owner has been here before."""
    here.sign_in(BOB).close()
    waits = []
    for number in range(4):
        began = time.monotonic()
        assert guessed(here, BOB, f"guess {number}", "127.0.0.77") == b"401"
        waits.append(time.monotonic() - began)
    assert [wait > 1.9 for wait in waits] == [False, True, True, True], waits
    assert waits[3] > 7
    for node in nodes:
        began = time.monotonic()
        here.sign_in(BOB, node.servers).close()
        assert time.monotonic() - began < 1.5, "the owner waits for nobody"


def guessed(here: Network, passport: str, password: str, source: str) -> bytes:
    """Try a password from an address, by way of the balancer; return the status."""
    value = authorization(passport, Secret(password), "lc=1").reveal()
    request = f"GET /login2.srf HTTP/1.0\r\nAuthorization: {value}\r\n\r\n".encode()
    return asked(here, "127.0.0.1", request, source).split()[1]


def asked(here: Network, host: str, request: bytes, source: str = "127.0.0.1") -> bytes:
    """Ask the balancer or a node by HTTPS, from an address."""
    context = ssl.create_default_context(cafile=str(here.ca_file))
    where = (host, here.ports["login-port"])
    with (
        socket.create_connection(where, 20, (source, 0)) as plain,
        context.wrap_socket(plain, server_hostname=host) as sock,
    ):
        sock.sendall(request)
        return sock.recv(65536)


# --- what fails ----------------------------------------------------------------------------------


def test_a_node_that_is_killed_loses_nobody(here: Network, nodes: list[Node]) -> None:
    """Its people come back at the other one, and are gone for others until then."""
    with ExitStack() as stack:
        bots = [
            stack.enter_context(here.sign_in(ALICE, reconnect=BACK)),
            stack.enter_context(here.sign_in(BOB, reconnect=BACK)),
        ]
        for bot in bots:
            bot.go_online()
        nodes[0].end()
        for bot in bots:
            until(lambda: works(bot))  # noqa: B023 - at once
            assert bot.ended is None
        nodes[0].start()


def works(session: Any) -> bool:
    """Tell whether a session works that may have lost its server a moment ago."""
    try:
        return session.state is SessionState.ALIVE and answers(session)
    except ConnectionFailed:
        return False


def test_people_of_a_node_that_is_killed_are_seen_to_go(here: Network, nodes: list[Node]) -> None:
    with ExitStack() as stack:
        alice, bob = friends(here, stack)
        nodes[1].end()
        until(lambda: not sees(alice, BOB), 30)
        assert answers(alice)
        assert bob.ended is not None or list(bob)[-1:] is not None


def test_a_node_that_stands_still_is_replaced_and_puts_out_who_went_elsewhere(
    here: Network, nodes: list[Node]
) -> None:
    with here.sign_in(ALICE, nodes[1].servers, dialects=[12]) as first:
        nodes[1].send(signal.SIGSTOP)
        until(lambda: not seats_of(here, ALICE), 30)
        with here.sign_in(ALICE, nodes[0].servers, dialects=[12]) as second:
            nodes[1].send(signal.SIGCONT)
            assert [said.verb for said in first][-1] == "OUT"
            assert answers(second)
            assert len(seats_of(here, ALICE)) == 1


def seats_of(here: Network, passport: str) -> list[object]:
    """Return where an account is signed in, as the shared store has it."""

    async def ask() -> list[object]:
        state = ValkeyState(SharedServer(here.shared))
        try:
            return list(await state.seats(passport))
        finally:
            await state._server.close()

    return asyncio.run(ask())


def test_the_shared_store_is_killed_and_comes_back(here: Network, shared_server: Shared) -> None:
    with ExitStack() as stack:
        alice, bob = friends(here, stack)
        shared_server.kill()
        for dialect in (12, 18):
            with pytest.raises(ServiceUnavailable) as caught:
                here.sign_in(CAROL, dialects=[dialect])
            assert caught.value.retry_after or caught.value.code == 600
        with pytest.raises((ServiceUnavailable, WrongCredentials)):
            here.sign_in(CAROL, password="wrong")
        for session in (alice, bob):
            assert answers(session), "who is there stays"
        shared_server.start()
        until(lambda: online(here, BOB) or True)
        until(lambda: len(seats_of(here, ALICE)) == 1 and len(seats_of(here, BOB)) == 1)
        bob.set_status(Status.AWAY)
        until(lambda: status_of(alice, BOB) is Status.AWAY)
        bob.send_message(ALICE, "still here")
        assert next_message(alice).text == "still here"


def test_postgresql_is_killed_and_comes_back(here: Network, postgres_server: Postgres) -> None:
    with ExitStack() as stack:
        alice, bob = friends(here, stack)
        postgres_server.kill()
        for dialect in (12, 18):
            with pytest.raises(ServiceUnavailable) as caught:
                here.sign_in(CAROL, dialects=[dialect])
            # HTTP says when to come again; a notification server has its code for it.
            assert caught.value.retry_after or caught.value.code == 603
        for session in (alice, bob):
            assert answers(session), "who is there stays"
        postgres_server.start()
        for node in here.nodes:
            until(lambda: signs_in(here, node))  # noqa: B023 - at once
        alice.send_message(BOB, "the database is back")
        assert next_message(bob).text == "the database is back"


def test_everything_is_killed_and_nobody_is_let_in_unchecked(
    here: Network, postgres_server: Postgres, shared_server: Shared, nodes: list[Node]
) -> None:
    with here.sign_in(ALICE, reconnect=BACK) as bot:
        bot.go_online()
        ticket = login_ticket(nodes[0], BOB)
        assert shown(nodes[0], BOB, ticket) == "USR"
        shared_server.kill()
        postgres_server.kill()
        assert shown(nodes[1], BOB, ticket) in ("600", "603")
        for node in nodes:
            node.end()
        shared_server.start()
        postgres_server.start()
        for node in nodes:
            node.start()
        # The store that knew of the use has forgotten it.
        assert shown(nodes[1], BOB, ticket) != "USR"
        until(lambda: works(bot))


def test_nodes_are_restarted_one_after_another(here: Network, nodes: list[Node]) -> None:
    """As in an upgrade: in good order, and everybody comes back by the tickets that they have."""
    cache = MemoryTicketCache()
    with ExitStack() as stack:
        bots = [
            stack.enter_context(here.sign_in(who, cache=cache, reconnect=BACK))
            for who in (ALICE, BOB)
        ]
        for bot in bots:
            bot.go_online()
        tickets = [bot.ticket for bot in bots]
        for node in nodes:
            node.end(signal.SIGTERM)
            node.start()
            for bot in bots:
                until(lambda: works(bot))  # noqa: B023 - at once
        assert [bot.ticket for bot in bots] == tickets
        assert all(bot.ended is None for bot in bots)

"""What people need who bring their own loop is there, and does no I/O."""

from __future__ import annotations

import hashlib

import pytest

import msnpauth
from imports import modules_after
from msnpauth import Servers, Status, sansio
from msnpauth.sansio import (
    Address,
    Connect,
    Consult,
    Done,
    Drop,
    Engine,
    Fetch,
    Open,
    Prepare,
    Response,
    Send,
    SignIn,
    TicketRequest,
)

SERVERS = Servers(notification="ns.example", schemes=["MD5"])


def signed_in() -> Done:
    """Sign in by MD5, the one scheme that needs nothing but the notification connection."""
    sign_in = SignIn("alice@example.com", "secret", SERVERS, scheme="MD5", dialects=[7])
    connect, opening = sign_in.start()
    assert connect == Connect(Address("ns.example", 1863))
    assert isinstance(opening, Send)
    assert opening.encode() == b"VER 1 MSNP7 CVR0\r\nINF 2\r\nUSR 3 MD5 I alice@example.com\r\n"
    (answer,) = sign_in.receive_data(
        b"VER 1 MSNP7\r\nINF 2 MD5\r\nUSR 3 MD5 S 1013928519.693957190\r\n"
    )
    proof = hashlib.md5(b"1013928519.693957190secret").hexdigest()
    assert isinstance(answer, Send)
    assert answer.encode() == f"USR 4 MD5 S {proof}\r\n".encode()
    *_, done = sign_in.receive_data(b"USR 4 OK alice@example.com Alice 1\r\nQNG\r\n")
    assert isinstance(done, Done)
    return done


def test_a_sign_in_and_its_session_by_bytes_alone() -> None:
    engine = Engine(signed_in().result, now=0.0, returns=False)
    assert engine.connection.display_name == "Alice"
    work = engine.begin(lambda it: it.presence.go_online(Status.ONLINE, None, None))
    written: list[bytes] = []

    def write() -> None:
        for number in engine.numbers_to_write():
            written.extend(command.encode() for command in engine.take_output(number, 0.0))

    write()
    for line in ("SYN 5 1", "LST 5 FL 1 0 0", "LST 5 AL 1 0 0", "LST 5 BL 1 0 0", "LST 5 RL 1 0 0"):
        engine.receive_data(1, f"{line}\r\n".encode(), 0.0)
    write()
    there = [work.is_there]
    engine.receive_data(1, b"CHG 6 NLN\r\n", 0.0)
    assert [*there, work.is_there] == [False, True]
    chat = engine.begin(lambda it: it.chats.open(["bob@example.com"], 0.0))
    write()
    assert written == [b"SYN 5 0\r\n", b"CHG 6 NLN\r\n", b"XFR 7 SB\r\n"]
    engine.receive_data(1, b"XFR 7 SB 192.0.2.1:1864 CKI KEY\r\n", 0.0)
    (opened,) = [action for action in engine.take_actions() if isinstance(action, Open)]
    assert opened.address == Address("192.0.2.1", 1864)
    assert engine.opened(opened.number, 0.0)
    engine.close()
    assert Drop(opened.number) in engine.take_actions()
    assert chat.is_there


def test_a_ticket_is_a_generator_of_requests() -> None:
    servers = Servers(login="https://login.example/login2.srf")
    asking = TicketRequest("alice@example.com", "secret", "lc=1033,id=507", servers)
    exchange = asking.exchange()
    request = next(exchange)
    assert str(request.url) == "https://login.example/login2.srf"
    granted = "Passport1.4 da-status=success,from-PP='t=1&p='"
    with pytest.raises(StopIteration) as ended:
        exchange.send(Response(200, (("Authentication-Info", granted),)))
    assert ended.value.value.reveal() == "t=1&p="


def test_every_action_can_be_named() -> None:
    """Who matches actions needs each of their classes."""
    for kind in (Connect, Send, Prepare, Fetch, Done, Consult, Open, Drop):
        assert kind.__name__ in sansio.__all__
    for name in sansio.__all__:
        assert getattr(sansio, name) is not None
        shared = getattr(msnpauth, name, None)
        assert shared is None or shared is getattr(sansio, name), name


def test_to_import_it_opens_nothing() -> None:
    """Neither a loop nor a carrier is there before one is asked for."""
    imported = modules_after("import msnpauth.sansio")
    assert (
        not {"asyncio", "h11", "pycurl", "httpx2", "ssl", "msnpauth.aio", "msnpauth.sync"}
        & imported
    )

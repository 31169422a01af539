from __future__ import annotations

from typing import Any

import pytest

from feeding import VECTORS
from msnpauth.core.client.actions import SignedIn
from msnpauth.core.client.connection import (
    MAX_QUICK_MOVES,
    PING_INTERVAL,
    Profile,
    SessionConnection,
    check_product,
)
from msnpauth.core.client.conversation import Accepted
from msnpauth.core.errors import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    SessionEnded,
    SignInError,
    Step,
    TooManyRedirects,
)
from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.ticket import Ticket
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.core.wire.lines import LineReader
from msnpauth.core.wire.query import answer

PROFILE = (
    b"MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsprofile; charset=UTF-8\r\n"
    b"preferredEmail: a@b\r\nMSPAuth: secret:x\r\npreferredemail: other\r\n\r\n"
)


OK = Command("USR", 4, ("OK", "a@b", "1", "0"))


def session(
    number: int = 12, unasked: tuple[Command, ...] = (), left: bytes = b"", **settings: Any
) -> SessionConnection:
    reader = LineReader(Role.SERVER)
    reader.feed(left)
    accepted = Accepted("a@b", "A", DIALECTS[number], verified=True, restricted=False, command=OK)
    signed_in = SignedIn(
        accepted, Ticket(Secret("t=1"), "https://h"), {}, Address("ns", 1863), 5, unasked, reader
    )
    return SessionConnection(signed_in, now=100.0, **settings)


def sent(core: SessionConnection) -> list[Command]:
    commands, core.to_send = core.to_send, []
    return commands


def test_what_it_knows() -> None:
    core = session()
    assert (core.passport, core.display_name, core.server) == ("a@b", "A", "ns:1863")
    assert core.dialect.number == 12
    assert core.ticket is not None
    assert core.ticket.reveal() == "t=1"
    assert (core.next_trid, core.unread, core.ended) == (5, b"", None)


def test_nothing_of_the_sign_in_is_lost() -> None:
    core = session(
        unasked=(Command("GCF", 0, (), b"x"), Command("CHL", 0, ("1",))), left=b"SBS 0 null\r\nNLN"
    )
    assert [command.verb for command in core.receive(None, 100.0)] == ["GCF", "SBS"]
    assert [command.verb for command in sent(core)] == ["QRY"]
    assert core.unread == b"NLN"


def test_transaction_ids() -> None:
    core = session()
    assert core.send("CHG", ("NLN", "0"), None) == Command("CHG", 5, ("NLN", "0"))
    assert core.send("PNG", (), None).trid is None
    assert core.send("UUX", (), b"x") == Command("UUX", 6, (), b"x")
    with pytest.raises(LocalProtocolError):
        core.send("CHG", ("a b",), None)
    with pytest.raises(LocalProtocolError, match="payload of UUX is not bytes"):
        core.send("UUX", (), "text")  # type: ignore[arg-type]
    assert core.send("CHG", ("NLN",), None).trid == 7
    assert [command.trid for command in sent(core)] == [5, None, 6, 7]


@pytest.mark.parametrize("vector", VECTORS["qry_msnp11_plus"][:1])
def test_a_challenge_is_answered(vector: dict[str, str]) -> None:
    core = session(product=(vector["product_id"], vector["product_key"]))
    assert core.receive(f"CHL 0 {vector['challenge']}\r\n".encode(), 100.0) == []
    expected = Command("QRY", 5, (vector["product_id"],), vector["response"].encode())
    assert sent(core) == [expected]
    assert core.receive(b"QRY 5\r\n", 100.0) == []
    assert core.ended is None


def test_by_the_rule_of_the_dialect() -> None:
    vector = VECTORS["qry_msnp6_to_10"][0]
    core = session(8)
    core.receive(f"CHL 0 {vector['challenge']}\r\n".encode(), 100.0)
    assert sent(core) == [Command("QRY", 5, (vector["product_id"],), vector["response"].encode())]
    core = session(5)
    assert core.receive(b"CHL 0 1\r\n", 100.0) == [Command("CHL", 0, ("1",))]
    assert sent(core) == []


def test_a_challenge_without_a_text() -> None:
    core = session()
    core.receive(b"CHL 0\r\n", 100.0)
    assert sent(core)[0].payload == answer(
        DIALECTS[12].query, "", DIALECTS[12].product.id, DIALECTS[12].product.key
    )


def test_a_wrong_answer_ends_it() -> None:
    core = session()
    core.receive(b"CHL 0 1\r\n540 5\r\n", 100.0)
    assert isinstance(core.ended, RemoteProtocolError)
    assert (core.ended.code, core.ended.step) == (540, Step.SESSION)


def test_keep_alive() -> None:
    core = session()
    core.tick(100.0 + PING_INTERVAL - 1)
    assert sent(core) == []
    core.sent(110.0)
    assert core.wake_at == 110.0 + PING_INTERVAL
    core.tick(core.wake_at)
    assert sent(core) == [Command("PNG")]
    assert core.receive(b"QNG 20\r\n", 200.0) == []
    assert core.wake_at == 200.0 + 18.0


@pytest.mark.parametrize(
    ("number", "line", "interval"),
    [
        (8, "QNG", PING_INTERVAL),
        (8, "QNG 10", PING_INTERVAL),
        (9, "QNG 10", 9.0),
        (12, "QNG 0", PING_INTERVAL),
        (12, "QNG 9", PING_INTERVAL),
        (12, "QNG 00000000000000000020", PING_INTERVAL),
        (12, "QNG \u00b2\u00b2", PING_INTERVAL),
        (12, "QNG 9999999999", PING_INTERVAL),
        (12, "QNG x", PING_INTERVAL),
    ],
)
def test_the_number_of_qng(number: int, line: str, interval: float) -> None:
    core = session(number)
    core.tick(core.wake_at)
    core.receive(f"{line}\r\n".encode(), 200.0)
    assert core.wake_at == 200.0 + interval


def test_a_pong_that_the_caller_asked_for_is_his() -> None:
    assert session().receive(b"QNG 50\r\n", 100.0) == [Command("QNG", None, ("50",))]


def test_a_server_that_no_longer_answers() -> None:
    core = session()
    for _ in range(2):
        core.tick(core.wake_at)
        core.sent(core.wake_at)
    assert len(sent(core)) == 2
    core.tick(core.wake_at)
    assert isinstance(core.ended, ConnectionFailed)
    assert "no longer answers" in core.ended.text
    core.tick(core.wake_at + 1000)
    assert sent(core) == []


def test_any_sign_of_life_counts() -> None:
    core = session()
    for _ in range(9):
        core.tick(core.wake_at)
        core.receive(b"NLN NLN x@y X\r\n", core.wake_at - 1)
    assert core.ended is None


def test_a_server_that_never_answers_qry() -> None:
    """What it leaves unanswered is forgotten at last; the answers that do come are still ours."""
    core = session()
    for _ in range(5):
        core.receive(b"CHL 0 1\r\n" * 1000, 100.0)
        assert len(sent(core)) == 1000
    first, last = 5, core.next_trid - 1
    assert core.receive(f"QRY {last}\r\n".encode(), 100.0) == []
    assert core.receive(f"QRY {first}\r\n".encode(), 100.0) == [Command("QRY", first)]


def test_a_server_that_asks_faster_than_it_reads() -> None:
    core = session()
    core.receive(b"CHL 0 1\r\n" * 5000, 100.0)
    assert len(core.to_send) == 1000


@pytest.mark.parametrize(
    "product",
    [("a",), ("a", "b", "c"), ("a b", "c"), ("a", "é"), ("", "b"), ("a", 5), "ab", 7, (b"a", b"b")],
)
def test_what_is_no_product(product: Any) -> None:
    with pytest.raises(LocalProtocolError, match="product="):
        check_product(product)


def test_what_is_a_product() -> None:
    assert check_product(("id", "key")) == ("id", "key")
    assert check_product(None) is None


@pytest.mark.parametrize(
    ("line", "reason", "minutes"),
    [
        ("OUT OTH", "OTH", None),
        ("OUT SSD", "SSD", None),
        ("OUT RCT 6", "RCT", 6),
        ("OUT", "", None),
    ],
)
def test_out(line: str, reason: str, minutes: int | None) -> None:
    core = session()
    assert [c.verb for c in core.receive(f"NLN NLN x@y\r\n{line}\r\nNLN\r\n".encode(), 1.0)] == [
        "NLN",
        "OUT",
    ]
    assert isinstance(core.ended, SessionEnded)
    assert (core.ended.reason, core.ended.minutes) == (reason, minutes)


@pytest.mark.parametrize(
    ("line", "reason"), [("OUT OTH", "OTH"), ("OUT", ""), ("OUT RCT 6", "RCT"), ("NLN NLN", None)]
)
def test_out_without_its_line_end(line: str, reason: str | None) -> None:
    core = session()
    core.receive(line.encode(), 1.0)
    assert core.ended is None
    core.receive(b"", 1.0)
    assert getattr(core.ended, "reason", None) == reason


def test_the_end_of_the_stream() -> None:
    core = session()
    assert len(core.receive(b"NLN NLN x@y\r\n", 1.0)) == 1
    core.receive(b"", 1.0)
    assert isinstance(core.ended, ConnectionFailed)
    core.end(core.closed_here())
    assert isinstance(core.ended, ConnectionFailed)


def test_a_stream_that_makes_no_sense() -> None:
    core = session()
    core.receive(b"HTTP/1.1 200 OK\r\n", 1.0)
    assert isinstance(core.ended, RemoteProtocolError)
    assert core.ended.server == "ns:1863"


def test_profile() -> None:
    core = session()
    core.receive(b"MSG x y 2\r\nhi", 1.0)
    assert not core.profile
    message = f"MSG Hotmail Hotmail {len(PROFILE)}\r\n".encode() + PROFILE
    assert core.receive(message, 1.0)[0].payload == PROFILE
    assert core.profile["PREFERREDEMAIL"] == "a@b"
    assert core.profile["mspauth"] == "secret:x"
    assert "MSPAuth" in list(core.profile)
    assert len(core.profile) == 4
    assert "secret" not in repr(core.profile)
    core.receive(message.replace(b"a@b", b"c@d"), 1.0)
    assert core.profile["preferredEmail"] == "a@b"


def test_an_empty_profile() -> None:
    assert dict(Profile()) == {}
    assert repr(Profile()) == "<Profile >"


def test_display_name() -> None:
    core = session()
    core.receive(b"PRP MFN Zo%C3%AB\r\n", 1.0)
    assert core.display_name == "Zoë"
    core.receive(b"PRP 5 MFN B\r\nPRP PHH 1\r\n", 1.0)
    assert core.display_name == "B"


def moved(core: SessionConnection, line: bytes, now: float = 101.0) -> SignInError | None:
    assert [command.verb for command in core.receive(line, now)] == ["XFR"]
    return core.ended


def test_a_server_that_sends_the_session_on() -> None:
    ended = moved(session(), b"XFR 0 NS 10.0.0.9:1863 0 10.0.0.1:1863\r\nNLN NLN x@y X 0\r\n")
    assert isinstance(ended, SessionEnded)
    assert (ended.reason, ended.moved_to) == ("XFR", Address("10.0.0.9", 1863))


def test_a_server_that_sends_the_session_back_to_its_beginning() -> None:
    ended = moved(session(), b"XFR 0 NS 0\r\n")
    assert isinstance(ended, SessionEnded)
    assert (ended.reason, ended.moved_to) == ("XFR", None)


def test_a_switchboard_is_no_move() -> None:
    assert moved(session(), b"XFR 5 SB 10.0.0.9:1863 CKI 1.2.3\r\n") is None


@pytest.mark.parametrize("line", [b"XFR 0 NS\r\n", b"XFR 0 NS :::\r\n"])
def test_a_move_to_nowhere(line: bytes) -> None:
    ended = moved(session(), line)
    assert isinstance(ended, RemoteProtocolError)
    assert ended.step is Step.SESSION


def after(before: SessionConnection) -> SessionConnection:
    """Return the session on its next connection, its USR OK taken."""
    core = session(before=before)
    assert [command.verb for command in core.receive(None, 100.0)] == ["USR"]
    return core


def test_servers_that_do_not_agree() -> None:
    """One after another sends the session on at once: an end is put to it."""
    core = session()
    for _ in range(MAX_QUICK_MOVES):
        assert isinstance(moved(core, b"XFR 0 NS 10.0.0.9:1863\r\n"), SessionEnded)
        core = after(core)
    ended = moved(core, b"XFR 0 NS 10.0.0.9:1863\r\n")
    assert isinstance(ended, TooManyRedirects)
    assert ended.step is Step.SESSION


def test_moves_now_and_then_are_no_circle() -> None:
    core = session()
    for _ in range(3 * MAX_QUICK_MOVES):
        core = after(core)
        assert isinstance(moved(core, b"XFR 0 NS 10.0.0.9:1863\r\n", now=200.0), SessionEnded)


def test_connections_that_last_less_than_a_minute_are_counted() -> None:
    core = session()
    core.receive(b"", 159.0)
    assert core.short_lives == 1
    core = session(before=core)
    core.tick(101.0)
    assert core.short_lives == 2
    core = session(before=core)
    core.sent(160.0)
    assert core.short_lives == 0
    assert session(before=core).short_lives == 1


def test_who_reads_sees_that_the_session_came_back() -> None:
    core = session(before=session(), unasked=(Command("GCF", 0, (), b"x"),), left=b"SBS 0 null\r\n")
    assert [command.verb for command in core.receive(None, 100.0)] == ["GCF", "USR", "SBS"]

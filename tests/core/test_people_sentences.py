"""Every error of lists, presence and chats, whole; the others are in `test_sentences`.

What each call below comes to stands in tests/data/people_errors.txt, one line for each.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from msnpauth import ConnectionFailed, Looks, Secret, Servers, SignInError
from msnpauth.core.client.session_actions import Consult
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.people import addressbook
from msnpauth.core.people.contact import ListName
from msnpauth.core.servers import CONTACTS_SITE, OIM_SITE
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.wire.messages import NUDGE, PLAIN, split_text
from msnpauth.core.wire.status import status_named
from talk import Talk
from told import shown

TABLE = Path(__file__).parent.parent / "data" / "people_errors.txt"
CONTACTS = Servers("ns.example", contacts="https://c.example")
Act = Callable[[Talk, Any, int], Any]


def begun(begin: Callable[[Any], Any], dialect: int = 12, *lines: str) -> None:
    """Begin something, let the server say these lines, and take the result."""
    talk = Talk(dialect)
    work = talk.engine.begin(begin)
    talk.hear(*lines)
    work.result()


def with_people(begin: Callable[[Any], Any], dialect: int = 12) -> None:
    """As `begun`, with Bob on the list and a group."""
    talk = Talk(dialect)
    loading = talk.engine.begin(lambda it: it.presence.contacts())
    talk.hear("SYN 5 t t 1 1", "LSG Friends g-1", "LST N=b@c F=Bob C=1 3 1")
    loading.result()
    talk.engine.begin(begin).result()


def chatting(act: Act) -> None:
    """Open a chat with Bob, and do something in it."""
    talk = Talk(12)
    talk.online()
    work = talk.opening("a@b")
    number = talk.board(work, "a@b")
    outcome = act(talk, work.result(), number)
    if outcome is not None:
        outcome.result()


def answered(line: str) -> Act:
    """Send a nudge, which the switchboard answers so."""

    def act(talk: Talk, board: Any, number: int) -> Any:
        said = board.message(NUDGE, acknowledged=True)
        talk.hear(line, number=number)
        return said

    return act


def after(happens: Callable[[Talk, Any, int], None]) -> Act:
    """Let something happen, and then write into the chat."""

    def act(talk: Talk, board: Any, number: int) -> Any:
        happens(talk, board, number)
        return talk.engine.begin(lambda it: it.chats.say(board, "x", PLAIN))

    return act


def leave(talk: Talk, board: Any) -> None:
    talk.engine.society.chats.leave(board)


def lose(talk: Talk, number: int, error: SignInError) -> None:
    talk.engine.connection_lost(number, error, talk.now)


def opening(*lines: str, board: tuple[str, ...] = ()) -> None:
    """Open a chat; the notification server and the switchboard say these lines."""
    talk = Talk(12)
    talk.online()
    work = talk.opening("b@c")
    talk.hear(*(line.format(trid=talk.engine.connection.next_trid - 1) for line in lines))
    for action in talk.actions():
        number = getattr(action, "number", 0)
        talk.engine.opened(number, talk.now)
        talk.hear(*board, number=number)
    work.result()


TO_BOARD = "XFR {trid} SB 10.0.0.1:1864 CKI KEY"


def too_many() -> None:
    talk = Talk(12)
    talk.online()
    for _ in range(8):
        talk.opening("b@c")
    talk.opening("b@c", patience=1.5).result()


def consulted(answer: Response | SignInError) -> None:
    """Put somebody on the allow list, at a contacts host that answers so."""
    exchange = addressbook.add_member(CONTACTS, Secret("t=secret&p="), ListName.ALLOW, "b@c")
    next(exchange)
    try:
        if isinstance(answer, Response):
            exchange.send(answer)
        else:
            exchange.throw(answer)
    except StopIteration:
        return


def refusal(code: str, text: str = "words") -> Response:
    detail = f"<detail><errorcode>{code}</errorcode></detail>" if code else ""
    body = f"<E><Body><Fault><faultstring>{text}</faultstring>{detail}</Fault></Body></E>"
    return Response(500, (), body.encode())


def errand(site: str, ticket: str | None = None, **servers: Any) -> None:
    machine = SignIn("a@b.example", "pw", Servers(notification="ns", **servers), scheme="TWN")
    secret = Secret(ticket) if ticket else None
    next(machine.consult(Consult(1, lambda _servers, _ticket: iter(()), site, secret)))  # type: ignore[arg-type,return-value]


def without_a_way() -> None:
    talk = Talk(18, returns=False)
    work = talk.engine.begin(lambda it: it.lists.add("a@b", None))
    talk.wait(3.0)
    work.result()


def restored_in_vain() -> None:
    from msnpauth import Reconnect
    from talk import signed_in

    talk = Talk(12, reconnect=Reconnect())
    talk.online()
    talk.engine.receive_data(1, b"", talk.now)
    talk.wait(5.0)
    number = talk.engine.entered(signed_in(12), talk.now)
    assert number is not None
    talk.wait(61.0)
    error = talk.engine.connection.ended
    assert error is not None
    raise error


CASES: dict[str, Callable[[], object]] = {
    # Presence.
    "status: none": lambda: status_named("here"),
    "status: offline": lambda: status_named("offline"),
    "status: no text": lambda: status_named(None),  # type: ignore[arg-type]
    "name: empty": lambda: begun(lambda it: it.presence.set_name("")),
    "name: too long": lambda: begun(lambda it: it.presence.set_name("ü" * 65)),
    "name: no UTF-8": lambda: begun(lambda it: it.presence.set_name("\ud800")),
    "message: none before MSNP11": lambda: begun(
        lambda it: it.presence.set_personal_message("x"), 10
    ),
    "presence: refused": lambda: begun(lambda it: it.presence.set_name("A"), 12, "209 5"),
    "presence: not set up again": restored_in_vain,
    # The list.
    "list: refused": lambda: begun(lambda it: it.presence.contacts(), 12, "603 5"),
    "list: no passport": lambda: begun(lambda it: it.lists.add("nobody", None)),
    "list: nobody to remove": lambda: with_people(lambda it: it.lists.remove("d@e")),
    "list: no such group": lambda: with_people(lambda it: it.lists.add("d@e", "Work")),
    "list: no name of a group": lambda: begun(lambda it: it.lists.add_group("")),
    "list: a long name of a group": lambda: begun(lambda it: it.lists.add_group("ü" * 11)),
    "list: no groups": lambda: begun(lambda it: it.lists.add_group("x"), 6),
    "list: no way to the contacts host": without_a_way,
    "host: refused": lambda: consulted(refusal("InvalidPassportUser")),
    "host: refused, with the ticket in its words": lambda: consulted(refusal("X", "t=secret")),
    "host: no code": lambda: consulted(refusal("")),
    "host: in trouble": lambda: consulted(Response(503, (("Retry-After", "7"),), b"")),
    "host: a fault that is trouble": lambda: consulted(
        Response(503, (), b"<E><Body><Fault/></Body></E>")
    ),
    "host: no XML": lambda: consulted(Response(200, (), b"hello")),
    "host: nothing": lambda: consulted(Response(200)),
    "host: 404": lambda: consulted(Response(404, (), b"<html/>")),
    "host: a redirect to a stranger": lambda: consulted(
        Response(302, (("Location", "https://evil.example/"),))
    ),
    "host: unknown": lambda: errand(CONTACTS_SITE, login="https://l.example/"),
    "host: unknown for messages": lambda: errand(OIM_SITE, login="https://l.example/"),
    "host: no ticket for it": lambda: errand(
        CONTACTS_SITE, login="https://l.example/", contacts="https://c.example"
    ),
    # Chats.
    "chat: nobody": lambda: begun(lambda it: it.chats.send_message([], "x", PLAIN, 1.0)),
    "chat: no passport": lambda: begun(lambda it: it.chats.open(["x"], 1.0)),
    "chat: no text": lambda: split_text(""),
    "chat: text that is none": lambda: split_text(5),  # type: ignore[arg-type]
    "chat: text without UTF-8": lambda: split_text("\ud800"),
    "chat: no nudges": lambda: begun(lambda it: it.chats.nudge(None), 8),
    "chat: no colour": lambda: Looks(colour="red"),
    "chat: no font": lambda: Looks(font="x" * 101),
    "chat: too many": too_many,
    "chat: the server's 800": lambda: opening("800 {trid}"),
    "chat: offline": lambda: opening("913 {trid}"),
    "chat: refused": lambda: opening("500 {trid}"),
    "chat: no switchboard": lambda: opening("XFR {trid} SB nowhere"),
    "chat: an address that is none": lambda: opening("XFR {trid} SB :: CKI KEY"),
    "chat: the key is refused": lambda: opening(TO_BOARD, board=("911 1",)),
    "chat: nobody there": lambda: opening(TO_BOARD, board=("USR 1 OK me@b Me", "217 2")),
    "chat: does not want to": lambda: opening(TO_BOARD, board=("USR 1 OK me@b Me", "216 2")),
    "chat: another refusal": lambda: opening(TO_BOARD, board=("USR 1 OK me@b Me", "208 2")),
    "chat: no MSNP": lambda: opening(TO_BOARD, board=("hello",)),
    "chat: OUT": lambda: opening(TO_BOARD, board=("OUT",)),
    "chat: not delivered": lambda: chatting(answered("NAK 3")),
    "chat: not taken": lambda: chatting(answered("282 3")),
    "chat: left": lambda: chatting(after(lambda talk, board, _: leave(talk, board))),
    "chat: closed by the server": lambda: chatting(
        after(lambda talk, _, number: talk.engine.receive_data(number, b"", talk.now))
    ),
    "chat: the connection broke": lambda: chatting(
        after(lambda talk, _, number: lose(talk, number, ConnectionFailed("reset by peer")))
    ),
    "chat: the session is over": lambda: chatting(after(lambda talk, *_: talk.engine.close())),
    "chat of MSNP21: several": lambda: begun(lambda it: it.chats.open(["b@c", "d@e"], 1.0), 21),
    "chat of MSNP21: offline": lambda: begun(
        lambda it: it.chats.send_message(["b@c"], "x", PLAIN, 1.0), 21, "217 5"
    ),
    "chat of MSNP21: refused": lambda: begun(
        lambda it: it.chats.send_message(["b@c"], "x", PLAIN, 1.0), 21, "801 5 1", "x"
    ),
}


def come_to(case: Callable[[], object]) -> str:
    with pytest.raises(SignInError) as caught:
        case()
    return shown(caught.value)


@pytest.mark.parametrize("name", CASES)
def test_what_an_error_says(name: str) -> None:
    kept = dict(line.split(" => ", 1) for line in TABLE.read_text("utf-8").splitlines())
    assert come_to(CASES[name]) == kept[name]


def test_the_table_has_no_other_lines() -> None:
    lines = TABLE.read_text("utf-8").splitlines()
    assert [line.split(" => ", 1)[0] for line in lines] == list(CASES)

"""Messages that were left: what the server says of them, and how they are fetched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth import ConnectionFailed, RemoteProtocolError, Secret, Servers, SignInError
from msnpauth.core.people import offline
from msnpauth.core.people.offline import (
    Left,
    Notice,
    delete_left,
    fetch_left,
    notice_in,
    read_mail,
)
from msnpauth.core.tickets.exchange import Exchange, Request, Response
from msnpauth.core.tickets.xml import parse, text_of

SERVERS = Servers("ns.example", contacts="https://c.example", oim="https://oim.example:8443")
TICKET = Secret("t=abc*d&p=ef")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

# As Escargot and libpurple's comments have it.
ONE = (
    "<MD><E><I>0</I><IU>0</IU><O>0</O><OU>0</OU></E><Q><QTM>409600</QTM><QNM>204800</QNM></Q>"
    "<M><T>11</T><S>6</S><RT>2008-11-15T22:24:27.000Z</RT><RS>0</RS><SZ>950</SZ>"
    "<E>bob@example.com</E><I>58FA2B4D</I><F>00000000-0000-0000-0000-000000000009</F>"
    "<N>=?utf-8?B?Qm9i?=</N></M></MD>"
)
MAIL = (
    "X-Message-Info: x\r\nReceived: from OIM-SSI02.phx.gbl\r\n\t Sat, 15 Nov 2008 14:24:27 -0800\r\n"
    "From: =?utf-8?B?WsOpIEJvYg==?= <bob@example.com>\r\nTo: alice@example.com\r\nSubject: \r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
    "Content-Transfer-Encoding: base64\r\nX-OIM-Message-Type: OfflineMessage\r\n"
    "Date: 15 Nov 2008 14:24:27 -0800\r\n\r\nR3LDvMOfZSwgd2hlcmUgYXJlIHlvdT8="
)
SENT = datetime(2008, 11, 15, 22, 24, 27, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "utc_now", lambda: NOW)


def told(data: str, kind: str = "initialmdata") -> bytes:
    return (
        f"MIME-Version: 1.0\r\nContent-Type: text/x-msmsgs{kind}notification; charset=UTF-8\r\n"
        f"\r\nMail-Data: {data}\r\nInbox-URL: /cgi-bin/HoTMaiL\r\n"
    ).encode()


def envelope(content: str) -> bytes:
    return f'<s:Envelope xmlns:s="urn:s"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def message(mail: str) -> Response:
    text = mail.replace("&", "&amp;").replace("<", "&lt;")
    content = (
        f"<GetMessageResponse><GetMessageResult>{text}</GetMessageResult></GetMessageResponse>"
    )
    return Response(200, (), envelope(content))


FAULT = Response(500, (), envelope("<s:Fault><faultcode>x</faultcode></s:Fault>"))


def run(exchange: Exchange[Any], *answers: Response | SignInError) -> tuple[Any, list[Request]]:
    asked, left = [next(exchange)], list(answers)
    while True:
        answer = left.pop(0)
        try:
            if isinstance(answer, Response):
                asked.append(exchange.send(answer))
            else:
                asked.append(exchange.throw(answer))
        except StopIteration as end:
            assert not left
            return end.value, asked


@pytest.mark.parametrize(
    ("payload", "notice"),
    [
        (told(ONE), Notice(("58FA2B4D",))),
        (told(ONE, "oim"), Notice(("58FA2B4D",))),
        (told("too-large"), Notice(None)),
        (told("<MD><E><I>3</I></E></MD>"), Notice(())),
        (told("<MD><M><I>a</I></M><M><I>b</I></M><M><I>a</I></M><M/></MD>"), Notice(("a", "b"))),
        (told("no XML"), None),
        (told(ONE, "email"), None),
        (b"Content-Type: text/x-msmsgsoimnotification\r\n\r\nOther: 1", None),
        (b"", None),
    ],
)
def test_what_the_server_says(payload: bytes, notice: Notice | None) -> None:
    assert notice_in(payload) == notice


def test_fetching() -> None:
    later = MAIL.replace("15 Nov", "16 Nov")
    found, asked = run(fetch_left(SERVERS, TICKET, ("x", "<y>")), message(later), message(MAIL))
    assert [(left.id, left.sent_at.day) for left in found] == [("<y>", 15), ("x", 16)]
    first, second = asked
    assert str(first.url) == "https://oim.example:8443/rsi/rsi.asmx"
    action = '"http://www.hotmail.msn.com/ws/2004/09/oim/rsi/GetMessage"'
    assert dict(first.headers)["SOAPAction"] == action
    root = parse(first.body)
    assert (text_of(root, "t"), text_of(root, "p")) == ("abc*d", "ef")
    assert text_of(root, "alsoMarkAsRead") == "false"
    assert text_of(parse(second.body), "messageId") == "<y>"
    assert "abc" not in str(vars(first))


def test_too_many_to_name() -> None:
    listed = Response(200, (), envelope(f"<GetMetadataResponse>{ONE}</GetMetadataResponse>"))
    found, asked = run(fetch_left(SERVERS, TICKET, None), listed, message(MAIL))
    assert [left.id for left in found] == ["58FA2B4D"]
    assert b"<GetMetadata " in asked[0].body
    assert text_of(parse(asked[1].body), "messageId") == "58FA2B4D"


def test_one_that_cannot_be_had() -> None:
    found, _ = run(fetch_left(SERVERS, TICKET, ("x", "y")), FAULT, message(MAIL))
    assert [left.id for left in found] == ["y"]


def test_a_service_in_trouble_is_not_asked_for_ever() -> None:
    lost = ConnectionFailed("no way")
    with pytest.raises(RemoteProtocolError):
        run(fetch_left(SERVERS, TICKET, ("a", "b", "c", "d")), FAULT, lost, lost)


def test_nothing_to_fetch() -> None:
    with pytest.raises(StopIteration) as end:
        next(fetch_left(SERVERS, TICKET, ()))
    assert end.value.value == []


def test_deleting() -> None:
    done = Response(200, (), envelope("<DeleteMessagesResponse/>"))
    _, (request,) = run(delete_left(SERVERS, TICKET, ["a", "b"]), done)
    assert b"<messageId>a</messageId><messageId>b</messageId>" in request.body


def test_a_ticket_without_t_and_p() -> None:
    request = next(fetch_left(SERVERS, Secret("5e8278f5acbab9d3c17d"), ("a",)))
    root = parse(request.body)
    assert (text_of(root, "t"), text_of(root, "p")) == ("5e8278f5acbab9d3c17d", "")


def test_a_message() -> None:
    assert read_mail("1", MAIL) == Left(
        "1", "bob@example.com", "Zé Bob", "Grüße, where are you?", SENT
    )


PARTS = (
    'From: <bob@example.com>\nContent-Type: multipart/mixed; boundary="b"\nDate: x\n\nSome text\n'
    "--b\nContent-Type: text/x-other\n\nno\n--b\nContent-Type: text/plain; charset=latin-1\n"
    "Content-Transfer-Encoding: 8bit\n\nYes\n--b--\n"
)


@pytest.mark.parametrize(
    ("mail", "left"),
    [
        (PARTS, Left("1", "bob@example.com", "", "Yes", NOW)),
        ("", Left("1", "", "", "", NOW)),
        ("From: Bob Bobson <b@c>\n\nplain text", Left("1", "b@c", "Bob Bobson", "plain text", NOW)),
        ("From: =?nonsense?B?!!?= <b@c>\n\n", Left("1", "b@c", "=?nonsense?B?!!?=", "", NOW)),
        ("Content-Type: text/plain; charset=nothing\n\nx", Left("1", "", "", "x", NOW)),
        ("From: Zoë <b@c>\n\nGrüße", Left("1", "b@c", "Zoë", "Grüße", NOW)),
        ("Date: 15 Nov 2008 22:24:27 -0000\n\n", Left("1", "", "", "", SENT)),
        ("Date: 99 Nov 99999 22:24:27 -9999\n\n", Left("1", "", "", "", NOW)),
    ],
)
def test_messages_of_other_kinds(mail: str, left: Left) -> None:
    assert read_mail("1", mail) == left


@given(st.text() | st.text("From:Date\n =?utf8BQ<>@;\r-0123456789").map(lambda text: text + "\n\n"))
def test_any_message_can_be_read(mail: str) -> None:
    assert isinstance(read_mail("1", mail), Left)

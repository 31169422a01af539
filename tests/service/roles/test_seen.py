"""Presence, lists and calls, line by line, as each version says them."""

from __future__ import annotations

import pytest

from msnpauth.core.people.publication import Published, parse_published
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import DIALECTS, Dialect
from msnpauth.core.wire.lines import LineReader
from msnpauth.core.wire.routed import parse_routed
from msnpauth.service.roles.news import Listed, Rung, Seen
from msnpauth.service.roles.seen import called, listed, message, presence
from msnpauth.service.stores.protocol import Presence

ALICE, BOB = "alice@example.com", "bob@example.com"
PICTURE = "%3Cmsnobj%2F%3E"
every = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)


def lines(*commands: Command) -> list[str]:
    return [command.encode().decode().replace("\r\n", "|") for command in commands]


def first(version: int, shown: Presence, trid: int | None = None) -> str:
    return lines(*presence(DIALECTS[version], Seen(BOB, shown), ALICE, trid))[0].rstrip("|")


# What stands behind the status: with a picture, without one, and in FLN.
WORDS = {
    2: ("{mail} B%20b", "{mail} B%20b", "{mail}"),
    7: ("{mail} B%20b", "{mail} B%20b", "{mail}"),
    8: ("{mail} B%20b 5 {picture}", "{mail} B%20b 5", "{mail}"),
    9: ("{mail} B%20b 5 {picture}", "{mail} B%20b 5", "{mail}"),
    12: ("{mail} B%20b 5 {picture}", "{mail} B%20b 5", "{mail}"),
    14: ("{mail} 1 B%20b 5 {picture}", "{mail} 1 B%20b 5 0", "{mail} 1 0"),
    15: ("{mail} 1 B%20b 5 {picture}", "{mail} 1 B%20b 5 0", "{mail} 1 0"),
    16: ("{mail} 1 B%20b 5:6 {picture}", "{mail} 1 B%20b 5:6 0", "{mail} 1 0:0"),
    17: ("{mail} 1 B%20b 5:6 {picture}", "{mail} 1 B%20b 5:6 0", "{mail} 1 0:0"),
    18: ("1:{mail} B%20b 5:6 {picture}", "1:{mail} B%20b 5:6 0", "1:{mail} 0:0"),
    19: ("1:{mail} B%20b 5:6 {picture}", "1:{mail} B%20b 5:6 0", "1:{mail} 0:0"),
}


@pytest.mark.parametrize("version", WORDS)
def test_the_words_of_presence(version: int) -> None:
    with_one, without, gone = (row.format(mail=BOB, picture=PICTURE) for row in WORDS[version])
    head = "NLN" if version >= 18 else "ILN 9"
    pictured = Presence("BSY", "B b", "5:6", PICTURE)
    assert first(version, pictured, 9) == f"{head} BSY {with_one}"
    assert first(version, pictured) == f"NLN BSY {with_one}"
    assert first(version, Presence("BSY", "B b", "5:6")) == f"NLN BSY {without}"
    dialect = DIALECTS[version]
    assert lines(*presence(dialect, Seen(BOB, None), ALICE)) == [f"FLN {gone}|"]
    assert presence(dialect, Seen(BOB, None), ALICE, 9) == [], "who is not there begins no list"


@pytest.mark.parametrize(("version", "shown"), [(12, "5"), (15, "5"), (16, "5:0"), (18, "5:0")])
def test_what_an_old_client_can_do_as_a_new_one_sees_it(version: int, shown: str) -> None:
    assert f" {shown}" in first(version, Presence("NLN", "B", "5"))
    assert first(version, Presence("NLN", "B", "5:0")) == first(version, Presence("NLN", "B", "5"))


@pytest.mark.parametrize(
    ("version", "words"), [(11, BOB), (12, BOB), (13, f"{BOB} 1"), (16, f"{BOB} 1"), (18, f"1:{BOB}")]
)  # fmt: skip
def test_the_personal_message(version: int, words: str) -> None:
    dialect, shown = DIALECTS[version], Presence("NLN", "B", message="<Data>ö</Data>")
    ubx = f"UBX {words} 15|<Data>ö</Data>"
    assert lines(message(dialect, Seen(BOB, shown))) == [ubx]
    assert lines(*presence(dialect, Seen(BOB, shown), ALICE))[1:] == [ubx]
    assert lines(*presence(dialect, Seen(BOB, shown), ALICE, 9))[1:] == [ubx]
    assert lines(message(dialect, Seen(BOB, None))) == [f"UBX {words} 0|"]


def test_no_version_before_msnp11_has_a_personal_message() -> None:
    shown = Presence("NLN", "B", message="<Data/>")
    assert len(presence(DIALECTS[10], Seen(BOB, shown), ALICE)) == 1


def notified(shown: Presence | None, trid: int | None = None) -> tuple[Command, Published]:
    (command,) = presence(DIALECTS[21], Seen(BOB, shown), ALICE, trid)
    routed = parse_routed(command.payload or b"")
    assert routed is not None
    assert (routed.to, routed.sender, routed.headers["uri"]) == (ALICE, BOB, "/user")
    assert routed.headers["content-length"] == str(len(routed.body))
    said = parse_published(routed.body)
    assert said is not None
    return command, said


@pytest.mark.parametrize("trid", [None, 9])
def test_msnp21_is_told_all_at_once(trid: int | None) -> None:
    text = "<Data><PSM>1 &lt; 2</PSM><CurrentMedia></CurrentMedia></Data>"
    command, said = notified(Presence("BSY", "B & <b>", "5:6", message=text), trid)
    assert (command.verb, command.trid, command.args) == ("NFY", None, ("PUT",))
    assert said == Published("BSY", "B & <b>", "1 < 2", "5:6", names_im=True)


@pytest.mark.parametrize("text", ["", "no XML", "<Data>", "<Data/>", "<PSM>", "\ud800"])
def test_a_personal_message_that_says_nothing(text: str) -> None:
    _, said = notified(Presence("BSY", "B", message=text))
    assert said == Published("BSY", "B", "", "0:0", names_im=True)


def test_msnp21_is_told_that_somebody_is_gone() -> None:
    command, said = notified(None)
    assert command.args == ("DEL",)
    assert said == Published(names_im=True)


LISTED = {
    2: ("ADD 0 RL 7 bob@example.com B%20b|", "REM 0 RL 7 bob@example.com|"),
    9: ("ADD 0 RL 7 bob@example.com B%20b|", "REM 0 RL 7 bob@example.com|"),
    10: ("ADC 0 RL N=bob@example.com F=B%20b|", "REM 0 RL bob@example.com|"),
    12: ("ADC 0 RL N=bob@example.com F=B%20b|", "REM 0 RL bob@example.com|"),
}


@pytest.mark.parametrize("version", LISTED)
def test_who_was_added_is_told_in_words(version: int) -> None:
    told = [Listed(BOB, "B b", is_on) for is_on in (True, False)]
    assert tuple(lines(*(listed(DIALECTS[version], one, 7) for one in told))) == LISTED[version]


@pytest.mark.parametrize("version", [13, 15, 18, 21])
def test_who_was_added_is_told_in_xml(version: int) -> None:
    dialect, told = DIALECTS[version], Listed("b&o'b@ex<ample", 'B "b" ö', is_on=True)
    head = '<ml><d n="ex&lt;ample"><c n="b&amp;o&#x27;b" t="1" l="8"'
    added = listed(dialect, told, 7)
    assert (added.verb, added.trid, added.args) == ("ADL", 0, ())
    assert added.payload == f'{head} f="B%20%22b%22%20%C3%B6"/></d></ml>'.encode()
    removed = listed(dialect, Listed(told.passport, "B", is_on=False), 7)
    assert (removed.verb, removed.payload) == ("RML", f"{head}/></d></ml>".encode())


@pytest.mark.parametrize(
    ("version", "tail"),
    [(2, ""), (12, ""), (13, " U messenger.msn.com"), (14, " U messenger.msn.com 1"), (18, " U messenger.msn.com 1")],
)  # fmt: skip
def test_a_call(version: int, tail: str) -> None:
    call = Rung("11752013", "192.0.2.1:1864", "849102291.5", BOB, "B b")
    said = f"RNG 11752013 192.0.2.1:1864 CKI 849102291.5 {BOB} B%20b{tail}|"
    assert lines(called(DIALECTS[version], call)) == [said]


@every
def test_every_line_is_one_that_a_client_can_read(dialect: Dialect) -> None:
    """Whatever people are called: words stay words, and payloads have their lengths."""
    who, name = "b%o b@example.com", " \r\nOUT\r\n%"
    shown = Presence("NLN", name, message="<Data>\r\n</Data>")
    said = [
        *presence(dialect, Seen(who, shown), ALICE, 9),
        *presence(dialect, Seen(who, shown), ALICE),
        *presence(dialect, Seen(who, None), ALICE),
        *(listed(dialect, Listed(who, name, is_on), 1) for is_on in (True, False)),
        called(dialect, Rung("5", "sb:1", "KEY", who, name)),
    ]
    reader = LineReader(Role.SERVER)
    reader.feed(b"".join(command.encode() for command in said))
    assert [reader.next_command() for _ in said] == said
    assert reader.unread == b""

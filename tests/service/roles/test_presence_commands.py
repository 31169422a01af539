"""What a client says about itself, handler by handler: its words, its limits, who hears of it."""

from __future__ import annotations

import pytest

from connections import Client, office_of
from msnpauth.core.people.contact import ListName
from msnpauth.core.people.publication import Published, published_document
from msnpauth.core.wire.commands import escape
from msnpauth.core.wire.dialects import DIALECTS, PresenceForm, QueryRule
from msnpauth.core.wire.routed import routed_payload
from msnpauth.service.roles.left_messages import leave
from msnpauth.service.roles.news import News, Seen
from msnpauth.service.roles.presence_commands import PRESENCE_COMMANDS
from msnpauth.service.stores.memory import at_once
from msnpauth.service.stores.protocol import Account, Presence

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
LONGEST = 387
"""Of a display name, as it stands on the wire."""


class Pair:
    """Alice, who speaks a version, and Bob, who has her on his list and she him on hers."""

    def __init__(self, version: int = 12) -> None:
        alice = Account(ALICE, "x", display_name="Al ice", contacts=(BOB,))
        self.office = office_of(alice, Account(BOB, "x", contacts=(ALICE,)), CAROL)
        self.alice = Client(self.office, ALICE, version)
        self.bob = Client(self.office, BOB)

    def say(self, line: str, payload: bytes | None = None) -> list[str]:
        said = self.alice.do(PRESENCE_COMMANDS, line, payload)
        return [line for line in said if not line.startswith("CHL ")]

    def put(self, said: Published | str, uri: str = "/user", verb: str = "PUT") -> list[str]:
        document = said.encode() if isinstance(said, str) else published_document(said)
        content = (("Publication", "1.0"), ("Uri", uri), ("Content-Type", "application/user+xml"))
        return self.say(f"{verb} 7", routed_payload(ALICE, ALICE, "", content, document))

    @property
    def name(self) -> str:
        found = at_once(self.office.accounts.find(ALICE))
        assert found is not None
        return found.display_name

    @property
    def shown(self) -> Presence | None:
        return at_once(self.office.state.shown(ALICE)).get(ALICE)


def seen(*presences: Presence | None) -> list[News]:
    return [Seen(ALICE, presence) for presence in presences]


# --- CHG -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN"])
def test_every_state_is_answered_by_its_own_words_and_told(status: str) -> None:
    pair = Pair()
    assert pair.say(f"CHG 5 {status} 1073741824") == [f"CHG 5 {status} 1073741824|"]
    assert pair.bob.heard() == seen(Presence(status, "Al ice", "1073741824"))


def test_who_is_hidden_is_there_and_nobody_hears_of_it() -> None:
    pair = Pair()
    assert pair.say("CHG 5 HDN 0") == ["CHG 5 HDN 0|"]
    assert pair.bob.heard() == []
    assert pair.shown == Presence("HDN", "Al ice")
    pair.say("CHG 6 NLN 0")
    pair.say("CHG 7 HDN 0")
    assert pair.bob.heard() == seen(Presence("NLN", "Al ice"), None)


@pytest.mark.parametrize("words", ["", "FLN 0", "nln 0", "XXX 0", "0 NLN"])
def test_a_state_that_nobody_can_have(words: str) -> None:
    pair = Pair()
    assert pair.say(f"CHG 5 {words}".rstrip()) == ["201 5|"]
    assert pair.alice.presence is None
    assert pair.bob.heard() == []


def test_a_picture_is_handed_on_as_it_came() -> None:
    pair = Pair()
    picture = "%3Cmsnobj%20Creator%3D%22a%22%2F%3E"
    assert pair.say(f"CHG 5 NLN 5 {picture}") == [f"CHG 5 NLN 5 {picture}|"]
    assert pair.bob.heard() == seen(Presence("NLN", "Al ice", "5", picture))


def test_an_old_client_says_nothing_of_what_it_can_do() -> None:
    pair = Pair(2)
    assert pair.say("CHG 5 NLN") == ["CHG 5 NLN|"]
    assert pair.bob.heard() == seen(Presence("NLN", "Al ice", "0"))


def test_an_account_without_a_name_is_shown_by_its_passport() -> None:
    pair = Pair()
    bob = pair.bob
    assert bob.do(PRESENCE_COMMANDS, "CHG 5 NLN 0")[0] == "CHG 5 NLN 0|"
    assert pair.alice.heard() == [Seen(BOB, Presence("NLN", BOB))]


@pytest.mark.parametrize("version", [9, 12, 18])
def test_the_first_state_shows_who_is_there_and_the_next_does_not(version: int) -> None:
    pair = Pair(version)
    pair.bob.presence = Presence("BSY", "B")
    at_once(pair.bob.show())
    pair.alice.synchronized = True
    first = [line.split(" ") for line in pair.say("CHG 5 NLN 0") if line[:3] in ("ILN", "NLN")]
    # From MSNP18 on there is no ILN, and NLN has no transaction id.
    head = ["NLN", "BSY", f"1:{BOB}"] if version == 18 else ["ILN", "5", "BSY", BOB]
    assert [words[: len(head)] for words in first] == [head]
    assert pair.say("CHG 6 AWY 0") == ["CHG 6 AWY 0|"]


def test_nobody_is_shown_to_who_has_not_asked_for_the_list() -> None:
    pair = Pair()
    pair.bob.presence = Presence("BSY", "B")
    at_once(pair.bob.show())
    assert pair.say("CHG 5 NLN 0") == ["CHG 5 NLN 0|"]


def test_what_was_left_meanwhile_is_told_at_the_first_state() -> None:
    pair = Pair()
    bob = at_once(pair.office.accounts.find(BOB))
    assert bob is not None
    assert at_once(leave(pair.office, bob, ALICE, "are you there?"))
    chg, notice = pair.say("CHG 5 NLN 0")
    assert chg == "CHG 5 NLN 0|"
    assert "text/x-msmsgsinitialmdatanotification" in notice
    assert f"<E>{BOB}</E>" in notice
    assert pair.say("CHG 6 BSY 0") == ["CHG 6 BSY 0|"]


@pytest.mark.parametrize("version", sorted(DIALECTS))
def test_the_first_state_brings_the_question_which_program_it_is(version: int) -> None:
    pair = Pair(version)
    verbs = [
        line.split(" ")[0]
        for number in (5, 6)
        for line in pair.alice.do(PRESENCE_COMMANDS, f"CHG {number} NLN 0")
    ]
    asked = DIALECTS[version].query is not QueryRule.NONE
    assert verbs == ["CHG", *(["CHL"] if asked else []), "CHG"]


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "line", "answer"),
    [
        (9, f"REA 8 {ALICE} Al%20B", f"REA 8 1 {ALICE} Al%20B|"),
        (9, "REA 8 Alice%40EXAMPLE.com Al%20B", "REA 8 1 Alice%40EXAMPLE.com Al%20B|"),
        (10, "PRP 8 MFN Al%20B", "PRP 8 MFN Al%20B|"),
        (18, "PRP 8 MFN Al%20B", "PRP 8 MFN Al%20B|"),
    ],
)
def test_a_new_name_is_kept_and_shown(version: int, line: str, answer: str) -> None:
    pair = Pair(version)
    pair.say("CHG 5 BSY 5")
    pair.bob.heard()
    assert pair.say(line) == [answer]
    assert pair.name == pair.alice.signed_in.display_name == "Al B"
    assert pair.bob.heard() == seen(Presence("BSY", "Al B", "5"))


def test_a_name_before_the_first_state_is_shown_with_it() -> None:
    pair = Pair()
    pair.say("PRP 4 MFN New")
    assert pair.bob.heard() == []
    pair.say("CHG 5 NLN 0")
    assert pair.bob.heard() == seen(Presence("NLN", "New"))


@pytest.mark.parametrize("verb", ["PRP 8 MFN", f"REA 8 {ALICE}"])
@pytest.mark.parametrize(
    ("word", "is_taken"),
    [("x" * LONGEST, True), ("x" * (LONGEST + 1), False), ("%41" * 129, True), ("%41" * 129 + "x", False)],
)  # fmt: skip
def test_a_name_has_387_bytes_as_it_stands_on_the_wire(
    verb: str, word: str, is_taken: bool
) -> None:
    pair = Pair()
    (line,) = pair.say(f"{verb} {word}")
    assert (line == "209 8|") is not is_taken
    assert (pair.name == "Al ice") is not is_taken


@pytest.mark.parametrize(
    ("word", "name"), [("Zo%EB", "Zo\ufffd"), ("Zo%C3%AB", "Zoë"), ("100%", "100%")]
)
def test_a_name_that_is_no_utf_8_is_kept_as_text(word: str, name: str) -> None:
    pair = Pair()
    assert pair.say(f"PRP 8 MFN {word}") == [f"PRP 8 MFN {word}|"]
    assert pair.name == name


def test_other_settings_are_answered_and_change_no_name() -> None:
    pair = Pair()
    for line in ("GTC 8 A", "PRP 8 PHH 555", "PRP 8 MFN", "SBP 8 guid MFN Other", "REA 8 x"):
        assert pair.say(line) == [f"{line}|"]
    assert pair.name == "Al ice"
    assert pair.bob.heard() == []


def test_what_the_account_calls_somebody_is_for_its_own_list() -> None:
    pair = Pair(9)
    assert pair.say(f"REA 8 {BOB} My%20Bob") == [f"REA 8 1 {BOB} My%20Bob|"]
    lists = at_once(pair.office.lists.lists(ALICE))
    entry = lists.book.find(BOB)
    assert entry is not None
    assert (entry.name, lists.serial) == ("My Bob", 2)
    bob = at_once(pair.office.accounts.find(BOB))
    assert bob is not None
    assert bob.display_name == ""
    assert pair.bob.heard() == []


def test_who_is_on_no_list_gets_no_name() -> None:
    pair = Pair(9)
    assert pair.say(f"REA 8 {CAROL} C") == [f"REA 8 1 {CAROL} C|"]
    lists = at_once(pair.office.lists.lists(ALICE))
    assert lists.book.find(CAROL) is None
    assert lists.serial == 1


# --- UUX -----------------------------------------------------------------------------------------


def test_a_personal_message_waits_for_the_first_state() -> None:
    pair = Pair()
    assert pair.say("UUX 4", b"<Data><PSM>hi</PSM></Data>") == ["UUX 4 0|"]
    assert pair.bob.heard() == []
    pair.say("CHG 5 NLN 0")
    first = Presence("NLN", "Al ice", message="<Data><PSM>hi</PSM></Data>")
    assert pair.bob.heard() == seen(first)
    assert pair.say("UUX 6", b"") == ["UUX 6 0|"]
    assert pair.bob.heard() == seen(Presence("NLN", "Al ice"))
    assert pair.say("UUX 7") == ["UUX 7 0|"]
    assert pair.bob.heard() == [], "nothing has changed"


def test_a_personal_message_that_is_no_utf_8() -> None:
    pair = Pair()
    pair.say("CHG 5 NLN 0")
    pair.bob.heard()
    pair.say("UUX 6", b"<PSM>\xe4</PSM>")
    assert pair.bob.heard() == seen(Presence("NLN", "Al ice", message="<PSM>\ufffd</PSM>"))


# --- PUT -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["PUT", "DEL"])
@pytest.mark.parametrize("version", [16, 17, 18, 19, 21])
def test_what_is_published_is_answered_from_msnp18_on(version: int, verb: str) -> None:
    pair = Pair(version)
    assert pair.say(f"{verb} 7", b"") == [f"{verb} 7 OK 0|" if version >= 18 else "502 7|"]


def test_all_that_is_said_in_one_document() -> None:
    pair = Pair(21)
    assert pair.put(Published("BSY", "A & <B>", "1 < 2", "5:6")) == ["PUT 7 OK 0|"]
    message = "<Data><PSM>1 &lt; 2</PSM><CurrentMedia></CurrentMedia></Data>"
    assert pair.bob.heard() == seen(Presence("BSY", "A & <B>", "5:6", message=message))
    assert pair.name == "A & <B>"


def test_what_a_document_does_not_say_stays() -> None:
    pair = Pair(21)
    pair.put(Published("BSY", "A", "hm", "5:6"))
    pair.bob.heard()
    pair.put('<user><s n="PE"><FriendlyName>B</FriendlyName></s></user>')
    message = "<Data><PSM>hm</PSM><CurrentMedia></CurrentMedia></Data>"
    assert pair.bob.heard() == seen(Presence("BSY", "B", "5:6", message=message))
    pair.put(Published("AWY"))
    assert pair.bob.heard() == seen(Presence("AWY", "B", "5:6", message=message))
    pair.put(Published(name="", message=""))
    (news,) = pair.bob.heard()
    assert isinstance(news, Seen)
    assert news.presence is not None
    assert news.presence.name == "B", "nobody is without a name"
    assert "<PSM></PSM>" in news.presence.message


def test_who_has_not_said_a_status_is_not_there() -> None:
    pair = Pair(21)
    assert pair.put(Published(name="B", message="hm")) == ["PUT 7 OK 0|"]
    assert pair.alice.presence is None
    assert pair.shown is None
    assert pair.bob.heard() == []


@pytest.mark.parametrize("uri", ["", "/circle", "/user/x"])
def test_what_is_published_of_others(uri: str) -> None:
    pair = Pair(21)
    assert pair.put(Published("BSY"), uri) == ["PUT 7 OK 0|"]
    assert pair.shown is None


def test_what_is_taken_back_says_nothing() -> None:
    pair = Pair(21)
    assert pair.put(Published("BSY"), verb="DEL") == ["DEL 7 OK 0|"]
    assert pair.shown is None


def test_a_document_that_is_cut_says_nothing() -> None:
    document = published_document(Published("BSY"))
    content = (("Publication", "1.0"), ("Uri", "/user"))
    whole = routed_payload(ALICE, ALICE, "", content, document)
    pair = Pair(21)
    for end in range(len(whole)):
        assert pair.say("PUT 7", whole[:end]) == ["PUT 7 OK 0|"]
        assert pair.shown is None
    pair.say("PUT 7", whole + b"\r\n")
    assert pair.shown == Presence("BSY", "Al ice"), "a line end behind it is no part of it"


def test_the_first_document_shows_who_is_there() -> None:
    pair = Pair(21)
    assert DIALECTS[21].presence is PresenceForm.BY_NOTIFY
    pair.bob.presence = Presence("BSY", "B")
    at_once(pair.bob.show())
    pair.alice.synchronized = True
    put, shown = pair.put(Published("NLN"))
    assert (put, shown[:8]) == ("PUT 7 OK 0|", "NFY PUT ")
    assert pair.put(Published("AWY")) == ["PUT 7 OK 0|"]


def test_who_is_blocked_hears_nothing() -> None:
    pair = Pair()
    alice = pair.alice.signed_in
    at_once(pair.alice.people.take_off(alice, BOB, ListName.ALLOW))
    at_once(pair.alice.people.put(alice, BOB, ListName.BLOCK))
    pair.bob.heard()
    pair.say("CHG 5 NLN 0")
    pair.say("UUX 6", b"<PSM>hi</PSM>")
    pair.say("PRP 7 MFN New")
    assert pair.bob.heard() == []


@pytest.mark.parametrize("name", ["N" * 20_000, "ä" * 387, "%" * 200])
def test_a_published_name_is_as_short_as_any_other(name: str) -> None:
    """Every contact is sent the name, and a line that is too long would end their sessions."""
    pair = Pair(21)
    pair.put(Published("NLN", name))
    (news,) = pair.bob.heard()
    assert isinstance(news, Seen)
    assert news.presence is not None
    shown = news.presence.name
    assert name.startswith(shown)
    assert len(escape(shown)) <= 387 < len(escape(name[: len(shown) + 1]))
    assert pair.name == shown

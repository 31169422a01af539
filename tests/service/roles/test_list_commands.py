"""Beyond what the walks in `test_people` show: the versions before and after, and their limits."""

from __future__ import annotations

import pytest

from connections import Client, office_of
from msnpauth.core.people.contact import Entry, ListName
from msnpauth.service.roles.list_commands import LIST_COMMANDS
from msnpauth.service.roles.news import Listed, Seen
from msnpauth.service.stores.memory import at_once
from msnpauth.service.stores.protocol import Account, Lists, Presence

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@other.example"


class Pair:
    """Alice, whose list has Bob on it, and who speaks a version; nobody else is signed in."""

    def __init__(self, version: int) -> None:
        alice = Account(ALICE, "x", contacts={"Fri ends": (BOB,)})
        carol = Account(CAROL, "x", display_name="Ca rol")
        self.office = office_of(alice, Account(BOB, "x", contacts=(ALICE,)), carol)
        self.alice = Client(self.office, ALICE, version)

    def say(self, line: str, payload: bytes | None = None) -> list[str]:
        return self.alice.do(LIST_COMMANDS, line, payload)

    @property
    def lists(self) -> Lists:
        return at_once(self.office.lists.lists(ALICE))

    def entry(self, passport: str) -> Entry:
        found = self.lists.book.find(passport)
        assert found is not None
        return found

    def bits(self, passport: str) -> int:
        found = self.lists.book.find(passport)
        return 0 if found is None else found.bits


FORWARD, ALLOW, BLOCK, REVERSE = 1, 2, 4, 8


# --- ADD and ADC ---------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 6, 7, 8, 9])
def test_add_is_answered_by_the_serial_and_its_own_words(version: int) -> None:
    pair = Pair(version)
    assert pair.say(f"ADD 7 FL {CAROL} Ca%20rol") == [f"ADD 7 FL 2 {CAROL} Ca%20rol|"]
    assert pair.bits(CAROL) == FORWARD
    assert pair.entry(CAROL).name == "Ca rol"
    assert pair.say(f"ADD 8 AL {CAROL} Ca%20rol") == [f"ADD 8 AL 3 {CAROL} Ca%20rol|"]
    assert pair.bits(CAROL) == FORWARD | ALLOW


@pytest.mark.parametrize("version", [2, 9])
def test_a_passport_may_be_escaped_and_is_compared_without_regard_to_case(version: int) -> None:
    pair = Pair(version)
    assert pair.say("ADD 7 FL Carol%40OTHER.example C") == ["ADD 7 FL 2 Carol%40OTHER.example C|"]
    assert pair.entry(CAROL).passport == CAROL, "as the account spells it"
    assert pair.say(f"ADD 8 FL {CAROL.upper()} C") == ["215 8|"]


@pytest.mark.parametrize(
    "words", ["", "FL", f"FL {CAROL}", f"XX {CAROL} C", f"fl {CAROL} C", f"{CAROL} FL C"]
)
def test_an_add_that_is_none(words: str) -> None:
    pair = Pair(9)
    assert pair.say(f"ADD 7 {words}".rstrip()) == ["201 7|"]
    assert pair.bits(CAROL) == 0


@pytest.mark.parametrize("words", ["", "FL", f"XX N={CAROL}", "N=x FL"])
def test_an_adc_that_is_none(words: str) -> None:
    assert Pair(12).say(f"ADC 7 {words}".rstrip()) == ["201 7|"]


@pytest.mark.parametrize(
    ("version", "line"), [(9, f"ADC 7 FL N={CAROL}"), (10, f"ADD 7 FL {CAROL} C"), (13, f"ADC 7 FL N={CAROL}")]
)  # fmt: skip
def test_each_version_has_one_of_the_two(version: int, line: str) -> None:
    pair = Pair(version)
    assert pair.say(line) == ["201 7|"]
    assert pair.bits(CAROL) == 0


@pytest.mark.parametrize("version", [10, 11, 12])
def test_adc_names_the_person_by_an_id_on_the_forward_list_alone(version: int) -> None:
    pair = Pair(version)
    (line,) = pair.say(f"ADC 7 FL N={CAROL} F=Ca%20rol")
    verb, trid, code, address, name, guid = line.rstrip("|").split(" ")
    assert [verb, trid, code, address, name] == ["ADC", "7", "FL", f"N={CAROL}", "F=Ca%20rol"]
    assert guid == f"C={pair.entry(CAROL).id}"
    assert pair.say(f"ADC 8 BL N={CAROL} F=C") == [f"ADC 8 BL N={CAROL}|"]
    assert pair.bits(CAROL) == FORWARD | BLOCK


def test_the_name_that_a_person_has_chosen_is_told_where_the_client_says_none() -> None:
    (line,) = Pair(12).say(f"ADC 7 FL N={CAROL}")
    assert " F=Ca%20rol " in line


@pytest.mark.parametrize(("version", "code"), [(9, 205), (10, 208), (12, 208)])
def test_an_account_that_does_not_exist(version: int, code: int) -> None:
    nobody = "nobody@example.com"
    line = f"ADD 7 FL {nobody} N" if version < 10 else f"ADC 7 FL N={nobody} F=N"
    assert Pair(version).say(line) == [f"{code} 7|"]


@pytest.mark.parametrize(
    ("version", "line", "code"),
    [
        (9, f"ADD 7 FL {BOB} B", 215),
        (9, f"ADD 7 BL {BOB} B", 219),
        (12, f"ADC 7 FL N={BOB} F=B", 215),
        (12, f"ADC 7 BL N={BOB}", 219),
    ],
)
def test_who_is_on_the_list_or_on_the_opposite_one(version: int, line: str, code: int) -> None:
    pair = Pair(version)
    before = pair.bits(BOB), pair.lists.serial
    assert pair.say(line) == [f"{code} 7|"]
    assert (pair.bits(BOB), pair.lists.serial) == before


@pytest.mark.parametrize("version", [7, 9])
def test_a_person_in_several_groups(version: int) -> None:
    pair = Pair(version)
    pair.say("ADG 6 Work 0")
    assert pair.say(f"ADD 7 FL {BOB} B 2") == [f"ADD 7 FL 3 {BOB} B 2|"]
    assert len(pair.entry(BOB).group_ids) == 2
    assert pair.say(f"ADD 8 FL {CAROL} C 2") == [f"ADD 8 FL 5 {CAROL} C 2|"]
    assert pair.entry(CAROL).group_ids == pair.entry(BOB).group_ids[1:]
    assert pair.say(f"REM 9 FL {BOB} 1") == [f"REM 9 FL 6 {BOB} 1|"]
    assert pair.entry(BOB).group_ids == pair.entry(CAROL).group_ids
    assert pair.bits(BOB) & FORWARD


# --- what others are told, and what of others is shown -------------------------------------------


def online(pair: Pair, passport: str, status: str = "NLN") -> Client:
    other = Client(pair.office, passport)
    other.presence = Presence(status, "C", "5")
    at_once(other.show())
    return other


def test_who_is_put_on_the_forward_list_hears_of_it_and_of_no_other_list() -> None:
    pair = Pair(9)
    carol = online(pair, CAROL)
    pair.say(f"ADD 7 FL {CAROL} C")
    assert carol.heard() == [Listed(ALICE, ALICE, is_on=True)]
    pair.say(f"ADD 8 BL {CAROL} C")
    assert carol.heard() == [Seen(ALICE, None)]
    pair.say(f"REM 9 FL {CAROL}")
    assert carol.heard() == [Listed(ALICE, ALICE, is_on=False)]


@pytest.mark.parametrize("version", [9, 12, 14])
def test_somebody_who_is_there_is_shown_behind_the_answer(version: int) -> None:
    pair = Pair(version)
    online(pair, CAROL)
    pair.alice.synchronized = True
    people = '<ml><d n="other.example"><c n="carol" l="{}" t="1"/></d></ml>'
    lines = {
        9: (f"ADD 6 AL {CAROL} C", f"ADD 7 FL {CAROL} C"),
        12: (f"ADC 6 AL N={CAROL}", f"ADC 7 FL N={CAROL}"),
        14: ("ADL 6", "ADL 7"),
    }[version]
    payloads = [people.format(bits).encode() if version == 14 else None for bits in (2, 1)]
    assert not [line for line in pair.say(lines[0], payloads[0]) if line[:3] == "ILN"]
    shown = [line for line in pair.say(lines[1], payloads[1]) if line[:3] == "ILN"]
    network = " 1" if version == 14 else ""
    assert [line.rpartition(" C 5")[0] for line in shown] == [f"ILN 7 NLN {CAROL}{network}"]


@pytest.mark.parametrize(("status", "has_asked"), [("NLN", False), ("HDN", True)])
def test_nobody_is_shown_who_is_hidden_or_before_the_list_was_asked_for(
    status: str, has_asked: bool
) -> None:
    pair = Pair(9)
    online(pair, CAROL, status)
    pair.alice.synchronized = has_asked
    assert pair.say(f"ADD 7 FL {CAROL} C") == [f"ADD 7 FL 2 {CAROL} C|"]


# --- REM -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "line"),
    [(2, f"REM 7 AL 2 {BOB}"), (9, f"REM 7 AL 2 {BOB}"), (10, f"REM 7 AL {BOB}"), (12, f"REM 7 AL {BOB}")],
)  # fmt: skip
def test_rem_has_a_serial_before_msnp10(version: int, line: str) -> None:
    pair = Pair(version)
    assert pair.say(f"REM 7 AL {BOB}") == [f"{line}|"]
    assert pair.bits(BOB) & 7 == FORWARD
    assert pair.say(f"REM 8 AL {BOB}") == ["216 8|"]


@pytest.mark.parametrize("version", [10, 12])
def test_the_forward_list_is_left_by_id_from_msnp10_on(version: int) -> None:
    pair = Pair(version)
    guid = pair.entry(BOB).id
    assert pair.say(f"REM 7 FL {BOB}") == ["216 7|"]
    assert pair.bits(BOB) & FORWARD
    assert pair.say(f"REM 8 FL {guid.upper()}") == [f"REM 8 FL {guid.upper()}|"]
    assert pair.bits(BOB) & 7 == ALLOW


@pytest.mark.parametrize("words", ["", "FL", "XX a@b", f"RL {BOB}"])
def test_a_rem_that_is_none(words: str) -> None:
    pair = Pair(9)
    assert pair.say(f"REM 7 {words}".rstrip()) == ["201 7|"]
    assert pair.bits(BOB) == FORWARD | ALLOW | REVERSE


def test_who_is_on_no_list_any_more_is_forgotten() -> None:
    pair = Pair(9)
    pair.say(f"ADD 7 AL {CAROL} C")
    assert pair.say(f"REM 8 AL {CAROL}") == [f"REM 8 AL 3 {CAROL}|"]
    assert pair.lists.book.find(CAROL) is None


# --- groups --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("x" * 61, True),
        ("x" * 62, False),
        ("%C3%A4" * 10 + "x", True),
        ("%C3%A4" * 10 + "xx", False),
        ("%20" * 21, False),
    ],
)
@pytest.mark.parametrize("version", [7, 12])
def test_a_group_has_a_name_of_61_bytes_as_it_stands_on_the_wire(
    version: int, name: str, is_taken: bool
) -> None:
    pair = Pair(version)
    (line,) = pair.say(f"ADG 7 {name}" + (" 0" if version < 10 else ""))
    assert (line == "229 7|") is not is_taken
    assert len(pair.lists.book.groups) == (2 if is_taken else 1)
    word = "1" if version < 10 else next(iter(pair.lists.book.groups))
    (line,) = pair.say(f"REG 8 {word} {name} 0")
    assert (line == "229 8|") is not is_taken


def test_a_group_without_a_name() -> None:
    assert Pair(9).say("ADG 7") == ["229 7|"]


@pytest.mark.parametrize(("version", "words"), [(9, "2 Wo%20rk 2 0"), (12, "Wo%20rk {id}")])
def test_adg_tells_how_the_group_is_called_from_now_on(version: int, words: str) -> None:
    pair = Pair(version)
    (line,) = pair.say("ADG 7 Wo%20rk 0")
    new = list(pair.lists.book.groups)[1]
    assert line == f"ADG 7 {words.format(id=new)}|"
    assert pair.lists.book.groups[new] == "Wo rk"
    assert pair.say("ADG 8 Wo%20rk 0") == ["228 8|"]


@pytest.mark.parametrize("version", [9, 12])
@pytest.mark.parametrize("line", ["RMG 7 9", "RMG 7", "REG 7 9 New 0", "REG 7 1", "REG 7"])
def test_a_group_that_is_not_there(version: int, line: str) -> None:
    pair = Pair(version)
    assert pair.say(line) == ["224 7|"]
    assert list(pair.lists.book.groups.values()) == ["Fri ends"]


def test_a_group_that_is_gone_leaves_its_people() -> None:
    pair = Pair(9)
    assert pair.say("RMG 7 1") == ["RMG 7 2 1|"]
    assert pair.entry(BOB).group_ids == ()
    assert pair.bits(BOB) & FORWARD


# --- SYN and BLP ---------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 7, 9, 12, 13, 18])
def test_who_asks_for_the_list_is_told_about_people_from_then_on(version: int) -> None:
    pair = Pair(version)
    first, *_ = pair.say("SYN 5 0 0")
    assert pair.alice.synchronized is (version < 13)
    assert (first == "502 5|") is (version >= 13)


@pytest.mark.parametrize("word", ["AL", "BL"])
def test_who_may_see_the_account(word: str) -> None:
    pair = Pair(12)
    assert pair.say(f"BLP 6 {word}") == [f"BLP 6 {word}|"]
    assert pair.lists.allows_others is (word == "AL")
    for wrong in ("BLP 7", "BLP 7 XX", "BLP 7 bl"):
        assert pair.say(wrong) == ["201 7|"]
    assert pair.lists.allows_others is (word == "AL")


# --- ADL and RML ---------------------------------------------------------------------------------


def people(*rows: str, first: bool = False) -> bytes:
    head = '<ml l="1">' if first else "<ml>"
    return f'{head}<d n="other.example">{"".join(rows)}</d></ml>'.encode()


@pytest.mark.parametrize("version", [13, 15, 18, 21])
def test_the_first_adl_repeats_and_changes_nothing(version: int) -> None:
    pair = Pair(version)
    assert pair.say("ADL 5", people('<c n="carol" l="3" t="1"/>', first=True)) == ["ADL 5 OK|"]
    assert pair.bits(CAROL) == 0
    assert pair.alice.synchronized


def test_an_empty_list_is_said_too() -> None:
    pair = Pair(13)
    assert pair.say("ADL 5", b'<ml l="1"></ml>') == ["ADL 5 OK|"]
    assert pair.alice.synchronized


ROWS = {
    "forward and allow": ('<c n="carol" l="3" t="1"/>', FORWARD | ALLOW),
    "block": ('<c n="carol" l="4" t="1"/>', BLOCK),
    "MSNP21": ('<c n="carol" t="1"><s l="3" n="IM"/><s l="4" n="PE"/></c>', FORWARD | ALLOW),
    "the reverse list": ('<c n="carol" l="8" t="1"/>', 0),
    "the pending list": ('<c n="carol" l="16" t="1"/>', 0),
    "all at once": ('<c n="carol" l="25" t="1"/>', FORWARD),
    "no list": ('<c n="carol" t="1"/>', 0),
    "nothing": ('<c n="carol" l="" t="1"/>', 0),
    "no number": ('<c n="carol" l="x" t="1"/>', 0),
    "below nothing": ('<c n="carol" l="-1" t="1"/>', 0),
    "an Arabic digit": ('<c n="carol" l="\u0663" t="1"/>', 0),
    "nobody": ('<c n="nobody" l="3" t="1"/>', 0),
    "no name": ('<c l="3" t="1"/>', 0),
}


@pytest.mark.parametrize(("row", "bits"), ROWS.values(), ids=ROWS)
def test_an_adl_puts_people_on_the_lists_that_they_may_be_put_on(row: str, bits: int) -> None:
    pair = Pair(18)
    assert pair.say("ADL 5", people(row)) == ["ADL 5 OK|"]
    assert pair.bits(CAROL) == bits
    assert [entry.passport for entry in pair.lists.book.entries.values()] == [
        *(BOB, *([CAROL] if bits else [])),
    ]


def test_an_rml_takes_them_off() -> None:
    pair = Pair(18)
    row = '<ml><d n="example.com"><c n="bob" l="{}" t="1"/></d></ml>'
    assert pair.say("RML 6", row.format(2).encode()) == ["RML 6 OK|"]
    assert pair.bits(BOB) == FORWARD | REVERSE
    assert pair.say("RML 7", row.format(3).encode()) == ["RML 7 OK|"]
    assert pair.bits(BOB) == REVERSE
    assert pair.say("RML 8", row.format(8).encode()) == ["RML 8 OK|"]
    assert pair.bits(BOB) == REVERSE, "that is the other one's to say"


def test_many_people_of_many_domains_in_one_adl() -> None:
    pair = Pair(18)
    rows = (
        '<ml><d n="nowhere.example"><c n="x" l="3" t="1"/></d><d n="other.example">'
        '<c n="nobody" l="3" t="1"/><c n="carol" l="1" t="1"/></d><d><c n="y" l="3"/></d></ml>'
    )
    assert pair.say("ADL 5", rows.encode()) == ["ADL 5 OK|"]
    assert pair.bits(CAROL) == FORWARD


def test_msnp21_begins_by_what_the_account_itself_uses() -> None:
    """It is put on no list of its own."""
    pair = Pair(21)
    services = "".join(f'<s l="3" n="{name}"/>' for name in ("IM", "PE", "PD", "PF"))
    own = f'<ml><d n="EXAMPLE.com"><c n="Alice" t="1">{services}</c></d></ml>'
    assert pair.say("ADL 5", own.encode()) == ["ADL 5 OK|"]
    assert pair.bits(ALICE) == 0


@pytest.mark.parametrize(
    "payload",
    [b"", b"x", b"<ml>", b"<ml></ml><ml/>", b"\xff", b'<!DOCTYPE ml [<!ENTITY a "b">]><ml/>', b"<ml>" * 99],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["ADL", "RML"])
def test_what_is_no_list(verb: str, payload: bytes) -> None:
    pair = Pair(18)
    assert pair.say(f"{verb} 5", payload) == ["240 5|"]
    assert not pair.alice.synchronized


def test_a_list_that_is_cut_changes_nothing() -> None:
    whole = people('<c n="carol" l="3" t="1"/>')
    pair = Pair(18)
    for end in range(len(whole)):
        assert pair.say("ADL 5", whole[:end]) == ["240 5|"]
        assert pair.bits(CAROL) == 0


def test_an_id_is_of_one_person_in_every_list() -> None:
    """A group is entered by the ids that the list has told, in any letter case."""
    pair = Pair(12)
    group, bob = next(iter(pair.lists.book.groups)), pair.entry(BOB)
    assert pair.say(f"REM 5 FL {bob.id} {group.upper()}") == [f"REM 5 FL {bob.id} {group.upper()}|"]
    assert pair.entry(BOB).group_ids == ()
    assert pair.say(f"ADC 6 FL C={bob.id.upper()} {group.upper()}")[0].startswith("ADC 6 FL C=")
    assert pair.entry(BOB).group_ids == (group,)
    assert pair.entry(BOB).is_on(ListName.FORWARD)
    assert pair.say(f"ADC 7 FL C={bob.id}") == ["224 7|"]


# --- what a client may not change ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "line"),
    [
        (9, f"ADD 7 RL {CAROL} C"),
        (12, f"ADC 7 RL N={CAROL}"),
        (12, f"ADC 7 PL N={CAROL}"),
    ],
)
def test_a_stranger_is_not_put_on_the_lists_that_others_decide(version: int, line: str) -> None:
    """The people on the reverse list receive the presence of the account."""
    pair = Pair(version)
    assert pair.say(line) == ["201 7|"]
    assert pair.bits(CAROL) == 0


def test_a_list_has_thirty_groups() -> None:
    pair = Pair(9)
    said = [pair.say(f"ADG {number} g{number} 0")[0].split()[0] for number in range(31)]
    assert said == ["ADG"] * 29 + ["223"] * 2, "Alice had one before"
    assert pair.say("ADG 31 g1 0") == ["228 31|"]


def test_group_0_cannot_be_removed() -> None:
    assert Pair(9).say("RMG 7 0") == ["230 7|"]


def test_a_person_of_no_group_is_removed_by_group_0() -> None:
    """Gaim sends this for somebody whom it shows among "Other Contacts"."""
    pair = Pair(9)
    pair.say(f"ADD 6 FL {CAROL} C 0")
    (line,) = pair.say(f"REM 7 FL {CAROL} 0")
    assert line.startswith("REM 7 FL ")
    assert line.endswith(f" {CAROL} 0|")
    assert pair.bits(CAROL) == 0


def test_a_person_of_a_group_is_not_in_group_0() -> None:
    pair = Pair(9)
    pair.say("ADG 5 g 0")
    pair.say(f"ADD 6 FL {CAROL} C 1")
    assert pair.say(f"REM 7 FL {CAROL} 0") == ["224 7|"]
    assert pair.bits(CAROL) == ListName.FORWARD.bit

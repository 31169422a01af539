from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import pieces, ways
from msnpauth import ListName, Status
from msnpauth.core.people.contact import Book
from msnpauth.core.people.lines import Change, Listing, Seen, changes_in, message_of, seen_in
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import ListsForm
from msnpauth.core.wire.lines import LineReader


def read(data: bytes, way: str = "whole", trailing: bytes = b"") -> list[Command]:
    """Return the commands of a server's bytes."""
    reader = LineReader(Role.SERVER)
    found = []
    for piece in pieces(data, way, trailing):
        reader.feed(piece)
        while isinstance(command := reader.next_command(), Command):
            found.append(command)
    return found


def listed(form: ListsForm, lines: str, way: str = "whole", trailing: bytes = b"") -> Listing:
    listing = Listing(form)
    for command in read(lines.replace("\n", "\r\n").encode(), way, trailing):
        listing.take(command)
    return listing


def rows(book: Book) -> list[tuple[object, ...]]:
    return [
        (entry.passport, entry.name, entry.bits, entry.group_ids, entry.id)
        for entry in book.entries.values()
    ]


GUID = "00000000-0000-0000-0001-00000000000a"
LISTS: dict[str, tuple[ListsForm, str, list[tuple[object, ...]], dict[str, str]]] = {
    "MSNP2": (
        ListsForm.BY_LIST,
        """SYN 5 12
GTC 5 12 A
BLP 5 12 AL
LST 5 FL 12 1 2 a@b A%20b
LST 5 FL 12 2 2 c@d
LST 5 AL 12 1 1 a@b A%20b
LST 5 BL 12 0 0
LST 5 RL 12 1 1 a@b A%20b
""",
        [("a@b", "A b", 11, (), ""), ("c@d", "", 1, (), "")],
        {},
    ),
    "MSNP2, empty": (
        ListsForm.BY_LIST,
        "SYN 5 12\nLST 5 FL 12 0 0\nLST 5 AL 12 0 0\nLST 5 BL 12 0 0\nLST 5 RL 12 0 0\n",
        [],
        {},
    ),
    "MSNP7": (
        ListsForm.BY_LIST_WITH_GROUPS,
        """SYN 5 12
LSG 5 12 1 2 0 Other%20Contacts 0
LSG 5 12 2 2 4 Fri%20ends 0
LST 5 FL 12 1 1 a@b A 0,4
LST 5 AL 12 0 0
LST 5 BL 12 1 1 c@d C
LST 5 RL 12 0 0
""",
        [("a@b", "A", 1, ("0", "4"), ""), ("c@d", "C", 4, (), "")],
        {"4": "Fri ends"},
    ),
    "MSNP8": (
        ListsForm.BY_CONTACT,
        """SYN 5 12 2 2
GTC A
BLP AL
PRP PHH 1
LSG 0 ~ 0
LSG 4 Fri%20ends 0
LST a@b A%20b 11 4
BPR PHH 01
LST c@d C 8
""",
        [("a@b", "A b", 11, ("4",), ""), ("c@d", "C", 8, (), "")],
        {"4": "Fri ends"},
    ),
    "MSNP8, empty": (ListsForm.BY_CONTACT, "SYN 5 12 0 0\n", [], {}),
    "MSNP8, as it was": (ListsForm.BY_CONTACT, "SYN 5 12\n", [], {}),
    "MSNP8, a renamed group 0": (
        ListsForm.BY_CONTACT,
        "SYN 5 12 1 1\nLSG 0 People 0\nLST a@b A 1 0\n",
        [("a@b", "A", 1, ("0",), "")],
        {"0": "People"},
    ),
    "MSNP10": (
        ListsForm.BY_FIELD,
        f"""SYN 5 2026-01-01T00:00:00.0-00:00 2026-01-01T00:00:00.0-00:00 3 1
LSG Fri%20ends {GUID.upper()}
LST N=a@b F=A%20b C=0A 3 {GUID.upper()},x
LST N=c@d F=C 8
LST N=e@f 16
""",
        [
            ("a@b", "A b", 3, (GUID, "x"), "0a"),
            ("c@d", "C", 8, (), ""),
            ("e@f", "", 16, (), ""),
        ],
        {GUID: "Fri ends"},
    ),
    "MSNP12": (
        ListsForm.BY_FIELD_WITH_NETWORK,
        f"SYN 5 0 0 2 1\nLSG G {GUID}\nLST N=a@b F=A C=0a 3 1 {GUID}\nLST N=c@d F=C 8 1\n",
        [("a@b", "A", 3, (GUID,), "0a"), ("c@d", "C", 8, (), "")],
        {GUID: "G"},
    ),
}


@ways
@pytest.mark.parametrize("name", LISTS)
def test_a_list_in_every_form(name: str, way: str) -> None:
    form, lines, people, groups = LISTS[name]
    listing = listed(form, lines, way, b"NLN NLN x@y X\r\nLST N=z@z F=Z 3\r\n")
    assert listing.is_complete
    assert rows(listing.book) == people
    assert listing.book.groups == groups


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_complete_at_its_last_line_and_not_before(name: str) -> None:
    form, lines, _, _ = LISTS[name]
    listing, complete = Listing(form), []
    for command in read(lines.replace("\n", "\r\n").encode()):
        listing.take(command)
        complete.append(listing.is_complete)
    assert complete == [False] * (len(complete) - 1) + [True]


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        (ListsForm.BY_LIST, "SYN 5\nLST 5\nLST 5 FL 1\nLST 5 XX 1 1 1 a@b A\n"),
        (ListsForm.BY_CONTACT, "SYN 5 1 9 9\nLSG\nLSG 1\nLST\n"),
        (ListsForm.BY_FIELD, "SYN 5 1 1 9 9\nLSG a\nLST F=x 3\nLST N=\n"),
        (ListsForm.BY_SOAP, "SYN 5\n"),
    ],
)
def test_what_is_no_line_of_a_list_tells_nothing(form: ListsForm, lines: str) -> None:
    assert [row[1:4] for row in rows(listed(form, lines).book)] in ([], [("", 0, ())])


_WORDS = st.lists(st.text(max_size=8), max_size=7).map(tuple)


@given(
    st.sampled_from(ListsForm), st.lists(st.tuples(st.sampled_from(["SYN", "LSG", "LST"]), _WORDS))
)
def test_no_line_raises(form: ListsForm, lines: list[tuple[str, tuple[str, ...]]]) -> None:
    listing = Listing(form)
    for verb, words in lines:
        listing.take(Command(verb, 5, words))
    assert all(0 <= entry.bits < 32 for entry in listing.book.entries.values())


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("ADD 0 RL 13 a@b A%20b", [Change(ListName.REVERSE, "a@b", "A b", True)]),
        ("ADD 0 RL a@b", [Change(ListName.REVERSE, "a@b", "", True)]),
        ("REM 0 RL 13 a@b", [Change(ListName.REVERSE, "a@b", "", False)]),
        ("ADC 0 RL N=a@b F=A%20b", [Change(ListName.REVERSE, "a@b", "A b", True)]),
        ("REM 0 RL a@b", [Change(ListName.REVERSE, "a@b", "", False)]),
        ("ADC 7 RL N=a@b F=A", []),
        ("ADC 0 XX N=a@b", []),
        ("ADC 0 RL", []),
        ("ADD 0", []),
        ("NLN 0", []),
    ],
)
def test_a_change_that_nobody_here_has_asked_for(line: str, changes: list[Change]) -> None:
    (command,) = read(line.encode() + b"\r\n")
    assert changes_in(command) == changes


def test_a_change_of_msnp13() -> None:
    payload = (
        b'<ml><d n="b.example"><c n="a" l="9" t="1" f="A%20b"/><c n="c" l="x"/></d>'
        b'<d n="d.example"><c n="e" l="16"/></d></ml>'
    )
    assert changes_in(Command("ADL", 0, (), payload)) == [
        Change(ListName.FORWARD, "a@b.example", "A b", True),
        Change(ListName.REVERSE, "a@b.example", "A b", True),
        Change(ListName.PENDING, "e@d.example", "", True),
    ]
    assert changes_in(Command("RML", 0, (), b"<ml><d n='b'><c n='a' l='8'/></d></ml>")) == [
        Change(ListName.REVERSE, "a@b", "", False)
    ]
    assert changes_in(Command("ADL", 0, (), b"<")) == []
    assert changes_in(Command("ADL", 0, ("OK",))) == []


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("NLN NLN a@b A%20b", Seen("a@b", Status.ONLINE, "A b")),
        ("ILN 5 BSY a@b A 268435456", Seen("a@b", Status.BUSY, "A")),
        ("NLN AWY a@b A 0 %3Cmsnobj%2F%3E", Seen("a@b", Status.AWAY, "A")),
        ("NLN NLN a@b 1 A%20b 0", Seen("a@b", Status.ONLINE, "A b")),
        ("NLN NLN a@b 32 A 1:2 0", Seen("a@b", Status.ONLINE, "A")),
        ("NLN NLN 1:a@b A 1073741856:0 0", Seen("a@b", Status.ONLINE, "A")),
        ("NLN NLN a@b 5 0", Seen("a@b", Status.ONLINE, "5")),  # a name that is a number
        ("NLN NLN a@b 5 0 obj", Seen("a@b", Status.ONLINE, "5")),
        ("NLN NLN a@b", Seen("a@b", Status.ONLINE, "")),
        ("NLN NLN 1:a@b;{x} A 0", Seen("a@b", Status.ONLINE, "A")),
        ("FLN a@b", Seen("a@b", Status.OFFLINE, "")),
        ("FLN a@b 1 0", Seen("a@b", Status.OFFLINE, "")),
        ("FLN 1:a@b 0:0", Seen("a@b", Status.OFFLINE, "")),
        ("NLN XXX a@b A", None),
        ("NLN NLN", None),
        ("FLN", None),
        ("MSG a@b A 0", None),
    ],
)
def test_presence_in_every_form(line: str, seen: Seen | None) -> None:
    (command,) = read(line.encode() + b"\r\n")
    assert seen_in(command) == seen


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Command("UBX", None, ("a@b",), b"<Data><PSM>x &lt; y</PSM></Data>"), ("a@b", "x < y")),
        (Command("UBX", None, ("a@b", "1"), b"<Data><PSM/></Data>"), ("a@b", "")),
        (Command("UBX", None, ("1:a@b",), b""), ("a@b", "")),
        (Command("UBX", None, ("a@b",), b"<Data>"), None),
        (Command("UBX", None, (), b""), None),
        (Command("UBM", None, ("a@b",), b""), None),
    ],
)
def test_a_personal_message(command: Command, said: tuple[str, str] | None) -> None:
    assert message_of(command) == said

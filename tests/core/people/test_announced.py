"""The payloads of ADL and RML, in both of their forms."""

from __future__ import annotations

from msnpauth.core.people.announced import (
    announcement,
    announcements,
    bits_of,
    own_announcement,
)
from msnpauth.core.people.contact import Entry
from msnpauth.core.tickets.xml import find_all, parse


def test_adl_names_150_at_a_time_and_nobody_twice() -> None:
    people = [Entry(f"u{n}@{'ab'[n % 2]}.example", bits=7 if n == 3 else 3) for n in range(301)]
    payloads = list(announcements(people, by_service=False))
    assert [payload.count(b"<c ") for payload in payloads] == [150, 150, 1]
    assert all(payload.startswith(b'<ml l="1"><d n="a.example">') for payload in payloads)
    assert payloads[0].count(b"<d ") == 2
    # Nobody is allowed and blocked at once.
    assert b'<c n="u3" l="5" t="1"/>' in payloads[0]
    assert list(announcements([], by_service=False)) == [b'<ml l="1"></ml>']


def test_by_service() -> None:
    (payload,) = announcements([Entry("a&b@c.example", bits=3)], by_service=True)
    assert payload == (
        b'<ml l="1"><d n="c.example"><c n="a&amp;b" t="1"><s l="3" n="IM"/><s l="3" n="PE"/></c>'
        b"</d></ml>"
    )
    assert [bits_of(person) for person in find_all(parse(payload), "c")] == ["3"]


def test_one_person() -> None:
    payload = announcement("a@c.example", 4, by_service=False)
    assert payload == b'<ml><d n="c.example"><c n="a" l="4" t="1"/></d></ml>'
    assert [bits_of(person) for person in find_all(parse(payload), "c")] == ["4"]
    assert bits_of(parse(b"<c n='a'/>")) == ""
    assert bits_of(parse(b"<c n='a'><s n='PE' l='3'/></c>")) == ""


def test_the_account_itself() -> None:
    assert own_announcement("me@c.example") == (
        b'<ml><d n="c.example"><c n="me" t="1"><s l="3" n="IM"/><s l="3" n="PE"/>'
        b'<s l="3" n="PD"/><s l="3" n="PF"/></c></d></ml>'
    )

from __future__ import annotations

from msnpauth import Contact, ListName, Status
from msnpauth.core.people.contact import Book, Entry


def test_lists_by_code_and_bit() -> None:
    assert [(name.code, name.bit) for name in ListName] == [
        ("FL", 1),
        ("AL", 2),
        ("BL", 4),
        ("RL", 8),
        ("PL", 16),
    ]


def test_an_entry_is_put_on_lists_and_taken_off() -> None:
    entry = Entry("a@b")
    entry.put(ListName.ALLOW, is_on=True)
    entry.put(ListName.REVERSE, is_on=True)
    entry.put(ListName.ALLOW, is_on=False)
    assert (entry.bits, entry.is_on(ListName.REVERSE), entry.is_on(ListName.ALLOW)) == (
        8,
        True,
        False,
    )


def test_a_book_finds_people_in_any_letter_case() -> None:
    book = Book()
    entry = book.entry("Bob@Example.com")
    assert book.entry("bob@example.COM") is entry
    assert book.find("BOB@EXAMPLE.COM") is entry
    assert book.find("carol@example.com") is None


def test_a_contact_is_an_entry_as_people_see_it() -> None:
    book = Book(groups={"1": "Friends"})
    entry = book.entry("a@b")
    entry.group_ids, entry.bits, entry.personal_message = ("1", "9"), 5, "hi"
    assert book.contact(entry) == Contact(
        "a@b",
        "a@b",
        ("Friends",),
        frozenset({ListName.FORWARD, ListName.BLOCK}),
        Status.OFFLINE,
        "hi",
    )
    entry.name, entry.status = "A", Status.BUSY
    contact = book.contact(entry)
    assert (contact.name, contact.status) == ("A", Status.BUSY)

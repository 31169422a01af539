"""The families of clients, and the page that is made of them."""

from __future__ import annotations

from clients_page import PAGE, drawn
from families import FAMILIES


def test_each_family_is_named_once_and_has_all_that_is_to_say() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert all(family._replace(limits="x")), family.name


def test_the_page_is_of_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == drawn(), "python tests/clients_page.py writes it"

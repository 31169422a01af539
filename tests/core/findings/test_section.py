"""The sections that explain what is found: their form, and how one is looked up."""

from __future__ import annotations

import re
import string

import pytest

from msnpauth.core import errors
from msnpauth.core.errors import SignInError
from msnpauth.core.findings import SECTIONS, Section, section_of


def test_a_section_as_plain_text() -> None:
    section = Section("MA-XYZ-01", "A title", "It is seen.", "Do this.", says="x", hint="y")
    assert section.text() == "MA-XYZ-01: A title\n\nIt is seen.\n\nDo this."


def test_it_matters_to_every_client_unless_it_says_otherwise() -> None:
    section = Section("MA-XYZ-01", "A title", "It is seen.", "Do this.")
    assert (section.says, section.hint, section.clients) == ("", "", "every client")


def test_each_is_found_by_its_code_and_no_other_text() -> None:
    for section in SECTIONS:
        assert section_of(section.code) is section
    for code in ("", "MA-NET-99", SECTIONS[0].code.lower(), f"{SECTIONS[0].code} "):
        with pytest.raises(KeyError):
            section_of(code)


def test_codes_have_a_family_and_a_number_of_two_digits() -> None:
    """A link to a section has to be the same for ever."""
    for section in SECTIONS:
        assert re.fullmatch(r"MA-[A-Z]{3}-[0-9]{2}", section.code)


def test_the_sections_of_a_family_stand_together() -> None:
    families = [section.code[:6] for section in SECTIONS]
    begun = [family for at, family in enumerate(families) if families[at - 1 : at] != [family]]
    assert len(begun) == len(set(begun))


def test_every_kind_of_error_has_a_section() -> None:
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    for kind in kinds:
        if issubclass(kind, SignInError):
            assert section_of(kind.default_finding).advice


def test_what_differs_is_named_in_braces() -> None:
    """Who fills them in names each: a brace without a name, or one alone, would be a fault."""
    for section in SECTIONS:
        for text in (section.says, section.hint):
            for _, name, _, _ in string.Formatter().parse(text):
                assert name is None or name.isidentifier(), (section.code, name)

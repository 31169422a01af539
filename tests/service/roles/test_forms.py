"""The table of wire forms, and what is spelled by it."""

from __future__ import annotations

import importlib

import pytest

from families import FAMILIES
from msnpauth.core.urls import Address
from msnpauth.service.roles.forms import FORMS, granted, host_of, moved, refused, was_moved
from msnpauth.service.roles.web import WebRequest


def test_every_form_has_its_witness_and_its_place() -> None:
    assert len({form.what for form in FORMS}) == len(FORMS)
    families = {family.name for family in FAMILIES}
    for form in FORMS:
        assert all(form._replace(families=("one",))), form.what
        assert families.issuperset(form.families)
        for place in form.place.split(", "):
            names = (f"service.roles.{place}", f"service.{place}", place)
            found = [n for n in names if _exists(f"msnpauth.{n}")]
            assert found, form.place


def _exists(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (Address("h.example", 443), "h.example"),
        (Address("h.example", 8443), "h.example:8443"),
        (Address("::1", 443), "[::1]"),
        (Address("h.example", 4430), "h.example:4430"),
    ],
)
def test_443_is_never_spelled(address: Address, said: str) -> None:
    assert host_of(address) == said


def test_who_was_moved_is_known_by_the_address() -> None:
    answer = moved("home.example/login2.srf")
    location = dict(answer.headers)["Location"]
    assert location == "https://home.example/login2.srf?moved=1"
    assert was_moved(WebRequest("GET", location.removeprefix("https://home.example"), {}))
    assert not was_moved(WebRequest("GET", "/login2.srf?lc=1", {}))


def test_what_stands_last() -> None:
    assert granted("t=1&p=2").headers[-1][1].endswith(",from-PP='t=1&p=2'")
    assert refused().headers[-1][0] == "WWW-Authenticate"

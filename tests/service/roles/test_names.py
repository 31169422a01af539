"""Display names: one's own lasts, and what somebody is called on a list stays with that list."""

from __future__ import annotations

import pytest

from msnpauth.service.stores.memory import at_once
from service.roles.test_people import ALICE, BOB, House


def own_name(house: House, passport: str) -> str:
    found = at_once(house.office.accounts.find(passport))
    assert found is not None
    return found.display_name


@pytest.mark.parametrize("line", ["PRP 7 MFN Al%20ice%202", "REA 7 ALICE@example.com Al%20ice%202"])
def test_ones_own_name_lasts(line: str) -> None:
    house = House()
    version = 12 if line.startswith("PRP") else 9
    house.client(ALICE, version).say(line)
    assert own_name(house, ALICE) == "Al ice 2"
    assert house.client(ALICE, version).role.signed_in.display_name == "Al ice 2"


def test_a_contact_is_renamed_on_ones_own_list_only() -> None:
    """Clients of MSNP8 say REA for each contact whose name has changed."""
    house = House()
    alice = house.client(ALICE, 9)
    assert alice.say("REA 7 bob@example.com Bobby")[0].startswith("REA 7 ")
    entry = at_once(house.office.lists.lists(ALICE)).book.find(BOB)
    assert entry is not None
    assert entry.name == "Bobby"
    assert own_name(house, BOB) == ""
    assert alice.role.signed_in.display_name == own_name(house, ALICE) == "Al ice"


def test_a_name_that_is_too_long_is_refused() -> None:
    house = House()
    alice = house.client(ALICE)
    assert alice.say(f"PRP 7 MFN {'a' * 388}") == ["209 7|"]
    assert own_name(house, ALICE) == "Al ice"
    assert alice.say(f"PRP 8 MFN {'a' * 387}")[0].startswith("PRP 8 ")

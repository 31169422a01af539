"""Beyond what the notification role's tests show: every version has an answer to SYN or none."""

from __future__ import annotations

import pytest

from msnpauth.core.people.contact import ListName
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import DIALECTS, Dialect
from msnpauth.core.wire.lines import LineReader
from msnpauth.service.roles.lists import setting, synchronized
from msnpauth.service.stores.listing import new_group, put_on
from msnpauth.service.stores.protocol import Lists

CONTACTS = ("a@b.example", "c@d.example")


def full() -> Lists:
    lists = Lists()
    group = new_group(lists, "Fri ends")
    for contact in CONTACTS:
        put_on(lists, contact, ListName.ALLOW)
        put_on(lists, contact, ListName.FORWARD, "A name").group_ids = (group,)
    return lists


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_syn_is_read_back(dialect: Dialect) -> None:
    answer = synchronized(dialect, 5, ("0", "0"), full(), "Al ice")
    if dialect.number > 12:
        assert answer is None
        return
    assert answer is not None
    reader = LineReader(Role.SERVER)
    reader.feed(b"".join(command.encode() for command in answer))
    assert [reader.next_command() for _ in answer] == answer
    assert answer[0].verb == "SYN"
    lists = [
        command
        for command in answer
        if command.verb == "LST" and CONTACTS[0] in " ".join(command.args)
    ]
    assert lists
    own = [command.args for command in answer if command.verb == "PRP"]
    assert own == ([("MFN", "Al%20ice")] if dialect.number in (10, 11, 12) else [])


@pytest.mark.parametrize(("number", "words"), [(9, ("1", "AL")), (10, ("AL",)), (18, ("AL",))])
def test_setting(number: int, words: tuple[str, ...]) -> None:
    assert setting(DIALECTS[number], Command("BLP", 5, ("AL",))) == Command("BLP", 5, words)

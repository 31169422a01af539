"""MSNP21 among the other versions: texts by SDG, presence by PUT and NFY."""

from __future__ import annotations

import pytest

from msnpauth.core.people.publication import Published, parse_published, published_document
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.core.wire.messages import PLAIN, parse_message, text_payload
from msnpauth.core.wire.routed import Routed, as_datagram, parse_routed, routed_payload
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.stores.memory import at_once
from stage import ALICE, BOB, GUID, Bob, Stage


def put(said: Published, sender: str = ALICE) -> Command:
    content = (("Publication", "1.0"), ("Uri", "/user"), ("Content-Type", "application/user+xml"))
    payload = routed_payload(sender, sender, GUID, content, published_document(said))
    return Command("PUT", 7, (), payload)


def sdg(text: str = "hello", to: str = BOB) -> Command:
    content = as_datagram(text_payload(text, PLAIN))
    assert content is not None
    return Command("SDG", 8, (), routed_payload(to, ALICE, GUID, *content))


def said(role: NotificationRole) -> list[str]:
    """Return what was said to a client, payloads in one line."""
    commands, role.out = role.out, []
    lines = []
    for command in commands:
        routed = parse_routed(command.payload or b"")
        words = " ".join(
            (command.verb, *([str(command.trid)] if command.trid else []), *command.args)
        )
        lines.append(words if routed is None else f"{words} {routed.sender} {shown(routed)}")
    return lines


def shown(routed: Routed) -> str:
    document = parse_published(routed.body)
    return routed.body.decode() if document is None else f"{document.status} {document.name}"


def online(stage: Stage) -> NotificationRole:
    alice = stage.alice
    at_once(alice.receive(Command("ADL", 6, (), b'<ml l="1"></ml>')))
    at_once(alice.receive(put(Published("NLN"))))
    said(alice)
    return alice


def other(stage: Stage, version: int) -> Bob:
    """Return a Bob who speaks another version."""
    mine = stage.dialect
    stage.dialect = DIALECTS[version]
    bob = Bob(stage)
    stage.dialect = mine
    return bob


def test_presence() -> None:
    stage = Stage(21)
    bob = stage.bob
    at_once(bob._role.receive(Command("ADL", 6, (), b'<ml l="1"></ml>')))
    said(bob._role)
    alice = stage.alice
    at_once(alice.receive(put(Published("BSY", "Alice & Co", "hm"))))
    assert said(alice)[0] == "PUT 7 OK"
    assert said(bob._role) == ["NFY PUT alice@example.com BSY Alice & Co"]
    at_once(alice.receive(put(Published(message="new"))))
    (command,) = bob._role.out
    routed = parse_routed(command.payload or b"")
    assert routed is not None
    assert parse_published(routed.body) == Published(
        "BSY", "Alice & Co", "new", "0:0", names_im=True
    )
    said(bob._role)
    at_once(alice.gone())
    assert said(bob._role) == ["NFY DEL alice@example.com None None"]


def test_what_is_put_besides() -> None:
    alice = Stage(21).alice
    for document in (b"no XML", b"<user/>", b"<user><s n='IM'><Status>XXX</Status></s></user>"):
        at_once(alice.receive(put(Published())))
        content = (("Publication", "1.0"), ("Uri", "/circle"))
        payload = routed_payload(ALICE, ALICE, GUID, content, document)
        at_once(alice.receive(Command("PUT", 9, (), payload)))
        assert said(alice) == ["PUT 7 OK", "PUT 9 OK"]
        assert alice.presence is None
    at_once(alice.receive(put(Published("XXX"))))
    assert alice.presence is not None
    assert alice.presence.status == "NLN"


def test_between_two_of_msnp21() -> None:
    stage = Stage(21)
    alice = online(stage)
    at_once(alice.receive(sdg()))
    assert said(alice) == ["SDG 8 OK"]
    assert said(stage.bob._role) == ["SDG alice@example.com hello"]
    stage.bob.says(text_payload("hi", PLAIN))
    assert said(alice) == ["SDG bob@example.com hi"]
    assert stage.chats.said(ALICE) == ["hello"]


@pytest.mark.parametrize("version", [2, 12, 18])
def test_with_a_version_that_has_switchboards(version: int) -> None:
    stage = Stage(21)
    bob = other(stage, version)
    stage.bob._role.closing = True
    at_once(stage.bob._role.gone())
    alice = online(stage)
    at_once(alice.receive(sdg("one")))
    at_once(alice.receive(sdg("two")))
    bob.answer()
    assert bob._guest is not None
    lines = [command.verb for command in bob._guest.out]
    assert lines[-3:] == ["ANS", "MSG", "MSG"]  # what has waited comes last
    texts = [parse_message(command.payload or b"").text for command in bob._guest.out[-2:]]
    assert texts == ["one", "two"]
    bob.says(text_payload("hi", PLAIN))
    assert said(alice) == ["SDG 8 OK", "SDG 8 OK", "SDG bob@example.com hi"]
    bob.leave()
    assert stage.chats.rooms == set()
    at_once(alice.receive(sdg("three")))
    assert [command.verb for command in bob._role.out] == ["RNG"]


def test_a_call_to_msnp21_is_answered_at_once() -> None:
    stage = Stage(21)
    alice = online(stage)
    bob = other(stage, 18)
    said(alice)
    bob.call()
    assert bob._guest is not None
    assert "JOI" in [command.verb for command in bob._guest.out]
    bob.says(text_payload("hi", PLAIN))
    assert said(alice) == ["SDG bob@example.com hi"]
    at_once(alice.receive(sdg("back")))
    assert bob._guest.out[-1].verb == "MSG"
    at_once(alice.gone())
    assert bob._guest.out[-1].verb == "BYE"


def test_what_is_refused() -> None:
    stage = Stage(21)
    at_once(stage.alice.receive(sdg()))
    assert said(stage.alice) == ["913 8"]
    alice = online(stage)
    at_once(alice.receive(sdg(to="nobody@example.com")))
    assert said(alice) == ["217 8"]
    at_once(stage.bob._role.gone())
    said(alice)
    at_once(alice.receive(sdg()))
    assert said(alice) == ["217 8"]


def test_what_is_no_conversation_is_passed_over() -> None:
    stage = Stage(21)
    alice = online(stage)
    content = (("Messaging", "2.0"), ("Message-Type", "Data"))
    at_once(alice.receive(Command("SDG", 9, (), routed_payload(BOB, ALICE, GUID, content, b"x"))))
    at_once(alice.receive(Command("SDG", 10, (), b"x")))
    assert said(alice) == ["SDG 9 OK", "SDG 10 OK"]
    assert said(stage.bob._role) == []

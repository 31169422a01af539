"""The pages for people, of two nodes on one PostgreSQL and one shared server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from browsing import ALICE, BOB, PASSWORD, Browser
from msnpauth import Secret, SessionEnded, sign_in
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service import Argon2, Service, open_directory, run
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.storage import open_database
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.self_service import Changed, NotInvited, SelfService, Taken
from servers import Shared

pytest_plugins = ["nodes_fixtures"]

CHEAP = Argon2(64, 1)


@pytest.fixture
def accounts(database_url: str, tmp_path: Path) -> Iterator[AccountDirectory]:
    with open_directory(tmp_path / "one", CHEAP, database=database_url) as accounts:
        accounts.add(ALICE, PASSWORD)
        accounts.add(BOB, PASSWORD)
        yield accounts


@pytest.fixture
def nodes(
    accounts: AccountDirectory, database_url: str, shared: Shared, tmp_path: Path
) -> Iterator[list[Service]]:
    assert accounts.all(), "the first node has made the keys"
    DataFolder(tmp_path / "two")
    shutil.copy(tmp_path / "one" / "service-key", tmp_path / "two")
    where: dict[str, Any] = {"database": database_url, "shared": shared.url, "argon2": CHEAP}
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                run(data=tmp_path / name, ports={"pages": 0}, sign_up="invitation", **where)
            )
            for name in ("one", "two")
        ]


@pytest.fixture
def browsers(nodes: list[Service]) -> Iterator[list[Browser]]:
    """Return two looks of one browser: at the first node, and at the second."""
    with Browser(nodes[0]) as first, Browser(nodes[1]) as second:
        first.sign_in(ALICE, PASSWORD)
        second.word = first.word or ""
        yield [first, second]


def same(browsers: list[Browser], by: int) -> None:
    browsers[1 - by].word = browsers[by].word or ""


def drain(session: Any) -> None:
    with pytest.raises(SessionEnded):
        while True:
            session.receive(timeout=20)


def test_any_node_serves_any_step(browsers: list[Browser]) -> None:
    first, second = browsers
    token = first.at("/app-passwords").tokens[0]
    assert ALICE in second.at("/").text
    made = second.send("/app-passwords", token=token, name="old laptop", scheme="SSO")
    assert made.status == 200
    # The same form at the other node.
    again = first.send("/app-passwords", token=token, name="old laptop", scheme="SSO")
    assert again.status == 409
    second.at("/password")
    fields = {"current": PASSWORD, "password": "another pw", "again": "another pw"}
    assert second.send("/password", **fields).status == 303
    assert first.look("/").goes_to == "/sign-in"
    same(browsers, 1)
    assert ALICE in first.at("/").text


def test_sessions_at_every_node_are_seen_and_ended(
    browsers: list[Browser], nodes: list[Service]
) -> None:
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(sign_in(ALICE, PASSWORD, n.servers, ca_file=n.ca_file, guid=guid))
            for n, guid in zip(
                nodes,
                (f"{{{digit * 8}-1111-1111-1111-111111111111}}" for digit in "12"),
                strict=True,
            )
        ]
        page = browsers[1].at("/")
        assert len(page.values("session")) == 2
        for number, session_id in enumerate(page.values("session")):
            browsers[1].at("/")
            answer = browsers[1].send("/sessions/end", session=session_id)
            assert answer.goes_to == "/?notice=session"
            drain(sessions[number])
        assert "signed in nowhere" in browsers[0].at("/").text


def test_a_network_goes_from_node_to_node(nodes: list[Service]) -> None:
    with Browser(nodes[0]) as first, Browser(nodes[1]) as second:
        statuses = []
        for number in range(31):
            browser = (first, second)[number % 2]
            browser.look("/sign-up")
            fields = {"address": "eve@example.com", "password": "eves password"}
            answer = browser.send("/sign-up", again="eves password", code="x", **fields)
            statuses.append(answer.status)
    assert statuses == [422] * 30 + [429]


def test_many_at_once_at_every_node(accounts: AccountDirectory, database_url: str) -> None:
    """For the last use of an invitation, for one address, and with one password."""
    hasher = Hasher(CHEAP, 2)
    with ExitStack() as stack:
        people = []
        for _ in range(3):
            database = stack.enter_context(closing(open_database(database_url)))
            directory = AccountDirectory(database, hasher, None)
            people.append(SelfService(database, hasher, directory))
        one = accounts.invitations.add(uses=1).code
        many = accounts.invitations.add(uses=20).code

        async def play() -> list[list[object]]:
            word = Secret(PASSWORD)
            stamp, of_bob = (accounts.get(who).stamp for who in (ALICE, BOB))
            rounds = (
                [p.sign_up(f"g{n}@x", word, one) for n, p in enumerate(people * 4)],
                [p.sign_up("carol@example.com", word, many) for p in people * 2],
                [p.end_tickets(ALICE, stamp) for p in people * 2],
                [p.add_app_password(BOB, of_bob, "one", [Scheme.SSO]) for p in people],
            )
            return [list(await asyncio.gather(*r, return_exceptions=True)) for r in rounds]

        last_use, address, stamps, apps = asyncio.run(play())
        for outcomes, loses in ((last_use, NotInvited), (address, Taken), (stamps, Changed)):
            lost = [outcome for outcome in outcomes if isinstance(outcome, loses)]
            assert len(lost) == len(outcomes) - 1, outcomes
        assert not [outcome for outcome in apps if isinstance(outcome, BaseException)]
    assert len(accounts.all()) == 4
    assert [made.uses_left for made in accounts.invitations.all()] == [19]
    hasher.close()

"""Where somebody is signed in, and the end of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from browsing import ALICE, BOB, PASSWORD, Browser
from msnpauth import MSNPAuth, SessionEnded, sign_in
from msnpauth.core.errors import ServiceUnavailable
from msnpauth.service import Service
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.state import SqlState


@pytest.fixture
def sessions(service: Service) -> Iterator[list[Any]]:
    """Have Alice signed in at two machines, and Bob at one."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                sign_in(who, PASSWORD, service.servers, ca_file=service.ca_file, guid=guid)
            )
            for who, guid in (
                (ALICE, "{11111111-1111-1111-1111-111111111111}"),
                (ALICE, "{22222222-2222-2222-2222-222222222222}"),
                (BOB, "{33333333-3333-3333-3333-333333333333}"),
            )
        ]


def ended(session: Any) -> str:
    with pytest.raises(SessionEnded) as caught:
        while True:
            session.receive(timeout=20)
    return str(caught.value)


def lives(session: Any) -> bool:
    return bool(session.request("CHG", "NLN", "0").verb == "CHG")


def told(tmp_path: Path, event: str) -> list[dict[str, Any]]:
    lines = (tmp_path / "data" / "audit.log").read_text("utf-8").splitlines()
    return [found for line in lines if (found := json.loads(line))["event"] == event]


def test_what_is_shown(alice: Browser, sessions: list[Any]) -> None:
    page = alice.at("/")
    assert page.html.count("<strong>MSNP18</strong> from 127.0.0.1<br>since 2") == 2
    assert len(page.values("session")) == 2
    assert "This browser" in page.text
    assert "Another browser" not in page.text


def test_who_is_signed_in_nowhere(alice: Browser) -> None:
    assert "You are signed in nowhere" in alice.at("/").text


def test_one_session_ends(alice: Browser, sessions: list[Any], tmp_path: Path) -> None:
    first, second, bob = sessions
    page = alice.at("/")
    assert (
        alice.send("/sessions/end", session=page.values("session")[0]).goes_to == "/?notice=session"
    )
    page = alice.at("/?notice=session")
    assert "The session is ended" in page.text
    assert len(page.values("session")) == 1, "the page does not show it any more"
    ended(first)
    assert lives(second)
    assert lives(bob)
    [event] = told(tmp_path, "sessions ended")
    assert (event["passport"], event["count"], event["by"]) == (ALICE, "1", "page")


def test_all_sessions_end(alice: Browser, sessions: list[Any]) -> None:
    first, second, bob = sessions
    alice.at("/")
    assert alice.send("/sessions/end-all").goes_to == "/?notice=sessions"
    ended(first), ended(second)
    assert lives(bob)
    assert "You are signed in nowhere" in alice.at("/").text


def test_nobody_ends_the_session_of_somebody_else(
    alice: Browser, sessions: list[Any], service: Service
) -> None:
    with Browser(service) as bobs:
        bobs.sign_in(BOB, PASSWORD)
        [his] = bobs.at("/").values("session")
    for guess in (his, "", "x", "'; --"):
        alice.at("/")
        assert alice.send("/sessions/end", session=guess).goes_to == "/?notice=gone"
    assert all(lives(session) for session in sessions)


def test_another_browser_ends(alice: Browser, service: Service, tmp_path: Path) -> None:
    with Browser(service) as other, Browser(service) as bobs:
        other.sign_in(ALICE, PASSWORD)
        bobs.sign_in(BOB, PASSWORD)
        page = alice.at("/")
        [browser_id] = page.values("browser")
        bobs.at("/")
        assert bobs.send("/browsers/end", browser=browser_id).goes_to == "/?notice=gone"
        other.at("/")
        assert alice.send("/browsers/end", browser=browser_id).goes_to == "/?notice=browser"
        assert other.look("/").goes_to == "/sign-in"
        alice.at("/"), bobs.at("/")
    assert len(told(tmp_path, "page session ended")) == 1


def test_everything_but_this_browser_ends(
    alice: Browser,
    sessions: list[Any],
    service: Service,
    accounts: AccountDirectory,
    tmp_path: Path,
) -> None:
    first, second, bob = sessions
    before = alice.word
    with (
        Browser(service) as other,
        MSNPAuth(ALICE, PASSWORD, "lc=1", servers=service.servers, ca_file=service.ca_file) as auth,
    ):
        other.sign_in(ALICE, PASSWORD)
        ticket = auth.get_ticket()
        assert ticket
        stamp = accounts.get(ALICE).stamp
        alice.at("/")
        assert alice.send("/tickets/end").goes_to == "/?notice=tickets"
        assert alice.word != before
        assert other.look("/").goes_to == "/sign-in"
    assert "Everything but this browser" in alice.at("/?notice=tickets").text
    ended(first), ended(second)
    assert lives(bob)
    assert not accounts.get(ALICE).is_live(stamp), "which is in every ticket"
    with sign_in(ALICE, PASSWORD, service.servers, ca_file=service.ca_file):
        pass  # the password is as it was
    assert len(told(tmp_path, "tickets ended")) == 1


def test_while_nobody_knows_who_is_where(alice: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared store is away: the rest of the page is there."""

    async def away(self: SqlState, *passports: str) -> None:
        raise ServiceUnavailable("away", retry_after=3.0, code=500)

    monkeypatch.setattr(SqlState, "seats", away)
    page = alice.at("/")
    assert "cannot be told just now" in page.text
    assert "This browser" in page.text
    answer = alice.send("/sessions/end-all")
    assert (answer.status, answer.headers["retry-after"]) == (503, "3")

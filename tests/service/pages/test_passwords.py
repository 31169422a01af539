"""The password of an account, and its app passwords."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browsing import ALICE, BOB, PASSWORD, Browser, Page
from msnpauth import LocalProtocolError, SessionEnded, WrongCredentials, sign_in
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service import Service
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.self_service import SelfService

NEW = "another pw"


def change(browser: Browser, current: str = PASSWORD, new: str = NEW, again: str = NEW) -> Page:
    browser.at("/password")
    return browser.send("/password", current=current, password=new, again=again)


def make(browser: Browser, name: str = "old laptop", **fields: Any) -> Page:
    browser.at("/app-passwords")
    return browser.send("/app-passwords", name=name, **{"scheme": ["SSO", "TWN"], **fields})


def told(tmp_path: Path, event: str) -> list[dict[str, Any]]:
    lines = (tmp_path / "data" / "audit.log").read_text("utf-8").splitlines()
    return [found for line in lines if (found := json.loads(line))["event"] == event]


# --- the password --------------------------------------------------------------------------------


def test_a_new_password_ends_all_but_this_browser(
    alice: Browser, service: Service, tmp_path: Path
) -> None:
    before = alice.word
    with (
        Browser(service) as other,
        sign_in(ALICE, PASSWORD, service.servers, ca_file=service.ca_file) as session,
    ):
        other.sign_in(ALICE, PASSWORD)
        assert change(alice).goes_to == "/?notice=password"
        assert alice.word != before
        assert "Your password is changed" in alice.at("/?notice=password").text
        assert other.look("/").goes_to == "/sign-in"
        assert other.sign_in(ALICE, PASSWORD).status == 422
        assert other.sign_in(ALICE, NEW).status == 303
        with pytest.raises(SessionEnded):
            while True:
                session.receive(timeout=20)
    with pytest.raises(WrongCredentials):
        sign_in(ALICE, PASSWORD, service.servers, ca_file=service.ca_file).__enter__()
    with sign_in(ALICE, NEW, service.servers, ca_file=service.ca_file):
        pass
    [event] = told(tmp_path, "password changed")
    assert (event["passport"], event["by"]) == (ALICE, "page")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"current": "wrong"}, "current"),
        ({"current": ""}, "current"),
        ({"new": "short", "again": "short"}, "password"),
        ({"new": ALICE, "again": ALICE}, "password"),
        ({"new": PASSWORD, "again": PASSWORD}, "password"),
        ({"again": "something else"}, "again"),
    ],
)
def test_what_is_wrong(
    fields: dict[str, str], wrong: str, alice: Browser, accounts: AccountDirectory
) -> None:
    stamp = accounts.get(ALICE).stamp
    page = change(alice, **fields)
    assert page.status == 422
    assert page.problems.keys() == {wrong}
    for password in (PASSWORD, NEW):
        assert password not in page.html
    assert accounts.get(ALICE).stamp == stamp
    alice.at("/")


def test_who_guesses_the_password_of_today_waits(alice: Browser, waits: list[float]) -> None:
    """Somebody has found the browser open."""
    for number in range(3):
        change(alice, current=f"guess {number}")
    assert waits == [2.0, 4.0]


def test_an_app_password_changes_no_password(alice: Browser, accounts: AccountDirectory) -> None:
    made = accounts.add_app_password(ALICE, "old laptop", list(Scheme))
    alice.at("/")
    assert change(alice, current=made.password.reveal()).problems.keys() == {"current"}


def test_an_account_makes_twenty_in_a_quarter_of_an_hour(alice: Browser) -> None:
    statuses = []
    for number in range(21):
        old, new = (PASSWORD, NEW) if number % 2 == 0 else (NEW, PASSWORD)
        statuses.append(change(alice, old, new, new).status)
    assert statuses == [303] * 20 + [429]


def test_a_form_of_before_changes_nothing(alice: Browser, accounts: AccountDirectory) -> None:
    token = alice.at("/password").tokens[0]
    told = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert alice.send("/password", token=token, **told).status == 303
    stamp = accounts.get(ALICE).stamp
    again = {"current": NEW, "password": "a third one", "again": "a third one"}
    assert alice.send("/password", token=token, **again).status == 403, "the cookie is another one"
    assert accounts.get(ALICE).stamp == stamp


# --- app passwords -------------------------------------------------------------------------------


def test_an_app_password_is_shown_once(
    alice: Browser, service: Service, accounts: AccountDirectory, tmp_path: Path
) -> None:
    page = make(alice)
    assert page.status == 200
    [field] = [tag for tag in page.tags("input") if tag.get("id") == "made"]
    made = field["value"]
    assert len(made) == 16
    assert "readonly" in field
    page = alice.at("/app-passwords")
    assert made not in page.html
    assert "old laptop" in page.text
    assert "last use: never" in page.text
    with sign_in(ALICE, made, service.servers, ca_file=service.ca_file):
        pass
    assert "last use: 2" in alice.at("/app-passwords").text
    [event] = told(tmp_path, "app password added")
    assert (event["name"], event["schemes"], event["by"]) == ("old laptop", "SSO TWN", "page")
    assert made not in (tmp_path / "data" / "audit.log").read_text("utf-8")


def test_the_page_that_has_shown_it_is_loaded_again(
    alice: Browser, accounts: AccountDirectory
) -> None:
    token = alice.at("/app-passwords").tokens[0]
    fields: dict[str, Any] = {"name": "old laptop", "scheme": "SSO"}
    first = alice.send("/app-passwords", token=token, **fields)
    assert first.status == 200
    again = alice.send("/app-passwords", token=token, **fields)
    assert again.status == 409
    assert "Nothing was made a second time" in again.text
    for _ in range(30):
        assert alice.send("/app-passwords", token=token, **fields).status == 409, "not counted"
    assert len(accounts.get(ALICE).app_passwords) == 1


def test_it_is_revoked(
    alice: Browser, service: Service, accounts: AccountDirectory, tmp_path: Path
) -> None:
    made = accounts.add_app_password(ALICE, "old laptop")
    other = accounts.add_app_password(ALICE, "phone")
    bobs = accounts.add_app_password(BOB, "bob's")
    page = alice.at("/app-passwords")
    assert page.values("id") == [made.about.id, other.about.id]
    with sign_in(
        ALICE, made.password.reveal(), service.servers, ca_file=service.ca_file
    ) as session:
        answer = alice.send("/app-passwords/revoke", id=made.about.id)
        assert answer.goes_to == "/app-passwords?notice=revoked"
        with pytest.raises(SessionEnded):
            while True:
                session.receive(timeout=20)
    for gone in (made.about.id, bobs.about.id, "phone", "", "x"):
        alice.at("/app-passwords")
        assert alice.send("/app-passwords/revoke", id=gone).goes_to == "/app-passwords?notice=gone"
    assert accounts.get(ALICE).app_passwords == (other.about,)
    assert accounts.get(BOB).app_passwords == (bobs.about,)
    [event] = told(tmp_path, "app password revoked")
    assert event["name"] == "old laptop"


@pytest.mark.parametrize(
    "name", ["<b>x</b>", "\"><script>alert('x')</script>", "{{ 7*7 }}", "&amp;", "ä 🐈"]
)
def test_a_name_is_text(name: str, alice: Browser) -> None:
    assert name in make(alice, name).text
    page = alice.at("/app-passwords")
    assert name in page.text
    assert not page.tags("script")
    assert not page.tags("b")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scheme": []}, "scheme"),
        ({"scheme": ["MD5"]}, "scheme"),  # which this service does not take
        ({"scheme": ["X"]}, "scheme"),
    ],
)
def test_what_is_no_app_password(
    fields: dict[str, Any], wrong: str, alice: Browser, accounts: AccountDirectory
) -> None:
    page = make(alice, **fields)
    assert page.status == 422
    assert page.problems.keys() == {wrong}
    assert accounts.get(ALICE).app_passwords == ()


def test_those_for_md5_where_the_service_takes_them(
    started: Callable[..., Service], accounts: AccountDirectory
) -> None:
    with Browser(started(allow_md5=True)) as browser:
        browser.sign_in(ALICE, PASSWORD)
        page = browser.at("/app-passwords")
        boxes = {
            tag["value"]: "checked" in tag
            for tag in page.tags("input")
            if tag.get("type") == "checkbox"
        }
        assert boxes == {"SSO": True, "TWN": True, "MD5": False}
        assert make(browser, scheme="MD5").status == 200
    [made] = accounts.get(ALICE).app_passwords
    assert made.schemes == {Scheme.MD5}
    assert made.sealed is not None


def test_an_account_has_fifty_at_most(alice: Browser, accounts: AccountDirectory) -> None:
    for number in range(50):
        accounts.add_app_password(ALICE, f"device {number}")
    page = make(alice)
    assert page.status == 422
    assert "You have 50 app passwords" in page.text


def test_another_browser_was_quicker(
    alice: Browser, accounts: AccountDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at a moment ago is otherwise when it is changed."""
    made = accounts.add_app_password(ALICE, "old laptop")

    async def late(self: SelfService, *about: object) -> None:
        raise LocalProtocolError("somebody was there before")

    monkeypatch.setattr(SelfService, "add_app_password", late)
    monkeypatch.setattr(SelfService, "revoke_app_password", late)
    page = make(alice)
    assert page.status == 422
    assert "It was not made: somebody was there before." in page.text
    answer = alice.send("/app-passwords/revoke", id=made.about.id)
    assert answer.goes_to == "/app-passwords?notice=gone"

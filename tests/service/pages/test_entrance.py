"""Sign in, sign up, sign out."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from browsing import ALICE, BOB, PASSWORD, Browser
from msnpauth import LocalProtocolError, sign_in
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service import Service
from msnpauth.service.stores.sql.directory import AccountDirectory

CAROL, NEW = "carol@example.com", "carols password"


def events(tmp_path: Path) -> list[dict[str, Any]]:
    lines = (tmp_path / "data" / "audit.log").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def sign_up(browser: Browser, address: str = CAROL, password: str = NEW, **fields: str) -> Any:
    browser.look("/sign-up")
    told = {"address": address, "password": password, "again": password, **fields}
    return browser.send("/sign-up", **told)


# --- sign in -------------------------------------------------------------------------------------


def test_signing_in_and_out(browser: Browser, tmp_path: Path) -> None:
    assert browser.sign_in(f" {ALICE.upper()} ", PASSWORD).goes_to == "/"
    word = browser.word or ""
    assert ALICE in browser.at("/").text
    assert browser.look("/sign-in").goes_to == "/", "who is signed in need not"
    browser.at("/")
    assert browser.send("/sign-out").goes_to == "/sign-in?notice=signed-out"
    assert "You have signed out" in browser.at("/sign-in?notice=signed-out").text
    assert browser.word != word
    browser.word = word
    assert browser.look("/").goes_to == "/sign-in", "the session is gone, not the cookie alone"
    told = [event["event"] for event in events(tmp_path)]
    assert told[-3:] == ["password right", "page signed in", "page signed out"]


def test_a_wrong_password_and_an_unknown_account_look_alike(browser: Browser) -> None:
    pages = []
    for address, password in ((ALICE, "wrong"), ("nobody@example.com", PASSWORD)):
        page = browser.sign_in(address, password)
        assert page.status == 422
        assert page.title.startswith("Error: Sign in")
        assert "do not belong together" in page.text
        assert page.values("address") == [address]
        assert password not in page.html
        pages.append(page.text)
    assert pages[0] == pages[1]


def test_what_is_wrong_is_tied_to_both_fields(browser: Browser) -> None:
    page = browser.sign_in(ALICE, "wrong")
    for field in page.tags("input")[1:]:
        assert field["aria-describedby"] == "problems"
        assert field["aria-invalid"] == "true"
    [problems] = [tag for tag in page.tags("section") if tag["id"] == "problems"]
    assert {"role", "tabindex", "autofocus"} <= set(problems)


def test_fields_that_are_empty(browser: Browser, waits: list[float], tmp_path: Path) -> None:
    assert browser.sign_in("", "").problems.keys() == {"address", "password"}
    assert browser.sign_in("  ", PASSWORD).problems.keys() == {"address"}
    assert "refused" not in [event["event"] for event in events(tmp_path)], "nothing was checked"


def test_who_guesses_waits(browser: Browser, waits: list[float]) -> None:
    for number in range(4):
        browser.sign_in(ALICE, f"wrong {number}")
    assert waits == [2.0, 4.0, 8.0]
    assert browser.sign_in(ALICE, PASSWORD).goes_to == "/"
    assert waits[-1] == 15.0, "for a right one too"


def test_guesses_count_here_and_at_messenger_together(
    browser: Browser, service: Service, waits: list[float]
) -> None:
    browser.sign_in(ALICE, "wrong")
    with sign_in(ALICE, PASSWORD, service.servers, ca_file=service.ca_file):
        assert waits == [2.0]


def test_an_app_password_is_for_no_page(browser: Browser, accounts: AccountDirectory) -> None:
    made = accounts.add_app_password(ALICE, "old laptop", list(Scheme))
    assert browser.sign_in(ALICE, made.password.reveal()).status == 422
    assert browser.sign_in(ALICE, PASSWORD).goes_to == "/"


def test_an_account_that_is_disabled(browser: Browser, accounts: AccountDirectory) -> None:
    accounts.disable(ALICE)
    assert browser.sign_in(ALICE, PASSWORD).status == 422
    accounts.enable(ALICE)
    browser.sign_in(ALICE, PASSWORD)
    browser.at("/")
    accounts.disable(ALICE)
    assert browser.look("/").goes_to == "/sign-in", "at once"


@pytest.mark.parametrize(
    "address", ["<script>alert(1)</script>", '" autofocus onfocus="x', "a\r\nSet-Cookie: b=c", "\0", "ä" * 900]
)  # fmt: skip
def test_whatever_is_typed_is_shown_as_text(browser: Browser, address: str) -> None:
    page = browser.sign_in(address, "wrong")
    assert page.status == 422
    assert not page.tags("script")
    assert all("onfocus" not in tag for tag in page.tags("input"))
    assert len(page.html) < 10_000
    assert "set-cookie" not in page.headers


# --- sign up -------------------------------------------------------------------------------------


def test_signing_up_by_an_invitation(
    browser: Browser, accounts: AccountDirectory, service: Service, tmp_path: Path
) -> None:
    made = accounts.invitations.add()
    answer = sign_up(browser, code=made.code.reveal().upper())
    assert answer.goes_to == "/?notice=welcome"
    page = browser.at("/?notice=welcome")
    assert "Your account is there" in page.text
    assert CAROL in page.text
    assert not accounts.get(CAROL).principal.verified
    with sign_in(CAROL, NEW, service.servers, ca_file=service.ca_file) as session:
        assert session.dialect == 18
    [told] = [event for event in events(tmp_path) if event["event"] == "signed up"]
    assert (told["passport"], told["invitation"]) == (CAROL, made.about.id)
    assert told["address"] == "127.0.0.1"


def test_a_code_is_good_once(
    browser: Browser, service: Service, accounts: AccountDirectory
) -> None:
    code = accounts.invitations.add().code.reveal()
    assert sign_up(browser, code=code).status == 303
    with Browser(service) as other:
        page = sign_up(other, "dave@example.com", code=code)
        assert page.problems.keys() == {"code"}
        assert "cannot be used" in page.problems["code"]


def test_two_at_once_for_the_last_use(service: Service, accounts: AccountDirectory) -> None:
    code = accounts.invitations.add().code.reveal()
    browsers = [Browser(service) for _ in range(2)]
    for browser in browsers:
        browser.at("/sign-up")

    def send(number: int) -> int:
        told = {"address": f"guest{number}@example.com", "password": NEW, "again": NEW}
        return browsers[number].send("/sign-up", code=code, **told).status

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(send, range(2))) == [303, 422]
    assert len(accounts.all()) == 3
    for browser in browsers:
        browser.client.close()


def test_without_a_right_code_nothing_is_told_of_the_address(browser: Browser) -> None:
    pages = [sign_up(browser, who, code="abcd-efgh-jkmn-pqrs") for who in (ALICE, CAROL)]
    assert [page.problems.keys() for page in pages] == [{"code"}] * 2
    assert pages[0].text == pages[1].text


def test_an_address_that_is_taken(browser: Browser, accounts: AccountDirectory) -> None:
    made = accounts.invitations.add()
    page = sign_up(browser, ALICE.upper(), code=made.code.reveal())
    assert page.problems.keys() == {"address"}
    assert accounts.invitations.all() == [made.about], "it is not used by that"
    assert (
        browser.send(
            "/sign-up", address=CAROL, password=NEW, again=NEW, code=made.code.reveal()
        ).status
        == 303
    )


def test_each_problem_stands_at_its_field(browser: Browser) -> None:
    browser.look("/sign-up")
    page = browser.send("/sign-up", address="x", password="short", again="", code="")
    assert page.status == 422
    assert page.problems.keys() == {"code", "address", "password"}
    fields = {tag["name"]: tag for tag in page.tags("input")}
    links = {tag["href"] for tag in page.tags("a")}
    for name in page.problems:
        assert f"{name}-problem" in fields[name]["aria-describedby"].split()
        assert fields[name]["aria-invalid"] == "true"
        assert f"#{name}" in links
    assert "aria-invalid" not in fields["again"]
    assert fields["address"]["value"] == "x"
    assert fields["password"]["value"] == "", "a password is never sent back"


def test_where_sign_up_is_open(started: Callable[..., Service], accounts: AccountDirectory) -> None:
    with Browser(started(sign_up="open")) as browser:
        assert "Sign up" in browser.at("/sign-in").text
        assert not browser.at("/sign-up").values("code")
        assert sign_up(browser, ALICE).problems.keys() == {"address"}
        assert sign_up(browser, password="a long password of many characters").status == 303
        assert "Official clients send the first 16 only" in browser.at("/").text.replace("\n", " ")
        assert accounts.get(CAROL).is_long


def test_where_sign_up_is_closed(
    started: Callable[..., Service], accounts: AccountDirectory
) -> None:
    code = accounts.invitations.add().code.reveal()
    with Browser(started()) as browser:
        assert "Sign up" not in browser.at("/sign-in").text
        token = browser.page.tokens[0]
        assert browser.look("/sign-up").status == 403
        told = {"address": CAROL, "password": NEW, "again": NEW, "code": code}
        assert browser.send("/sign-up", token=token, **told).status == 403
    with pytest.raises(LocalProtocolError):
        accounts.get(CAROL)


def test_a_network_makes_ten_accounts_an_hour(started: Callable[..., Service]) -> None:
    service = started(sign_up="open")
    for number in range(11):
        with Browser(service) as browser:
            answer = sign_up(browser, f"guest{number}@example.com")
            assert answer.status == (303 if number < 10 else 429), number
    assert int(answer.headers["retry-after"]) == 3600
    with Browser(service) as browser:
        assert browser.sign_in(BOB, PASSWORD).status == 303, "others do not suffer"


def test_a_network_tries_thirty_codes(browser: Browser, accounts: AccountDirectory) -> None:
    for _ in range(30):
        assert sign_up(browser, code="abcd-efgh-jkmn-pqrs").status == 422
    code = accounts.invitations.add().code.reveal()
    assert sign_up(browser, code=code).status == 429


def test_a_form_that_is_sent_twice(browser: Browser, accounts: AccountDirectory) -> None:
    code = accounts.invitations.add(uses=2).code.reveal()
    token = browser.at("/sign-up").tokens[0]
    told = {"address": CAROL, "password": NEW, "again": NEW, "code": code}
    assert browser.send("/sign-up", token=token, **told).status == 303
    assert browser.send("/sign-up", token=token, **told).status == 403
    assert [one.uses_left for one in accounts.invitations.all()] == [1]


def test_no_password_is_in_the_audit(
    browser: Browser, accounts: AccountDirectory, tmp_path: Path
) -> None:
    code = accounts.invitations.add().code.reveal()
    browser.sign_in(ALICE, "a wrong one")
    assert sign_up(browser, code=code).status == 303
    told = (tmp_path / "data" / "audit.log").read_text("utf-8")
    assert "signed up" in told
    for secret in (NEW, code, "a wrong one", browser.word):
        assert secret
        assert secret not in told

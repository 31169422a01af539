"""What every answer has, and what is said where something is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from browsing import ALICE, PASSWORD, Browser
from msnpauth.core.errors import ServiceUnavailable
from msnpauth.service import Service
from msnpauth.service.pages.overview import Overview
from msnpauth.service.stores.sql.page_sessions import PageSessions

PATHS = ["/", "/sign-in", "/sign-up", "/password", "/app-passwords", "/nothing", "/sign-out"]


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_headers_of_every_answer(is_signed_in: bool, browser: Browser) -> None:
    if is_signed_in:
        browser.sign_in(ALICE, PASSWORD)
    for path in PATHS:
        headers = browser.look(path).headers
        policy = dict(part.split(None, 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "script-src" not in policy
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"


def test_no_page_has_a_script_or_a_style_of_its_own(alice: Browser) -> None:
    for path in PATHS:
        page = alice.look(path)
        assert not page.tags("script")
        assert not page.tags("style")
        assert "style=" not in page.html
        assert " on" not in "".join(name for tag in page.tags("button") for name in tag)


def test_the_stylesheet_may_be_kept(browser: Browser) -> None:
    [link] = [tag for tag in browser.at("/sign-in").tags("link") if tag["rel"] == "stylesheet"]
    sheet = browser.look(link["href"])
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]
    assert "prefers-color-scheme: dark" in sheet.html


@pytest.mark.parametrize("path", ["/nothing", "/sign-in/", "/templates/base.html", "/sign-in%2f"])
def test_no_such_page(path: str, browser: Browser) -> None:
    page = browser.look(path)
    assert page.status == 404
    assert page.goes_to is None
    assert "There is no such page" in page.text


def test_a_page_that_is_not_looked_at(browser: Browser) -> None:
    page = browser.look("/sign-out")
    assert page.status == 405
    assert page.headers["allow"] == "POST"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:1", "[", "[x]:y", 'x"><script>'])
def test_the_host_that_a_browser_names_is_nowhere(host: str, browser: Browser) -> None:
    for path in ("/", "/sign-in", "/sign-in/", "/nothing"):
        page = browser.look(path, host=host)
        assert "evil" not in page.html + str(page.headers)
        assert not page.tags("script")


def test_what_is_no_form(browser: Browser) -> None:
    browser.at("/sign-in")
    answer = browser.client.post(
        "/sign-in", content=b"{}", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400


def test_while_the_database_is_away(alice: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(self: PageSessions, word: object) -> None:
        raise ServiceUnavailable("away", retry_after=5.0, code=603)

    monkeypatch.setattr(PageSessions, "visitor", away)
    page = alice.look("/")
    assert (page.status, page.headers["retry-after"]) == (503, "5")
    assert "Try again in a minute" in page.text


def test_a_fault_of_ours(
    started: Callable[..., Service],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(self: Overview, request: object) -> None:
        raise ValueError("hunter2")

    monkeypatch.setattr(Overview, "overview", fails)
    with Browser(started()) as browser, caplog.at_level(logging.ERROR, "msnpauth.service"):
        page = browser.look("/")
        assert page.status == 500
        assert "A fault of ours" in page.text
        assert "hunter2" not in page.html + caplog.text
        browser.at("/sign-in")


def test_without_sign_in_no_page_names_an_account(browser: Browser) -> None:
    for path in PATHS:
        assert ALICE not in browser.look(path).html

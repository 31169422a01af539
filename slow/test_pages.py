"""The pages for people in Debian's Chromium: by keyboard alone, at phone and desk width.

    .venv/bin/pip install -q --group browser && .venv/bin/python -m pytest -q -n 0 slow

It needs the packages chromium and chromium-driver. Each page that a walk comes to is looked at, and
a picture of it lies in pytest's temporary folder.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys

from chromium import COLOURS, CONTRASTS, TOO_WIDE, chromium, emulate
from msnpauth import SessionEnded, sign_in
from msnpauth.service import Argon2, Service, open_directory, run
from msnpauth.service.stores.sql.directory import AccountDirectory

ALICE, PASSWORD = "alice.with.a.rather.long.name@messenger.example.com", "secret pw"
CAROL, NEW = "carol@example.com", "a password of more than sixteen"
CHEAP = Argon2(memory=64, passes=1)
WIDTHS, SCHEMES = (320, 1280), ("light", "dark")

# What cannot be operated by somebody who hears the page: fields without a name, and the like.
_NAMELESS = """
return [...document.querySelectorAll('input:not([type=hidden]):not([hidden]), button, a')]
  .filter(e => !(e.labels?.length ? e.labels[0].innerText : e.innerText).trim())
  .map(e => e.outerHTML);
"""

# Names by which a description or an error is tied to a field, and that lead nowhere.
_LOOSE = """
const tied = '[aria-describedby], [aria-labelledby], label[for], a[href^="#"]';
return [...document.querySelectorAll(tied)]
  .flatMap(e => (e.getAttribute('aria-describedby') || e.getAttribute('aria-labelledby')
    || e.getAttribute('for') || e.getAttribute('href').slice(1)).split(' '))
  .filter(id => !document.getElementById(id));
"""

# How the lines of fields and buttons contrast with what is around them (WCAG 2.2, 1.4.11).
_EDGES = (
    COLOURS
    + """
return [...document.querySelectorAll('input[type=text], input[type=password], button')].map(e => {
  const [a, b] = [numbers(getComputedStyle(e).borderTopColor).slice(0, 3), behind(e.parentElement)]
    .map(luminance).sort((x, y) => y - x);
  return [(a + 0.05) / (b + 0.05), e.id || e.innerText];
});
"""
)

_FOCUS = (
    COLOURS
    + """
const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
const [a, b] = [numbers(style.outlineColor).slice(0, 3), behind(e.parentElement)]
  .map(luminance).sort((x, y) => y - x);
return {
  outline: style.outlineStyle, width: parseFloat(style.outlineWidth),
  contrast: (a + .05) / (b + .05),
  seen: box.bottom > 0 && box.top < innerHeight && box.width > 1 && box.height > 1,
};
"""
)


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[AccountDirectory]:
    with open_directory(tmp_path / "data", CHEAP) as accounts:
        accounts.add(ALICE, PASSWORD)
        yield accounts


@pytest.fixture
def service(tmp_path: Path, accounts: AccountDirectory) -> Iterator[Service]:
    assert accounts.all(), "they are there before the service"
    ports = {"pages": 0}
    data = tmp_path / "data"
    with run(data=data, argon2=CHEAP, ports=ports, sign_up="invitation", allow_md5=True) as service:
        yield service


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    # The authority of the service is one that this browser does not know.
    with chromium(tmp_path_factory.mktemp("profile"), "--ignore-certificate-errors") as browser:
        yield browser


@pytest.fixture
def hands(
    started: Chrome, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hands]:
    hands = Hands(started, service, tmp_path_factory.mktemp("pictures"))
    yield hands
    started.delete_all_cookies()


class Hands:
    """Somebody who has a keyboard, and nothing else."""

    def __init__(self, browser: Chrome, service: Service, pictures: Path) -> None:
        assert service.pages_url is not None
        self.browser = browser
        self.url = service.pages_url
        self._pictures = pictures
        self._numbers = itertools.count(1)
        self.scheme, self.width = "light", 1280

    def see(self, width: int, scheme: str) -> None:
        self.width, self.scheme = width, scheme
        emulate(self.browser, width=width, scheme=scheme)

    def go(self, path: str = "") -> None:
        """Type an address."""
        self.browser.get(self.url + path)
        self.look()

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    @property
    def name(self) -> str:
        """What a screen reader calls the element that has the focus."""
        return " ".join(self.browser.switch_to.active_element.accessible_name.split())

    def to(self, name: str) -> None:
        """Press Tab until an element whose name begins so has the focus.

        Each one on the way shows that it has it.
        """
        seen = []
        for _ in range(60):
            self.press(Keys.TAB)
            seen.append(self.name)
            self.is_focus_seen()
            if self.name.startswith(name):
                return
        raise AssertionError(f"no Tab leads to {name!r}: {seen}")

    def is_focus_seen(self) -> None:
        if self.browser.execute_script("return document.activeElement === document.body"):
            return  # between the end of the page and its beginning
        focus = self.browser.execute_script(_FOCUS)
        assert focus["outline"] == "solid", (self.name, focus)
        assert focus["width"] >= 2, (self.name, focus)
        assert focus["contrast"] >= 3, (self.name, focus)
        assert focus["seen"], (self.name, focus)

    def fill(self, name: str, text: str) -> None:
        self.to(name)
        self.type(text)

    def type(self, text: str) -> None:
        """Type a text in place of what is there."""
        keys = ActionChains(self.browser)
        keys.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL)
        keys.send_keys(Keys.DELETE, text).perform()

    def choose(self, name: str) -> None:
        """Follow a link, or press a button."""
        self.to(name)
        before = self.browser.execute_script("return performance.timeOrigin")
        self.press(Keys.ENTER)
        self._until_there(before)
        self.look()

    def _until_there(self, before: float) -> None:
        for _ in range(2_000):
            now = self.browser.execute_script(
                "return document.readyState === 'complete' && performance.timeOrigin"
            )
            if now and now != before:
                return
        raise AssertionError("no other page came")

    @property
    def text(self) -> str:
        return str(self.browser.execute_script("return document.body.innerText"))

    def is_told(self, text: str) -> None:
        """See that a text has the focus, so that a screen reader says it first."""
        ask: Any = self.browser.execute_script
        for _ in range(200):  # a browser gives the focus away when it first draws the page
            if text in " ".join(ask("return document.activeElement.innerText").split()):
                break
        else:
            raise AssertionError(f"{text!r} has no focus: {self.text}")
        self.is_focus_seen()

    @property
    def title(self) -> str:
        title: str = self.browser.title  # selenium is not there for everybody who checks types
        return title

    def look(self) -> None:
        """Look at the page as it is, in every way that a page of ours has to stand."""
        ask: Any = self.browser.execute_script
        where = f"{self.title} ({self.width}, {self.scheme})"
        picture = f"{next(self._numbers):02}-{self.title.partition(' –')[0].replace(' ', '-')}.png"
        self.browser.save_screenshot(str(self._pictures / picture))
        assert ask(TOO_WIDE) == [], where
        sizes = ask("return [document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1], where
        assert [found for found in ask(CONTRASTS) if found[0] < 4.5] == [], where
        assert [found for found in ask(_EDGES) if found[0] < 3] == [], where
        assert ask(_NAMELESS) == [], where
        assert ask(_LOOSE) == [], where
        ground = ask("return getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (self.scheme == "light"), where
        for tag in ("h1", "main", "header", "footer"):
            assert ask(f"return document.querySelectorAll('{tag}').length") == 1, (where, tag)
        assert ask("return document.documentElement.lang") == "en"
        untyped: Any = self.browser
        severe = [entry for entry in untyped.get_log("browser") if entry["level"] == "SEVERE"]
        # A form with a mistake in it is answered by 422, and Chromium says so.
        assert [entry for entry in severe if "422" not in entry["message"]] == [], where


def drain(session: Any) -> None:
    with pytest.raises(SessionEnded):
        while True:
            session.receive(timeout=20)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_signing_up(
    hands: Hands, accounts: AccountDirectory, service: Service, width: int, scheme: str
) -> None:
    """From nothing to an app password that a program signs in with; every mistake on the way."""
    code = accounts.invitations.add().code.reveal()
    hands.see(width, scheme)
    hands.go()
    assert hands.title.startswith("Sign in – ")
    hands.choose("Sign up")
    hands.fill("Invitation code", "abcd efgh")
    hands.fill("Address", "carol")
    hands.fill("Password", "short")
    hands.choose("Sign up")
    # What is wrong has the focus; its links lead to the fields.
    assert hands.title.startswith("Error: Sign up – ")
    hands.is_told("There is a problem")
    hands.to("Type an address such as alice@example.com, in letters from a to z, digits, dots,"
             " hyphens and underscores.")  # fmt: skip
    hands.press(Keys.ENTER)
    assert hands.name == "Address"
    hands.type(CAROL)
    hands.fill("Password", NEW)
    hands.fill("The same password again", NEW)
    hands.choose("Sign up")
    hands.is_told("This code cannot be used")
    hands.fill("Invitation code", code)
    hands.fill("Password", NEW)
    hands.fill("The same password again", NEW)
    hands.press(Keys.ENTER)
    until_title(hands, "Your account")
    hands.look()
    hands.is_told("Your account is there, and you are signed in")
    assert "Official clients send the first 16" in " ".join(hands.text.split())

    hands.choose("Make an app password")
    hands.choose("Make an app password")
    hands.is_told("Name the device")
    hands.fill("Name of the device", "old laptop")
    hands.to("Windows Live Messenger 8.1 and later")
    hands.press(Keys.SPACE)
    hands.press(Keys.SPACE)
    hands.choose("Make an app password")
    hands.to("App password for old laptop")
    made = hands.browser.switch_to.active_element.get_attribute("value")
    assert made is not None
    with sign_in(CAROL, made, service.servers, ca_file=service.ca_file) as session:
        hands.choose("To your app passwords")
        assert "old laptop" in hands.text
        hands.choose("Overview")
        assert "MSNP18 from 127.0.0.1" in hands.text
        hands.choose("App passwords")
        hands.choose("Revoke old laptop")
        hands.is_told("The app password is revoked")
        drain(session)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_looking_after_an_account(
    hands: Hands, service: Service, accounts: AccountDirectory, width: int, scheme: str
) -> None:
    """Sign in, end a session, change the password, end everything, sign out."""
    accounts.add_app_password(ALICE, "a device with quite a long name, such as people give")
    hands.see(width, scheme)
    hands.go()
    hands.fill("Address", ALICE)
    hands.fill("Password", "wrong")
    hands.choose("Sign in")
    hands.is_told("do not belong together")
    hands.fill("Password", PASSWORD)
    hands.choose("Sign in")
    assert "You are signed in nowhere" in hands.text

    with sign_in(ALICE, PASSWORD, service.servers, ca_file=service.ca_file) as session:
        hands.choose("Overview")
        hands.choose("End the session MSNP18 from 127.0.0.1")
        hands.is_told("The session is ended.")
        drain(session)

    hands.choose("App passwords")
    assert "last use: never" in hands.text
    hands.choose("Password")
    hands.fill("Current password", "wrong")
    hands.fill("New password", NEW)
    hands.fill("The new password again", "another")
    hands.choose("Change the password")
    hands.is_told("Both passwords have to be the same")
    hands.fill("Current password", PASSWORD)
    hands.fill("New password", NEW)
    hands.fill("The new password again", NEW)
    hands.choose("Change the password")
    hands.is_told("Your password is changed")

    with sign_in(ALICE, NEW, service.servers, ca_file=service.ca_file) as session:
        hands.choose("End all sessions and tickets")
        hands.is_told("Everything but this browser")
        drain(session)

    hands.choose("Sign out")
    hands.is_told("You have signed out")
    hands.go("password")
    assert hands.title.startswith("Sign in – ")


def until_title(hands: Hands, title: str) -> None:
    for _ in range(2_000):
        if hands.title.startswith(title):
            return
    raise AssertionError(f"the page is still {hands.title}")


@pytest.mark.parametrize("width", WIDTHS)
def test_past_what_every_page_begins_with(hands: Hands, width: int) -> None:
    """The first Tab leads past the links that stand on each page."""
    hands.see(width, "light")
    hands.go()
    hands.fill("Address", ALICE)
    hands.fill("Password", PASSWORD)
    hands.choose("Sign in")
    hands.press(Keys.TAB)
    assert hands.name == "Skip to the content"
    hands.is_focus_seen()
    hands.press(Keys.ENTER, Keys.TAB)
    assert hands.browser.execute_script(
        "return document.querySelector('main').contains(document.activeElement)"
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_letters_twice_as_large(hands: Hands, scheme: str) -> None:
    """WCAG 2.2, 1.4.4: on a phone whose owner wants large letters."""
    hands.see(320, scheme)
    hands.go("sign-up")
    hands.browser.execute_script("document.documentElement.style.fontSize = '200%'")
    hands.look()


def test_without_the_stylesheet(hands: Hands) -> None:
    """All is there and in its order; nothing that is unseen otherwise is a riddle then."""
    hands.see(1280, "light")
    hands.go()
    hands.browser.execute_cdp_cmd("Network.enable", {})
    hands.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*.css"]})
    hands.browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    try:
        hands.browser.get(hands.url)
        ask = hands.browser.execute_script
        assert ask("return getComputedStyle(document.body).maxWidth") == "none"
        lines = [line.strip() for line in hands.text.splitlines() if line.strip()]
        order = ["Skip to the content", "127.0.0.1", "Sign in", "Address", "Password"]
        assert [line for line in lines if line in order][:5] == order
        untyped: Any = hands.browser
        untyped.get_log("browser")
        for field, text in (("Address", ALICE), ("Password", PASSWORD)):
            while hands.name != field:
                hands.press(Keys.TAB)
            hands.press(text)
        hands.press(Keys.ENTER)
        until_title(hands, "Your account")
        assert "You are signed in nowhere" in hands.text
        untyped.get_log("browser")
    finally:
        hands.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        hands.browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})


def test_without_scripts(hands: Hands) -> None:
    """No page has any, and none is missed."""
    hands.see(1280, "light")
    hands.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        hands.browser.get(hands.url)
        for field, text in (("Address", ALICE), ("Password", PASSWORD)):
            while hands.name != field:
                hands.press(Keys.TAB)
            hands.press(text)
        hands.press(Keys.ENTER)
        until_title(hands, "Your account")
    finally:
        hands.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_without_colours(hands: Hands) -> None:
    """What is wrong is told by words and a sign, and such fields have a line beside them."""
    hands.see(1280, "light")
    hands.go()
    hands.browser.execute_cdp_cmd(
        "Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"}
    )
    hands.choose("Sign in")
    problems = hands.browser.execute_script(
        "return [...document.querySelectorAll('.problem')].map(e => e.innerText)"
    )
    assert problems == ["✗ Type the address of your account.", "✗ Type your password."]
    lines = hands.browser.execute_script(
        "return [...document.querySelectorAll('.wrong')]"
        ".map(e => parseFloat(getComputedStyle(e).borderLeftWidth))"
    )
    assert len(lines) == 2
    assert min(lines) > 4
    hands.browser.execute_cdp_cmd("Emulation.setEmulatedVisionDeficiency", {"type": "none"})

"""The doctor's page in Debian's Chromium: in light and dark, at phone and desk width.

    .venv/bin/pip install -q --group browser && .venv/bin/python -m pytest -q -n 0 slow

It needs the packages chromium and chromium-driver.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from chromium import CONTRASTS, TOO_WIDE, chromium, emulate
from msnpauth.doctor import Examination, page
from msnpauth.service import Account, run

PASSWORD = "correct, horse & battery"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page about a service, with an account and with what is wrong with the service."""
    folder = tmp_path_factory.mktemp("page")
    people = [Account("alice@example.com", PASSWORD), Account("bob@example.com", PASSWORD)]
    with run(people) as service:
        examination = Examination(
            service.servers,
            "alice@example.com",
            PASSWORD,
            ca_file=service.ca_file,
            conformance=True,
            timeout=100,
        )
        list(examination)
    path = folder / "report.html"
    path.write_text(page(examination), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


def show(browser: Chrome, written: Path, *, width: int, scheme: str) -> None:
    emulate(browser, width=width, scheme=scheme)
    browser.get(written.as_uri())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_overflows(browser: Chrome, written: Path, width: int, scheme: str) -> None:
    show(browser, written, width=width, scheme=scheme)
    assert browser.execute_script(TOO_WIDE) == []
    size: Any = browser.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert size[0] <= size[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(browser: Chrome, written: Path, scheme: str) -> None:
    show(browser, written, width=1280, scheme=scheme)
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    weak = [found for found in browser.execute_script(CONTRASTS) if found[0] < 4.5]
    assert weak == []


def test_it_can_be_read_without_colour(browser: Chrome, written: Path) -> None:
    """Each state is a word beside a sign, and each bar has a text."""
    show(browser, written, width=1280, scheme="light")
    states = browser.execute_script(
        "return [...document.querySelectorAll('td.state')].map(e => e.innerText.trim())"
    )
    assert set(states) == {"✓ passed", "! warning", "✗ failed", "– not tried"}
    bars = browser.execute_script(
        "return [...document.querySelectorAll('.bar')].map(e => e.innerText.trim())"
    )
    assert len(bars) > 8
    assert all(bar.endswith("ms)") for bar in bars)


def test_bars_stand_on_one_axis(browser: Chrome, written: Path) -> None:
    show(browser, written, width=1280, scheme="light")
    places = browser.execute_script(
        "return [...document.querySelectorAll('.track')].map(track => {"
        "const t = track.getBoundingClientRect(), b = track.firstChild.getBoundingClientRect();"
        "return [t.left, t.right, b.left, b.right]; })"
    )
    assert len({(left, right) for left, right, _, _ in places}) == 1
    assert all(left - 1 <= start <= end <= right + 4 for left, right, start, end in places)
    assert [start for _, _, start, _ in places] == sorted(start for _, _, start, _ in places)


def test_nothing_is_fetched_and_nothing_complains(browser: Chrome, written: Path) -> None:
    show(browser, written, width=1280, scheme="light")
    fetched = browser.execute_script("return performance.getEntriesByType('resource').length")
    assert fetched == 0
    untyped: Any = browser
    assert [entry for entry in untyped.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_no_secret_can_be_seen(browser: Chrome, written: Path) -> None:
    show(browser, written, width=1280, scheme="light")
    text = browser.execute_script("return document.documentElement.innerText")
    assert "***" in text
    assert "horse" not in text
    assert "horse" not in browser.page_source

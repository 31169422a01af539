"""The doctor's page in Debian's Chromium: in light and dark, at phone and desk width.

    .venv/bin/pip install -q --group browser && .venv/bin/python -m pytest -q -n 0 slow

It needs the packages chromium and chromium-driver.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service as Driver

from msnpauth.doctor import Examination, page
from msnpauth.service import Account, run

PASSWORD = "correct, horse & battery"

# Of every text on the page: how it contrasts with what is behind it (WCAG 2.2, 1.4.3).
_CONTRASTS = """
const luminance = rgb => {
  const [r, g, b] = rgb.map(v => v / 255).map(
    v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
const behind = element => {
  for (let e = element; e; e = e.parentElement) {
    const found = numbers(getComputedStyle(e).backgroundColor);
    if (found.length < 4 || found[3] > 0) return found.slice(0, 3);
  }
  return [255, 255, 255];
};
const found = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.nodeValue.trim()) continue;
  const [a, b] = [numbers(getComputedStyle(element).color).slice(0, 3), behind(element)]
    .map(luminance).sort((x, y) => y - x);
  found.push([(a + 0.05) / (b + 0.05), texts.currentNode.nodeValue.trim().slice(0, 40)]);
}
return found;
"""

# Elements that stand out of the window, or whose content does not fit into them.
_TOO_WIDE = """
const wide = document.documentElement.clientWidth;
return [...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > wide + 1 || e.scrollWidth > e.clientWidth + 1
          && getComputedStyle(e).display !== 'inline')
  .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.trim().slice(0, 40));
"""


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
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "install Debian's packages chromium and chromium-driver"
    assert driver, "install Debian's packages chromium and chromium-driver"
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    with Chrome(options=options, service=Driver(driver)) as started:
        yield started


def show(browser: Chrome, written: Path, *, width: int, scheme: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get(written.as_uri())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_overflows(browser: Chrome, written: Path, width: int, scheme: str) -> None:
    show(browser, written, width=width, scheme=scheme)
    assert browser.execute_script(_TOO_WIDE) == []
    size: Any = browser.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert size[0] <= size[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(browser: Chrome, written: Path, scheme: str) -> None:
    show(browser, written, width=1280, scheme=scheme)
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    weak = [found for found in browser.execute_script(_CONTRASTS) if found[0] < 4.5]
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

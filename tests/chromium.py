"""Debian's Chromium, for tests in slow/: how it is started, and what is asked of each page in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service as Driver

__all__ = ["COLOURS", "CONTRASTS", "TOO_WIDE", "chromium", "emulate"]

COLOURS = """
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
"""
"""JavaScript that other scripts begin with: how light a colour is, and which one is behind."""

# Of every text on the page: how it contrasts with what is behind it (WCAG 2.2, 1.4.3).
CONTRASTS = (
    COLOURS
    + """
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
)

# Elements that stand out of the window, or whose content does not fit into them. What only screen
# readers are told is cut off by design.
TOO_WIDE = """
const wide = document.documentElement.clientWidth;
return [...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > wide + 1 || e.scrollWidth > e.clientWidth + 1
          && e.tagName !== 'INPUT'
          && getComputedStyle(e).display !== 'inline' && getComputedStyle(e).clipPath === 'none')
  .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.trim().slice(0, 40));
"""


@contextmanager
def chromium(profile: Path, *arguments: str) -> Iterator[Chrome]:
    """Yield a browser with a profile of its own."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert browser, "install Debian's packages chromium and chromium-driver"
    assert driver, "install Debian's packages chromium and chromium-driver"
    options = ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={profile}",
        *arguments,
    ):
        options.add_argument(argument)
    # Its offers to keep a password are windows of their own.
    offers = {
        "credentials_enable_service": False,
        "profile.password_manager_enabled": False,
        "profile.password_manager_leak_detection": False,
    }
    options.add_experimental_option("prefs", offers)
    with Chrome(options=options, service=Driver(driver)) as started:
        yield started


def emulate(browser: Chrome, *, width: int, scheme: str) -> None:
    """Show pages at a width in pixels, in `light` or `dark`."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    # Tab leads from the end of a page to the browser's own buttons. Without a screen there are none,
    # and the pages that come later would be taken for pages of a window in the background.
    browser.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )

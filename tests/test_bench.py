"""The benches run: at the smallest size, for what they print. Whether a goal is reached is theirs to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BENCH = Path(__file__).parent.parent / "bench"


def rows(script: str, *arguments: str) -> list[list[str]]:
    """Return the cells of every table row that a bench prints."""
    done = subprocess.run(
        [sys.executable, str(BENCH / script), *arguments],
        capture_output=True, text=True, encoding="utf-8", timeout=25, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode in (0, 1)  # 1 is a goal that was missed
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_round_trips(tmp_path: Path) -> None:
    svg = tmp_path / "plot.svg"
    found = rows("round_trips.py", "--delay", "0.001", "--rounds", "1", "--svg", str(svg))
    heads, *cases = found
    assert heads == ["round trips to USR OK", "floor", "sync", "async", "in sequence"]
    assert len(cases) == 26
    for _, floor, *measured in cases:
        assert all(float(each) >= int(floor) for each in measured)
    texts = [element.text for element in ElementTree.parse(svg).iter() if element.text]
    assert [case[0] for case in cases] == [
        text for text in texts if text.startswith(("TWN", "SSO"))
    ]


def test_tickets() -> None:
    found = rows("tickets.py", "--rounds", "1", "--calls", "1")
    carriers = [f"get_key(), {carrier}" for carrier in ("sockets", "curl", "httpx")]
    alone = ["libcurl, unchecked", "libcurl, resumed"]
    names = ["new connection", "bare ssl sockets", *alone, *carriers]
    names += ["kept connection", "http.client", *carriers]
    assert [row[0] for row in found] == names


def test_many() -> None:
    found = rows("many.py", "--count", "3", "--rounds", "1", "--settled", "0.05")
    names = ["3 sign-ins at once", "TWN", "SSO", "3 waiting", "TWN", "SSO"]
    assert [row[0] for row in found] == names


def test_roles() -> None:
    assert len(rows("roles.py", "--seconds", "0.001", "--count", "3")) == 1 + 9 + 1 + 2


def test_service() -> None:
    few = ("--sessions", "4", "--accounts", "10", "20")
    found = rows("service.py", "--seconds", "0.2", "--settle", "0", *few)
    assert [row[2] for row in found if "≤" in row[2] or "≥" in row[2]] == [
        *("≥ 0.9", "≤ 80", "≤ 40", "≤ 25", "≥ 10,000", "≥ 10,000", "≤ 1.5"),
    ]


def test_start() -> None:
    found = rows("start.py", "--rounds", "1")
    names = [row[0] for row in found]
    assert names[8:10] == ["msnpauth --help", "statement"]
    assert names[-3:] == ["with ssl and argparse", "msnpauth ticket", "… by click"]


def test_bots() -> None:
    found = rows("bots.py", "--bots", "5", "--seconds", "3", "--outage", "0.1")
    assert [row[1:] for row in found[2:4]] == [["5", "5"], ["5", "5"]]


def test_soak() -> None:
    """Everybody comes back, and nothing that was acknowledged is lost."""
    few = ("--sessions", "5", "--seconds", "3", "--restarts", "1", "--settle", "0")
    found = rows("soak.py", *few)
    assert [row[1:] for row in found[2:5]] == [["5", "5"], ["5", "5"], ["0", "0"]]


@pytest.mark.timeout(60)
def test_growth() -> None:
    found = rows("growth.py", "--base", "1")
    assert found[0] == ["cost of all", "1", "10", "100", "exponent", "allowed"]
    assert len(found) == 8


def test_chat() -> None:
    found = rows("chat.py", "--messages", "4", "--chats", "2", "--rounds", "1", "--delay", "0.001")
    names = ["messages a second", "one chat", "2 at once"]
    names += ["round trips from send_message to ACK", "a new chat", "an open chat"]
    assert [row[0] for row in found] == names
    assert [row[1] for row in found[-2:]] == ["5", "1"]


def test_contacts() -> None:
    found = rows("contacts.py", "--contacts", "30", "--rounds", "1")
    assert [row[0] for row in found] == ["30 contacts", "by lines, and presence", "by SOAP"]

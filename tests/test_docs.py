"""The documents do what they say: examples run, and every link leads somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import findings_page
import msnpauth
from blocks import SECRET, a_network, blocks
from msnpauth.cli import main

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "bench" / "README.md",
    ROOT / "tests" / "transcripts" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


COMPANIONS = ("send_message.py", "list_contacts.py", "echo_bot.py")
RUN_ALONE = [path for path in EXAMPLES if path.name not in COMPANIONS]


@pytest.mark.parametrize("path", RUN_ALONE, ids=lambda path: path.name)
def test_example(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("path", [page for page in PAGES if blocks(page)], ids=lambda p: p.name)
def test_python_blocks_run(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "tests" / "blocks.py"), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{len(blocks(path))} blocks\n")


def lines_of_the_command() -> list[str]:
    """Return every line of the documents that runs the command."""
    found = []
    for path in PAGES:
        for block in re.findall(
            r"```(?:text|console)\n(.*?)```", path.read_text("utf-8"), re.DOTALL
        ):
            found += re.findall(r"^(?:\$ )?(?:\.venv/bin/)?(msnpauth .*)$", block, re.MULTILINE)
    return found


@pytest.mark.parametrize("line", lines_of_the_command())
def test_the_commands_in_the_documents_exist(line: str) -> None:
    words = line.partition("#")[0].split()
    command: click.Command = main
    path: list[str] = []
    for word in words[1:]:
        if not isinstance(command, click.Group):
            break
        assert word in command.commands, line
        command = command.commands[word]
        path.append(word)
    help_text = CliRunner().invoke(main, [*path, "--help"])
    assert help_text.exit_code == 0, line
    for option in re.findall(r"--[a-z-]+", line):
        assert option in help_text.output, line


def bot_is_there(session: msnpauth.Session) -> None:
    """Wait until the bot comes online, and not somebody else."""
    for event in session.events():
        match event:
            case msnpauth.ContactOnline(contact) if contact.passport == "bot@example.com":
                return
            case _:
                pass


def test_the_companions(tmp_path: Path) -> None:
    """A bot that answers, a message to it, and a contact list, as a new user runs them."""
    with a_network(tmp_path) as network:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}

        def started(name: str, *arguments: str) -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-W", "error", str(ROOT / "examples" / name), *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )

        def printed(name: str, *arguments: str) -> str:
            with started(name, *arguments) as process:
                out, err = process.communicate(timeout=30)
            assert (process.returncode, err) == (0, "")
            return out

        with started("echo_bot.py", "bot@example.com") as bot:
            try:
                with msnpauth.sign_in("alice@example.com", SECRET, network.servers) as alice:
                    alice.go_online()
                    bot_is_there(alice)
                    sent = printed("send_message.py", "bob@example.com", "bot@example.com", "Grüße")
                    assert sent == "bot@example.com has got it.\n"
                    alice.send_message("bot@example.com", "one")
                    network.put_out("bot@example.com", "SSD")
                    bot_is_there(alice)
                    alice.send_message("bot@example.com", "two")
                    while not isinstance(event := alice.next_event(20), msnpauth.MessageReceived):
                        pass
            finally:
                bot.kill()
        # Whether the bot's answer still finds the sender of this one there is a matter of time.
        assert network.said("bob@example.com") == ["Grüße"]
        assert event.text.startswith("You said: ")
        table = printed("list_contacts.py", "alice@example.com")
        assert table.splitlines()[0].split() == ["bob@example.com", "bob@example.com"]
        rows = printed("list_contacts.py", "alice@example.com", "csv").splitlines()
        assert rows[0] == "bob@example.com,bob@example.com,"
        assert len(json.loads(printed("list_contacts.py", "alice@example.com", "json"))) == 3


@pytest.mark.parametrize("name", COMPANIONS)
def test_a_companion_is_short(name: str) -> None:
    assert len((ROOT / "examples" / name).read_text("utf-8").splitlines()) <= 20


def test_the_names_in_the_documents_exist() -> None:
    for path in PAGES:
        for name in re.findall(r"`msnpauth\.([A-Za-z_]+)", path.read_text("utf-8")):
            assert hasattr(msnpauth, name), f"{path}: {name}"


def test_ci_runs_the_third_line_of_the_readme() -> None:
    block = re.search(r"```console\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert block is not None
    commands = [line.removeprefix("$ ") for line in block[1].splitlines() if line.startswith("$ ")]
    assert commands[0].startswith("git clone ")
    assert len(commands) == 3
    assert commands[2] in (ROOT / ".ci" / "run").read_text("utf-8")


def test_every_document_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{path.name})" in readme, path.name


def test_the_page_of_findings_is_current() -> None:
    """If it is not: python tests/findings_page.py."""
    assert findings_page.PAGE.read_text("utf-8") == findings_page.drawn()

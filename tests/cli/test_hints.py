"""The library's sentences in words of the command."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import msnpauth
from msnpauth import LocalProtocolError, RemoteProtocolError, UntrustedRedirect
from msnpauth.cli.hints import OPTIONS, for_command, translate
from msnpauth.service import RunOptions, run

PACKAGE = Path(msnpauth.__file__).parent

KEYWORDS = (
    {
        name
        for called in (msnpauth.sign_in, msnpauth.MSNPAuth, msnpauth.Servers, run)
        for name in inspect.signature(called).parameters
    }
    | msnpauth.Options.__optional_keys__
    | RunOptions.__optional_keys__
)

# The command gives none of these: no error of it can be about them.
NEVER_GIVEN = {
    "ssl_context",
    "cache",
    "guid",
    "keys",
    "product",
    "receive",
    "tickets",
    "schemes",
    "observer",
}

# What names a keyword in a sentence; without a `=` only names that are no English words.
NAMED = re.compile(rf"\b({'|'.join(KEYWORDS)})=|\b(\w+_\w+)\b|\b(Servers)\(")


def sentences() -> Iterator[tuple[str, str]]:
    """Yield every text of the library that has several words, docstrings left out, and its place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "cli" in path.parts:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        passed_over = {
            id(part)
            for node in ast.walk(tree)
            for part in (
                [node.value]
                if isinstance(node, ast.Expr)
                else node.values
                if isinstance(node, ast.JoinedStr)
                else []
            )
        }
        for node in ast.walk(tree):
            text = "" if id(node) in passed_over else written(node)
            if " " in text:
                yield f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}", text


def written(node: ast.AST) -> str:
    """Return the text of a string in the source; of an f-string, with KEYWORD for each value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(written(part) or "KEYWORD" for part in node.values)
    return ""


def left_over(text: str) -> set[str]:
    found = {next(filter(None, groups)) for groups in NAMED.findall(text)}
    return found & (KEYWORDS | {"Servers"}) - NEVER_GIVEN


def test_no_sentence_of_the_library_keeps_a_keyword() -> None:
    named = {place: text for place, text in sentences() if left_over(text)}
    assert len(named) > 15  # it finds what there is
    kept = {place: translate(text) for place, text in named.items() if left_over(translate(text))}
    assert kept == {}, "translate these in cli/hints.py"


def test_each_option_exists() -> None:
    from msnpauth.cli import main

    there = {
        option
        for command in main.commands.values()
        for parameter in command.params
        for option in parameter.opts
    }
    assert set(OPTIONS.values()) <= there
    assert set(OPTIONS) <= KEYWORDS


@pytest.mark.parametrize(
    ("sentence", "becomes"),
    [
        ("try again, or allow more time with timeout=", "…allow more time with --timeout"),
        ("if you trust that host, name it in Servers(trusted_hosts=…)", "…name it with --trust"),
        ("try pipeline=False", "try --no-pipeline"),
        ("offer other versions with dialects=", "offer other versions with --dialect"),
        ("offer other dialects=", "offer another --dialect"),
        (
            "name one with Servers(rst2=…), or sign in by another scheme=",
            "name one with --rst2 URL, or sign in by another --scheme",
        ),
        (
            "name one with Servers(login=…) or a nexus with Servers(nexus=…)",
            "name one with --login URL or a nexus with --nexus URL",
        ),
        (
            'name one: Servers("messenger.example") or Servers.named("escargot")',
            "name one: --host messenger.example or --service escargot",
        ),
        ("scheme='MD5' signs in without any", "--scheme MD5 signs in without any"),
        ("host='a b': that is no host name", "--host 'a b': that is no host name"),
        ("ca_file '/x' cannot be used: no PEM", "--ca-file '/x' cannot be used: no PEM"),
        ("choose another port, or an address of this machine", None),
        ("check the passport and the password", None),
        ("the network is misconfigured; its host, login and timeout are right", None),
    ],
)
def test_in_words_of_the_command(sentence: str, becomes: str | None) -> None:
    if becomes is None:
        assert translate(sentence) == sentence
    elif becomes.startswith("…"):
        assert translate(sentence).endswith(becomes[1:])
    else:
        assert translate(sentence) == becomes


def test_a_servers_words_stay_as_they_are() -> None:
    error = for_command(RemoteProtocolError("it said login=", server="h", hint="see timeout="))
    assert str(error) == "h: it said login=; see --timeout"
    assert str(for_command(LocalProtocolError("login= is empty"))) == "--login is empty"
    assert "--trust" in str(for_command(UntrustedRedirect("sent away")))

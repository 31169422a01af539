"""What the values of options may be, and what is said of one that cannot be right."""

from __future__ import annotations

from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msnpauth.cli.values import (
    CARRIER,
    COUNT,
    DIALECT,
    HOST,
    PASSPORT,
    PORT,
    SCHEME,
    SECONDS,
    TEXT,
)

ALL = [CARRIER, COUNT, DIALECT, HOST, PASSPORT, PORT, SCHEME, SECONDS, TEXT]


def refused(kind: Any, value: str) -> str:
    with pytest.raises(click.BadParameter) as caught:
        kind.convert(value, None, None)
    return str(caught.value.message)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (TEXT, "Grüße ", "Grüße "),
        (PASSPORT, "Alice@Example.com", "Alice@Example.com"),
        (HOST, "MSN.Example.com.", "msn.example.com"),
        (HOST, "a_b.example", "a_b.example"),
        (HOST, "127.0.0.1", "127.0.0.1"),
        (HOST, "::1", "::1"),
        (HOST, "[2001:DB8::1]", "2001:db8::1"),
        (PORT, "0", 0),
        (PORT, "1863", 1863),
        (PORT, "65535", 65535),
        (DIALECT, "8", 8),
        (DIALECT, "21", 21),
        (COUNT, "1", 1),
        (COUNT, "999999999", 999_999_999),
        (SECONDS, "0.001", 0.001),
        (SECONDS, "30", 30.0),
        (SECONDS, "86400", 86400.0),
        (SCHEME, "sso", "SSO"),
        (SCHEME, "Md5", "MD5"),
        (CARRIER, "curl", "curl"),
    ],
)
def test_what_is_right(kind: Any, value: str, expected: object) -> None:
    found = kind.convert(value, None, None)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (PASSPORT, "alice"),
        (PASSPORT, "alice@"),
        (HOST, "a b"),
        (HOST, "a..b"),
        (HOST, "a" * 64),
        (HOST, "example.com:1863"),
        (HOST, "[::1]:1863"),
        (HOST, "https://example.com"),
        (HOST, "fe80::1%eth0"),
        (HOST, "[[::1]]"),
        (PORT, ""),
        (PORT, "65536"),
        (PORT, "+80"),
        (PORT, " 80"),
        (PORT, "80\n"),
        (PORT, "8_0"),
        (PORT, "٨٠"),
        (PORT, "080000"),
        (DIALECT, ""),
        (DIALECT, "-8"),
        (DIALECT, "8.0"),
        (DIALECT, "8\n"),
        (DIALECT, "٨"),
        (COUNT, "0"),
        (COUNT, "01"),
        (COUNT, "1000000000"),
        (COUNT, "1.5"),
        (COUNT, "1\n"),
        (SECONDS, "86400.1"),
        (SECONDS, "-0"),
        (SECONDS, "-inf"),
        (SECONDS, "5s"),
        (SCHEME, "plain"),
        (SCHEME, "SSO "),
        (CARRIER, "Curl"),
        (CARRIER, "curl "),
    ],
)
def test_what_cannot_be_right(kind: Any, value: str) -> None:
    said = refused(kind, value)
    assert said.isprintable(), "one line"


@pytest.mark.parametrize("kind", [TEXT, PASSPORT, HOST, SCHEME])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "it is empty"),
        ("a\nb", "it holds a control character, such as a line break"),
        ("a\x7fb", "it holds a control character, such as a line break"),
        ("a\udcfcb", "it holds bytes that are not UTF-8"),
    ],
)
def test_texts_that_are_none(kind: Any, value: str, says: str) -> None:
    assert refused(kind, value) == says


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        (PORT, "70000", "'70000' is not a port: ports are 1 to 65535, and 0 is any free one"),
        (DIALECT, "x", "'x' is not a number"),
        (COUNT, "0", "'0' is not a number of 1 and more"),
        (SECONDS, "0", "'0' is not a time: it is more than 0 and at most 86400 seconds"),
        (HOST, "a b", "'a b' is not a host name or an IP address"),
        (CARRIER, "smoke", "'smoke' is none of sockets, curl, httpx"),
        # What a terminal would act on is not repeated, and a long value not to its end.
        (PORT, "\x1b[2J", "'[2J' is not a port: ports are 1 to 65535, and 0 is any free one"),
        (DIALECT, "9" * 500, f"'{'9' * 59}…' is not a number"),
    ],
)
def test_what_is_said_of_it(kind: Any, value: str, says: str) -> None:
    assert refused(kind, value) == says


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("value", [5, 0.5, None, b"x"])
def test_a_default_is_what_it_is(kind: Any, value: object) -> None:
    assert kind.convert(value, None, None) is value


@pytest.mark.parametrize("kind", ALL)
@settings(max_examples=40)
@given(value=st.text(max_size=20))
def test_every_text_is_taken_or_refused_in_one_line(kind: Any, value: str) -> None:
    said = ""
    try:
        kind.convert(value, None, None)
    except click.BadParameter as problem:
        said = problem.message
    assert not {"\n", "\r", "\x1b", "\x9b"} & set(said)


@pytest.mark.parametrize("value", ["1_0", " 5", "٥", "1e3", "inf", "nan", "5.", ".", ""])
def test_seconds_are_a_plain_number(value: str) -> None:
    if value == "5.":
        assert SECONDS.convert(value, None, None) == 5.0
        return
    with pytest.raises(click.BadParameter):
        SECONDS.convert(value, None, None)


@pytest.mark.parametrize("value", ["[a.example]", "[::1", "::1]", "[]", "["])
def test_brackets_are_for_an_ipv6_address_alone(value: str) -> None:
    with pytest.raises(click.BadParameter):
        HOST.convert(value, None, None)

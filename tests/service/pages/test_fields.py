"""What people type, read and looked at."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaks import assert_no_secret
from msnpauth import Secret
from msnpauth.service.pages.fields import (
    BadForm,
    Form,
    address_problem,
    password_problems,
    read_form,
)

KIND = "application/x-www-form-urlencoded"


def test_a_form() -> None:
    form = read_form(f"{KIND}; charset=UTF-8", b"a=+b+&c=%C3%A9%26&box=1&box=2&empty=")
    assert form.text("a") == "b"
    assert form.secret("a") == Secret(" b "), "blanks belong to a password"
    assert form.text("c") == "é&"
    assert form.every("box") == ["1", "2"]
    assert (form.text("empty"), form.text("none"), form.every("none")) == ("", "", [])


@given(st.dictionaries(st.text(), st.text(), max_size=30))
def test_what_browsers_write_is_read(values: dict[str, str]) -> None:
    form = read_form(KIND, urlencode(values).encode())
    assert {name: form.secret(name).reveal() for name in values} == values


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    with suppress(BadForm):
        assert isinstance(read_form(KIND, body), Form)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", b"a=b"),
        ("text/plain", b"a=b"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/json", b"{}"),
        (KIND, b"a=\xff"),
        (KIND, b"a=%ff"),
        (KIND, b"&".join(b"a%d=" % number for number in range(31))),
    ],
)
def test_what_is_no_form(kind: str, body: bytes) -> None:
    with pytest.raises(BadForm):
        read_form(kind, body)


def test_one_field_twice() -> None:
    form = read_form(KIND, b"address=a&address=b")
    with pytest.raises(BadForm):
        form.text("address")


def test_no_password_is_told() -> None:
    assert "hunter2" not in repr(read_form(KIND, b"password=hunter2"))
    with pytest.raises(BadForm) as caught:
        read_form(KIND, b"password=hunter2&x=%ff")
    assert caught.value.__context__ is None
    with pytest.raises(BadForm) as caught:
        read_form(KIND, b"password=hunter2&password=hunter2").secret("password")
    assert_no_secret(caught.value, "hunter2")


@pytest.mark.parametrize(
    "address",
    ["alice@example.com", "A.l-i_c+e@sub.example.co", "a@localhost", "_@x", "a" * 117 + "@example.com"],
)  # fmt: skip
def test_addresses(address: str) -> None:
    assert address_problem(address, "address") == []


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "alice",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@-b",
            "a@b-",
            "a@b..c",
            "a@.b",
        ),
        *("a..b@c", ".a@b", "a.@b", "a@b\n", "a@b\0", "<b>@c", "a@<b>", '"a"@b', "a'@b", "a%0d@b"),
        *("а@example.com", "a@exаmple.com", "a@münchen.de", "a" * 118 + "@example.com"),
    ],
)
def test_what_is_no_address(address: str) -> None:
    [problem] = address_problem(address, "address")
    assert problem.field == "address"
    assert problem.text.endswith(".")


@pytest.mark.parametrize(
    "password", ["12345678", "pass word", "ä" * 7 + "b", "x" * 199 + "y", "🐈🐈🐈🐈🐈🐈🐈x"]
)
def test_passwords(password: str) -> None:
    secret = Secret(password)
    problems = password_problems(secret, secret, "alice@example.com", "password", "again")
    assert problems == []


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "Choose a password"),
        ("1234567", "this one has 7"),
        ("alice@example.com", "stranger tries"),
        ("Alice@Example.COM", "stranger tries"),
        ("alice.long.name", "stranger tries"),
        ("aaaaaaaaA", "single character"),
        ("x" * 200 + "y", "at most 200"),
        ("with a\ttab", "control characters"),
    ],
)
def test_what_is_no_password(password: str, says: str) -> None:
    address = "alice.long.name@example.com" if "." in password[:8] else "alice@example.com"
    [problem] = password_problems(Secret(password), Secret(""), address, "password", "again")
    assert problem.field == "password"
    assert says in problem.text
    assert not password or password not in problem.text


def test_the_second_one_has_to_be_the_same() -> None:
    [problem] = password_problems(Secret("12345678"), Secret("12345679"), "a@b", "one", "two")
    assert problem.field == "two"

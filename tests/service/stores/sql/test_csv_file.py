"""Accounts in a CSV file; `test_directory` has what comes of them, and every wrong line."""

from __future__ import annotations

import io

import pytest

from msnpauth import LocalProtocolError
from msnpauth.service.stores.sql.csv_file import read_csv

HASHED = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"


def test_what_a_line_says() -> None:
    text = (
        "passport,password,hash,display_name,verified,disabled\n"
        'a@b,"se,cret",,"Al ""A"" ice",no,yes\n'
        f'c@d,,"{HASHED}",,1,0\n'
    )
    first, second = read_csv(io.StringIO(text))
    assert first.password is not None
    assert first.password.reveal() == "se,cret"
    assert first[:2] + first[3:] == (2, "a@b", "", 'Al "A" ice', False, True)
    assert second == (3, "c@d", None, HASHED, "", True, False)
    assert "se,cret" not in repr(first)
    assert HASHED not in repr(second)


def test_the_columns_may_stand_in_any_order_and_most_may_lack() -> None:
    (only,) = read_csv(io.StringIO("password,passport\nsecret,a@b\n"))
    assert (only.passport, only.verified, only.disabled) == ("a@b", True, False)
    assert read_csv(io.StringIO("hash,passport\n")) == []


def test_a_line_that_is_wrong_is_named() -> None:
    with pytest.raises(LocalProtocolError, match="line 3: it wants a password or a hash"):
        read_csv(io.StringIO("passport,password\na@b,x\nc@d,\n"))

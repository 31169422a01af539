from __future__ import annotations

import pytest

from msnpauth import LocalProtocolError, Secret
from msnpauth.service import Account, Accounts


def test_of_passwords() -> None:
    accounts = Accounts.of({"Alice@example.com": "secret"})
    found = accounts.find("alice@EXAMPLE.com")
    assert found is not None
    assert found.passport == "Alice@example.com"
    assert "secret" not in repr(accounts)
    assert accounts.find("bob@example.com") is None


def test_of_accounts() -> None:
    account = Account("a@b", Secret("x"), refusal=923)
    assert Accounts.of([account]).find("a@b") is account


def test_check() -> None:
    accounts = Accounts.of({"a@b": "päss"})
    assert accounts.check("A@B", "päss") is accounts.find("a@b")
    for passport, password in (
        ("a@b", "pass"),
        ("a@b", ""),
        ("x@y", "päss"),
        ("x@y", ""),
        ("a@b", "\udc80"),
    ):
        assert accounts.check(passport, password) is None


@pytest.mark.parametrize("accounts", [{"alice": "x"}, {"a@b": ""}])
def test_what_is_no_account(accounts: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError):
        Accounts.of(accounts)

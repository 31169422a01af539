"""The fixtures as a project's own tests use them: pytest finds them by itself here, too."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import msnpauth
from msnpauth import ContactOffline, MessageReceived, SignedInElsewhere
from msnpauth.testing import ACCOUNTS, Service

ALICE, BOB = "alice@example.com", "bob@hotmail.com"


def signed_in(service: Service, passport: str) -> msnpauth.Session:
    where = {"ca_file": service.ca_file, "dialects": [18]}
    return msnpauth.sign_in(passport, ACCOUNTS[passport], service.servers, **where)  # type: ignore[arg-type]


def test_the_accounts_are_a_tests_own(msnpauth_accounts: Mapping[str, str]) -> None:
    """Who changes them for one test changes nothing for the next."""
    assert msnpauth_accounts == ACCOUNTS
    assert msnpauth_accounts is not ACCOUNTS


class TestWithOtherAccounts:
    @pytest.fixture
    def msnpauth_accounts(self) -> dict[str, str]:
        return {"carol@example.com": "mine"}

    def test_a_service_has_those_that_a_test_names(self, msnpauth_service: Service) -> None:
        where = {"servers": msnpauth_service.servers, "ssl_context": msnpauth_service.ssl_context}
        with msnpauth.MSNPAuth("carol@example.com", "mine", "lc=1", **where) as auth:  # type: ignore[arg-type]
            assert auth.get_key()
        with msnpauth.MSNPAuth(ALICE, ACCOUNTS[ALICE], "lc=1", **where) as auth:  # type: ignore[arg-type]
            with pytest.raises(msnpauth.WrongCredentials):
                auth.get_key()


def test_somebody_writes_and_is_answered(msnpauth_service: Service) -> None:
    with signed_in(msnpauth_service, ALICE) as alice:
        alice.go_online()
        msnpauth_service.send_message(BOB, ALICE, "Hello Alice")
        for event in alice.events():
            if isinstance(event, MessageReceived):
                assert (event.sender, event.text) == (BOB, "Hello Alice")
                event.chat.send("Hello Bob")
                break
        assert msnpauth_service.said(ALICE) == ["Hello Bob"]


def test_faults_are_ordered(msnpauth_service: Service) -> None:
    msnpauth_service.faults.refuse("CAL", 217)
    with signed_in(msnpauth_service, ALICE) as alice:
        alice.go_online()
        with pytest.raises(ContactOffline):
            alice.open_chat(BOB)


def test_an_account_is_put_out(msnpauth_service: Service) -> None:
    with signed_in(msnpauth_service, ALICE) as alice:
        alice.go_online()
        msnpauth_service.put_out(ALICE, "OTH")
        *_, last = alice.events()
        assert isinstance(last, SignedInElsewhere)
        assert last.error.reason == "OTH"


def test_the_next_test_has_a_service_of_its_own(msnpauth_service: Service) -> None:
    """What another test has ordered, said or broken is not there."""
    assert msnpauth_service.said(ALICE) == []
    with signed_in(msnpauth_service, ALICE) as alice, signed_in(msnpauth_service, BOB) as bob:
        bob.go_online()
        alice.go_online()
        assert alice.open_chat(BOB).members == (BOB,)

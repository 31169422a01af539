"""What is kept of an account: it is read as it was written, and shows no secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from msnpauth import Secret
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service.stores.protocol import Principal
from msnpauth.service.stores.sql.kept import (
    APP_PASSWORD_LENGTH,
    AppPassword,
    KeptAccount,
    digest_of,
    find,
    is_storable,
)
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.tables import accounts, app_passwords

NOW = datetime(2026, 11, 22, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path / "accounts.sqlite3")) as made:
        yield made


def app(app_id: str = "0123", *schemes: Scheme, sealed: str | None = None) -> AppPassword:
    return AppPassword(
        app_id,
        "old laptop",
        frozenset(schemes or (Scheme.TWN,)),
        created=NOW,
        used=None,
        used_scheme=None,
        digest="a-digest",
        sealed=sealed,
    )


def account(*apps: AppPassword, is_disabled: bool = False) -> KeptAccount:
    return KeptAccount(
        Principal("Alice@example.com"),
        hash="$argon2id$a-hash",
        is_long=False,
        stamp="aabb",
        is_disabled=is_disabled,
        created=NOW,
        changed=NOW,
        signed_in=None,
        app_passwords=apps,
    )


def test_an_account_is_read_as_it_was_written(database: SqliteDatabase) -> None:
    row = {
        "passport": "alice@example.com",
        "spelled": "Alice@example.com",
        "display_name": "Älice",
        "hash": "$argon2id$a-hash",
        "is_long": True,
        "stamp": "aabb",
        "verified": False,
        "restricted": True,
        "refusal": 923,
        "is_disabled": True,
        "created": NOW.timestamp(),
        "changed": (NOW + timedelta(days=1)).timestamp(),
        "signed_in": (NOW + timedelta(days=2)).timestamp(),
    }
    passwords = [
        {
            "id": app_id,
            "passport": "alice@example.com",
            "name": f"the {app_id}",
            "schemes": schemes,
            "digest": f"digest of {app_id}",
            "sealed": sealed,
            "created": (NOW + timedelta(hours=hours)).timestamp(),
            "used": used,
            "used_scheme": scheme,
        }
        for app_id, schemes, sealed, hours, used, scheme in (
            ("late", "SSO TWN", None, 2, NOW.timestamp(), "SSO"),
            ("early", "MD5", "sealed", 1, None, None),
        )
    ]
    database.call(lambda connection: connection.execute(insert(accounts).values(row)))
    database.call(lambda connection: connection.execute(insert(app_passwords), passwords))
    found = database.call(lambda connection: find(connection, "ALICE@example.com"))
    assert found == KeptAccount(
        Principal("Alice@example.com", "Älice", verified=False, restricted=True, refusal=923),
        hash="$argon2id$a-hash",
        is_long=True,
        stamp="aabb",
        is_disabled=True,
        created=NOW,
        changed=NOW + timedelta(days=1),
        signed_in=NOW + timedelta(days=2),
        app_passwords=(
            AppPassword(
                *("early", "the early", frozenset({Scheme.MD5})),
                created=NOW + timedelta(hours=1),
                used=None,
                used_scheme=None,
                digest="digest of early",
                sealed="sealed",
            ),
            AppPassword(
                *("late", "the late", frozenset({Scheme.TWN, Scheme.SSO})),
                created=NOW + timedelta(hours=2),
                used=NOW,
                used_scheme="SSO",
                digest="digest of late",
                sealed=None,
            ),
        ),
    )
    assert found.passport == "Alice@example.com"


@pytest.mark.parametrize("passport", ["bob@example.com", "", "\udc80@b", "a'; DROP TABLE accounts"])
def test_nobody_of_that_passport(database: SqliteDatabase, passport: str) -> None:
    assert database.call(lambda connection: find(connection, passport)) is None


def test_what_shows_no_secret() -> None:
    shown = repr(account(app(sealed="sealed-password"))) + repr(app(sealed="sealed-password"))
    for secret in ("a-hash", "a-digest", "sealed-password", "aabb"):
        assert secret not in shown
    assert "Alice@example.com" in shown
    assert "old laptop" in shown


def test_stamps() -> None:
    first, second = app("01"), app("02")
    kept = account(first)
    assert kept.stamp_of(None) == "aabb"
    assert kept.stamp_of(first) != kept.stamp_of(second)
    assert not kept.is_live(""), "stolen keys alone make no ticket"
    assert kept.is_live(kept.stamp_of(None))
    assert kept.is_live(kept.stamp_of(first))
    assert not kept.is_live(kept.stamp_of(second))
    for stamp in ("aab", "aabb.", ".01", "01", "AABB"):
        assert not kept.is_live(stamp)


def test_no_stamp_lives_while_the_account_is_disabled() -> None:
    kept = account(app("01"), is_disabled=True)
    for stamp in ("", "aabb", "aabb.01"):
        assert not kept.is_live(stamp)


def test_a_digest_is_of_one_app_password() -> None:
    digest = digest_of("01", Secret("secret"))
    assert digest == digest_of("01", Secret("secret"))
    assert len(digest) == 64
    assert digest != digest_of("02", Secret("secret"))
    assert digest != digest_of("01", Secret("other"))
    assert digest_of("01", Secret("\udc80"))
    assert APP_PASSWORD_LENGTH == 16


def test_which_text_can_be_written_down() -> None:
    assert is_storable("")
    assert is_storable("päss 😀")
    assert not is_storable("\udc80")
    assert not is_storable("a\0b"), "PostgreSQL takes none"

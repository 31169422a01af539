"""Where a service keeps things: which database a URL names, and a folder that is moved into one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret
from msnpauth.service import Argon2, open_directory
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.storage import database_url, keys_of, move_folder, open_database

CHEAP = Argon2(memory=64, passes=1)
ALICE = "alice@example.com"


# --- the URL -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["postgresql://u:geheim@db/x", "sqlite:////var/lib/x.db"])
def test_the_url_of_a_database(text: str) -> None:
    assert database_url(text) == database_url(Secret(text))
    assert database_url(text).render_as_string(hide_password=False) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "nonsense", "mysql://u:geheim@db/x", "postgresql:/u:geheim@db", "://u:geheim@db"),
        *("postgresql://u:geheim@db:port/x", "sqlite://", "sqlite+geheim:///x.db", "\0geheim"),
    ],
)
def test_what_is_no_such_url_is_not_quoted(text: str, tmp_path: Path) -> None:
    for read in (
        database_url,
        open_database,
        lambda url: open_directory(tmp_path, database=url),
    ):
        with pytest.raises(LocalProtocolError, match="no URL of a database|wants a file") as caught:
            read(text)
        assert_no_secret(caught.value, "geheim")


def test_the_accounts_are_somewhere() -> None:
    with pytest.raises(LocalProtocolError, match="in a data folder, or in a database"):
        open_directory(None)


# --- SQLite by its URL ---------------------------------------------------------------------------


def test_accounts_in_an_sqlite_file_of_one_s_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'accounts.db'}"
    with pytest.raises(LocalProtocolError):
        open_directory(None, CHEAP, database=url, make=False)
    with open_directory(None, CHEAP, database=url) as accounts:
        accounts.add(ALICE, "x")
    with open_directory(None, CHEAP, database=url, make=False) as accounts:
        assert [account.passport for account in accounts.all()] == [ALICE]


def test_the_first_node_makes_the_key_and_the_next_is_given_it(tmp_path: Path) -> None:
    first, second = (DataFolder(tmp_path / name) for name in ("one", "two"))
    with closing(open_database(f"sqlite:///{tmp_path / 'accounts.db'}")) as database:
        keys = keys_of(first, database)
        keys.make_missing()
        with pytest.raises(LocalProtocolError, match="copy it from another node"):
            keys_of(second, database)
        (second.path / "service-key").write_bytes((first.path / "service-key").read_bytes())
        assert keys_of(second, database).ring() == keys.ring()
    assert not (first.path / "ticket-keys").exists()
    assert keys_of(first, None).make_missing(), "a node of its own has the keys in its folder"


def test_an_sqlite_file_is_for_one_node(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'accounts.db'}"
    with closing(open_database(url, alone=True)):
        for alone in (True, False):
            with pytest.raises(LocalProtocolError, match="used by another node") as caught:
                open_database(url, alone=alone)
        assert "share a PostgreSQL" in caught.value.hint
        open_database(url).close()  # a command, beside which the node runs
    open_database(url, alone=False).close()


# --- a folder that is moved ----------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Return the folder of a service that has run, with an account."""
    path = tmp_path / "data"
    with open_directory(path, CHEAP) as accounts:
        accounts.add(ALICE, "x")
    return DataFolder(path)


def test_a_folder_is_moved_with_its_keys(folder: DataFolder, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'accounts.db'}"
    with closing(open_database(url)) as database:
        counts = move_folder(folder.path, database)
        assert counts["accounts"] == 1
        assert keys_of(folder, database).ring() == folder.keys.ring()
    with open_directory(folder.path, CHEAP, database=url) as accounts:
        assert [account.passport for account in accounts.all()] == [ALICE]
    assert not folder.is_locked


def test_a_database_with_accounts_is_not_moved_into(folder: DataFolder, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'accounts.db'}"
    with open_directory(None, CHEAP, database=url) as accounts:
        accounts.add("bob@example.com", "x")
    with closing(open_database(url)) as database:
        with pytest.raises(LocalProtocolError):
            move_folder(folder.path, database)
    with open_directory(None, CHEAP, database=url) as accounts:
        assert [account.passport for account in accounts.all()] == ["bob@example.com"]


def test_a_folder_on_which_a_service_runs_is_not_moved(folder: DataFolder, tmp_path: Path) -> None:
    folder.lock()
    with closing(open_database(f"sqlite:///{tmp_path / 'accounts.db'}")) as database:
        with pytest.raises(LocalProtocolError, match="another service runs on"):
            move_folder(folder.path, database)
    folder.unlock()


def test_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path / 'accounts.db'}")) as database:
        with pytest.raises(LocalProtocolError):
            move_folder(tmp_path / "data", database)

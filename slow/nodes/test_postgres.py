"""The stores over a real PostgreSQL, as several nodes use it at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from cryptography.fernet import Fernet
from sqlalchemy import Connection, create_engine, text

from msnpauth import LocalProtocolError, Secret, ServiceUnavailable
from msnpauth.cli import main
from msnpauth.core.people.contact import ListName
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service import Argon2, open_directory
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.keys import Keys
from msnpauth.service.storage import keys_of, open_database
from msnpauth.service.stores.protocol import LeftMessage, Lists
from msnpauth.service.stores.sql import postgres as under_test
from msnpauth.service.stores.sql.accounts import SqlAccounts
from msnpauth.service.stores.sql.changes import UNKNOWN
from msnpauth.service.stores.sql.database import Database, schema_of
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.key_store import SqlKeyStore
from msnpauth.service.stores.sql.lists import SqlLeft, SqlLists
from msnpauth.service.stores.sql.migrate import alembic_config, migrate
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.state import SqlState
from msnpauth.service.stores.sql.tables import METADATA, OLDEST_COMPATIBLE, SCHEMA_VERSION
from msnpauth.service.tickets import new_key
from servers import Postgres

pytest_plugins = ["nodes_fixtures"]

_T = TypeVar("_T")

CHEAP = Argon2(64, 1)
HASHER = Hasher(CHEAP, 1)
SEAL = Fernet(new_key())
ALICE, PASSWORD = "Alice@example.com", "secret"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Nodes:
    """Several processes on one database."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.url = url
        self._stack = stack

    def database(self) -> Database:
        return self._stack.enter_context(closing(open_database(self.url)))

    def accounts(self) -> SqlAccounts:
        return SqlAccounts(self.database(), HASHER, SEAL)

    def directory(self) -> AccountDirectory:
        return AccountDirectory(self.database(), HASHER, SEAL)


@pytest.fixture
def nodes(database_url: str) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(database_url, stack)


def played(work: Awaitable[_T]) -> _T:
    async def wait() -> _T:
        return await work

    return asyncio.run(wait())


def until(condition: Callable[[], bool]) -> None:
    """Wait for something; pytest ends what never comes."""
    while not condition():
        threading.Event().wait(0.01)


def is_right(accounts: SqlAccounts, password: str, passport: str = ALICE) -> bool:
    proof = played(accounts.check(passport, Secret(password), Scheme.TWN))
    return proof is not None


def put(lists: Lists, passport: str) -> None:
    lists.book.entry(passport).put(ListName.FORWARD, True)


def people(lists: Lists) -> set[str]:
    return set(lists.book.entries)


# --- accounts ------------------------------------------------------------------------------------


def test_what_one_node_changes_counts_at_the_others(nodes: Nodes) -> None:
    first, second, directory = nodes.accounts(), nodes.accounts(), nodes.directory()
    assert not is_right(first, PASSWORD)
    directory.add(ALICE, PASSWORD)
    for accounts in (first, second):
        until(partial(is_right, accounts, PASSWORD))
    proof = played(first.check(ALICE, Secret(PASSWORD), Scheme.TWN))
    assert proof is not None
    directory.set_password(ALICE, "new")
    for accounts in (first, second):
        until(lambda: not played(accounts.is_live(ALICE, proof.stamp)))  # noqa: B023 - at once
        assert not is_right(accounts, PASSWORD)
        assert is_right(accounts, "new")
    directory.disable(ALICE)
    for accounts in (first, second):
        until(lambda: not is_right(accounts, "new"))  # noqa: B023 - at once


def test_two_add_one_account_at_the_same_time(nodes: Nodes) -> None:
    directories = [nodes.directory() for _ in range(4)]
    begin = threading.Barrier(4)

    def add(directory: AccountDirectory) -> bool:
        begin.wait()
        try:
            directory.add(ALICE, PASSWORD)
        except LocalProtocolError:  # there is one already
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, directories)) == [False, False, False, True]


@pytest.mark.parametrize("name", ["a\0b@example.com", "\udc80@example.com", "x" * 5000])
def test_a_name_that_postgresql_does_not_take_is_nobody_s(nodes: Nodes, name: str) -> None:
    accounts = nodes.accounts()
    assert played(accounts.find(name)) is None
    assert not is_right(accounts, PASSWORD, name)
    with pytest.raises(LocalProtocolError):
        nodes.directory().add(name, PASSWORD)


def test_sign_ins_at_the_same_time_are_noted(nodes: Nodes) -> None:
    nodes.directory().add(ALICE, PASSWORD)

    async def main() -> None:
        stores = [nodes.accounts() for _ in range(3)]
        proof = await stores[0].check(ALICE, Secret(PASSWORD), Scheme.SSO)
        assert proof is not None
        notes = (
            store.signed_in(proof, f"192.0.2.{number % 5}", Scheme.SSO)
            for number in range(10)
            for store in stores
        )
        await asyncio.gather(*notes)

    asyncio.run(main())
    fresh = nodes.accounts()
    assert all(played(fresh.knows(ALICE, f"192.0.2.{number}")) for number in range(5))
    assert nodes.directory().get(ALICE).signed_in is not None


def test_everything_of_an_account_goes_with_it(nodes: Nodes) -> None:
    directory, database = nodes.directory(), nodes.database()
    directory.add(ALICE, PASSWORD)
    directory.add_app_password(ALICE, "laptop", [Scheme.MD5])
    played(SqlLists(database).change(ALICE, lambda mine: put(mine, "b@c")))
    played(SqlLeft(database).leave(ALICE, LeftMessage("1", "b@c", "B", "text", NOW)))
    directory.remove(ALICE)
    for table in METADATA.sorted_tables:
        if table.name != "notes":
            assert database.call(lambda connection: connection.execute(table.select()).all()) == []  # noqa: B023 - at once


# --- lists, messages, tickets --------------------------------------------------------------------


def test_lists_that_many_nodes_change_at_once_lose_nothing(nodes: Nodes) -> None:
    async def main() -> None:
        stores = [SqlLists(nodes.database()) for _ in range(4)]
        names = [f"u{number}@x" for number in range(40)]
        changes = (
            stores[number % 4].change(ALICE, partial(put, passport=name))
            for number, name in enumerate(names)
        )
        await asyncio.gather(*changes)
        fresh = await SqlLists(nodes.database()).lists(ALICE)
        assert people(fresh) == set(names)

    asyncio.run(main())


def test_a_list_that_another_node_has_changed_is_read_again(nodes: Nodes) -> None:
    first, second = SqlLists(nodes.database()), SqlLists(nodes.database())
    for _ in range(3):
        assert people(played(second.lists(ALICE))) == set()
    played(first.change(ALICE, lambda mine: put(mine, "b@c")))
    until(lambda: people(played(second.lists(ALICE))) == {"b@c"})


def test_messages(nodes: Nodes) -> None:
    left = SqlLeft(nodes.database(), limit=2)
    for number in range(2):
        message = LeftMessage(str(number), "c@d", "C", "text ✉", NOW)
        assert played(left.leave("a@b", message))
    assert not played(left.leave("a@b", LeftMessage("3", "c@d", "C", "", NOW)))
    other = SqlLeft(nodes.database())
    assert [message.id for message in played(other.left("A@b"))] == ["0", "1"]
    assert played(other.left("a@b"))[0].sent_at == NOW
    played(other.remove("a@b", ["0"]))
    assert [message.id for message in played(left.left("a@b"))] == ["1"]


def test_a_ticket_is_used_once(nodes: Nodes) -> None:
    async def main() -> None:
        states = [SqlState(nodes.database(), now=lambda: NOW) for _ in range(3)]
        ends = NOW + timedelta(minutes=1)
        uses = (state.use_up("t", ends, made=NOW) for state in states * 10)
        assert sum(await asyncio.gather(*uses)) == 1

    asyncio.run(main())


# --- keys ----------------------------------------------------------------------------------------


def test_nodes_that_begin_together_have_the_same_keys(nodes: Nodes) -> None:
    keys = [Keys(SqlKeyStore(nodes.database(), SEAL)) for _ in range(4)]
    begin = threading.Barrier(4)

    def make(one: Keys) -> list[object]:
        begin.wait()
        one.make_missing()
        return [one.ring(), one.verify_keys(), one.mark_key(), one.authority().cert_pem.bytes()]

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, keys))
    assert all(found == made[0] for found in made)


def test_two_that_rotate_at_once_lose_no_key(nodes: Nodes) -> None:
    keys = [Keys(SqlKeyStore(nodes.database(), SEAL)) for _ in range(4)]
    keys[0].make_missing()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: one.rotate(), keys))
    assert len(keys[0].ring()) == 5


def test_the_second_node_needs_the_key_of_the_first(nodes: Nodes, tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "one"), DataFolder(tmp_path / "two")
    keys = keys_of(first, nodes.database())
    keys.make_missing()
    with pytest.raises(LocalProtocolError, match="service-key is damaged, or not there") as caught:
        keys_of(second, nodes.database())
    assert "copy it from another node" in caught.value.hint
    (second.path / "service-key").write_bytes((first.path / "service-key").read_bytes())
    assert keys_of(second, nodes.database()).ring() == keys.ring()


# --- failures ------------------------------------------------------------------------------------


def test_a_server_that_is_killed_and_comes_back(nodes: Nodes, postgres: Postgres) -> None:
    accounts, directory = nodes.accounts(), nodes.directory()
    directory.add(ALICE, PASSWORD)
    until(partial(is_right, accounts, PASSWORD))
    postgres.kill()
    for work in (
        lambda: played(accounts.check(ALICE, Secret(PASSWORD), Scheme.TWN)),
        lambda: directory.add("bob@example.com", PASSWORD),
        lambda: directory.get(ALICE),
    ):
        with pytest.raises(ServiceUnavailable) as caught:
            work()
        assert (caught.value.code, caught.value.retry_after) == (603, 5)
        assert PASSWORD not in str(caught.value)
    assert accounts._database.changes(0) == (UNKNOWN, None)
    assert accounts._database.problem()
    postgres.start()
    until(lambda: not accounts._database.problem())
    assert is_right(accounts, PASSWORD)
    until(lambda: accounts._database.changes(0)[0] != UNKNOWN)
    assert [account.passport for account in directory.all()] == [ALICE]


def test_what_was_changed_unheard_is_not_taken_from_memory(nodes: Nodes) -> None:
    accounts, directory = nodes.accounts(), nodes.directory()
    directory.add(ALICE, PASSWORD)
    until(partial(is_right, accounts, PASSWORD))
    gone = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT 1%'"
    )
    directory._database.call(lambda connection: connection.execute(gone).all())
    directory.disable(ALICE)
    until(lambda: not is_right(accounts, PASSWORD))


def test_a_server_that_does_not_answer(
    nodes: Nodes, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line is cut: after some seconds nobody waits for it any more."""
    monkeypatch.setattr(under_test, "_SILENT_SECONDS", 0.5)
    database = nodes.database()
    until(lambda: database.changes(0)[0] != UNKNOWN)
    postgres.pause()
    try:
        until(lambda: database.changes(0)[0] == UNKNOWN)
    finally:
        postgres.go_on()
    until(lambda: database.changes(0)[0] != UNKNOWN)


def test_work_that_waits_for_a_lock_too_long(nodes: Nodes) -> None:
    database = nodes.database()
    nodes.directory().add(ALICE, PASSWORD)
    locked, may_end = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM accounts FOR UPDATE"))
        locked.set()
        may_end.wait(20)

    holder = threading.Thread(target=database.call, args=(hold,))
    holder.start()
    assert locked.wait(10)
    with pytest.raises(ServiceUnavailable, match="lock timeout"):
        nodes.directory().disable(ALICE)
    may_end.set()
    holder.join()
    nodes.directory().disable(ALICE)


def test_a_node_that_shares_nothing_is_alone(nodes: Nodes) -> None:
    with closing(open_database(nodes.url, alone=True)):
        for alone in (True, False):
            with pytest.raises(LocalProtocolError, match="is used by another node") as caught:
                open_database(nodes.url, alone=alone)
            assert "--shared" in caught.value.hint
        nodes.directory().add(ALICE, PASSWORD)
    with closing(open_database(nodes.url, alone=False)):
        open_database(nodes.url, alone=False).close()
        with pytest.raises(LocalProtocolError, match="is used by another node"):
            open_database(nodes.url, alone=True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:hunter2@127.0.0.1:{port}/nowhere",
        "postgresql://x:hunter2@127.0.0.1:1/x",
    ],
)
def test_a_database_that_cannot_be_opened(postgres: Postgres, url: str) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be opened") as caught:
        open_database(url.format(port=postgres.port))
    assert "hunter2" not in f"{caught.value!r} {caught.value} {caught.value.__context__!r}"


# --- forms ---------------------------------------------------------------------------------------


def test_a_database_without_tables_is_not_served(empty_database: str) -> None:
    with pytest.raises(LocalProtocolError, match="has no tables of this version") as caught:
        open_database(empty_database)
    assert "msnpauth migrate" in caught.value.hint


def test_every_form_is_brought_to_that_of_today(empty_database: str) -> None:
    engine = create_engine(empty_database.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(text("INSERT INTO notes VALUES ('form', 1), ('changes', 7)"))
    engine.dispose()
    with closing(open_database(empty_database, check=False)) as database:
        assert migrate(database) == (1, SCHEMA_VERSION)
        assert database.call(schema_of) == (SCHEMA_VERSION, OLDEST_COMPATIBLE)
        assert database.call(_differences) == []
    open_database(empty_database).close()


def test_the_tables_that_are_made_at_once_are_those_of_the_scripts(database_url: str) -> None:
    with closing(open_database(database_url)) as database:
        assert database.call(_differences) == []


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, METADATA))


def test_many_that_migrate_at_once(empty_database: str) -> None:
    begin = threading.Barrier(4)

    def bring_up(_number: int) -> tuple[int, int]:
        with closing(open_database(empty_database, check=False)) as database:
            begin.wait()
            return migrate(database)

    with ThreadPoolExecutor(4) as pool:
        brought_up = sorted(pool.map(bring_up, range(4)))
    now = SCHEMA_VERSION
    assert brought_up == [(0, now), (now, now), (now, now), (now, now)]


# --- moving --------------------------------------------------------------------------------------


def invoke(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a service that ran for years."""
    path = tmp_path / "data"
    with open_directory(path, CHEAP) as accounts:
        for number in range(2_500):
            accounts._database.call(partial(_cheaply, number=number))
        accounts.add(ALICE, PASSWORD)
        accounts.add_app_password(ALICE, "laptop", [Scheme.MD5])
    keys = DataFolder(path).keys
    keys.rotate()
    keys.authority()
    with closing(SqliteDatabase(path / "accounts.sqlite3")) as database:
        lists, left = SqlLists(database), SqlLeft(database)
        played(lists.change(ALICE, lambda mine: put(mine, "b@c")))
        for number in range(3):
            played(left.leave(ALICE, LeftMessage(str(number), "b@c", "B", "a\0b", NOW)))
        store = SqlAccounts(database, HASHER, SEAL)
        proof = played(store.check(ALICE, Secret(PASSWORD), Scheme.SSO))
        assert proof is not None
        played(store.signed_in(proof, "192.0.2.1", Scheme.SSO))
        played(store.rename(ALICE, "Al\0ice"))
        state = SqlState(database, now=lambda: NOW)
        played(state.use_up("t", NOW + timedelta(days=1), made=NOW))
    return path


def _cheaply(connection: Connection, number: int) -> None:
    row = {"name": f"u{number}@x", "hash": HASHER.nobody}
    connection.execute(
        text(
            "INSERT INTO accounts (passport, spelled, display_name, hash, is_long, stamp, verified,"
            " restricted, is_disabled, created, changed)"
            " VALUES (:name, :name, '', :hash, 0, 'x', 1, 0, 0, 1, 1)"
        ),
        row,
    )


def test_a_folder_is_moved_by_one_command(empty_database: str, folder: Path) -> None:
    told = invoke("migrate", "--move", "--data", str(folder), "--database", empty_database)
    assert "     2501 accounts" in told
    assert "        3 left_messages" in told
    with closing(open_database(empty_database)) as database:
        keys = keys_of(DataFolder(folder), database)
        before = DataFolder(folder).keys
        assert keys.ring() == before.ring()
        assert keys.verify_keys() == before.verify_keys()
        assert keys.authority().cert_pem.bytes() == before.authority().cert_pem.bytes()
        accounts = SqlAccounts(database, HASHER, keys.app_password_key(), allow_md5=True)
        assert is_right(accounts, PASSWORD)
        assert played(accounts.knows(ALICE, "192.0.2.1"))
        found = played(accounts.find(ALICE))
        assert found is not None
        assert found.display_name == "Al�ice"
        assert people(played(SqlLists(database).lists(ALICE))) == {"b@c"}
        messages = played(SqlLeft(database).left(ALICE))
        assert [(one.id, one.text) for one in messages] == [(str(n), "a�b") for n in range(3)]
        assert played(SqlLeft(database).leave(ALICE, LeftMessage("9", "b@c", "B", "", NOW)))
        state = SqlState(database, now=lambda: NOW)
        assert not played(state.use_up("t", NOW + timedelta(days=1), made=NOW))
        (sealed,) = database.call(
            lambda connection: [
                row.sealed for row in connection.execute(text("SELECT sealed FROM app_passwords"))
            ]
        )
        assert len(keys.app_password_key().decrypt(sealed)) == 16


def test_what_is_there_already_is_not_mixed_with_it(database_url: str, folder: Path) -> None:
    with open_directory(None, CHEAP, database=database_url) as accounts:
        accounts.add("first@example.com", PASSWORD)
    words = ["migrate", "--move", "--data", str(folder), "--database", database_url]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "there are accounts in that database already" in result.stderr
    with open_directory(None, CHEAP, database=database_url) as accounts:
        assert [account.passport for account in accounts.all()] == ["first@example.com"]


def test_a_folder_on_which_a_service_runs_is_not_moved(database_url: str, folder: Path) -> None:
    running = DataFolder(folder)
    running.lock()
    words = ["migrate", "--move", "--data", str(folder), "--database", database_url]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "another service runs on" in result.stderr
    running.unlock()


# --- the command ---------------------------------------------------------------------------------


def test_accounts_of_a_database_alone(database_url: str) -> None:
    where = ("--database", database_url)
    added = CliRunner().invoke(
        main, ["account", "add", ALICE, *where], env={"MSNPAUTH_PASSWORD": PASSWORD}
    )
    assert added.exit_code == 0, added.stderr
    assert invoke("account", "list", *where).startswith(ALICE)
    assert len(invoke("account", "app-password", "add", ALICE, "laptop", *where)) == 17
    refused = CliRunner().invoke(
        main, ["account", "app-password", "add", ALICE, "old", "--scheme", "MD5", *where]
    )
    assert refused.exit_code == 2
    assert "--data" in refused.stderr


def test_keys_of_a_network(database_url: str, tmp_path: Path) -> None:
    where = ("--data", str(tmp_path), "--database", database_url)
    with closing(open_database(database_url)) as database:
        keys_of(DataFolder(tmp_path), database).make_missing()
    assert invoke("keys", "list", *where).endswith(" UTC seals and opens\n")
    assert "still open tickets: 1." in invoke("keys", "rotate", *where)
    assert len(invoke("keys", "list", *where).splitlines()) == 2
    invoke("keys", "replace", "--yes", *where)
    assert len(invoke("keys", "list", *where).splitlines()) == 1


def test_escargot_on_postgresql(database_url: str, postgres: Postgres) -> None:
    """Its JSON is JSONB there, and comes as what it is."""
    theirs = postgres.database()
    digest = base64.b64encode(hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 24000)).decode()
    engine = create_engine(theirs.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for line in ESCARGOT.format(hash=f"pbkdf2_sha256$24000$salt${digest}").split(";"):
            connection.exec_driver_sql(line)
    engine.dispose()
    told = invoke("account", "import", theirs, "--database", database_url)
    assert told == "2 accounts were added.\n"
    with closing(open_database(database_url)) as database:
        accounts = SqlAccounts(database, HASHER, SEAL)
        assert is_right(accounts, "secret")
        mine = played(SqlLists(database).lists(ALICE))
        assert people(mine) == {"bob@example.com"}
        assert list(mine.book.groups.values()) == ["Friends"]
        assert mine.book.entries["bob@example.com"].group_ids == tuple(mine.book.groups)
        assert not mine.allows_others


ESCARGOT = """
CREATE TABLE t_user (id SERIAL PRIMARY KEY, uuid VARCHAR, email VARCHAR, verified BOOLEAN,
    name VARCHAR, message VARCHAR, password VARCHAR, settings JSONB, front_data JSONB);
CREATE TABLE t_user_group (id SERIAL PRIMARY KEY, user_uuid VARCHAR, group_id VARCHAR,
    group_uuid VARCHAR, name VARCHAR);
CREATE TABLE t_user_contact (id SERIAL PRIMARY KEY, user_uuid VARCHAR, uuid VARCHAR, name VARCHAR,
    message VARCHAR, lists INTEGER, groups JSONB);
INSERT INTO t_user VALUES
    (1, 'u1', 'Alice@example.com', true, 'Al', '', '{hash}', '{{"BLP": "BL"}}', NULL),
    (2, 'u2', 'bob@example.com', true, NULL, '', '', '{{}}', '{{}}');
INSERT INTO t_user_group VALUES (1, 'u1', '1', 'g', 'Friends');
INSERT INTO t_user_contact VALUES (1, 'u1', 'u2', 'Bob', '', 3, '[{{"id": "1", "uuid": "g"}}]')"""

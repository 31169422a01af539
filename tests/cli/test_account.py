"""`msnpauth account`: the accounts of a data folder."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import argon2
import pytest
from click.testing import CliRunner, Result

from command import run as run_apart
from msnpauth import WrongCredentials, sign_in
from msnpauth.cli import main
from msnpauth.service import Argon2, open_directory, run
from msnpauth.service.data_folder import DataFolder

ALICE, BOB, PASSWORD = "Alice@example.com", "bob@example.com", "secret pw"
CHEAP = Argon2(memory=64, passes=1)


@pytest.fixture(autouse=True)
def _no_audit_is_left_behind() -> Iterator[None]:
    """A command ends with its process; here several run in one."""
    logger = logging.getLogger("msnpauth.audit")
    before = logger.handlers[:]
    yield
    for handler in set(logger.handlers) - set(before):
        logger.removeHandler(handler)
        handler.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    with open_directory(path, CHEAP) as accounts:
        accounts.add(ALICE, PASSWORD, display_name="Al ice")
    return path


def account(
    folder: Path, *words: str, stdin: str | bytes | None = None, **variables: str
) -> Result:
    arguments = ["account", *words, "--data", str(folder)]
    return CliRunner().invoke(main, arguments, input=stdin, env=variables)


def done(folder: Path, *words: str, stdin: str | bytes | None = None) -> str:
    result = account(folder, *words, stdin=stdin, MSNPAUTH_PASSWORD=PASSWORD)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def shown(folder: Path, passport: str = ALICE) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(done(folder, "show", passport, "--json"))
    return told


def audited(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "audit.log").read_text().splitlines()]


def is_right(folder: Path, password: str, passport: str = ALICE) -> bool:
    with run(data=folder, argon2=CHEAP) as service:
        try:
            sign_in(passport, password, service.servers, ca_file=service.ca_file).close()
        except WrongCredentials:
            return False
    return True


def test_an_account_is_added(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    told = done(folder, "add", BOB, "--display-name", "Bob B", "--unverified")
    assert told == f"{BOB} can sign in.\n"
    about = shown(folder, BOB)
    assert (about["display_name"], about["verified"], about["disabled"]) == ("Bob B", False, False)
    assert is_right(folder, PASSWORD, BOB)


def test_the_password_comes_from_stdin(folder: Path) -> None:
    done(folder, "add", BOB, "--password-stdin", stdin=b"fr\xc3\xb6m stdin\r\n")
    assert is_right(folder, "fröm stdin", BOB)


def test_without_a_password_nothing_is_added(folder: Path) -> None:
    result = account(folder, "add", BOB)
    assert result.exit_code == 2
    assert "there is no password" in result.stderr
    assert account(folder, "show", BOB).exit_code == 2


def test_an_account_that_is_there_already(folder: Path) -> None:
    result = account(folder, "add", ALICE.upper(), MSNPAUTH_PASSWORD="other")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "there is an account ALICE@EXAMPLE.COM already" in result.stderr
    assert is_right(folder, PASSWORD)


@pytest.mark.parametrize(
    "words",
    [
        *(["show"], ["disable"], ["enable"], ["remove", "--yes"], ["password"]),
        *(["app-password", "add", "laptop"], ["app-password", "revoke", "laptop"]),
    ],
)
def test_an_account_that_nobody_has(folder: Path, words: list[str]) -> None:
    at = 2 if words[0] == "app-password" else 1
    words = [*words[:at], "nobody@example.com", *words[at:]]
    result = account(folder, *words, MSNPAUTH_PASSWORD="x")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "there is no account nobody@example.com" in result.stderr
    assert "list" in result.stderr, "it says where to look"


def test_an_error_as_json(folder: Path) -> None:
    result = account(folder, "show", "nobody@example.com", "--json")
    assert result.exit_code == 2
    assert "no account" in json.dumps(json.loads(result.stdout or result.stderr))


@pytest.mark.parametrize("passport", ["alice", "a b@example.com", "", "a\nb@example.com"])
def test_what_is_no_passport(folder: Path, passport: str) -> None:
    result = account(folder, "add", passport, MSNPAUTH_PASSWORD="x")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_they_are_listed(folder: Path) -> None:
    done(folder, "add", BOB)
    done(folder, "disable", BOB)
    lines = done(folder, "list").splitlines()
    assert [line.split() for line in lines] == [[ALICE, "never"], [BOB, "disabled", "never"]]
    told = json.loads(done(folder, "list", "--json"))
    assert [(one["passport"], one["disabled"]) for one in told] == [(ALICE, False), (BOB, True)]
    assert set(told[0]) == {
        *("passport", "display_name", "verified", "disabled"),
        *("added", "password_changed", "signed_in"),
    }


def test_none_are_listed(folder: Path) -> None:
    done(folder, "remove", ALICE, "--yes")
    assert done(folder, "list") == ""
    assert json.loads(done(folder, "list", "--json")) == []


def test_a_database_that_is_gone_is_not_made_anew(folder: Path) -> None:
    (folder / "accounts.sqlite3").unlink()
    for words in (["list"], ["show", ALICE], ["disable", ALICE]):
        result = account(folder, *words)
        assert result.exit_code == 2
        assert "accounts.sqlite3 is not there" in result.stderr
    assert not (folder / "accounts.sqlite3").exists()


def test_a_database_that_is_gone_under_a_service_is_not_made_anew(folder: Path) -> None:
    (folder / "accounts.sqlite3").unlink()
    running = DataFolder(folder)
    running.lock()
    result = account(folder, "add", ALICE, MSNPAUTH_PASSWORD="secret")
    assert "accounts.sqlite3 is not there" in result.stderr
    running.unlock()
    assert not (folder / "accounts.sqlite3").exists()
    assert account(folder, "add", ALICE, MSNPAUTH_PASSWORD="secret").exit_code == 0


def test_one_is_shown(folder: Path) -> None:
    made = done(folder, "app-password", "add", ALICE, "old laptop").strip()
    assert shown(folder)["signed_in"] is None
    assert is_right(folder, made)
    text = done(folder, "show", "alice@EXAMPLE.com")
    assert text.splitlines()[:2] == [f"passport        {ALICE}", "state           may sign in"]
    assert "app password    old laptop [" in text
    assert "for SSO, TWN; last used: 20" in text
    about = shown(folder)
    (app,) = about["app_passwords"]
    assert (app["name"], app["schemes"], app["used_scheme"]) == (
        "old laptop",
        ["SSO", "TWN"],
        "SSO",
    )
    assert about["signed_in"].endswith("+00:00")
    for secret in (made, PASSWORD, "argon2", "hash", "stamp", "digest"):
        assert secret not in text + json.dumps(about)


def test_one_is_disabled_and_enabled(folder: Path) -> None:
    assert done(folder, "disable", ALICE) == f"{ALICE} cannot sign in any more.\n"
    assert shown(folder)["disabled"] is True
    assert "state           disabled" in done(folder, "show", ALICE)
    assert not is_right(folder, PASSWORD)
    assert done(folder, "enable", ALICE) == f"{ALICE} can sign in.\n"
    assert is_right(folder, PASSWORD)


def test_one_is_removed_by_who_says_yes(folder: Path) -> None:
    result = account(folder, "remove", ALICE, stdin="n\n")
    assert result.exit_code != 0
    assert "its lists and its messages?" in result.output
    assert shown(folder)
    assert account(folder, "remove", ALICE, stdin="y\n").exit_code == 0
    assert account(folder, "show", ALICE).exit_code == 2
    done(folder, "add", ALICE)
    assert done(folder, "remove", ALICE, "--yes") == f"{ALICE} is gone.\n"


def test_another_password(folder: Path) -> None:
    before = shown(folder)["password_changed"]
    told = done(folder, "password", ALICE, "--password-stdin", stdin="another\n")
    assert told.startswith(f"{ALICE} has a new password.")
    assert shown(folder)["password_changed"] > before
    assert is_right(folder, "another")
    assert not is_right(folder, PASSWORD)


def test_an_app_password_is_told_once(folder: Path) -> None:
    made = done(folder, "app-password", "add", ALICE, "laptop")
    assert made.endswith("\n")
    assert len(made.strip()) == 16
    assert made != done(folder, "app-password", "add", ALICE, "phone", "--scheme", "md5")
    schemes = {app["name"]: app["schemes"] for app in shown(folder)["app_passwords"]}
    assert schemes == {"laptop": ["SSO", "TWN"], "phone": ["MD5"]}
    assert is_right(folder, made.strip())
    files = [path.read_bytes() for path in folder.iterdir() if path.is_file()]
    assert not any(made.strip().encode() in content for content in files)


def test_an_app_password_is_revoked_by_name_and_by_id(folder: Path) -> None:
    for name in ("laptop", "phone", "phone"):
        done(folder, "app-password", "add", ALICE, name)
    result = account(folder, "app-password", "revoke", ALICE, "phone")
    assert result.exit_code == 2
    assert "2 app passwords of that name or id" in result.stderr
    ids = [app["id"] for app in shown(folder)["app_passwords"]]
    assert done(folder, "app-password", "revoke", ALICE, "laptop")
    assert done(folder, "app-password", "revoke", ALICE, ids[1])
    assert [app["id"] for app in shown(folder)["app_passwords"]] == [ids[2]]
    assert account(folder, "app-password", "revoke", ALICE, "laptop").exit_code == 2


def test_a_scheme_that_does_not_exist(folder: Path) -> None:
    result = account(folder, "app-password", "add", ALICE, "laptop", "--scheme", "LDAP")
    assert result.exit_code == 2
    assert "--scheme" in result.stderr


# --- many accounts ---------------------------------------------------------------------------


HASH = argon2.PasswordHasher(1, 64, 1).hash("from elsewhere")
CSV = (
    "passport,password,hash,display_name,verified,disabled\r\n"
    'carol@example.com,"pass,word ""x""",,Zoë C,yes,no\r\n'
    f'dave@example.com,,"{HASH}",,no,yes\r\n'
)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_accounts_are_imported_from_a_file(folder: Path, tmp_path: Path, mark: str) -> None:
    file = tmp_path / "accounts.csv"
    file.write_bytes((mark + CSV).encode())
    result = account(folder, "import", str(file))
    assert (result.exit_code, result.stdout) == (0, "2 accounts were added.\n")
    assert result.stderr.startswith("2 accounts ")
    assert shown(folder, "carol@example.com")["display_name"] == "Zoë C"
    dave = shown(folder, "dave@example.com")
    assert (dave["verified"], dave["disabled"]) == (False, True)
    done(folder, "enable", "dave@example.com")
    assert is_right(folder, "from elsewhere", "dave@example.com")
    assert is_right(folder, 'pass,word "x"', "carol@example.com")


def test_accounts_of_escargot_are_imported(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "escargot.sqlite"
    digest = hashlib.pbkdf2_hmac("sha256", b"from escargot", b"salt", 24000)
    hashed = f"pbkdf2_sha256$24000$salt${base64.b64encode(digest).decode()}"
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute(
            "CREATE TABLE t_user (id INTEGER PRIMARY KEY, uuid, email, verified, name, password,"
            " settings, front_data)"
        )
        row = ("u", "erin@example.com", 1, "Erin", hashed, "{}", "{}")
        raw.execute("INSERT INTO t_user VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row)
    assert done(folder, "import", str(file)) == "1 accounts were added.\n"
    assert shown(folder, "erin@example.com")["display_name"] == "Erin"
    assert is_right(folder, "from escargot", "erin@example.com")
    again = account(folder, "import", str(file))
    assert "there is an account erin@example.com already" in again.stderr


@pytest.mark.parametrize("name", ["nowhere.csv", "."])
def test_a_file_that_cannot_be_imported(folder: Path, tmp_path: Path, name: str) -> None:
    result = account(folder, "import", str(tmp_path / name))
    assert result.exit_code == 2
    assert "FILE" in result.stderr


def test_the_password_of_escargot_s_database_is_not_for_the_command_line(folder: Path) -> None:
    result = account(folder, "import", "postgresql://x:hunter2@127.0.0.1:1/escargot")
    assert result.exit_code == 2
    assert "~/.pgpass" in result.stderr
    assert "hunter2" not in result.output


def test_accounts_are_imported_from_stdin(folder: Path) -> None:
    assert done(folder, "import", "-", stdin=CSV.encode()) == "2 accounts were added.\n"
    assert len(json.loads(done(folder, "list", "--json"))) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: it has to name the columns"),
        ("passport\na@b\n", "line 1: it has to name the columns"),
        ("passport,password,phone\na@b,x,y\n", "line 1: nobody knows a column phone"),
        ("passport,password,password\na@b,x,y\n", "line 1: it names a column twice"),
        (f"passport,password\na@b,hunter2\n{ALICE},hunter2\n", "line 3: there is an account"),
        ("passport,password\na@b,hunter2\nA@B,hunter2\n", "line 3: there is an account"),
        ("passport,password\na@b\n", "line 2: it has more or fewer fields"),
        ("passport,password\na@b,\n", "line 2: it wants a password or a hash"),
        ("passport,hash\na@b,$1$hunter2\n", "line 2: its hash is none of argon2id"),
        ("passport,password\nhunter2,x\n", "line 2: that is not a passport"),
        ("passport,password,verified\na@b,hunter2,maybe\n", "line 2: "),
        ('passport,password\na@b,"hunter2\n', "line "),
    ],
)
def test_a_file_with_a_fault_adds_nobody(folder: Path, text: str, why: str) -> None:
    result = account(folder, "import", "-", stdin=text)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert why in result.stderr
    if "hunter2,x" not in text:
        assert "hunter2" not in result.stderr
    assert len(json.loads(done(folder, "list", "--json"))) == 1


def test_a_file_that_is_no_text(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_bytes(b"passport,password\na@b,hunter2\xe9\n")
    result = account(folder, "import", str(file))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "not UTF-8" in result.stderr
    assert "hunter2" not in result.stderr


def test_a_file_that_is_not_there(folder: Path, tmp_path: Path) -> None:
    assert account(folder, "import", str(tmp_path / "no.csv")).exit_code == 2


# --- the folder ------------------------------------------------------------------------------


def test_the_folder_by_the_environment(folder: Path) -> None:
    for words in (["account", "list"], ["keys", "list"]):
        result = CliRunner().invoke(main, words, env={"MSNPAUTH_SERVE_DATA": str(folder)})
        assert result.exit_code == 0, result.stderr
        assert result.stdout
    apart = run_apart("account", "list", MSNPAUTH_SERVE_DATA=str(folder))
    assert (apart.returncode, apart.stdout.split()[0]) == (0, ALICE.encode())


def test_without_a_folder() -> None:
    result = CliRunner().invoke(main, ["account", "list"])
    assert result.exit_code == 2
    assert "--data" in result.stderr


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert account(file, "list").exit_code == 2
    result = account(file / "data", "add", ALICE)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "cannot be used for data" in result.stderr


@pytest.mark.parametrize("words", [["list"], ["show", ALICE], ["disable", ALICE]])
def test_a_folder_that_is_mistyped_is_not_made(tmp_path: Path, words: list[str]) -> None:
    result = account(tmp_path / "data", *words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "data").exists()


def test_changes_are_in_the_audit_and_passwords_are_not(folder: Path) -> None:
    done(folder, "add", BOB)
    made = done(folder, "app-password", "add", BOB, "laptop").strip()
    done(folder, "app-password", "revoke", BOB, "laptop")
    done(folder, "password", BOB)
    done(folder, "disable", BOB)
    done(folder, "enable", BOB)
    done(folder, "remove", BOB, "--yes")
    done(folder, "import", "-", stdin=CSV)
    told = [one for one in audited(folder) if one["event"] != "service began"]
    events = {one["event"] for one in told}
    assert events == {
        *("account added", "app password added", "app password revoked", "password changed"),
        *("account disabled", "account enabled", "account removed", "accounts imported"),
    }
    assert {one["passport"] for one in told} == {BOB, ""}
    text = (folder / "audit.log").read_text()
    assert made not in text
    assert PASSWORD not in text


def test_tickets_end_and_the_password_stays(folder: Path) -> None:
    assert "no longer taken" in done(folder, "end-tickets", ALICE)
    with run(data=folder, argon2=CHEAP) as service:
        with sign_in(ALICE, PASSWORD, service.servers, ca_file=service.ca_file):
            pass
    assert "tickets ended" in {one["event"] for one in audited(folder)}
    assert account(folder, "end-tickets", BOB).exit_code == 2


def test_invitations(folder: Path) -> None:
    code = done(folder, "invite", "--uses", "3", "--days", "7", "--note", "the chess club").strip()
    assert [len(group) for group in code.split("-")] == [4, 4, 4, 4]
    [made] = json.loads(done(folder, "invitations", "--json"))
    assert (made["uses_left"], made["note"]) == (3, "the chess club")
    line = done(folder, "invitations")
    assert line.startswith(f"{made['id']}  uses left: 3  until 2")
    assert line.endswith("the chess club\n")
    assert code not in line + json.dumps(made)
    assert "revoked" in done(folder, "revoke-invitation", made["id"])
    assert done(folder, "invitations") == ""
    assert account(folder, "revoke-invitation", made["id"]).exit_code == 2
    events = {one["event"] for one in audited(folder)}
    assert {"invitation made", "invitation revoked"} <= events
    assert code not in (folder / "audit.log").read_text()


@pytest.mark.parametrize(
    "words", [["--uses", "0"], ["--uses", "x"], ["--days", "99999"], ["--note", "a\nb"]]
)
def test_what_is_no_invitation(folder: Path, words: list[str]) -> None:
    result = account(folder, "invite", *words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert done(folder, "invitations") == ""

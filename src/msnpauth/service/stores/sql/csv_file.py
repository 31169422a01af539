"""Reads accounts from a CSV file: the first line names the columns, other lines are accounts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import NamedTuple, TextIO

from ....core.credentials import check_passport, check_password
from ....core.errors import LocalProtocolError
from ....core.secrets import Secret
from .foreign_hashes import is_argon2id, is_foreign

__all__ = ["CsvAccount", "read_csv"]

_COLUMNS = frozenset({"passport", "password", "hash", "display_name", "verified", "disabled"})


class CsvAccount(NamedTuple):
    """An account from one line of the file, with a password or with a hash.

    Attributes:
        line: the number of the line.
        passport: the address.
        password: the password, or None.
        hash: a hash by argon2id or in the form of Escargot; "" for none.
        display_name: the first display name of the account.
        verified: the address was verified.
        disabled: nobody may sign in to the account.
    """

    line: int
    passport: str
    password: Secret | None
    hash: str
    display_name: str
    verified: bool
    disabled: bool

    def __repr__(self) -> str:
        return f"CsvAccount({self.line}, {self.passport!r})"


def read_csv(file: TextIO) -> list[CsvAccount]:
    """Return every account of a file.

    Raises:
        LocalProtocolError: a line is wrong; the error names the line.
    """
    return [_account(line, row) for line, row in _rows(file)]


def _account(line: int, row: dict[str, str]) -> CsvAccount:
    password = row.get("password", "")
    return CsvAccount(
        line,
        row["passport"],
        Secret(password) if password else None,
        row.get("hash", ""),
        row.get("display_name", ""),
        _yes(row.get("verified", "yes")),
        _yes(row.get("disabled", "no")),
    )


def _rows(file: TextIO) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number and the fields of each line, after checking the fields."""
    reader = csv.DictReader(file, strict=True)
    try:
        named = reader.fieldnames or ()
        columns = set(named)
        if "passport" not in columns or not columns & {"password", "hash"}:
            raise LocalProtocolError(
                "line 1: it has to name the columns `passport` and `password`, or `hash`",
                hint="as in: passport,password,display_name",
            )
        if columns - _COLUMNS:
            raise LocalProtocolError(
                f"line 1: nobody knows a column {', '.join(sorted(map(str, columns - _COLUMNS)))}"
            )
        if len(columns) < len(named):
            raise LocalProtocolError("line 1: it names a column twice")
        for row in reader:
            problem = _problem(row)
            if problem:
                raise LocalProtocolError(f"line {reader.line_num}: {problem}")
            yield reader.line_num, row
        return
    except csv.Error as fault:
        # DictReader's own `line_num` is the number of the line before the wrong one.
        wrong = f"line {reader.reader.line_num}: {fault}"
    except UnicodeDecodeError:
        wrong = "the file is not UTF-8 text"
    # Outside of `except`, so that the new error does not refer to the old one, which contains the
    # bytes of the file, including passwords.
    raise LocalProtocolError(wrong)


def _problem(row: dict[str, str]) -> str:
    if None in row or None in row.values():
        return "it has more or fewer fields than the first line names"
    password, hashed = row.get("password", ""), row.get("hash", "")
    if bool(password) == bool(hashed):
        return "it wants a password or a hash, and not both"
    try:
        check_passport(row["passport"])
        if password:
            check_password(Secret(password))
        if hashed and not is_argon2id(hashed) and not is_foreign(hashed):
            return "its hash is none of argon2id, nor one of Escargot, or its check costs too much"
        _yes(row.get("verified", "yes"))
        _yes(row.get("disabled", "no"))
    except LocalProtocolError as fault:
        return fault.text
    except ValueError as fault:
        return str(fault)
    return ""


def _yes(word: str) -> bool:
    folded = word.strip().casefold()
    if folded in ("yes", "true", "1"):
        return True
    if folded in ("no", "false", "0"):
        return False
    raise ValueError("verified and disabled are yes or no")

"""Reads and checks the values that people type into the forms, without I/O.

Every value of a form is kept as a `Secret`, because some of them are passwords.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from ...core.secrets import Secret
from ..stores.sql.tables import LONGEST_PASSPORT

__all__ = [
    "LONGEST_PASSWORD",
    "SHORTEST_PASSWORD",
    "BadForm",
    "Form",
    "Problem",
    "address_problem",
    "password_problems",
    "read_form",
]

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200
"""The length of the longest password that clients and the database accept."""
_MOST_FIELDS = 30
_FORM = "application/x-www-form-urlencoded"

# Stricter than the protocol. A person who signs up is a stranger, who could use letters of other
# scripts that look like Latin letters to pass for another person.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"[A-Za-z0-9_](?:[A-Za-z0-9._+-]*[A-Za-z0-9_+-])?@{_LABEL}(?:\.{_LABEL})*", re.ASCII
)


class BadForm(Exception):
    """The body of a request is not a form that one of the pages can have sent."""


@dataclass(frozen=True)
class Problem:
    """A problem with a value that a person has typed.

    Attributes:
        field: the name of the field; "" for the form as a whole.
        text: the sentence for the page, which says what is wrong or what to do.
    """

    field: str
    text: str


@dataclass(frozen=True, repr=False)
class Form:
    """The values of a form, by the names of its fields."""

    _values: dict[str, list[Secret]] = field(default_factory=dict)

    def secret(self, name: str) -> Secret:
        """Return a value that must not be shown; an empty one if the form does not have the field.

        Raises:
            BadForm: the form has several values for the field.
        """
        found = self._values.get(name, [])
        if len(found) > 1:
            raise BadForm
        return found[0] if found else Secret("")

    def text(self, name: str) -> str:
        """Return a value that may be shown, without blanks around it.

        Raises:
            BadForm: the form has several values for the field.
        """
        return self.secret(name).reveal().strip()

    def every(self, name: str) -> list[str]:
        """Return the values of the check boxes that were ticked."""
        return [value.reveal() for value in self._values.get(name, [])]


def read_form(content_type: str, body: bytes) -> Form:
    """Return the form in the body of a request.

    Raises:
        BadForm: the body is not a form, has more fields than any of the pages, or is not UTF-8.
    """
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise BadForm
    values: dict[str, list[Secret]] = {}
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        pairs = None
    if pairs is None:  # outside of `except`: that error contains the values
        raise BadForm
    for name, value in pairs:
        values.setdefault(name, []).append(Secret(value))
    return Form(values)


def address_problem(address: str, name: str) -> list[Problem]:
    """Return the problems of an address that a person wants to have.

    Args:
        address: the address that was typed.
        name: the name of the field.
    """
    if not address:
        return [Problem(name, "Type the address that you want to sign in with.")]
    if len(address) > LONGEST_PASSPORT:
        return [Problem(name, f"An address has at most {LONGEST_PASSPORT} characters.")]
    if not _ADDRESS.fullmatch(address) or ".." in address:
        return [
            Problem(
                name,
                "Type an address such as alice@example.com, in letters from a to z, digits, dots,"
                " hyphens and underscores.",
            )
        ]
    return []


def password_problems(password: Secret, again: Secret, address: str, *names: str) -> list[Problem]:
    """Return the problems of a new password.

    Args:
        password: the password that was typed.
        again: the password that was typed the second time.
        address: the address of the account.
        names: the names of the two fields.
    """
    first, second = names
    length, folded = len(password), password.reveal().casefold()
    if length < SHORTEST_PASSWORD:
        problem = f"A password has at least {SHORTEST_PASSWORD} characters; this one has {length}."
        return [Problem(first, problem if length else "Choose a password.")]
    if length > LONGEST_PASSWORD:
        return [Problem(first, f"A password has at most {LONGEST_PASSWORD} characters.")]
    if folded in (address.casefold(), address.casefold().rpartition("@")[0]):
        return [Problem(first, "The address is the first password that a stranger tries.")]
    if len(set(folded)) == 1:
        return [Problem(first, "A single character many times is easy to guess.")]
    if any(ord(char) < 32 or ord(char) == 127 for char in folded):
        return [Problem(first, "A password has no control characters in it.")]
    if again != password:
        return [Problem(second, "Both passwords have to be the same. Type the second one again.")]
    return []

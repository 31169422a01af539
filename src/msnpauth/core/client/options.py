"""What a sign-in may be told besides passport, password and servers: its keyword arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

__all__ = ["SignInOptions", "check_names"]


class SignInOptions(TypedDict, total=False):
    """The options of a `SignIn`, each with the default that is said here."""

    scheme: str | None
    """`SSO`, `TWN` or `MD5`. By default the best that the servers allow: MD5, which offers no check
    of the server, only where `Servers(schemes=…)` says that the network has it."""

    dialects: Iterable[int] | None
    """MSNP versions to offer, all of one scheme. By default those of `Servers(dialects=…)`, or
    those that are in use."""

    tickets: Iterable[str]
    """Addresses to ask the RST for besides, such as `contacts.msn.com`. By default none."""

    guid: str | None
    """The machine's, for MSNP16 and on. By default one that stays the same on this machine."""

    pipeline: bool
    """Send VER, CVR and USR in one flight. By default True; a server that cannot take it is found
    out, and spoken to one command at a time."""

    speculate: bool | None
    """Under SSO, ask for the ticket before the challenge has come, by the policy that it is
    expected to name, where that saves a round trip. By default where an earlier sign-in of this
    process has seen what the network names; True also elsewhere, by the usual policy, once a
    server has agreed to the dialect; False never."""


def check_names(given: Mapping[str, object], known: frozenset[str], caller: str) -> None:
    """Check that somebody was given nothing but what he knows, as Python does for itself.

    Raises:
        TypeError: an option of that name does not exist.
    """
    for name in given:
        if name not in known:
            raise TypeError(f"{caller}() got an unexpected keyword argument {name!r}")

"""The keyword arguments of a sign-in, besides passport, password and servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

__all__ = ["SignInOptions", "check_names"]


class SignInOptions(TypedDict, total=False):
    """The options of a `SignIn`, each with its default."""

    scheme: str | None
    """`SSO`, `TWN` or `MD5`. By default the best scheme that the servers allow. MD5, which does not
    authenticate the server, is used only where `Servers(schemes=…)` says that the network has it.
    """

    dialects: Iterable[int] | None
    """MSNP versions to offer, all of one scheme. By default those of `Servers(dialects=…)`, or
    the versions that are in use."""

    tickets: Iterable[str]
    """More addresses to request tickets for from the RST, such as `contacts.msn.com`. By default
    none."""

    guid: str | None
    """The GUID of the machine, for MSNP16 and on. By default a GUID that stays the same on this
    machine."""

    pipeline: bool
    """Send VER, CVR and USR in one flight. By default True; a server that cannot read several
    commands at once is detected, and gets one command at a time."""

    speculate: bool | None
    """Under SSO, request the ticket before the challenge has come, with the policy that it is
    expected to name, where this saves a round trip. By default only where an earlier sign-in of
    this process has learned the policy of the network. True: also elsewhere, with the usual policy,
    once a server has agreed to the dialect. False: never."""


def check_names(given: Mapping[str, object], known: frozenset[str], caller: str) -> None:
    """Check that the names of keyword arguments are known, as Python does for explicit ones.

    Raises:
        TypeError: an option of that name does not exist.
    """
    for name in given:
        if name not in known:
            raise TypeError(f"{caller}() got an unexpected keyword argument {name!r}")

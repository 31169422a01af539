"""What all routes to a ticket of one sign-in share."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..secrets import Secret
from ..servers import Servers
from ..urls import Url
from ..wire.dialects import Dialect, Scheme
from .memory import Memory
from .policies import Policies

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Journey", "rst_address", "site_of"]


class Journey:
    """The data that all routes of one sign-in share.

    Args:
        passport, password, servers: the account, and the network to sign in at.
        more: further addresses to request tickets for from the RST.
        guid: the GUID of the machine, for MSNP16 and on.
        now: the clock.
        memory: what is known so far; a route replaces it when it learns more.
        policies: the policies that networks have named in challenges of SSO.
        speculate: as in `SignInOptions`.
    """

    def __init__(
        self,
        passport: str,
        password: Secret,
        servers: Servers,
        *,
        more: tuple[str, ...],
        guid: str,
        now: Callable[[], datetime],
        memory: Memory,
        policies: Policies,
        speculate: bool | None,
    ) -> None:
        self.passport = passport
        self.password = password
        self.servers = servers
        self.more = more
        self.guid = guid
        self.now = now
        self.fetch_ids = itertools.count(1)
        """Numbers for `Fetch`, which are unique among all routes of the sign-in."""
        self.memory = memory
        self.policies = policies
        self.speculate = speculate


def rst_address(journey: Journey, dialect: Dialect) -> tuple[Url, bool] | None:
    """Return the RST address for a dialect, and whether it is RST2; None to use the login server.

    TWN uses a login server that the caller has named. Clients of MSNP8 to 11 knew no other way;
    clients of MSNP12 and on used the RST (libpurple).
    """
    servers = journey.servers
    if dialect.scheme is Scheme.MD5:
        return None
    if dialect.scheme is Scheme.TWN and not journey.more:
        named = servers.login_for(journey.passport) is not None
        if named or (servers.nexus is not None and not dialect.rst):
            return None
    # Clients of MSNP18 and on use RST2, and earlier clients RST (ywiki rst; escargot). Where a
    # network has only one of the two, every client uses that one: the tickets are the same.
    order = [(servers.rst, False), (servers.rst2, True)]
    if dialect.rst2:
        order.reverse()
    return next(((url, is_rst2) for url, is_rst2 in order if url is not None), None)


def site_of(scheme: Scheme) -> str:
    """Return the address whose ticket signs in under a scheme."""
    from ..tickets.rst import MESSENGER, MESSENGER_CLEAR

    return MESSENGER_CLEAR if scheme is Scheme.SSO else MESSENGER

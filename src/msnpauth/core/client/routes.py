"""Which route to a ticket a sign-in takes; the route of MD5 is here, because it asks nobody."""

from __future__ import annotations

from ..errors import (
    LocalProtocolError,
)
from ..wire.commands import unescape
from ..wire.dialects import Dialect, Scheme
from .actions import Action
from .journey import Journey, rst_address
from .login_route import LoginRoute
from .route import Route
from .rst_route import RstRoute

__all__ = ["Md5Route", "route_for"]


class Md5Route(Route):
    """MD5: the hash of salt and password, over plain TCP (draft-movva 7.3)."""

    def serves(self, dialect: Dialect) -> bool:
        return dialect.scheme is Scheme.MD5

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        # The salt is hashed without its percent-escapes. Real salts look like
        # `seconds.nanoseconds` and never had an escape, but nothing forbids one (hypothetic.org).
        from ..tickets.proof import md5_answer  # other schemes do not need it

        self._answer = (md5_answer(unescape(words[0]), self._journey.password),)
        return []


def route_for(journey: Journey, dialect: Dialect) -> Route | LocalProtocolError:
    """Return the route by which a dialect signs in, or an error when the network has none."""
    if dialect.scheme is Scheme.MD5:
        return Md5Route(journey)
    if rst_address(journey, dialect) is not None:
        return RstRoute(journey, dialect)
    if dialect.scheme is Scheme.SSO or journey.more:
        return _no_server("RST", "rst")
    servers = journey.servers
    if servers.nexus is None and servers.login_for(journey.passport) is None:
        return _no_server("nexus, login or RST", "nexus")
    return LoginRoute(journey)


def _no_server(what: str, keyword: str) -> LocalProtocolError:
    return LocalProtocolError(
        f"no {what} server is known for this network",
        hint=f"name one with Servers({keyword}=…), or sign in by another scheme=",
    )

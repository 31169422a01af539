"""The policies that networks named in their SSO challenges, as plain data.

A network names the same policy in every challenge (`MBI_KEY_OLD` everywhere that is known). Whoever
knows it from an earlier sign-in can have the ticket asked for before the challenge comes.
"""

from __future__ import annotations

from ..servers import Servers
from ..urls import Url

__all__ = ["USUAL", "Policies"]

USUAL = "MBI_KEY_OLD"
"""What every network names that is known (papyon has nothing else; escargot; the service here)."""

_LIMIT = 256
_LONGEST = 128  # letters: those of real networks have eleven, and a hostile one is not to fill us


class Policies:
    """What is known of the policies of networks: bounded, and none of it secret.

    One object serves any number of sign-ins, also those of several threads at once: each step is
    one operation of a dict, and losing an entry costs a round trip of one sign-in.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def expected(self, servers: Servers, url: Url, unknown: str | None = None) -> str | None:
        """Return the policy to expect, or None when nothing should be expected.

        Args:
            servers: the network.
            url: the address of its RST service.
            unknown: what to return for a network that nothing is known about.
        """
        return self._known.get(_key(servers, url), unknown) or None

    def learn(self, servers: Servers, url: Url, policy: str) -> None:
        """A sign-in succeeded by this policy."""
        self._put(_key(servers, url), policy if len(policy) <= _LONGEST else "")

    def doubt(self, servers: Servers, url: Url) -> None:
        """What was expected did not come: expect nothing there until a sign-in succeeds."""
        self._put(_key(servers, url), "")

    def _put(self, key: str, policy: str) -> None:
        self._known.pop(key, None)
        self._known[key] = policy
        for oldest in list(self._known)[:-_LIMIT]:
            self._known.pop(oldest, None)

    def __repr__(self) -> str:
        return f"<Policies of {len(self._known)}>"


def _key(servers: Servers, url: Url) -> str:
    # Both, because the password is asked for ahead at just that address, and by just that network.
    return f"{servers.notification} {url}"

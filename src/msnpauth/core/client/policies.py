"""The policies that networks have named in their SSO challenges.

A network names the same policy in every challenge (`MBI_KEY_OLD` at all known networks). A client
that knows the policy from an earlier sign-in can request the ticket before the challenge comes.
"""

from __future__ import annotations

from ..servers import Servers
from ..urls import Url

__all__ = ["USUAL", "Policies"]

USUAL = "MBI_KEY_OLD"
"""The policy of all known networks (papyon knows no other; escargot; msnpauth's own service)."""

_LIMIT = 256
_LONGEST = 128  # characters: real policies have eleven, and a hostile one must not fill the memory


class Policies:
    """The known policies of networks. Their number is limited, and none of them is secret.

    One object serves any number of sign-ins, also in several threads at once: each step is one
    operation of a dict, and losing an entry costs a round trip of one sign-in.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def expected(self, servers: Servers, url: Url, unknown: str | None = None) -> str | None:
        """Return the policy to expect, or None when nothing should be expected.

        Args:
            servers: the servers of the network.
            url: the address of its RST service.
            unknown: the result for a network that nothing is known about.
        """
        return self._known.get(_key(servers, url), unknown) or None

    def learn(self, servers: Servers, url: Url, policy: str) -> None:
        """Note that a sign-in with this policy succeeded."""
        self._put(_key(servers, url), policy if len(policy) <= _LONGEST else "")

    def doubt(self, servers: Servers, url: Url) -> None:
        """Expect no policy until a sign-in succeeds, because the expected policy did not come."""
        self._put(_key(servers, url), "")

    def _put(self, key: str, policy: str) -> None:
        self._known.pop(key, None)
        self._known[key] = policy
        for oldest in list(self._known)[:-_LIMIT]:
            self._known.pop(oldest, None)

    def __repr__(self) -> str:
        return f"<Policies of {len(self._known)}>"


def _key(servers: Servers, url: Url) -> str:
    # Both addresses, because a request ahead sends the password to exactly this RST address, for
    # exactly this network.
    return f"{servers.notification} {url}"

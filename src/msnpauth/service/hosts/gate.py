"""How many connections there may be, of one network and in all, and who goes when there is no room.

Everybody can open connections and say nothing. Without a bound that takes the last descriptor of
the process, and then nobody gets in. So there is a bound below the system's. When it is reached,
the connection goes that has been there longest without a proof of who it is. An honest client needs
a second or two for that proof.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress

from ..addresses import network_of

__all__ = ["Gate", "Visit"]


class Visit:
    """One connection at the gate.

    Attributes:
        address: the network that it comes from, as it is counted.
    """

    def __init__(self, gate: Gate | None, address: str) -> None:
        self._gate = gate
        self.address = address

    def proved(self) -> None:
        """Whoever it is has signed in: this connection does not go to make room."""
        if self._gate is not None:
            self._gate.proved(self)


class Gate:
    """See the module.

    Args:
        of_network: how many connections one network may have; None for any number.
        in_all: how many there may be; None for any number.
    """

    def __init__(self, of_network: int | None = None, in_all: int | None = None) -> None:
        self._of_network = of_network
        self._in_all = in_all
        self._networks: Counter[str] = Counter()
        self._unproved: OrderedDict[Visit, Callable[[], None]] = OrderedDict()
        self._count = 0
        self.refused = 0
        """How many were not let in."""
        self.ended = 0
        """How many had to go to make room."""

    @property
    def count(self) -> int:
        """How many connections there are."""
        return self._count

    @property
    def unproved(self) -> int:
        """How many of them have not signed in."""
        return len(self._unproved)

    def enter(self, peer: str, end: Callable[[], None]) -> Visit | None:
        """Let a connection in.

        Args:
            peer: its IP address.
            end: ends it at once.

        Returns:
            What to hand back to `leave`; None when there is no room for it.
        """
        network = network_of(peer)
        if self._of_network is not None and self._networks[network] >= self._of_network:
            self.refused += 1
            return None
        if self._in_all is not None and self._count >= self._in_all and not self._make_room():
            self.refused += 1
            return None
        visit = Visit(self, network)
        self._networks[network] += 1
        self._count += 1
        self._unproved[visit] = end
        return visit

    def proved(self, visit: Visit) -> None:
        """As `Visit.proved`."""
        self._unproved.pop(visit, None)

    def leave(self, visit: Visit) -> None:
        """Take note that a connection is gone."""
        self._unproved.pop(visit, None)
        self._count -= 1
        self._networks[visit.address] -= 1
        if not self._networks[visit.address]:
            del self._networks[visit.address]

    def _make_room(self) -> bool:
        if not self._unproved:
            return False
        _, end = self._unproved.popitem(last=False)
        self.ended += 1
        with suppress(Exception):  # it may have ended by itself
            end()
        return True

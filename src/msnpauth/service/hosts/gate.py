"""How many connections there may be, of one network and in all, and who goes when there is no room.

Everybody can open connections and say nothing. Without a bound that takes the last descriptor of
the process, and then nobody gets in. So there is a bound below the system's, and one for each
network. When one of them is reached, the connection goes that has been there longest without a
proof of who it is: in all, or of that network. An honest client needs a second or two for that
proof. So whoever only holds connections keeps nobody out, not even in the same network.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress

from ..addresses import network_of

__all__ = ["Gate", "Visit"]


class Visit:
    """One connection at the gate.

    Attributes:
        address: the network that it comes from.
        counted: what the gate counts it as: that network, or `proxies` for all of them together.
    """

    def __init__(self, gate: Gate | None, address: str, counted: str = "") -> None:
        self._gate = gate
        self.address = address
        self.counted = counted or address

    def proved(self) -> None:
        """Whoever it is has signed in: this connection does not go to make room."""
        if self._gate is not None:
            self._gate.proved(self)


class Gate:
    """See the module.

    Args:
        of_network: how many connections one network may have; None for any number.
        in_all: how many there may be; None for any number.
        proxies: addresses of those who bring other people's connections. All of them together may
            have half of `in_all`, and none of them is ended to make room: it may be anybody's.
    """

    def __init__(
        self,
        of_network: int | None = None,
        in_all: int | None = None,
        *,
        proxies: Collection[str] = (),
    ) -> None:
        self._of_network = of_network
        self._in_all = in_all
        self._proxies = frozenset(proxies)
        self._networks: dict[str, _Network] = {}
        self._unproved: _Ends = OrderedDict()
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
            end: ends it, and all that is done for it, at once.

        Returns:
            What to hand back to `leave`; None when there is no room for it.
        """
        is_proxy, address = peer in self._proxies, network_of(peer)
        counted = _PROXIES if is_proxy else address
        network = self._networks.get(counted) or _Network()
        if not self._has_room(network, is_proxy=is_proxy):
            self.refused += 1
            return None
        visit = Visit(self, address, counted)
        self._networks[counted] = network
        network.count += 1
        self._count += 1
        if not is_proxy:
            self._unproved[visit] = network.unproved[visit] = end
        return visit

    def proved(self, visit: Visit) -> None:
        """As `Visit.proved`."""
        self._unproved.pop(visit, None)
        network = self._networks.get(visit.counted)
        if network is not None:
            network.unproved.pop(visit, None)

    def leave(self, visit: Visit) -> None:
        """Take note that a connection is gone."""
        self.proved(visit)
        self._count -= 1
        network = self._networks[visit.counted]
        network.count -= 1
        if not network.count:
            del self._networks[visit.counted]

    def _has_room(self, network: _Network, *, is_proxy: bool) -> bool:
        """Tell whether one more of a network can come in; it may make the room by itself."""
        most = self._of_network
        if is_proxy:
            most = None if self._in_all is None else max(1, self._in_all // 2)
        if most is not None and network.count >= most:
            # One of the same network goes, so that the number in all does not grow either.
            return self._end_oldest(network.unproved)
        if self._in_all is not None and self._count >= self._in_all:
            return self._end_oldest(self._unproved)
        return True

    def _end_oldest(self, ends: _Ends) -> bool:
        if not ends:
            return False
        visit, end = next(iter(ends.items()))
        self.proved(visit)  # it is not chosen again, before it has left
        self.ended += 1
        with suppress(Exception):  # it may have ended by itself
            end()
        return True


_Ends = OrderedDict[Visit, Callable[[], None]]

_PROXIES = "proxies"


class _Network:
    """The connections of one network: how many, and those that have not signed in."""

    def __init__(self) -> None:
        self.count = 0
        self.unproved: _Ends = OrderedDict()

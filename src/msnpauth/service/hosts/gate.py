"""Limits the number of connections, for each network and in all.

Everybody can open connections and send nothing. Without a limit such connections would use the last
file descriptor of the process, and then nobody could connect. So there is a limit below that of the
system, and a limit for each network. When a limit is reached, the oldest connection that has not
signed in is closed: the oldest of all, or the oldest of that network. An honest client signs in
within a second or two. So a person who only holds connections open keeps nobody out, not even other
people in the same network.
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
        address: the network from which the connection comes.
        counted: the name under which the gate counts the connection: that network, or `proxies`
            for the connections of all proxies together.
    """

    def __init__(self, gate: Gate | None, address: str, counted: str = "") -> None:
        self._gate = gate
        self.address = address
        self.counted = counted or address

    def proved(self) -> None:
        """Record that the client has signed in, so that the gate does not close the connection."""
        if self._gate is not None:
            self._gate.proved(self)


class Gate:
    """The counter of the connections of a listener, which refuses or closes those over the limits.

    Args:
        of_network: the largest number of connections from one network; None for any number.
        in_all: the largest number of connections in all; None for any number.
        proxies: the addresses of proxies, which forward other people's connections. All proxies
            together may have half of `in_all` connections, and none of these is closed to make
            room, because it may be the connection of any person.
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
        """The number of connections that were refused."""
        self.ended = 0
        """The number of connections that were closed to make room."""

    @property
    def count(self) -> int:
        """The number of open connections."""
        return self._count

    @property
    def unproved(self) -> int:
        """The number of open connections that have not signed in."""
        return len(self._unproved)

    def enter(self, peer: str, end: Callable[[], None]) -> Visit | None:
        """Accept a connection, if there is room for it.

        Args:
            peer: the IP address of the other side.
            end: closes the connection at once, and stops all work for it.

        Returns:
            The visit, which `leave` needs; None when there is no room for the connection.
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
        """Record that a connection is closed."""
        self.proved(visit)
        self._count -= 1
        network = self._networks[visit.counted]
        network.count -= 1
        if not network.count:
            del self._networks[visit.counted]

    def _has_room(self, network: _Network, *, is_proxy: bool) -> bool:
        """Tell whether a network may have one more connection; close another one if necessary."""
        most = self._of_network
        if is_proxy:
            most = None if self._in_all is None else max(1, self._in_all // 2)
        if most is not None and network.count >= most:
            # A connection of the same network is closed, so that the number in all does not grow.
            return self._end_oldest(network.unproved)
        if self._in_all is not None and self._count >= self._in_all:
            return self._end_oldest(self._unproved)
        return True

    def _end_oldest(self, ends: _Ends) -> bool:
        if not ends:
            return False
        visit, end = next(iter(ends.items()))
        self.proved(visit)  # so it is not chosen a second time before it has left
        self.ended += 1
        with suppress(Exception):  # the connection may have ended already
            end()
        return True


_Ends = OrderedDict[Visit, Callable[[], None]]

_PROXIES = "proxies"


class _Network:
    """The connections of one network: their number, and those that have not signed in."""

    def __init__(self) -> None:
        self.count = 0
        self.unproved: _Ends = OrderedDict()

"""Finds the proxy that the environment names for a URL, for carriers and for error messages.

curl reads the environment by itself. This module follows curl's rules: first the variable of the
scheme, then the one for all schemes; the names in `no_proxy` are hosts, domains or networks that
are reached directly.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from ..core.errors import ConnectionFailed
from ..core.patterns import pattern
from ..core.urls import Address, Url

if TYPE_CHECKING:
    from ..core.tickets.exchange import Request

__all__ = ["Proxy", "environment_proxy", "proxy_out_of_reach", "proxy_refusal", "unknown_proxy"]

_PLACE = pattern(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:[0-9]{1,5})?")


class Proxy(NamedTuple):
    """A proxy that a variable of the environment names.

    Attributes:
        variable: the variable's name, such as `https_proxy`; "" where the system's settings name
            the proxy.
    """

    variable: str

    def url(self) -> str:
        """Return the proxy's URL. It may hold a password: keep it in no variable."""
        value = os.environ.get(self.variable, "") if self.variable else _system_proxy()
        return value if "://" in value else f"http://{value}"

    @property
    def place(self) -> str:
        """The proxy's host and port, without user and password; "" where the URL is malformed."""
        text = self.url().partition("://")[2].rpartition("@")[2]
        match = _PLACE.fullmatch(re.split(r"[/?#]", text, maxsplit=1)[0])
        return match[0] if match else ""

    def __str__(self) -> str:
        name = f"the proxy {self.place}" if self.place else "the proxy"
        return f"{name} (of {self.variable})" if self.variable else name


def environment_proxy(url: Url) -> Proxy | None:
    """Return the proxy for an https URL, or None when the host is reached directly."""
    exceptions = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    for variable in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        if os.environ.get(variable, "").strip():
            return None if _is_direct(url.address, exceptions) else Proxy(variable)
    if _system_proxy() and not _is_direct(url.address, exceptions):
        return Proxy("")
    return None


def _system_proxy() -> str:
    """Return the proxy of the settings of macOS or Windows; other systems have no such setting."""
    if os.name == "posix" and os.uname().sysname != "Darwin":
        return ""
    from urllib.request import getproxies

    return getproxies().get("https", "")


def _is_direct(address: Address, exceptions: str) -> bool:
    """True when `no_proxy` names the host, a domain of it, or a network that it is in."""
    for entry in re.split(r"[,\s]+", exceptions.lower()):
        name = entry.removeprefix("*.").removeprefix(".").strip("[]")
        if entry == "*" or (name and _names(name, address)):
            return True
    return False


def _names(name: str, address: Address) -> bool:
    if name in (address.host, str(address)) or address.host.endswith("." + name):
        return True
    import ipaddress  # only a person who has a proxy needs it

    try:
        return ipaddress.ip_address(address.host) in ipaddress.ip_network(name, strict=False)
    except ValueError:  # one of the two is not an IP address or a network
        return False


def proxy_refusal(proxy: Proxy | None, status: int, request: Request) -> ConnectionFailed:
    """Return the error for a proxy that answers CONNECT with a status other than 2xx."""
    name = str(proxy) if proxy else "the proxy"
    step, server = request.step, request.url.origin
    if status == 407:
        variable = proxy.variable if proxy and proxy.variable else "https_proxy"
        return ConnectionFailed(
            f"{name} wants a user name and a password that it knows",
            step=step,
            server=server,
            code=status,
            hint=f"put them into {variable}=http://user:password@host:port",
            finding="MA-PRX-01",
        )
    hint = "ask the proxy's owner whether it lets this host and port through"
    text = f"{name} refused the connection"
    return ConnectionFailed(
        text, step=step, server=server, code=status or None, hint=hint, finding="MA-PRX-02"
    )


def unknown_proxy(proxy: Proxy | None, request: Request) -> ConnectionFailed:
    """Return the error for a proxy whose host name does not exist."""
    name = str(proxy) if proxy else "the proxy"
    variable = proxy.variable if proxy and proxy.variable else "https_proxy"
    return ConnectionFailed(
        f"there is no such host name: {name}",
        step=request.step,
        server=request.url.origin,
        hint=f"correct {variable}, or name the host in no_proxy",
        finding="MA-PRX-03",
    )


def proxy_out_of_reach(proxy: Proxy, words: str, request: Request) -> ConnectionFailed:
    """Return the error for a proxy to which no connection could be made."""
    return ConnectionFailed(
        f"{proxy}: {words}",
        step=request.step,
        server=request.url.origin,
        hint=f"correct {proxy.variable or 'https_proxy'}, or name the host in no_proxy",
        finding="MA-PRX-04",
    )

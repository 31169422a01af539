"""Addresses: http and https URLs and `host:port`, checked before anything is sent to them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .patterns import pattern

__all__ = ["Address", "BadAddress", "Url"]

# Longer texts are not addresses. The limits also keep every pattern below fast for any text.
_MAX_ADDRESS = 300
_MAX_URL = 8192
_MAX_HOST = 253

_PORT = pattern(r"[1-9][0-9]{0,4}")
_NAME = pattern(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_AUTHORITY = pattern(r"[^/?#]*")
_HOST_AND_PORT = pattern(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::(.*))?")
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"


class BadAddress(ValueError):
    """The text is not an address; the message says why. Callers replace it by a `SignInError`."""


def _host(text: str) -> str:
    host = text.removesuffix(".").lower()
    if ":" in host:
        is_one = _is_ipv6(host)
    else:
        labels = host.split(".")
        is_one = _NAME.fullmatch(host) is not None and all(len(part) <= 63 for part in labels)
    if not is_one or len(host) > _MAX_HOST:  # RFC 1035, 2.3.4
        raise BadAddress("that is no host name")
    return host


def _is_ipv6(text: str) -> bool:
    from ipaddress import IPv6Address  # rarely needed: most servers have names

    try:
        # A zone, as in `fe80::1%eth0`, has a meaning on one machine only.
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _port(text: str) -> int:
    # `0444444` is refused, because another program may read it as another number.
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise BadAddress("a port is a number from 1 to 65535")
    return int(text)


class Address(NamedTuple):
    """A TCP address. `str()` returns `host:port`, with brackets around IPv6."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, default_port: int = 1863) -> Address:
        """Read `host`, `host:port`, `[v6]:port`.

        Raises:
            BadAddress: the text has none of these forms.
        """
        if len(text) > _MAX_ADDRESS:
            raise BadAddress("an address is host:port")
        match = re.fullmatch(r"\[([^\]]*:[^\]]*)\](?::(.*))?|([^:]*)(?::([^:]*))?", text)
        if not match:
            raise BadAddress("an address is host:port")
        host = match[1] or match[3] or ""
        port = match[2] if match[1] else match[4]
        return cls(_host(host), default_port if port is None else _port(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_USUAL_PORTS = {"https": 443, "http": 80}


def _joined(base: Url, text: str) -> str:
    from urllib.parse import urljoin  # only redirects are relative

    try:
        return urljoin(str(base), text)
    except ValueError:
        pass  # the brackets do not match
    raise BadAddress("that is no URL")


def _split(text: str) -> tuple[str, str, str]:
    """Return scheme, authority and the rest (RFC 3986, appendix B), without the fragment.

    `urllib.parse` does the same, but takes long to import. A test compares the two.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not rest.startswith("//"):
        return "", "", ""
    match = _AUTHORITY.match(rest, 2)
    assert match is not None  # the pattern also matches the empty text
    return scheme.lower(), match[0], rest[match.end() :].partition("#")[0]


class Url(NamedTuple):
    """An absolute http or https URL in its parts.

    Attributes:
        scheme: `https` or `http`, in lower case.
        address: host (lower case) and port.
        target: path and query, as in the request line of HTTP.
    """

    scheme: str
    address: Address
    target: str

    @classmethod
    def parse(cls, text: str, base: Url | None = None) -> Url:
        """Read a URL, absolute or, with `base`, relative.

        Raises:
            BadAddress: the text is not an http(s) URL, has a user name, or has characters that are
                not allowed in a URL.
        """
        text = text.strip(" \t")
        if len(text) > _MAX_URL:
            raise BadAddress("a URL has no more than 8,192 characters")
        is_plain = text.isascii() and text.isprintable()
        if not is_plain or " " in text or "\\" in text or not text:
            raise BadAddress("a URL has no blanks, control characters or letters beyond ASCII")
        scheme, authority, rest = _split(text if base is None else _joined(base, text))
        if scheme not in ("http", "https") or not authority:
            raise BadAddress("a URL starts with https:// and a host")
        if "@" in authority:
            raise BadAddress("a URL that names a user is not followed")
        match = _HOST_AND_PORT.fullmatch(authority)
        if match is None:
            raise BadAddress("that is no URL")
        host, port = match[1] or match[2], match[3]
        if not host or (":" in host) != (match[1] is not None):
            raise BadAddress("a URL starts with https:// and a host")
        # `https://h:/` has no port (RFC 3986, 3.2.3).
        number = _port(port) if port else _USUAL_PORTS[scheme]
        path, _, query = rest.partition("?")
        target = (path or "/") + (f"?{query}" if query else "")
        return cls(scheme, Address(_host(host), number), target)

    @classmethod
    def parse_login(cls, text: str) -> Url:
        """Read a DALogin value: `host/path`, or a URL (MS-PASS 2.2.12; both are in use).

        Raises:
            BadAddress: as `parse`.
        """
        return cls.parse(text if re.match(_SCHEME, text) else f"https://{text}")

    @property
    def host(self) -> str:
        """The host, in lower case, without brackets."""
        return self.address.host

    @property
    def authority(self) -> str:
        """The value of the Host header: the port only where it is not the scheme's usual port."""
        return _authority(self.scheme, self.address)

    @property
    def origin(self) -> str:
        """Scheme, host and port, which together identify the server of a connection."""
        return _origin(self.scheme, self.address)

    def __str__(self) -> str:
        return self.origin + self.target


# Cached, because a sign-in uses these about thirty times, for one or two servers.
@lru_cache(maxsize=64)
def _authority(scheme: str, address: Address) -> str:
    text = str(address)
    usual = address.port == _USUAL_PORTS[scheme]
    return text.rpartition(":")[0] if usual else text


@lru_cache(maxsize=64)
def _origin(scheme: str, address: Address) -> str:
    return f"{scheme}://{_authority(scheme, address)}"

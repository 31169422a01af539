"""Addresses: https URLs and `host:port`, checked before anything is sent to them."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

__all__ = ["Address", "BadAddress", "Url"]

# Longer texts are no addresses. The bound also keeps every pattern below quick, whatever is asked.
_MAX_ADDRESS = 300
_MAX_URL = 8192
_MAX_HOST = 253

_PORT = re.compile(r"[1-9][0-9]{0,4}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"


class BadAddress(ValueError):
    """The text is no address; the message says why. Becomes an error of ours where it is met."""


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
    try:
        # A zone, as in `fe80::1%eth0`, means something on one machine only.
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _port(text: str) -> int:
    # `0444444` is refused: it would be another number for whoever reads it with other rules.
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise BadAddress("a port is a number from 1 to 65535")
    return int(text)


class Address(NamedTuple):
    """A TCP address. `str()` gives `host:port`, with brackets around IPv6."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, default_port: int = 1863) -> Address:
        """Read `host`, `host:port`, `[v6]:port`.

        Raises:
            BadAddress: it is none of these.
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


def _split(text: str, base: Url | None) -> SplitResult:
    try:
        parts = urlsplit(urljoin(str(base), text) if base else text)
        _ = parts.hostname  # this may raise as well
        return parts
    except ValueError:
        pass  # brackets that do not match, letters that look like others
    raise BadAddress("that is no URL")


class Url(NamedTuple):
    """An absolute http or https URL, taken apart.

    Attributes:
        scheme: `https` or `http`, in lower case.
        address: host (lower case) and port.
        target: path and query, as the request line wants them.
    """

    scheme: str
    address: Address
    target: str

    @classmethod
    def parse(cls, text: str, base: Url | None = None) -> Url:
        """Read a URL, absolute or, with `base`, relative.

        Raises:
            BadAddress: it is no http(s) URL, names a user, or holds characters that no URL has.
        """
        text = text.strip(" \t")
        if len(text) > _MAX_URL:
            raise BadAddress("a URL has no more than 8,192 characters")
        is_plain = text.isascii() and text.isprintable()
        if not is_plain or " " in text or "\\" in text or not text:
            raise BadAddress("a URL has no blanks, control characters or letters beyond ASCII")
        parts = _split(text, base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadAddress("a URL starts with https:// and a host")
        if "@" in parts.netloc:
            raise BadAddress("a URL that names a user is not followed")
        # Not `parts.port`, which takes leading zeros. `https://h:/` names none (RFC 3986, 3.2.3).
        port = parts.netloc.rpartition("]")[2].partition(":")[2]
        number = _port(port) if port else _USUAL_PORTS[parts.scheme]
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, Address(_host(parts.hostname), number), target)

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
        """What the Host header says: the port only where it is not the scheme's own."""
        return _authority(self.scheme, self.address)

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a connection is made to."""
        return _origin(self.scheme, self.address)

    def __str__(self) -> str:
        return self.origin + self.target


# A sign-in asks for these some thirty times, of one or two servers.
@lru_cache(maxsize=64)
def _authority(scheme: str, address: Address) -> str:
    text = str(address)
    usual = address.port == _USUAL_PORTS[scheme]
    return text.rpartition(":")[0] if usual else text


@lru_cache(maxsize=64)
def _origin(scheme: str, address: Address) -> str:
    return f"{scheme}://{_authority(scheme, address)}"

"""Where a network's servers are, and which hosts may be told the password."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from .errors import LocalProtocolError
from .urls import Address, BadAddress, Url

if TYPE_CHECKING:
    import os

    from .wire.dialects import Dialect, Scheme

__all__ = ["CONTACTS_SITE", "HISTORIC", "HISTORIC_HOSTS", "OIM_SITE", "Servers", "domain_of"]

CONTACTS_SITE = "contacts.msn.com"
"""The address whose ticket opens a network's contacts host, wherever that host is."""

OIM_SITE = "messenger.msn.com"
"""The address whose ticket opens the service of messages that were left (libpurple nexus.c)."""

NEXUS_PATH = "/rdr/pprdr.asp"
LOGIN_PATH = "/login2.srf"

# Which login server knew which domain. From MSNPAuth.php, kopete and the table in Microsoft's own
# pages (through the Mozilla WebMail extension), which weighs more where they differ (webtv.net).
# `hotmail.` stands for every domain that begins so; `*` for all others.
_HISTORIC_LOGIN = {
    "hotmail.": f"https://loginnet.passport.com{LOGIN_PATH}",
    "msn.com": f"https://msnialogin.passport.com{LOGIN_PATH}",
    "compaq.net": f"https://msnialogin.passport.com{LOGIN_PATH}",
    "*": f"https://login.passport.com{LOGIN_PATH}",
}

HISTORIC_HOSTS = frozenset(
    {
        "login.passport.com",
        "loginnet.passport.com",
        "msnialogin.passport.com",
        "login.passport.net",
        "login.live.com",
        "msnia.login.live.com",
    }
)
"""Microsoft's login servers, which redirected to one another."""

_HISTORIC_OTHERS = frozenset(
    {"messenger.hotmail.com", "gateway.messenger.hotmail.com", "nexus.passport.com"}
)


def domain_of(passport: str) -> str:
    """Return the domain of a passport, in lower case."""
    return passport.rpartition("@")[2].lower()


def is_historic(host: str) -> bool:
    """Tell whether `host` is one of those that Microsoft switched off."""
    return host in HISTORIC_HOSTS or host in _HISTORIC_OTHERS


def _address(name: str, text: str) -> Address:
    try:
        return Address.parse(text)
    except (BadAddress, TypeError) as problem:
        complaint = str(problem) if isinstance(problem, BadAddress) else "an address is text"
    raise LocalProtocolError(f"{name}={text!r}: {complaint}")


def _https(name: str, text: str | None) -> Url | None:
    if text is None:
        return None
    try:
        url = Url.parse(text)
    except (BadAddress, TypeError, AttributeError) as problem:
        complaint = str(problem) if isinstance(problem, BadAddress) else "a URL is text"
    else:
        complaint = ""
    if complaint:
        raise LocalProtocolError(f"{name}={text!r}: {complaint}")
    if url.scheme != "https":
        raise LocalProtocolError(
            f"{name}={text!r} is not encrypted",
            hint="passwords go to https only: name an https URL",
        )
    return url


def _login_map(login: str | Mapping[str, str] | None) -> dict[str, Url]:
    pairs = {"*": login} if isinstance(login, str) else dict(login or {})
    if "" in pairs:
        raise LocalProtocolError("login= has an empty domain", hint="`*` stands for all others")
    checked = {domain.lower(): _https("login", url) for domain, url in pairs.items()}
    return {domain: url for domain, url in checked.items() if url is not None}


def _schemes(names: Iterable[str]) -> tuple[Scheme, ...]:
    from .wire.dialects import scheme_named

    return tuple(scheme_named(name) for name in names)


def _dialects(numbers: Iterable[int]) -> tuple[Dialect, ...]:
    from .wire.dialects import known

    return known(numbers)


def _trusted(hosts: Iterable[str]) -> tuple[str, ...]:
    if isinstance(hosts, str):
        hosts = (hosts,)
    names = tuple(host.lower().removesuffix(".") for host in hosts)
    for name in names:
        try:
            host = Address.parse(name.removeprefix("."), 443).host
        except BadAddress:
            host = ""
        if not host or host != name.removeprefix("."):
            raise LocalProtocolError(
                f"trusted_hosts: {name!r} is neither a host name nor a .suffix",
                hint='name hosts, as in ("login.example.com", ".passport.example")',
            )
    return names


class Servers:
    """Where the servers of a network are.

    A host alone stands for the conventional addresses: notification (or dispatch) on port 1863,
    nexus at `/rdr/pprdr.asp`, RST at `/RST.srf` and `/RST2.srf`. Each keyword names one instead,
    and without a host only those exist.
    """

    def __init__(
        self,
        host: str | None = None,
        *,
        notification: str | None = None,
        nexus: str | None = None,
        login: str | Mapping[str, str] | None = None,
        rst: str | None = None,
        rst2: str | None = None,
        contacts: str | None = None,
        oim: str | None = None,
        trusted_hosts: Iterable[str] = (),
        schemes: Iterable[str] | None = None,
        dialects: Iterable[int] | None = None,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        """Check and keep the addresses.

        Args:
            host: host of all of them.
            notification: `host` or `host:port` of the dispatch or notification server.
            nexus: URL of the nexus, which is asked only when no login address is known.
            login: URL of the login server, or a mapping from mail domain to URL, in which `*`
                stands for all other domains and `hotmail.` for every domain that begins so.
            rst: URL of the RST service.
            rst2: URL of the RST2 service.
            contacts: `https://host` or `https://host:port` of the contacts host, which has the
                contact list of MSNP13 and on. It is sent tickets, and never the password.
            oim: `https://host` of the service that keeps the messages which were left while an
                account was offline, where that is another host than `contacts`.
            trusted_hosts: hosts that a redirect may carry the password to, as names, or as
                `.suffix` for a whole domain.
            schemes: `SSO`, `TWN`, `MD5`: those that the network has, when that is known. Otherwise
                those that its addresses allow, and never MD5.
            dialects: numbers of the MSNP versions to offer here; by default those in use. The
                argument of `sign_in` comes first.
            ca_file: certificates that this network's servers are checked by, in PEM, instead of
                the system's. The argument of `sign_in` comes first.

        Raises:
            LocalProtocolError: an address is none, or would send the password without encryption.
        """
        if host is not None:
            web = Url("https", Address(_address("host", host).host, 443), "").origin
            notification = notification or host
            nexus = nexus or web + NEXUS_PATH
            rst = rst or f"{web}/RST.srf"
            rst2 = rst2 or f"{web}/RST2.srf"
            contacts = contacts or web
        self.notification = _address("notification", notification) if notification else None
        self.nexus = _https("nexus", nexus)
        self.rst = _https("rst", rst)
        self.rst2 = _https("rst2", rst2)
        self.contacts = _https("contacts", contacts)
        self.oim = _https("oim", oim) or self.contacts
        self.login = MappingProxyType(_login_map(login))
        self.trusted_hosts = _trusted(trusted_hosts)
        self.schemes = None if schemes is None else _schemes(schemes)
        self.dialects = None if dialects is None else _dialects(dialects)
        self.ca_file = ca_file

    def schemes_allowed(self) -> list[Scheme]:
        """Return the schemes that may be tried here, best first."""
        from .wire.dialects import Scheme  # a ticket alone needs none

        by_rst = self.rst is not None or self.rst2 is not None
        allowed = {
            Scheme.SSO: by_rst,
            Scheme.TWN: by_rst or self.nexus is not None or bool(self.login),
            Scheme.MD5: self.schemes is not None,
        }
        had = allowed if self.schemes is None else self.schemes
        return [scheme for scheme, possible in allowed.items() if possible and scheme in had]

    def login_for(self, passport: str) -> Url | None:
        """Return the login address that is known for the passport, or None: the nexus knows."""
        domain = domain_of(passport)
        prefix = next((key for key in self.login if key[-1] == "." and domain.startswith(key)), "*")
        return self.login.get(domain) or self.login.get(prefix)

    def trusts(self, url: Url, redirected_by: Url) -> bool:
        """Tell whether the password may follow a redirect from one address to another.

        It may go to https only: to the same host, or to a host that this network names for
        passwords or trusts. Microsoft's login servers sent accounts to one another
        (hypothetic.org): they are trusted where one of them redirects, and nowhere else.
        """
        if url.scheme != "https":
            return False
        named = {u.host for u in (*self.login.values(), self.rst, self.rst2) if u is not None}
        if url.host == redirected_by.host or url.host in named:
            return True
        if url.host in HISTORIC_HOSTS and is_historic(redirected_by.host):
            return True
        return any(
            url.host == trusted or (trusted[0] == "." and url.host.endswith(trusted))
            for trusted in self.trusted_hosts
        )

    def __repr__(self) -> str:
        known = {
            "notification": self.notification,
            "nexus": self.nexus,
            "login": ", ".join(f"{key}: {url}" for key, url in self.login.items()),
            "rst": self.rst,
            "rst2": self.rst2,
            "contacts": self.contacts,
            "oim": self.oim if self.oim != self.contacts else None,
            "trusted_hosts": ", ".join(self.trusted_hosts),
            "dialects": ", ".join(dialect.name for dialect in self.dialects or ()),
            "ca_file": self.ca_file,
        }
        return f"Servers({', '.join(f'{k}={str(v)!r}' for k, v in known.items() if v)})"


HISTORIC = Servers(login=_HISTORIC_LOGIN)
"""Where `MSNPAuth` asks when it is given no servers: the table that the PHP class had."""

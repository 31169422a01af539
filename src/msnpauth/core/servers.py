"""The addresses of a network's servers, and the hosts to which the password may be sent."""

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
"""The address whose ticket a network's contacts host accepts, wherever that host is."""

OIM_SITE = "messenger.msn.com"
"""The address whose ticket the service of offline messages accepts (libpurple nexus.c)."""

NEXUS_PATH = "/rdr/pprdr.asp"
LOGIN_PATH = "/login2.srf"

# The login server of each domain, from MSNPAuth.php, kopete and the table in Microsoft's own pages
# (through the Mozilla WebMail extension). Where they differ (webtv.net), Microsoft's table is used.
# `hotmail.` means every domain that begins with it; `*` means all others.
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
"""Microsoft's login servers, which redirected clients to each other."""

_HISTORIC_OTHERS = frozenset(
    {"messenger.hotmail.com", "gateway.messenger.hotmail.com", "nexus.passport.com"}
)


def domain_of(passport: str) -> str:
    """Return the domain of a passport, in lower case."""
    return passport.rpartition("@")[2].lower()


def is_historic(host: str) -> bool:
    """Tell whether `host` is one of the hosts that Microsoft has switched off."""
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
    """The addresses of the servers of one network.

    A host alone means the conventional addresses: notification (or dispatch) on port 1863,
    nexus at `/rdr/pprdr.asp`, RST at `/RST.srf` and `/RST2.srf`. Each keyword names another
    address instead; without a host only the servers of the keywords exist.
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
            host: the host of all servers that no keyword names.
            notification: `host` or `host:port` of the dispatch or notification server.
            nexus: URL of the nexus, which is asked only when no login address is known.
            login: URL of the login server, or a mapping from mail domain to URL, in which `*`
                means all other domains and `hotmail.` every domain that begins with it.
            rst: URL of the RST service.
            rst2: URL of the RST2 service.
            contacts: `https://host` or `https://host:port` of the contacts host, which has the
                contact list of MSNP13 and on. It gets tickets, and never the password.
            oim: `https://host` of the service of offline messages, where that is another host than
                `contacts`.
            trusted_hosts: hosts to which the password may be sent after a redirect, as names, or as
                `.suffix` for a whole domain.
            schemes: the schemes that the network has, of `SSO`, `TWN` and `MD5`. By default those
                that its addresses allow, and never MD5.
            dialects: numbers of the MSNP versions to offer; by default the versions in use. The
                argument of `sign_in` has priority.
            ca_file: path of a PEM file with the certificates that verify this network's servers,
                instead of the system's. The argument of `sign_in` has priority.

        Raises:
            LocalProtocolError: an address is not valid, or is an http URL, which would send the
                password without encryption.
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
        from .wire.dialects import Scheme  # `MSNPAuth`, which only gets a ticket, needs no dialects

        by_rst = self.rst is not None or self.rst2 is not None
        allowed = {
            Scheme.SSO: by_rst,
            Scheme.TWN: by_rst or self.nexus is not None or bool(self.login),
            Scheme.MD5: self.schemes is not None,
        }
        had = allowed if self.schemes is None else self.schemes
        return [scheme for scheme, possible in allowed.items() if possible and scheme in had]

    def login_for(self, passport: str) -> Url | None:
        """Return the known login address for the passport; None when the nexus has to be asked."""
        domain = domain_of(passport)
        prefix = next((key for key in self.login if key[-1] == "." and domain.startswith(key)), "*")
        return self.login.get(domain) or self.login.get(prefix)

    def trusts(self, url: Url, redirected_by: Url) -> bool:
        """Tell whether the password may be sent to the target of a redirect.

        The target must use https, and be the same host, or a host that this network names for
        passwords or trusts. Microsoft's login servers redirected accounts to each other
        (hypothetic.org): they are trusted where one of Microsoft's hosts redirects, and only there.
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
"""The servers that `MSNPAuth` uses by default, as the PHP class did."""

"""The settings of a service: the arguments of `run` as one value, after checking them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from ..core.credentials import as_secret
from ..core.errors import LocalProtocolError
from ..core.secrets import Secret
from ..core.wire.dialects import DIALECTS, known
from .addresses import advertised, domains, host_names, proxy_addresses

__all__ = ["ALWAYS", "FAST_OPEN", "ROLES", "Argon2", "Settings", "SignUp"]

ALWAYS = ("dispatch", "notification", "switchboard", "login")

ROLES = (
    *(*ALWAYS, "home", "legacy_tls", "plain_http", "plain_contacts"),
    *("pages", "plain_pages", "private"),
)
"""The names of all listeners.

`ALWAYS` are three TCP ports, and the HTTPS port of nexus, login, RST and contacts host. `home` is
the second login server, which listens if `homes` names any domains. The others listen if a port is
given for them: the login for old TLS, everything of HTTPS for a proxy that does the TLS, the
contacts host without TLS, the pages for people, the pages for a proxy, and the private pages for
the operator.
"""

FAST_OPEN = frozenset({*ALWAYS, "home"})
"""The listeners to which a client may send its first data with the SYN: MSNP, and TLS. HTTP without
TLS is not among them, because a request that arrives twice would be answered twice."""
SignUp = Literal["closed", "invitation", "open"]
"""Who may sign up at the pages: nobody, people with a code of the operator, or everybody."""


@dataclass(frozen=True)
class Argon2:
    """The cost of the hash of a password. The default is OWASP's first choice for argon2id.

    With the default, a check takes about 20 ms of processor time. A hash with another cost is made
    again when its account signs in next.

    Attributes:
        memory: the memory, in KiB.
        passes: the number of passes over the memory (the time cost).
        lanes: the parallelism.
    """

    memory: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


@dataclass(frozen=True, repr=False)
class Settings:
    """The settings of a service. They are the arguments of `run`, which explains them.

    Raises:
        LocalProtocolError: one of the settings is not valid.
    """

    host: str = "127.0.0.1"
    name: str | None = None
    names: Iterable[str] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    private_host: str = "127.0.0.1"
    homes: Iterable[str] = ()
    trusted_proxies: Iterable[str] = ()
    proxy_protocol: bool = False
    dialects: Iterable[int] | None = None
    keys: Iterable[str | Secret] | None = None
    chat_limit: int | None = 8
    data: Path | None = None
    database: str | Secret | None = None
    shared: str | Secret | None = None
    switchboard_name: str | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    allow_md5: bool = False
    argon2: Argon2 = field(default_factory=Argon2)
    sign_up: SignUp = "closed"
    connections_of_network: int | None = None
    connections: int | None = None
    fast_open: bool = False

    def __post_init__(self) -> None:
        unknown = {*self.ports, *self.sockets} - set(ROLES)
        if unknown:
            raise LocalProtocolError(
                f"there is no role {', '.join(sorted(unknown))}",
                hint=f"roles are {', '.join(ROLES)}",
            )
        if (self.certificate is None) != (self.certificate_key is None):
            raise LocalProtocolError("certificate= and certificate_key= go together")
        if "private" in {*self.ports, *self.sockets} and self.data is None:
            raise LocalProtocolError(
                "the private port is for a service with a data folder", hint="give data="
            )
        self._check_pages()
        self._check_stores()
        if self.proxy_protocol and not self.trusted_proxies:
            raise LocalProtocolError(
                "proxy_protocol= is for connections of trusted_proxies=, and there are none",
                hint="name the addresses that the balancers connect from",
            )
        self._hide_secrets()
        dialects = None if self.dialects is None else tuple(self.dialects)
        known(DIALECTS if dialects is None else dialects)
        change = {
            "dialects": dialects,
            "name": advertised(self.host, self.name),
            "names": host_names(self.names),
            "switchboard_name": self.switchboard_name
            and advertised(self.host, self.switchboard_name),
            "homes": domains(self.homes),
            "trusted_proxies": proxy_addresses(self.trusted_proxies),
        }
        for name, value in change.items():
            object.__setattr__(self, name, value)

    def _check_stores(self) -> None:
        if self.database is not None and self.data is None:
            raise LocalProtocolError(
                "a service with a database wants a data folder as well",
                hint="give data=: its key, its certificate and its audit log are there",
            )
        if self.shared is not None and self.database is None:
            raise LocalProtocolError(
                "a shared store is for nodes that share a database as well", hint="give database="
            )

    def _hide_secrets(self) -> None:
        # Each URL may contain a password, and error reports may show the values of an object.
        for name in ("database", "shared"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else as_secret(value))
        if self.keys is not None:
            object.__setattr__(self, "keys", [as_secret(key) for key in self.keys])

    def _check_pages(self) -> None:
        wanted = {"pages", "plain_pages"} & {*self.ports, *self.sockets}
        if wanted and self.data is None:
            raise LocalProtocolError(
                "the pages for people are for a service with a data folder", hint="give data="
            )
        if self.sign_up not in get_args(SignUp):
            raise LocalProtocolError(
                f"sign_up={self.sign_up!r} is not known",
                hint=f"it is one of {', '.join(get_args(SignUp))}",
            )

    @property
    def called(self) -> str:
        """The name of this host for clients."""
        assert self.name is not None  # __post_init__ has found one
        return self.name

    @property
    def listening(self) -> dict[str, str]:
        """The address to listen on, for each role that shall listen."""
        wanted = [*ALWAYS, *(["home"] if self.homes else [])]
        named = {*self.ports, *self.sockets}
        wanted += [role for role in ROLES if role in named and role not in (*ALWAYS, "home")]
        hosts = {"private": self.private_host}
        return {role: hosts.get(role, self.host) for role in wanted}

    @property
    def extras(self) -> list[str]:
        """The extras whose libraries this service needs."""
        listening = {*self.listening}
        needed = {
            "service": self.data is not None,
            "nodes": self.shared is not None,
            "pages": bool(listening & {"pages", "plain_pages"}),
            "legacy": "legacy_tls" in listening,
        }
        return [name for name, is_needed in needed.items() if is_needed]

    @property
    def balancers(self) -> frozenset[str]:
        """The addresses of load balancers that send a header of the PROXY protocol."""
        return frozenset(self.trusted_proxies if self.proxy_protocol else ())

    @property
    def certified(self) -> list[str]:
        """The host names and addresses for which the certificate is issued, sorted."""
        return sorted({self.called, "localhost", "127.0.0.1", "::1", *self.names})

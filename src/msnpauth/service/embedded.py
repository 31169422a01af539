"""The whole service in this process: what of it listens where, and its beginning and end."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import trustme

from ..core.errors import LocalProtocolError
from ..core.servers import LOGIN_PATH, NEXUS_PATH
from ..core.urls import Address
from ..core.wire.dialects import DIALECTS, known
from ..networks import Servers
from .addresses import advertised, bind_all, domains, host_names, proxy_addresses
from .hosts.legacy import LegacyListener, check_installed
from .hosts.listener import Listener, Serve, from_proxies
from .hosts.msnp import serve_msnp
from .hosts.web import serve_web
from .puppets import Puppets
from .roles.chats import Chats
from .roles.contacts import ContactsRole
from .roles.faults import Faults
from .roles.forms import host_of
from .roles.left_messages import LeftMessagesRole
from .roles.login import LoginRole
from .roles.news import PutOut
from .roles.notification import NotificationRole
from .roles.office import Office
from .roles.official import OfficialRole
from .roles.rst import RstRole
from .roles.switchboard import SwitchboardRole
from .roles.web import Answerer, WebSite
from .stores.memory import Accounts, in_memory
from .stores.protocol import Account
from .tickets import TicketOffice

__all__ = ["ROLES", "Service", "run"]

ROLES = (
    "dispatch",
    "notification",
    "switchboard",
    "login",
    "home",
    "legacy_tls",
    "plain_http",
    "plain_contacts",
)
"""What may listen: three TCP ports, and the HTTPS port of nexus, login, RST and contacts host.

`home` is the second login server, which is there when accounts live there. The last three are there
when a port is named for them: the login for old TLS, everything for a proxy that does the TLS, and
the contacts host without any.
"""

_ALWAYS = ("dispatch", "notification", "switchboard", "login")

_T = TypeVar("_T")


class Service:
    """A running service.

    Attributes:
        accounts: who may sign in; may be added to.
        servers: where it is, for `sign_in` and `MSNPAuth`.
        ca_file: its certificate authority, in PEM; gone when the service ends.
        legacy_ca_file: the authority of the listener for old TLS, whose keys are RSA; or None.
        ssl_context: client settings that trust it.
        login_urls: the login server that the nexus names, and the second one; twice the same where
            no accounts live at a second one.
        notification: the notification server; `servers.notification` is the dispatch server.
    """

    def __init__(
        self,
        accounts: Accounts,
        dialects: Iterable[int] | None,
        keys: Iterable[str] | None,
        host: str,
        name: str,
        *,
        names: Iterable[str],
        homes: Iterable[str],
        trusted_proxies: Iterable[str],
        chat_limit: int | None,
    ) -> None:
        self.accounts = accounts
        self._host = host
        self._name = name
        self._names = host_names(names)
        self._homes = domains(homes)
        self._trusted_proxies = proxy_addresses(trusted_proxies)
        self._tickets = TicketOffice(keys)
        numbers = DIALECTS if dialects is None else dialects
        self._office = Office(in_memory(accounts), self._tickets, known(numbers))
        self._chat_limit = chat_limit
        self._chats: Chats
        self._sites: list[WebSite] = []
        self._listeners: list[Listener | LegacyListener] = []
        self._loop: asyncio.AbstractEventLoop
        self.servers: Servers
        self.ca_file: Path
        self.legacy_ca_file: Path | None = None
        self.ssl_context: ssl.SSLContext
        self.login_urls: tuple[str, str]
        self.notification: str

    @property
    def online(self) -> list[str]:
        """The accounts that are signed in."""
        roles = list(self._office.here.values())
        return sorted({role.account.passport for role in roles if role.account is not None})

    @property
    def maintenance(self) -> bool:
        """True while sign-ins are refused: code 500, and HTTP 503 with Retry-After."""
        return self._office.maintenance

    @maintenance.setter
    def maintenance(self, value: bool) -> None:
        self._office.maintenance = value
        for site in self._sites:
            site.maintenance = value

    def put_out(self, passport: str, reason: str = "SSD") -> None:
        """End an account's sessions by OUT and a reason, to see what a client makes of it.

        Any thread may ask for it. Reasons are `OTH`, `SSD`, `RCT 5` …, or "" for none.
        """
        asyncio.run_coroutine_threadsafe(self._office.put_out(passport, reason), self._loop)

    @property
    def faults(self) -> Faults:
        """Orders faults: `faults.refuse("CAL", 217)`, `faults.drop("MSG")` and the like."""
        return self._office.faults

    def said(self, passport: str) -> list[str]:
        """Return what an account has said in chats, the oldest first."""
        return self._chats.said(passport)

    def send_message(self, sender: str, to: str, text: str, timeout: float = 5.0) -> None:
        """Play somebody who writes to an account, and come back when the account has got it.

        The sender needs no session of its own. Any thread but the service's may call it.

        Raises:
            TimeoutError: the account did not answer the call in time.
            LocalProtocolError: there is no such account, or it is not there.
        """
        work = self.say_as(sender, to, text)
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, timeout), self._loop).result()

    async def say_as(self, sender: str, to: str, text: str) -> None:
        """As `send_message`, within the service's own event loop."""
        await self._puppets.send(sender, to, text)

    def leave_message(self, sender: str, to: str, text: str) -> None:
        """Play somebody who leaves a message for an account, which gets it when it is there next.

        Any thread but the service's may call it.

        Raises:
            LocalProtocolError: there is no such account, or it does not take the message.
        """
        work = self._puppets.leave(sender, to, text)
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def drop_chats(self) -> int:
        """End every chat, as a switchboard that breaks down; return how many there were."""
        return asyncio.run_coroutine_threadsafe(self._dropped(), self._loop).result()

    async def _dropped(self) -> int:
        return self._chats.drop_all()

    async def start(self, folder: Path, ports: Mapping[str, int]) -> None:
        """Listen on `ports`, by role; on free ones where none is named. `folder` is for the CA."""
        self._loop = asyncio.get_running_loop()
        await self._office.open()
        wanted = [*_ALWAYS, *(["home"] if self._homes else [])]
        wanted += [role for role in ROLES if role in ports and role not in (*_ALWAYS, "home")]
        socks = bind_all(self._host, ports, wanted)
        places = {role: Address(self._name, sock.getsockname()[1]) for role, sock in socks.items()}
        try:
            await self._start(folder, socks, places)
        except BaseException:
            await self.stop()
            for sock in socks.values():
                sock.close()
            raise

    async def _start(
        self, folder: Path, socks: Mapping[str, socket.socket], places: Mapping[str, Address]
    ) -> None:
        tls = self._certify(folder)
        self._describe(places)
        self._chats = Chats(self._office, places["switchboard"], limit=self._chat_limit)
        self._puppets = Puppets(self._office, self._chats)
        await self._listen_web(folder, socks, places, tls)
        for name, target in (("dispatch", places["notification"]), ("notification", None)):
            make = functools.partial(self._new_role, places[name], target)
            await self._listen(functools.partial(serve_msnp, make), socks[name], None)
        await self._listen(
            functools.partial(serve_msnp, self._new_guest), socks["switchboard"], None
        )

    async def _listen_web(
        self,
        folder: Path,
        socks: Mapping[str, socket.socket],
        places: Mapping[str, Address],
        tls: ssl.SSLContext,
    ) -> None:
        contacts, left = ContactsRole(self._office), LeftMessagesRole(self._office)
        origin = f"https://{host_of(places['login'])}"
        official = OfficialRole(self._office, origin=origin, host=self._name)
        rst = RstRole(self.accounts, self._tickets)
        rest = (rst.paths(), contacts.paths(), left.paths(), official.paths())
        for name in ("login", "home"):
            if name in socks:
                login = self._login_role(places, name)
                await self._listen(self._site(login.paths(), *rest), socks[name], tls)
        if "plain_http" in socks:
            # Clients reach the proxy at 443, whatever port it comes to here.
            login = self._lone_login(self._name)
            front = OfficialRole(self._office, origin=f"https://{self._name}", host=self._name)
            serve = self._site(login.paths(), *rest[:-1], front.paths())
            await self._listen(
                from_proxies(serve, self._trusted_proxies), socks["plain_http"], None
            )
        if "plain_contacts" in socks:
            await self._listen(self._site(contacts.paths()), socks["plain_contacts"], None)
        if "legacy_tls" in socks:
            # Who comes here can go to no port of today's TLS.
            login = self._lone_login(host_of(places["legacy_tls"]))
            serve = self._site(
                login.paths(), rst.paths(), official.login(), official.configuration()
            )
            await self._listen_legacy(folder, serve, socks["legacy_tls"])

    def _site(self, *tables: Mapping[str, Answerer]) -> Serve:
        site = WebSite(*tables)
        self._sites.append(site)
        return functools.partial(serve_web, site.answer)

    def _login_role(self, places: Mapping[str, Address], here: str) -> LoginRole:
        homes = dict.fromkeys(self._homes, host_of(places["home"])) if self._homes else {}
        return LoginRole(
            self.accounts,
            self._tickets,
            login=host_of(places["login"]),
            homes=homes,
            here=host_of(places[here]),
        )

    def _lone_login(self, host: str) -> LoginRole:
        """Return a login server that sends nobody elsewhere."""
        return LoginRole(self.accounts, self._tickets, login=host, homes={}, here=host)

    async def _listen_legacy(self, folder: Path, serve: Serve, sock: socket.socket) -> None:
        """Listen for old TLS, by an authority of its own: old systems know RSA keys only."""
        rsa = trustme.KeyType.RSA
        authority = trustme.CA(key_type=rsa)
        self.legacy_ca_file = folder / "legacy-ca.pem"
        authority.cert_pem.write_to_path(str(self.legacy_ca_file))
        made = authority.issue_cert(*self._all_names(), key_type=rsa)
        chain = b"".join(pem.bytes() for pem in made.cert_chain_pems)
        listener = LegacyListener(serve, chain=chain, key=made.private_key_pem.bytes())
        await listener.start(sock)
        self._listeners.append(listener)

    async def _listen(self, serve: Serve, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        listener = Listener(serve, tls)
        await listener.start(sock)
        self._listeners.append(listener)

    async def stop(self) -> None:
        """Tell everybody and close."""
        for role in list(self._office.here.values()):
            role.hear(PutOut("SSD"))
        await asyncio.gather(*(listener.stop() for listener in self._listeners))

    def _certify(self, folder: Path) -> ssl.SSLContext:
        """Make a certificate authority and a certificate; return the listener's settings."""
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.ssl_context = ssl.create_default_context(cafile=str(self.ca_file))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*self._all_names()).configure_cert(tls)
        return tls

    def _all_names(self) -> list[str]:
        return sorted({self._name, "localhost", "127.0.0.1", "::1", *self._names})

    def _describe(self, places: Mapping[str, Address]) -> None:
        self.notification = str(places["notification"])
        second = places.get("home", places["login"])
        self.login_urls = (
            f"https://{places['login']}{LOGIN_PATH}",
            f"https://{second}{LOGIN_PATH}",
        )
        self.servers = Servers(
            notification=str(places["dispatch"]),
            nexus=f"https://{places['login']}{NEXUS_PATH}",
            rst=f"https://{places['login']}/RST.srf",
            rst2=f"https://{places['login']}/RST2.srf",
            contacts=f"https://{places['login']}",
            ca_file=self.ca_file,
        )

    def _new_role(
        self, here: Address, target: Address | None, wake: Callable[[], None]
    ) -> NotificationRole:
        return NotificationRole(
            self._office, here=here, transfer_to=target, chats=self._chats, wake=wake
        )

    def _new_guest(self, wake: Callable[[], None]) -> SwitchboardRole:
        return SwitchboardRole(self._chats, faults=self._office.faults, wake=wake)


class run:  # noqa: N801 - used as a function
    """Run a service on loopback: `with run({"alice@example.com": "secret"}) as service`.

    Works as `async with` too, in the running loop; otherwise in a thread of its own. Ports are
    free ones, the certificate authority is made for the run.

    Args:
        accounts: passwords by passport, or `Account`s.
        dialects: MSNP versions to speak; all of them by default.
        host: address to listen on.
        name: how clients call this host; `host` by default, or an address of this machine that
            others can reach where `host` stands for all of them.
        names: further names for the certificate: those that old clients have built in, and that
            their machine's `hosts` file sends here, as `login.live.com`.
        ports: fixed ports by role: `dispatch`, `notification`, `switchboard`, `login`, `home`.
            Three more listen only when they are named here. `legacy_tls` is login and configuration
            for the TLS of old systems, which somebody between can break (it needs `[legacy]`).
            `plain_http` is all of HTTPS without its TLS, for `trusted_proxies` alone, who do it
            at port 443 of `name`.
            `plain_contacts` is the contacts host alone, for clients that know no TLS there: who
            listens on the way sees the contact list, and the ticket that opens it.
        homes: domains whose accounts live at a second login server, to which the first sends them;
            `hotmail.` stands for every domain that begins so. By default there is none.
        trusted_proxies: IP addresses that `plain_http` lets in.
        keys: the ring that seals tickets, first the one to seal with; a new one by default.
        chat_limit: how many chats an account may begin in a minute; the next gets 800. None for
            any number.

    Raises:
        LocalProtocolError: an argument cannot be right.
        ConnectionFailed: a port is taken (when the service starts).
    """

    def __init__(
        self,
        accounts: Mapping[str, str] | Iterable[Account],
        *,
        dialects: Iterable[int] | None = None,
        host: str = "127.0.0.1",
        name: str | None = None,
        names: Iterable[str] = (),
        ports: Mapping[str, int] | None = None,
        homes: Iterable[str] = (),
        trusted_proxies: Iterable[str] = (),
        keys: Iterable[str] | None = None,
        chat_limit: int | None = 8,
    ) -> None:
        unknown = set(ports or {}) - set(ROLES)
        if unknown:
            raise LocalProtocolError(
                f"there is no role {', '.join(sorted(unknown))}",
                hint=f"roles are {', '.join(ROLES)}",
            )
        if "legacy_tls" in (ports or {}):
            check_installed()
        self._service = Service(
            Accounts.of(accounts),
            dialects,
            keys,
            host,
            advertised(host, name),
            names=names,
            homes=homes,
            trusted_proxies=trusted_proxies,
            chat_limit=chat_limit,
        )
        self._ports = dict(ports or {})
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._thread: _LoopThread | None = None

    async def __aenter__(self) -> Service:
        folder = tempfile.TemporaryDirectory(prefix="msnpauth-", ignore_cleanup_errors=True)
        try:
            await self._service.start(Path(folder.name), self._ports)
        except BaseException:
            folder.cleanup()
            raise
        self._folder = folder
        return self._service

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._service.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Service:
        self._thread = _LoopThread()
        try:
            return self._thread.call(self.__aenter__())
        except BaseException:
            self._thread.stop()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._thread is not None  # __enter__ made it
        try:
            self._thread.call(self.__aexit__(kind, error, traceback))
        finally:
            self._thread.stop()


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="msnpauth-service", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine there and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

"""The whole service: its listeners and roles, its start and its end."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ..core.errors import LocalProtocolError, ServiceUnavailable
from ..core.servers import LOGIN_PATH, NEXUS_PATH
from ..core.urls import Address
from ..core.wire.dialects import DIALECTS, known
from ..networks import Servers
from .addresses import bind_all, fast_open
from .backing import Backing, InMemory
from .certificates import rsa_chain
from .hosts.faults import tell_fault
from .hosts.gate import Gate
from .hosts.legacy import LegacyListener
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
from .settings import FAST_OPEN, Settings
from .stores.memory import Accounts

__all__ = ["Service"]

_WATCH_SECONDS = 1.0
_FINISH_SECONDS = 10.0
_MOST_PRIVATE = 32
"""The largest number of connections to `private`, which are counted separately from all others."""


class Service:
    """A running service.

    Attributes:
        servers: the addresses of the service, for `sign_in` and `MSNPAuth`.
        ca_file: the file of its certificate authority, in PEM; it is deleted when a service in
            memory ends. None when the certificate is from an authority that clients know.
        legacy_ca_file: the file of the authority of the listener for old TLS, whose keys are RSA;
            or None.
        ssl_context: TLS settings for a client that trusts the authority.
        login_urls: the URLs of the login server that the nexus names, and of the second one; both
            are the same if there is no second login server.
        has_pages: whether there are pages for people.
        pages_url: the URL of the pages; None if there are none, or if only a proxy can reach them.
        notification: the address of the notification server; `servers.notification` is the
            dispatch server.
    """

    def __init__(self, settings: Settings, accounts: Accounts) -> None:
        self._settings = settings
        self._accounts = accounts
        self._backing: Backing
        self._office: Office
        self._chats: Chats
        self._gate = Gate(
            settings.connections_of_network,
            settings.connections,
            proxies=tuple(settings.trusted_proxies),
        )
        self._sites: list[WebSite] = []
        self._listeners: list[Listener | LegacyListener] = []
        self._watch: asyncio.Task[None] | None = None
        self._private: Listener | None = None
        self._to_sweep: set[str] | None = set()
        self._loop: asyncio.AbstractEventLoop
        self.servers: Servers
        self.ca_file: Path | None
        self.legacy_ca_file: Path | None = None
        self.ssl_context: ssl.SSLContext
        self.login_urls: tuple[str, str]
        self.has_pages = False
        self.pages_url: str | None = None
        self.notification: str

    @property
    def accounts(self) -> Accounts:
        """The accounts of a service in memory, to which more may be added.

        Raises:
            LocalProtocolError: the accounts are in a data folder.
        """
        if self._settings.data is not None:
            raise LocalProtocolError(
                "the accounts are in the data folder",
                hint="msnpauth.service.open_directory() opens them",
            )
        return self._accounts

    @property
    def online(self) -> list[str]:
        """The passports of the accounts that are signed in to this node, sorted."""
        roles = list(self._office.here.values())
        return sorted({role.account.passport for role in roles if role.account is not None})

    @property
    def maintenance(self) -> bool:
        """Whether sign-ins are refused now: code 500, and HTTP 503 with Retry-After."""
        return self._office.maintenance

    @maintenance.setter
    def maintenance(self, value: bool) -> None:
        self._office.maintenance = value
        for site in self._sites:
            site.maintenance = value

    def put_out(self, passport: str, reason: str = "SSD") -> None:
        """End an account's sessions by OUT with a reason, to test how a client reacts.

        Any thread may call it. Reasons are `OTH`, `SSD`, `RCT 5` …, or "" for no reason.
        """
        asyncio.run_coroutine_threadsafe(self._office.put_out(passport, reason), self._loop)

    @property
    def faults(self) -> Faults:
        """The faults to simulate: `faults.refuse("CAL", 217)`, `faults.drop("MSG")` and others."""
        return self._office.faults

    def said(self, passport: str) -> list[str]:
        """Return the messages that an account has sent in chats, the oldest first.

        A service with a data folder records none.
        """
        return self._chats.said(passport)

    def send_message(self, sender: str, to: str, text: str, timeout: float = 5.0) -> None:
        """Send a message to an account as if another account had sent it.

        The sender needs no session. The method returns after the message was sent to the client.
        Any thread except that of the service may call it. The timeout is in seconds.

        Raises:
            TimeoutError: the account did not join the chat in time.
            LocalProtocolError: there is no such account, or it is not online.
        """
        work = self.say_as(sender, to, text)
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, timeout), self._loop).result()

    async def say_as(self, sender: str, to: str, text: str) -> None:
        """As `send_message`, in the event loop of the service."""
        await self._puppets.send(sender, to, text)

    def leave_message(self, sender: str, to: str, text: str) -> None:
        """Leave an offline message for an account as if another account had left it.

        Any thread except that of the service may call it.

        Raises:
            LocalProtocolError: there is no such account, or it does not accept the message.
        """
        work = self._puppets.leave(sender, to, text)
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def drop_chats(self) -> int:
        """End every chat, as if the switchboard had failed; return how many chats there were."""
        return asyncio.run_coroutine_threadsafe(self._dropped(), self._loop).result()

    async def _dropped(self) -> int:
        return self._chats.drop_all()

    async def start(self, folder: Path) -> None:
        """Listen on the ports of the settings. `folder` is for files that only this run needs."""
        self._loop = asyncio.get_running_loop()
        settings = self._settings
        self._backing = self._opened()
        try:
            self._office = Office(
                self._backing.stores,
                self._backing.tickets,
                known(DIALECTS if settings.dialects is None else settings.dialects),
                door=self._backing.door,
            )
            await self._office.open()
            socks = bind_all(settings.listening, settings.ports, settings.sockets)
            if settings.fast_open:
                fast_open(sock for role, sock in socks.items() if role in FAST_OPEN)
        except BaseException:
            self._backing.close()
            raise
        places = {
            role: Address(settings.called, sock.getsockname()[1]) for role, sock in socks.items()
        }
        if settings.switchboard_name is not None:
            port = places["switchboard"].port
            places["switchboard"] = Address(settings.switchboard_name, port)
        try:
            await self._start(folder, socks, places)
        except BaseException:
            await self.stop()
            for sock in socks.values():
                sock.close()
            raise

    def _opened(self) -> Backing:
        if self._settings.data is None:
            return InMemory(self._accounts, self._settings)
        from .data_folder_backing import DataFolderBacking  # its libraries are an extra

        return DataFolderBacking(self._settings.data, self._settings)

    async def _start(
        self, folder: Path, socks: Mapping[str, socket.socket], places: Mapping[str, Address]
    ) -> None:
        certificates = self._backing.certificates(self._settings, folder)
        self.ca_file, self.ssl_context = certificates.ca_file, certificates.client_context
        self._describe(places)
        self._chats = Chats(
            self._office,
            places["switchboard"],
            limit=self._settings.chat_limit,
            keeps_texts=self._settings.data is None,
        )
        self._office.announce = self._chats.people.announce
        self._puppets = Puppets(self._office, self._chats)
        await self._listen_web(folder, socks, places, certificates.context)
        for name, target in (("dispatch", places["notification"]), ("notification", None)):
            make = functools.partial(self._new_role, places[name], target)
            await self._listen(functools.partial(serve_msnp, make), socks[name], None)
        await self._listen(
            functools.partial(serve_msnp, self._new_guest), socks["switchboard"], None
        )
        if "private" in socks:
            await self._listen_private(socks["private"])
        self._watch = asyncio.create_task(self._watching())

    async def _listen_private(self, sock: socket.socket) -> None:
        """Listen for the operator. This site is not in `_sites`, so that it answers to the end."""
        site = WebSite(self._backing.private(self._office, self._gate))
        gate = Gate(in_all=_MOST_PRIVATE)
        listener = Listener(functools.partial(serve_web, site), None, gate)
        await listener.start(sock)
        self._private = listener

    async def _watching(self) -> None:
        """Read the changes of accounts, keys and certificates once a second."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                await self._refresh(forced=False)
            except Exception as fault:  # noqa: BLE001 - or no later change would be read
                tell_fault(fault)

    async def _refresh(self, *, forced: bool) -> None:
        changed = await self._backing.refresh(forced=forced)
        if changed is None or self._to_sweep is None:
            self._to_sweep = None
        else:
            self._to_sweep |= set(changed)
        if self._to_sweep is None or self._to_sweep:
            with suppress(ServiceUnavailable):  # it is tried again in a second
                await self._office.sweep(self._to_sweep)
                self._to_sweep = set()

    def reload(self) -> None:
        """Read certificates and keys again now. Any thread may call it."""
        asyncio.run_coroutine_threadsafe(self._refresh(forced=True), self._loop)

    async def _listen_web(
        self,
        folder: Path,
        socks: Mapping[str, socket.socket],
        places: Mapping[str, Address],
        tls: ssl.SSLContext,
    ) -> None:
        contacts, left = ContactsRole(self._office), LeftMessagesRole(self._office)
        origin = f"https://{host_of(places['login'])}"
        official = OfficialRole(self._office, origin=origin, host=self._settings.called)
        rst = RstRole(self._office.door, self._backing.tickets)
        rest = (rst.paths(), contacts.paths(), left.paths(), official.paths())
        for name in ("login", "home"):
            if name in socks:
                login = self._login_role(places, name)
                await self._listen(self._site(login.paths(), *rest), socks[name], tls)
        if "plain_http" in socks:
            # Clients connect to the proxy at port 443, whatever the port of this listener is.
            login = self._lone_login(self._settings.called)
            front = OfficialRole(
                self._office, origin=f"https://{self._settings.called}", host=self._settings.called
            )
            proxies = frozenset(self._settings.trusted_proxies)
            serve = self._site(login.paths(), *rest[:-1], front.paths(), proxies=proxies)
            await self._listen_for_proxies(serve, socks["plain_http"])
        await self._listen_pages(socks, places, tls)
        if "plain_contacts" in socks:
            await self._listen(self._site(contacts.paths()), socks["plain_contacts"], None)
        if "legacy_tls" in socks:
            # A client of this listener cannot use a port with present TLS versions, so that this
            # login server redirects no client.
            login = self._lone_login(host_of(places["legacy_tls"]))
            serve = self._site(
                login.paths(), rst.paths(), official.login(), official.configuration()
            )
            await self._listen_legacy(folder, serve, socks["legacy_tls"])

    async def _listen_pages(
        self,
        socks: Mapping[str, socket.socket],
        places: Mapping[str, Address],
        tls: ssl.SSLContext,
    ) -> None:
        if not {"pages", "plain_pages"} & {*socks}:
            return
        self.has_pages = True
        site = self._backing.pages(self._office)
        self._sites.append(site)
        if "pages" in socks:
            self.pages_url = f"https://{host_of(places['pages'])}/"
            await self._listen(functools.partial(serve_web, site), socks["pages"], tls)
        if "plain_pages" in socks:
            proxies = frozenset(self._settings.trusted_proxies)
            serve = functools.partial(serve_web, site, proxies=proxies)
            await self._listen_for_proxies(serve, socks["plain_pages"])

    def _site(
        self, *tables: Mapping[str, Answerer], proxies: frozenset[str] = frozenset()
    ) -> Serve:
        site = WebSite(*tables)
        self._sites.append(site)
        return functools.partial(serve_web, site, proxies=proxies)

    def _login_role(self, places: Mapping[str, Address], here: str) -> LoginRole:
        homes = {domain: host_of(places["home"]) for domain in self._settings.homes}
        return LoginRole(
            self._office.door,
            self._backing.tickets,
            login=host_of(places["login"]),
            homes=homes,
            here=host_of(places[here]),
        )

    def _lone_login(self, host: str) -> LoginRole:
        """Return a login server that redirects no client to another server."""
        return LoginRole(self._office.door, self._backing.tickets, login=host, homes={}, here=host)

    async def _listen_legacy(self, folder: Path, serve: Serve, sock: socket.socket) -> None:
        """Listen for old TLS, with a separate authority, because old systems support only RSA."""
        authority = self._backing.legacy_authority()
        self.legacy_ca_file = (self._settings.data or folder) / "legacy-ca.pem"
        authority.cert_pem.write_to_path(str(self.legacy_ca_file))
        chain, key = rsa_chain(authority, self._settings.certified)
        listener = LegacyListener(serve, chain=chain, key=key)
        await listener.start(sock)
        self._listeners.append(listener)

    async def _listen(self, serve: Serve, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        listener = Listener(serve, tls, self._gate, balancers=self._settings.balancers)
        await self._begin(listener, sock)

    async def _listen_for_proxies(self, serve: Serve, sock: socket.socket) -> None:
        """Listen for proxies only. They use HTTP, and send the client's address in a header."""
        proxies = frozenset(self._settings.trusted_proxies)
        await self._begin(Listener(from_proxies(serve, proxies), None, self._gate), sock)

    async def _begin(self, listener: Listener, sock: socket.socket) -> None:
        await listener.start(sock)
        self._listeners.append(listener)

    async def stop(self) -> None:
        """Accept nothing new, sign everybody out, finish the requests in progress, and close."""
        if self._watch is not None:
            self._watch.cancel()
        self.maintenance = True
        for listener in self._listeners:
            listener.close()
        self._backing.ending()
        for role in list(self._office.here.values()):
            role.hear(PutOut("SSD"))
        await asyncio.gather(*(site.finish(_FINISH_SECONDS) for site in self._sites))
        await asyncio.gather(*(listener.stop() for listener in self._listeners))
        if self._private is not None:
            await self._private.stop()
        await self._office.state.close()
        self._backing.close()

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
        self, here: Address, target: Address | None, wake: Callable[[], None], address: str
    ) -> NotificationRole:
        return NotificationRole(
            self._office,
            here=here,
            transfer_to=target,
            chats=self._chats,
            wake=wake,
            address=address,
        )

    def _new_guest(self, wake: Callable[[], None], _address: str) -> SwitchboardRole:
        return SwitchboardRole(self._chats, faults=self._office.faults, wake=wake)

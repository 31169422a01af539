"""Runs a service in this process, for tests, for other programs, and for the command."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict, TypeVar, Unpack

from ..core.errors import LocalProtocolError
from ..core.secrets import Secret
from .extras import check_extra
from .node import Service
from .settings import Argon2, Settings, SignUp
from .stores.memory import Accounts
from .stores.protocol import Account

__all__ = ["RunOptions", "run"]

_T = TypeVar("_T")


class RunOptions(TypedDict, total=False):
    """The arguments of `run` by keyword; `Settings` has their defaults."""

    host: str
    name: str | None
    names: Iterable[str]
    ports: Mapping[str, int]
    sockets: Mapping[str, socket.socket]
    private_host: str
    homes: Iterable[str]
    trusted_proxies: Iterable[str]
    proxy_protocol: bool
    dialects: Iterable[int] | None
    keys: Iterable[str | Secret] | None
    chat_limit: int | None
    database: str | Secret | None
    shared: str | Secret | None
    switchboard_name: str | None
    certificate: Path | None
    certificate_key: Path | None
    allow_md5: bool
    argon2: Argon2
    sign_up: SignUp
    connections_of_network: int | None
    connections: int | None
    fast_open: bool


class run:  # noqa: N801 - used as a function
    """Run a service on loopback: `with run({"alice@example.com": "secret"}) as service`.

    `async with` runs the service in the running event loop; `with` runs it in a thread of its own.
    By default the ports are free ports, and the certificate authority is made for this run.

    With `data`, accounts, lists, messages, keys and the certificate authority are kept in that
    folder, and a restart loses none of them. This needs the extra `[service]`.

    Args:
        accounts: for a service in memory, passwords by passport, or `Account`s. With `data` it must
            be empty; add accounts with `open_directory`.
        dialects: the MSNP versions to support; all of them by default.
        host: the address to listen on.
        name: the name of this host for clients. By default it is `host`, or an address of this
            machine that others can reach if `host` means all addresses.
        names: further names for the certificate: names that are built into old clients, such as
            `login.live.com`, and that the `hosts` file of their machine maps to this host.
        ports: fixed ports by role: `dispatch`, `notification`, `switchboard`, `login`, `home`.
            The other roles listen only when they are named here.
            `legacy_tls` serves the login and the configuration with the TLS of old systems, which
            an attacker on the network can break (it needs `[legacy]`).
            `plain_http` serves everything of HTTPS without TLS, only for `trusted_proxies`, which
            do the TLS at port 443 of `name`.
            `plain_contacts` serves only the contacts host, for clients that do not support TLS
            there: a person who can read the connection sees the contact list and its ticket.
            `pages` serves the pages for people with TLS, and `plain_pages` serves the same without
            TLS, only for `trusted_proxies`; both need `data`, and `[pages]`.
            `private` is for the operator: `/healthz`, `/readyz`, `/metrics` and `/verify`.
        sockets: sockets that listen already, by role, such as those that systemd passes on.
        private_host: the address on which `private` listens.
        homes: the domains whose accounts use a second login server, to which the first one
            redirects them; `hotmail.` means every domain that begins so. By default there is none.
        trusted_proxies: the IP addresses that may connect to `plain_http` and `plain_pages`. The
            address of the client is read from X-Forwarded-For.
        proxy_protocol: the trusted proxies are TCP load balancers, which begin each connection with
            the PROXY protocol, version 1 or 2. This applies to all ports except `plain_http`,
            `plain_pages`, `private` and `legacy_tls`.
        keys: the ring of keys for tickets; the first key encrypts. By default a new key is made.
            With `data` the ring is in the folder.
        chat_limit: how many chats an account may begin in a minute; further ones are refused by
            800. None for any number.
        data: the folder for the data of the service, which is made if it does not exist.
        database: with `data`, the URL of a database for several nodes, as
            `postgresql://msnpauth@db.example.net/msnpauth`; by default the accounts are in the
            folder, in SQLite.
        shared: with `database`, the URL of a server that all nodes share, as
            `valkey://shared.example.net:6379/0`: through this server the nodes know which people
            are signed in at other nodes.
        switchboard_name: the name of this host for chats, each of which belongs to one node; `name`
            by default. Behind a load balancer, `name` is the name of the balancer, and this is the
            name of the node itself.
        certificate, certificate_key: the files of a certificate and its key, in PEM; they are read
            again when they change. By default an authority of the service's own issues one.
        allow_md5: with `data`, whether app passwords for MD5 are accepted.
        argon2: with `data`, the cost of the hash of a password.
        sign_up: with pages, who may sign up: nobody (`closed`), people who have a code that the
            operator has made (`invitation`), or everybody (`open`).
        connections_of_network: how many connections one IPv4 address, or one IPv6 network, may
            have; None for any number.
        connections: how many connections there may be in all. For a further connection, the oldest
            one that has not signed in is closed. None for any number.
        fast_open: let clients send their first data with the SYN (TCP Fast Open), if the system
            allows it: on Linux, `sysctl net.ipv4.tcp_fastopen=3`.

    Raises:
        LocalProtocolError: an argument is not valid, or the folder cannot be used.
        ConnectionFailed: a port is in use already (when the service starts).
    """

    def __init__(
        self,
        accounts: Mapping[str, str] | Iterable[Account] = (),
        *,
        data: Path | str | None = None,
        **settings: Unpack[RunOptions],
    ) -> None:
        folder = None if data is None else Path(data)
        kept = Accounts.of(accounts)
        if folder is not None and kept.all():
            raise LocalProtocolError(
                "with data= the accounts are in the folder",
                hint="msnpauth.service.open_directory() adds them there",
            )
        checked = Settings(data=folder, **settings)
        for extra in checked.extras:
            check_extra(extra)
        self._service = Service(checked, kept)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._thread: _LoopThread | None = None

    async def __aenter__(self) -> Service:
        folder = tempfile.TemporaryDirectory(prefix="msnpauth-", ignore_cleanup_errors=True)
        try:
            await self._service.start(Path(folder.name))
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
        """Run a coroutine in that event loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

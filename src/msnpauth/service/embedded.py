"""A service in this process: `run`, for tests, for a program of one's own, and for the command."""

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

    Works as `async with` too, in the running loop; otherwise in a thread of its own. Ports are
    free ones, the certificate authority is made for the run.

    With `data` it is a service to live on: accounts, lists, messages, keys and the certificate's
    authority are in that folder, and a restart loses none of them. It needs `[service]`.

    Args:
        accounts: passwords by passport, or `Account`s, of a service in memory. With `data` there
            are none: `open_directory` is for them.
        dialects: MSNP versions to speak; all of them by default.
        host: address to listen on.
        name: how clients call this host; `host` by default, or an address of this machine that
            others can reach where `host` stands for all of them.
        names: further names for the certificate: those that old clients have built in, and that
            their machine's `hosts` file sends here, as `login.live.com`.
        ports: fixed ports by role: `dispatch`, `notification`, `switchboard`, `login`, `home`.
            The other roles listen only when they are named here. `legacy_tls` is login and
            configuration for the TLS of old systems, which somebody between can break (it needs
            `[legacy]`).
            `plain_http` is all of HTTPS without its TLS, for `trusted_proxies` alone, who do it
            at port 443 of `name`.
            `plain_contacts` is the contacts host alone, for clients that know no TLS there: who
            listens on the way sees the contact list, and the ticket that opens it.
            `pages` has the pages for people, by TLS, and `plain_pages` the same for
            `trusted_proxies` alone; both need `data`, and `[pages]`.
            `private` is for the operator: `/healthz`, `/readyz`, `/metrics` and `/verify`.
        sockets: sockets that listen already, by role, as systemd hands them over.
        private_host: address that `private` listens on.
        homes: domains whose accounts live at a second login server, to which the first sends them;
            `hotmail.` stands for every domain that begins so. By default there is none.
        trusted_proxies: IP addresses that `plain_http` and `plain_pages` let in. The address of the
            client is read from X-Forwarded-For.
        proxy_protocol: the trusted proxies are balancers of TCP, which begin each connection by the
            PROXY protocol, version 1 or 2. It counts for all ports but `plain_http`, `plain_pages`,
            `private` and `legacy_tls`.
        keys: the ring that seals tickets, first the one to seal with; a new one by default. With
            `data` the ring is in the folder.
        chat_limit: how many chats an account may begin in a minute; the next gets 800. None for
            any number.
        data: the folder of a service that lasts; made where there is none.
        database: with `data`, the URL of a database for several nodes, as
            `postgresql://msnpauth@db.example.net/msnpauth`; by default the accounts are in the
            folder, in SQLite.
        shared: with `database`, the URL of a server that all nodes share, as
            `valkey://shared.example.net:6379/0`: by it they know of each other's people.
        switchboard_name: how clients call this host for chats, which belong to one node; `name` by
            default. Behind a load balancer `name` is the balancer's, and this is the node's own.
        certificate, certificate_key: a certificate of one's own, in PEM; read again when the files
            change. By default an authority of the service's own issues one.
        allow_md5: with `data`, whether app passwords for MD5 are taken.
        argon2: with `data`, what the hash of a password costs.
        sign_up: with pages, who may sign up: nobody (`closed`), who has a code that the operator
            has made (`invitation`), or everybody (`open`).
        connections_of_network: how many connections one address may have, or one network of IPv6;
            None for any number.
        connections: how many there may be in all. Then the one goes that has not signed in for
            longest.
        fast_open: let clients send their first words with the SYN (TCP Fast Open), where the
            system allows it: on Linux, `sysctl net.ipv4.tcp_fastopen=3`.

    Raises:
        LocalProtocolError: an argument cannot be right, or the folder cannot be used.
        ConnectionFailed: a port is taken (when the service starts).
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
        """Run a coroutine there and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

"""A service with a data folder in a process of its own, and its clients."""

from __future__ import annotations

import asyncio
import http.client
import io
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from common import PASSWORD, passport
from msnpauth import Secret, Servers
from msnpauth.core.tickets.http import ClientConnection
from msnpauth.core.tickets.rst import MESSENGER, Soap, request_tickets
from msnpauth.core.urls import Url
from msnpauth.service import open_directory

__all__ = ["OperatedProcess", "RstClient", "fill", "free_ports", "pinned"]

_ROLES = ("port", "notification-port", "switchboard-port", "login-port", "private-port")


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now, and that no client is given while a service is away.

    The system gives clients ports from 32768 on; one of those could be gone at a restart.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 1000):
        if len(found) < count:
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                found.append(port)
    return found


def fill(folder: Path, count: int, hashed: str, first: int = 0) -> None:
    """Put accounts into a folder, all with one hash: to make each its own would take minutes."""
    lines = [f'{passport(number)},"{hashed}"' for number in range(first, first + count)]
    with open_directory(folder) as accounts:
        accounts.import_csv(io.StringIO("passport,hash\n" + "\n".join(lines) + "\n"))


def pinned(pid: int, processor: int) -> None:
    """Have a process run on one processor alone, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {processor})


class OperatedProcess:
    """`msnpauth serve --data`; a context manager, which can be killed and started again."""

    def __init__(self, folder: Path, *options: str, processor: int | None = None) -> None:
        self.folder = folder
        self.ports = dict(zip(_ROLES, free_ports(len(_ROLES)), strict=True))
        self._options = options
        self._processor = processor
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end(signal.SIGTERM)

    def start(self) -> None:
        """Start it, and come back when it is ready."""
        command = [sys.executable, "-m", "msnpauth", "serve", "--data", str(self.folder)]
        for role, port in self.ports.items():
            command += [f"--{role}", str(port)]
        self._process = subprocess.Popen(
            [*command, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if self._processor is not None:
            pinned(self._process.pid, self._processor)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self._is_ready():
                return
            time.sleep(0.05)
        raise RuntimeError("the service is not ready")

    def _is_ready(self) -> bool:
        # A connection alone says nothing: the port is open before the files of the folder are made.
        private = http.client.HTTPConnection("127.0.0.1", self.ports["private-port"], timeout=30)
        try:
            private.request("GET", "/readyz")
            return private.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            private.close()

    def end(self, how: signal.Signals) -> None:
        """End it by a signal."""
        self._process.send_signal(how)
        self._process.wait()

    def memory(self) -> int:
        """Return the bytes that it holds (RSS); Linux tells."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    @property
    def context(self) -> ssl.SSLContext:
        """TLS settings that trust it."""
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    @property
    def servers(self) -> Servers:
        """Where it is."""
        web = f"https://127.0.0.1:{self.ports['login-port']}"
        return Servers(
            notification=f"127.0.0.1:{self.ports['notification-port']}",
            rst=f"{web}/RST.srf",
            contacts=web,
            ca_file=self.folder / "ca.pem",
        )


class RstClient:
    """Asks for tickets over one kept connection: a password sign-in each."""

    def __init__(self, service: OperatedProcess, number: int) -> None:
        self._service = service
        url = Url.parse(str(service.servers.rst))
        request = next(
            request_tickets(
                *(url, Soap.RST, passport(number), Secret(PASSWORD), {MESSENGER: "MBI"}),
                servers=service.servers,
            )
        )
        self._bytes = ClientConnection().send(request)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]

    async def open(self) -> None:
        """Connect."""
        port = self._service.ports["login-port"]
        self._streams = await asyncio.open_connection("127.0.0.1", port, ssl=self._service.context)

    async def sign_in(self) -> bytes:
        """Ask for a ticket, and return the answer."""
        reader, writer = self._streams
        writer.write(self._bytes)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split()[0])
        body = await reader.readexactly(length)
        assert b"BinarySecurityToken" in body, head + body
        return body

    def close(self) -> None:
        """Hang up."""
        self._streams[1].transport.abort()

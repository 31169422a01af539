"""A network as it is operated: nodes in processes of their own, behind a balancer of TCP.

Each node has an address of loopback to itself, and all have the same ports, as machines have.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msnpauth import Servers, sign_in
from msnpauth.service import Argon2, open_directory

__all__ = ["PASSWORD", "Balancer", "Network", "Node", "network"]

PASSWORD = "secret pw"
CHEAP = Argon2(memory=64, passes=1)
BALANCER = "127.0.0.99"
"""Where the balancer's connections come from."""
ROLES = ("port", "notification-port", "login-port")


def free_ports(count: int) -> list[int]:
    """Return ports that no client is given while a node is away: those begin at 32768."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 1000):
        if len(found) < count:
            with suppress(OSError):
                for number in range(1, 6):
                    socket.create_server((f"127.0.0.{number}", port)).close()
                found.append(port)
    return found


class Balancer:
    """Takes connections on 127.0.0.1, and hands them to the nodes in turn."""

    def __init__(self, ports: list[int], nodes: list[str]) -> None:
        self.nodes = nodes
        self._ports = ports
        self._turns = itertools.count()
        self._loop: asyncio.AbstractEventLoop
        self._is_over: asyncio.Event
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        if self._ready.is_set():
            self._loop.call_soon_threadsafe(self._is_over.set)
            self._thread.join()

    async def _main(self) -> None:
        self._loop, self._is_over = asyncio.get_running_loop(), asyncio.Event()
        made = [
            await asyncio.start_server(self._relay(port), "127.0.0.1", port) for port in self._ports
        ]
        self._ready.set()
        await self._is_over.wait()
        for server in made:
            server.close()

    def _relay(self, port: int) -> Any:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            first = next(self._turns)
            # Who is in the middle of it when the tests end is not asked any more.
            with suppress(asyncio.CancelledError):
                for turn in range(len(self.nodes)):
                    node = self.nodes[(first + turn) % len(self.nodes)]
                    with suppress(OSError):
                        there = await asyncio.open_connection(node, port, local_addr=(BALANCER, 0))
                        client, _ = writer.get_extra_info("peername")
                        there[1].write(f"PROXY TCP4 {client} {node} 1 {port}\r\n".encode())
                        await asyncio.gather(_carry(reader, there[1]), _carry(there[0], writer))
                        return
            writer.close()

        return relay


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()


class Node:
    """`msnpauth serve` on an address of its own."""

    def __init__(self, network: Network, number: int) -> None:
        self.host = f"127.0.0.{number + 2}"
        self.folder = network.place / f"node{number}"
        self.network = network
        self.process: subprocess.Popen[str] | None = None
        self.processor: int | None = None

    def start(self) -> None:
        """Begin, and come back when it serves."""
        words = ["serve", "--host", self.host, "--data", str(self.folder)]
        words += ["--name", "127.0.0.1", "--name", self.host]
        words += ["--switchboard-name", self.host, "--database", self.network.database]
        words += ["--shared", self.network.shared, *self.network.options]
        words += ["--trusted-proxy", BALANCER, "--proxy-protocol"]
        for role, port in self.network.ports.items():
            words += [f"--{role}", str(port)]
        log = (self.network.place / f"{self.folder.name}.log").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "msnpauth", *words, "--log-format", "text"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        if self.processor is not None:
            os.sched_setaffinity(self.process.pid, {self.processor})
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).startswith("msnpauth sign-in "):
            assert line, "it ended"

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, by kill -9 or in good order."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    @property
    def servers(self) -> Servers:
        """The node alone, past the balancer, for the login and the first connection."""
        return self.network.servers_at(self.host, "notification-port")

    def log(self) -> str:
        return (self.network.place / f"{self.folder.name}.log").read_text()


class Network:
    """Nodes, what they share, and the balancer before them."""

    def __init__(
        self,
        place: Path,
        database: str,
        shared: str,
        count: int = 2,
        options: Sequence[str] = ("--argon2-memory", "64", "--argon2-passes", "1"),
    ) -> None:
        self.place, self.database, self.shared, self.options = place, database, shared, options
        self.ports = dict(zip(ROLES, free_ports(len(ROLES)), strict=True))
        self.nodes = [Node(self, number) for number in range(count)]
        hosts = [node.host for node in self.nodes]
        self.balancer = Balancer(list(self.ports.values()), hosts)

    def start(self) -> None:
        """Start the first node, give its key to the others, and start them."""
        first, *others = self.nodes
        first.start()
        for node in others:
            node.folder.mkdir()
            shutil.copy(first.folder / "service-key", node.folder)
            node.start()
        self.balancer.start()

    def stop(self) -> None:
        for node in self.nodes:
            node.end()
        self.balancer.stop()

    def servers_at(self, host: str, first: str = "port") -> Servers:
        login = f"https://{host}:{self.ports['login-port']}"
        return Servers(
            notification=f"{host}:{self.ports[first]}",
            nexus=f"{login}/rdr/pprdr.asp",
            rst=f"{login}/RST.srf",
            contacts=login,
            trusted_hosts=("127.0.0.1",),
        )

    @property
    def servers(self) -> Servers:
        """The network, as its clients know it."""
        return self.servers_at("127.0.0.1")

    @property
    def ca_file(self) -> Path:
        return self.nodes[0].folder / "ca.pem"

    def sign_in(self, passport: str, servers: Servers | None = None, **options: Any) -> Any:
        """Sign in at the network, or at the servers of a node."""
        options = {"ca_file": self.ca_file, "dialects": [18], **options}
        password = options.pop("password", PASSWORD)
        return sign_in(passport, password, servers or self.servers, **options)

    def add(self, *passports: str) -> None:
        with self.directory() as accounts:
            for passport in passports:
                accounts.add(passport, PASSWORD)

    def directory(self) -> Any:
        return open_directory(None, CHEAP, database=self.database)


@contextmanager
def network(place: Path, database: str, shared: str, *rest: Any) -> Iterator[Network]:
    """Run a network; the arguments are those of `Network`."""
    made = Network(place, database, shared, *rest)
    try:
        made.start()
        yield made
    finally:
        made.stop()

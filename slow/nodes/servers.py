"""A PostgreSQL and a server of Redis's protocol of our own, which can be killed and come back.

Debian's packages: postgresql and redis-server. PostgreSQL does not run as root, so that root runs
it as the user `postgres`, whom the package makes.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

__all__ = ["Postgres", "Shared", "postgres", "shared"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
    raise RuntimeError(f"{process.args!r} has ended with {process.returncode}")


class _Server:
    """A process that listens on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self) -> list[str]:
        raise NotImplementedError

    @property
    def is_running(self) -> bool:
        """True while the process is there."""
        return self._process is not None

    def start(self) -> None:
        """Begin, and come back when it listens."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        _until_it_listens(self.port, self._process)

    def kill(self) -> None:
        """End at once, as by a loss of power."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Answer nothing, as behind a line that is cut."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End for good."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self._end(signal.SIGKILL)


class Postgres(_Server):
    """A PostgreSQL, whose databases are made one by one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
        self._programs = found[-1] if found else Path(shutil.which("postgres") or ".").parent
        self._data = folder / "postgres"
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        made = ["initdb", "-D", str(self._data), "-U", "msnpauth", "-A", "trust", "-E", "UTF8"]
        made += ["--no-sync", "--locale=C.UTF-8"]
        subprocess.run(self._as_user(made), check=True, capture_output=True)
        self._count = 0

    def start(self) -> None:
        """As `_Server.start`; it listens a moment before it takes anybody."""
        super().start()
        ready = [str(self._programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False, capture_output=True).returncode:
            pass

    def _as_user(self, words: list[str]) -> list[str]:
        words = [str(self._programs / words[0]), *words[1:]]
        if os.geteuid() == 0:
            # setpriv becomes the program, which can then be sent signals.
            return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *words]
        return words

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "300",
            "fsync": os.environ.get("MSNPAUTH_FSYNC", "off"),
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._as_user(["postgres", "-D", str(self._data), *words])

    def kill(self) -> None:
        """End at once: its processes, which the first of them would otherwise wait for."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """As `_Server.stop`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self._end(signal.SIGQUIT)

    def database(self) -> str:
        """Return the URL of a new, empty database."""
        self._count += 1
        name = f"msnpauth{self._count}"
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "msnpauth"]
        made = self._as_user(["createdb", *where, "-T", "template0", name])
        subprocess.run(made, check=True, capture_output=True)
        return f"postgresql://msnpauth@127.0.0.1:{self.port}/{name}"


class Shared(_Server):
    """A server of Redis's protocol: Valkey where there is one, or Redis. It keeps nothing."""

    def _command(self) -> list[str]:
        program = shutil.which("valkey-server") or shutil.which("redis-server") or "redis-server"
        return [
            *(program, "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--dir", str(self.folder)),
        ]

    def empty(self) -> None:
        """Have it forget everything."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as sock:
            sock.sendall(b"FLUSHALL\r\n")
            assert sock.recv(100) == b"+OK\r\n"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"valkey://127.0.0.1:{self.port}/0"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL."""
    with _folder() as folder:
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def shared() -> Iterator[Shared]:
    """Run a server of Redis's protocol."""
    with _folder() as folder:
        server = Shared(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's folder: its parents are closed to the user `postgres`.
    folder = Path(mkdtemp(prefix="msnpauth-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

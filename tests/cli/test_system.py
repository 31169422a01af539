"""What systemd hands over and is told, and how many descriptors there can be.

Descriptors and limits are a process's own: it has one of its own here.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from command import environment
from msnpauth.cli.system import activated, notify, raise_descriptors

# As systemd does it: from descriptor 3 on, and the process's own number in the environment.
HANDED = """
import os, sys
count = int(sys.argv[1])
kept = [os.dup(int(word)) for word in sys.argv[2 : 2 + count]]
high = [os.dup2(fd, 100 + at) for at, fd in enumerate(kept)]
for at, fd in enumerate(high):
    os.dup2(fd, 3 + at, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count)}
os.execv(sys.executable, [sys.executable, *sys.argv[2 + count :]])
"""

TELL = """
import os
import click
from msnpauth.cli.system import activated
try:
    socks = activated()
except click.UsageError as wrong:
    print(wrong.message)
else:
    for role, sock in socks.items():
        about = (sock.getsockname()[1], os.get_inheritable(sock.fileno()), sock.getblocking())
        print(role, *about)
    print(*[name for name in ("LISTEN_FDS", "LISTEN_FDNAMES") if name in os.environ])
    print(len(activated()))
"""


def handed(*socks: socket.socket, words: list[str]) -> list[str]:
    fds = [str(sock.fileno()) for sock in socks]
    return [sys.executable, "-c", HANDED, str(len(socks)), *fds, *words]


def told(names: str | None, *socks: socket.socket) -> list[str]:
    done = subprocess.run(
        handed(*socks, words=["-c", TELL]),
        pass_fds=[sock.fileno() for sock in socks],
        capture_output=True,
        text=True,
        env=environment(LISTEN_FDNAMES=names),
        timeout=25,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@contextmanager
def listening(count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]


def test_sockets_by_the_roles_in_their_names() -> None:
    with listening(3) as socks:
        lines = told("dispatch:login:legacy-tls", *socks)
        ports = [sock.getsockname()[1] for sock in socks]
    assert lines[:3] == [
        f"dispatch {ports[0]} False False",
        f"login {ports[1]} False False",
        f"legacy_tls {ports[2]} False False",
    ]
    assert lines[3:] == ["", "0"], "a child is handed nothing, and nothing is taken twice"


@pytest.mark.parametrize("names", ["msnpauth.socket", "unknown", "", None])
def test_a_socket_without_the_name_of_a_role(names: str | None) -> None:
    with listening(1) as socks:
        (line,) = told(names, *socks)
    assert "FileDescriptorName= is one of dispatch, notification" in line


def test_two_sockets_for_one_role() -> None:
    """One of them would take connections, and nobody would serve them."""
    with listening(2) as socks:
        assert told("login:login", *socks) == ["systemd hands over two sockets called 'login'"]


def test_what_was_meant_for_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_FDNAMES", "login")
    for pid in ("1", "", "x"):
        monkeypatch.setenv("LISTEN_PID", pid)
        assert activated() == {}
    monkeypatch.delenv("LISTEN_PID")
    assert activated() == {}
    assert os.environ["LISTEN_FDS"] == "1"


@contextmanager
def told_by_notify(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.bind(str(path))
        yield sock


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path that is short enough for a socket."""
    return tmp_path_factory.mktemp("n") / "s"


def test_a_service_that_systemd_starts(short: Path, tmp_path: Path) -> None:
    """It listens on what it is handed, says when it is ready, and when it stops."""
    with listening(1) as [sock], told_by_notify(short) as notified:
        port = sock.getsockname()[1]
        words = ["-m", "msnpauth", "serve", "--data", str(tmp_path / "data")]
        words += ["--argon2-memory", "64", "--argon2-passes", "1"]
        with subprocess.Popen(
            handed(sock, words=words),
            pass_fds=[sock.fileno()], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(LISTEN_FDNAMES="notification", NOTIFY_SOCKET=str(short)),
        ) as server:  # fmt: skip
            try:
                assert notified.recv(100) == b"READY=1"
                with socket.create_connection(("127.0.0.1", port), 20) as client:
                    client.sendall(b"VER 1 MSNP12 CVR0\r\n")
                    assert client.recv(100) == b"VER 1 MSNP12\r\n"
                server.send_signal(signal.SIGHUP)
                assert notified.recv(100) == b"READY=1"
                server.send_signal(signal.SIGTERM)
                assert notified.recv(100) == b"STOPPING=1"
                server.communicate(timeout=25)
            finally:
                server.kill()
        assert server.returncode == 0


def test_what_systemd_is_told(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with told_by_notify(short) as sock:
        monkeypatch.setenv("NOTIFY_SOCKET", str(short))
        notify("READY=1")
        assert sock.recv(100) == b"READY=1"


def test_a_socket_of_systemd_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        return  # other systems have none
    name = f"msnpauth-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("STOPPING=1")
        assert sock.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("address", ["", "/no/such/socket", "@no-such-socket", "x" * 500])
def test_nobody_asks(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")


LIMITED = """
import resource, sys
from msnpauth.cli.system import raise_descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(raise_descriptors(int(sys.argv[3])), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "most", "soft_after"),
    [
        (256, 1024, 100, 100, 356),
        (256, 1024, 500, 500, 756),
        (256, 512, 500, 256, 512),
        (256, 256, 10_000, 128, 256),
        (64, 64, 10_000, 32, 64),
    ],
)
def test_as_many_descriptors_as_there_can_be(
    soft: int, hard: int, wanted: int, most: int, soft_after: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(soft), str(hard), str(wanted)],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert done.stdout.split() == [str(most), str(soft_after)], done.stderr


def test_a_system_without_such_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert raise_descriptors(10_000) == 10_000


def test_the_operator_is_told_of_a_low_limit(tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256));"
        "from msnpauth.cli import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", "--check-config", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=25,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "lets this process have 128 connections: see `ulimit -n`" in done.stderr

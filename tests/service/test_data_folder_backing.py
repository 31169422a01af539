"""A service with a data folder, on real sockets: restarts, changes by its operator, and its end.

Who is hostile to it is played here too. An honest client signs in beside each of them.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest

from command import command, environment
from msnpauth import (
    CameBack,
    CertificateRejected,
    ConnectionFailed,
    LocalProtocolError,
    MessageReceived,
    MSNPAuth,
    Reconnect,
    Secret,
    Servers,
    ServiceUnavailable,
    SessionEnded,
    WrongCredentials,
    sign_in,
)
from msnpauth.core.tickets.passport14 import authorization
from msnpauth.service import Argon2, Service, TicketVerifier, node, open_directory, run
from msnpauth.service import data_folder_backing as backing
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.guesses import Guesses
from msnpauth.service.hosts import listener, msnp
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.stores.sql.accounts import SqlAccounts
from msnpauth.service.tickets import TicketOffice
from msnpauth.store.caches import MemoryTicketCache

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
PASSWORD = "secret pw"
CHEAP = Argon2(memory=64, passes=1)
PLACES = ("dispatch", "notification", "switchboard", "login")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    with open_directory(path, CHEAP) as accounts:
        accounts.add(ALICE, PASSWORD, display_name="Al ice")
        accounts.add(BOB, PASSWORD)
        accounts.add(CAROL, PASSWORD)
    return path


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have nobody wait; return how long they would have waited for their guesses."""
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(node, "_WATCH_SECONDS", 0.02)
    monkeypatch.setattr(backing, "Guesses", partial(Guesses, sleep=wait))
    return waited


def operated(folder: Path, **settings: Any) -> run:
    return run(data=folder, argon2=CHEAP, **settings)


def alice(service: Service, **options: Any) -> Any:
    return sign_in(ALICE, PASSWORD, service.servers, **{"ca_file": service.ca_file, **options})


def honest_clients_sign_in(service: Service) -> None:
    with alice(service, dialects=[18]) as session:
        assert session.request("CHG", "NLN", "0").verb == "CHG"


def until(service: Service, condition: Callable[[], bool]) -> None:
    """Let the service go on until something holds; pytest ends what never does."""
    while not condition():
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), service._loop).result()


@contextmanager
def fixed_ports() -> Iterator[Callable[[], dict[str, socket.socket]]]:
    """Yield what makes sockets for the service, on the same ports each time."""
    with ExitStack() as stack:
        kept = {
            place: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for place in PLACES
        }
        yield lambda: {place: sock.dup() for place, sock in kept.items()}


class Raw:
    """The notification connection, byte by byte."""

    def __init__(self, service: Service, *, receives: int | None = None) -> None:
        host, _, port = service.notification.rpartition(":")
        self.sock = socket.socket()
        if receives is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        self.sock.settimeout(20)
        self.sock.connect((host, int(port)))
        self._file = self.sock.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.sock.close()

    def say(self, *lines: str) -> None:
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def until(self, *beginnings: str) -> str:
        """Return the first line that begins so; payloads have no such lines."""
        while line := self._file.readline().decode():
            if line.startswith(beginnings):
                return line.rstrip("\r\n")
        raise AssertionError("the service has closed the connection")

    def rest(self) -> bytes:
        """Return what comes until the service closes."""
        heard = b""
        with suppress(ConnectionError):
            while data := self._file.read1():
                heard += data
        return heard

    def show(self, ticket: str) -> str:
        """Sign in by a ticket; return the answer."""
        self.say("VER 1 MSNP12 CVR0", f"CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 7.0 MSMSGS {ALICE}")
        self.say(f"USR 3 TWN I {ALICE}")
        self.until("USR 3 TWN S ")
        self.say(f"USR 4 TWN S {ticket}")
        return self.until("USR 4 ", "911 4")


def login_ticket(service: Service) -> str:
    with MSNPAuth(
        ALICE, PASSWORD, "lc=1033,id=507", servers=service.servers, ca_file=service.ca_file
    ) as auth:
        return auth.get_key()


def shown(service: Service, ticket: str) -> str:
    with Raw(service) as raw:
        return raw.show(ticket).split(" ")[0]


# --- it is a service like the one in memory ------------------------------------------------------


@pytest.mark.parametrize("dialect", [8, 12, 15, 18])
def test_people_sign_in(folder: Path, dialect: int) -> None:
    with operated(folder) as service:
        assert service.ca_file == folder / "ca.pem"
        with alice(service, dialects=[dialect]) as session:
            assert session.dialect == dialect
            assert service.online == [ALICE]
            if dialect == 8:
                assert session.display_name == "Al ice"
        with pytest.raises(WrongCredentials):
            sign_in(ALICE, "wrong", service.servers, ca_file=service.ca_file, dialects=[dialect])


def test_the_accounts_are_in_the_folder(folder: Path) -> None:
    with operated(folder) as service:
        with pytest.raises(LocalProtocolError, match="data folder"):
            service.accounts.all()
        with open_directory(folder, CHEAP) as accounts:
            accounts.add("dave@example.com", "new")
        sign_in("dave@example.com", "new", service.servers, ca_file=service.ca_file).close()


def test_one_service_runs_on_a_folder(folder: Path) -> None:
    with operated(folder) as service:
        with pytest.raises(LocalProtocolError, match="another service runs"):
            with operated(folder):
                pass
        honest_clients_sign_in(service)
    with operated(folder) as service:
        honest_clients_sign_in(service)


def test_without_the_authority_of_the_service_nobody_sends_a_password(folder: Path) -> None:
    with operated(folder) as service:
        servers = service.servers
        known = Servers(
            notification=str(servers.notification), nexus=str(servers.nexus), rst=str(servers.rst)
        )
        for dialect in (12, 18):
            with pytest.raises(CertificateRejected):
                sign_in(ALICE, PASSWORD, known, dialects=[dialect])
        page = service._backing._metrics.page().decode()  # type: ignore[attr-defined]
        assert "msnpauth_password_seconds_count 0.0" in page, "no password has come"


def test_what_happened_is_in_the_audit(folder: Path) -> None:
    with operated(folder) as service:
        honest_clients_sign_in(service)
        with suppress(WrongCredentials):
            sign_in(ALICE, "wrong pw", service.servers, ca_file=service.ca_file)
    text = (folder / "audit.log").read_text()
    for event in ("service began", "password right", "signed in", "refused", "service ended"):
        assert text.count(f'"event": "{event}"') == 1
    assert PASSWORD not in text
    assert "wrong pw" not in text


def test_who_guesses_waits_and_who_is_known_does_not(folder: Path, waits: list[float]) -> None:
    with operated(folder) as service:
        honest_clients_sign_in(service)
        for number in range(5):
            with pytest.raises(WrongCredentials):
                sign_in(BOB, f"guess {number}", service.servers, ca_file=service.ca_file)
        assert waits == [2, 4, 8, 15]
        honest_clients_sign_in(service)
        assert waits == [2, 4, 8, 15]
    with operated(folder) as service:
        with suppress(WrongCredentials):
            sign_in(BOB, "guess", service.servers, ca_file=service.ca_file)
        honest_clients_sign_in(service)
        assert waits == [2, 4, 8, 15], "where people came from is known after a restart"


# --- restarts --------------------------------------------------------------------------------


def test_lists_and_messages_outlive_a_restart(folder: Path) -> None:
    with operated(folder) as service:
        with alice(service) as session:
            session.go_online()
            session.add_group("Fri ends")
            session.add_contact(BOB, group="Fri ends")
            session.set_name("Alice & co")
        service.leave_message(BOB, ALICE, "while you were away")
    with operated(folder) as service:
        with alice(service) as session:
            session.go_online()
            (contact,) = session.contacts()
            assert (contact.passport, list(contact.groups)) == (BOB, ["Fri ends"])
            while not isinstance(event := session.next_event(20), MessageReceived):
                pass
            assert (event.sender, event.text) == (BOB, "while you were away")


@pytest.mark.parametrize("dialect", [15, 18])
def test_a_ticket_of_before_a_restart_signs_in(folder: Path, dialect: int) -> None:
    cache = MemoryTicketCache()
    with fixed_ports() as sockets:
        with operated(folder, sockets=sockets()) as service:
            with alice(service, cache=cache, dialects=[dialect]) as session:
                before = session.ticket
        with operated(folder, sockets=sockets()) as service:
            with alice(service, cache=cache, dialects=[dialect]) as session:
                assert session.ticket == before
                assert before is not None
            page = service._backing._metrics.page().decode()  # type: ignore[attr-defined]
            assert "msnpauth_password_seconds_count 0.0" in page, "no password was asked for"


def test_a_login_ticket_that_was_used_is_of_no_use_after_a_restart(folder: Path) -> None:
    with operated(folder) as service:
        used, fresh = login_ticket(service), login_ticket(service)
        assert shown(service, used) == "USR"
        assert shown(service, used) == "911"
    with operated(folder) as service:
        assert shown(service, used) == "911"
        assert shown(service, fresh) == "USR"
        assert shown(service, fresh) == "911"


def free_ports(count: int) -> list[str]:
    """Return ports that no client is given while a service is away: those begin at 32768."""
    found: list[str] = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 1000):
        if len(found) < count:
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                found.append(str(port))
    return found


@contextmanager
def serving(folder: Path, ports: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run the command until it is killed."""
    options = ("--port", "--notification-port", "--switchboard-port", "--login-port")
    words = [word for pair in zip(options, ports, strict=True) for word in pair]
    cheap = ["--argon2-memory", "64", "--argon2-passes", "1"]
    with subprocess.Popen(
        command("serve", "--data", str(folder), *words, *cheap),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment(),
    ) as server:  # fmt: skip
        assert server.stdout is not None
        try:
            while not (line := server.stdout.readline()).startswith("msnpauth sign-in "):
                assert line, "it ended"
            yield server
        finally:
            server.kill()


def test_a_service_that_is_killed_comes_back_and_so_do_its_clients(folder: Path) -> None:
    """By kill -9, between two changes of a contact list."""
    ports = free_ports(4)
    login = f"https://127.0.0.1:{ports[3]}"
    servers = Servers(
        notification=f"127.0.0.1:{ports[0]}",
        nexus=f"{login}/rdr/pprdr.asp",
        rst=f"{login}/RST.srf",
        contacts=login,
    )
    with ExitStack() as stack:
        with serving(folder, ports):
            session = stack.enter_context(
                sign_in(
                    ALICE,
                    PASSWORD,
                    servers,
                    ca_file=folder / "ca.pem",
                    dialects=[18],
                    reconnect=Reconnect(first=0.05, longest=0.2),
                )
            )
            session.go_online()
            session.add_contact(BOB)
        with serving(folder, ports):
            while not isinstance(session.next_event(20), CameBack):
                pass
            assert [one.passport for one in session.contacts()] == [BOB]
            session.add_contact(CAROL)
            assert session.ended is None


# --- what an operator changes ------------------------------------------------------------------


def change_password(folder: Path) -> None:
    with open_directory(folder, CHEAP) as accounts:
        accounts.set_password(ALICE, "another")


def disable(folder: Path) -> None:
    with open_directory(folder, CHEAP) as accounts:
        accounts.disable(ALICE)


def remove(folder: Path) -> None:
    with open_directory(folder, CHEAP) as accounts:
        accounts.remove(ALICE)


@pytest.mark.parametrize("change", [change_password, disable, remove])
def test_a_session_ends_with_its_password_and_so_do_its_tickets(
    folder: Path, change: Callable[[Path], None]
) -> None:
    cache = MemoryTicketCache()
    with operated(folder) as service:
        ticket = login_ticket(service)
        with (
            alice(service, cache=cache, dialects=[18]) as session,
            sign_in(BOB, PASSWORD, service.servers, ca_file=service.ca_file) as bob,
        ):
            change(folder)
            assert [said.verb for said in session][-1] == "OUT"
            assert isinstance(session.ended, SessionEnded)
            assert session.ended.reason == ""
            assert bob.request("CHG", "NLN", "0").verb == "CHG"
        assert shown(service, ticket) == "911"
        with pytest.raises(WrongCredentials):
            alice(service, cache=cache, dialects=[18])
        if change is change_password:
            sign_in(ALICE, "another", service.servers, ca_file=service.ca_file).close()
    with operated(folder) as service:
        assert shown(service, ticket) == "911"


def test_who_was_disabled_signs_in_again_when_enabled(folder: Path) -> None:
    with operated(folder) as service:
        disable(folder)
        with pytest.raises(WrongCredentials):
            alice(service)
        with open_directory(folder, CHEAP) as accounts:
            accounts.enable(ALICE)
        honest_clients_sign_in(service)


def test_a_new_key_opens_at_once_and_seals_when_every_node_has_read_it(folder: Path) -> None:
    with operated(folder) as service:
        before = TicketVerifier(key.key for key in DataFolder(folder).keys.ring())
        newest, *_ = DataFolder(folder).keys.rotate()
        until(service, lambda: len(service._backing._ring) == 2)  # type: ignore[attr-defined]
        assert before.read(login_ticket(service)) is not None
        made = TicketOffice([newest.key])
        stamp = before.read(login_ticket(service)).stamp  # type: ignore[union-attr]
        assert shown(service, made.issue(ALICE, stamp=stamp)[0]) == "USR"


def test_keys_are_rotated_while_people_are_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backing, "_KNOWN_AFTER", timedelta(0))
    cache = MemoryTicketCache()
    with operated(folder) as service:
        with alice(service, cache=cache, dialects=[18]) as session:
            before = session.ticket
            assert before is not None
            newest, *_ = DataFolder(folder).keys.rotate()
            service.reload()
            only = TicketVerifier([newest.key])
            until(service, lambda: only.read(login_ticket(service)) is not None)
            assert only.read(before.reveal()) is None
            assert session.request("CHG", "NLN", "0").verb == "CHG"
            with alice(service, cache=cache, dialects=[18]) as again:
                assert again.ticket == before


def test_a_ring_that_is_damaged_leaves_the_old_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with operated(folder) as service:
        ticket = login_ticket(service)
        (folder / "ticket-keys").write_text("nonsense")
        until(service, lambda: "the keys stay as they were" in caplog.text)
        assert shown(service, ticket) == "USR"
        honest_clients_sign_in(service)


@pytest.mark.parametrize("name", ["ticket-keys", "verify-key"])
def test_a_key_that_is_deleted_is_not_made_anew(
    folder: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Another one would sign everybody out: the service goes on with what it has, and says so."""
    with operated(folder) as service:
        ticket = login_ticket(service)
        kept = (folder / name).rename(folder / "kept")
        until(service, lambda: f"{name} is not there" in caplog.text)
        service.reload()
        assert shown(service, ticket) == "USR"
        assert not (folder / name).exists()
        kept.rename(folder / name)
        honest_clients_sign_in(service)


def test_a_database_that_is_deleted_signs_nobody_in(folder: Path) -> None:
    """What is written to a file without a name is lost. Who is there stays there."""
    with operated(folder) as service, alice(service, dialects=[18]) as session:
        kept = (folder / "accounts.sqlite3").rename(folder / "kept")
        with pytest.raises(ServiceUnavailable) as caught:
            alice(service, dialects=[12])
        assert caught.value.retry_after
        assert session.request("CHG", "NLN", "0").verb == "CHG"
        with pytest.raises(LocalProtocolError, match="is not there"), open_directory(folder):
            raise AssertionError("there is a second database")
        kept.rename(folder / "accounts.sqlite3")
        honest_clients_sign_in(service)


# --- its end ---------------------------------------------------------------------------------


def test_its_end_is_told_and_what_is_under_way_is_finished(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_go_on = threading.Event(), threading.Event()
    check = SqlAccounts.check

    async def slow(*arguments: Any, **options: Any) -> Any:
        if began.is_set():
            raise AssertionError("a request was taken that came too late")
        began.set()
        await asyncio.to_thread(may_go_on.wait)
        return await check(*arguments, **options)

    manager = operated(folder)
    service = manager.__enter__()
    with (
        ThreadPoolExecutor(2) as threads,
        alice(service, dialects=[18]) as session,
        ExitStack() as at_last,
    ):
        at_last.callback(may_go_on.set)  # also when the test fails: the threads are waited for
        nexus = service.servers.nexus
        assert nexus is not None
        place = (nexus.host, nexus.address.port)
        with (
            socket.create_connection(place, 20) as plain,
            service.ssl_context.wrap_socket(plain, server_hostname=nexus.host) as kept,
        ):
            kept.sendall(b"GET /rdr/pprdr.asp HTTP/1.1\r\nHost: x\r\n\r\n")
            assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
            monkeypatch.setattr(SqlAccounts, "check", slow)
            under_way = threads.submit(login_ticket, service)
            assert began.wait(20)
            end = threads.submit(manager.__exit__, None, None, None)
            assert [said.verb for said in session][-1] == "OUT"
            assert isinstance(session.ended, SessionEnded)
            assert session.ended.reason == "SSD"
            kept.sendall(b"GET /rdr/pprdr.asp HTTP/1.1\r\nHost: x\r\n\r\n")
            refusal = kept.recv(65536)
            assert refusal.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: 60\r\n" in refusal
            with pytest.raises(OSError):  # noqa: PT011 - each system has a word of its own for it
                socket.create_connection(place, 20).close()
            with pytest.raises(ConnectionFailed):
                alice(service)
            assert not under_way.done()
            assert not end.done()
            may_go_on.set()
            assert under_way.result(20).startswith("t=")
            end.result(20)
    monkeypatch.undo()
    with operated(folder) as service:
        honest_clients_sign_in(service)


# --- who is hostile --------------------------------------------------------------------------


def test_who_drips_is_cut_at_the_deadline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is no sign of life: the time is for all of the sign-in."""
    monkeypatch.setattr(NotificationRole, "sign_in_seconds", 0.5)
    with operated(folder) as service, Raw(service) as hostile:
        hostile.sock.settimeout(0.02)
        with suppress(ConnectionError):
            while True:
                hostile.sock.sendall(b"x")
                with suppress(TimeoutError):
                    assert hostile.sock.recv(1) == b""
                    break
        until(service, lambda: service._gate.count == 0)
        monkeypatch.undo()
        honest_clients_sign_in(service)


def test_who_talks_on_and_on_is_cut_at_the_deadline(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotificationRole, "sign_in_seconds", 0.5)
    with operated(folder) as service, Raw(service) as hostile:
        hostile.say("VER 1 MSNP12 CVR0")
        with suppress(ConnectionError):
            while True:
                hostile.say(f"CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 7.0 MSMSGS {ALICE}")
                if not hostile.sock.recv(65536):
                    break
        monkeypatch.undo()
        honest_clients_sign_in(service)


def test_who_has_signed_in_is_not_cut_at_the_deadline(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotificationRole, "sign_in_seconds", 0.5)
    with operated(folder) as service, Raw(service) as honest, Raw(service) as silent:
        assert honest.show(login_ticket(service)).startswith("USR 4 OK")
        assert silent.rest() == b""
        honest.say("PNG")
        assert honest.until("QNG") == "QNG 50"


@pytest.mark.parametrize("line", ["UUX 1 1000000", "MSG 1 N 1000000", "QRY 1 PROD 20000"])
def test_a_payload_before_anybody_has_signed_in(folder: Path, line: str) -> None:
    with operated(folder) as service:
        with Raw(service) as hostile:
            hostile.say(line)
            assert hostile.rest() == b""
        honest_clients_sign_in(service)


def test_who_has_signed_in_may_send_more(folder: Path) -> None:
    with operated(folder) as service, Raw(service) as honest:
        assert honest.show(login_ticket(service)).startswith("USR 4 OK")
        honest.sock.sendall(b"FQY 5 100000\r\n" + b"x" * 100_000)
        assert honest.until("FQY 5 ") == "FQY 5 100000"


def test_a_line_without_end(folder: Path) -> None:
    with operated(folder) as service:
        with Raw(service) as hostile:
            with suppress(ConnectionError):
                while True:
                    hostile.sock.sendall(b"VER 1 " + b"x" * 4096)
            assert hostile.rest() == b""
        until(service, lambda: service._gate.count == 0)
        honest_clients_sign_in(service)


def narrow() -> dict[str, socket.socket]:
    """Return a socket whose connections keep little that is not read."""
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return {"notification": sock}


def test_who_never_reads_what_others_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msnp, "_MOST_UNREAD", 16 * 1024)
    with operated(folder, sockets=narrow()) as service:
        with (
            Raw(service, receives=4096) as hostile,
            sign_in(BOB, PASSWORD, service.servers, ca_file=service.ca_file, dialects=[12]) as bob,
        ):
            assert hostile.show(login_ticket(service)).startswith("USR 4 OK")
            hostile.say("SYN 5 0 0", f"ADC 6 FL N={BOB} F=Bob", f"ADC 7 AL N={BOB}", "CHG 8 NLN 0")
            hostile.until("CHG 8 NLN")
            bob.go_online()
            bob.allow(ALICE)
            number = 0
            while service.online != [BOB]:
                number += 1
                bob.set_personal_message(f"{number} {'x' * 1000}")
            assert number < 200
        until(service, lambda: service._gate.count == 0)
        honest_clients_sign_in(service)


def test_who_never_reads_the_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is given up for good: what is left to be written does not keep it."""
    monkeypatch.setattr(msnp, "_WRITE_SECONDS", 0.05)
    monkeypatch.setattr(listener, "_CLOSE_SECONDS", 0.05)
    with operated(folder, sockets=narrow()) as service:
        with Raw(service, receives=4096) as hostile:
            assert hostile.show(login_ticket(service)).startswith("USR 4 OK")
            with suppress(ConnectionError):
                while True:
                    hostile.sock.sendall(b"PNG\r\n" * 1000)
            until(service, lambda: service._gate.count == 0)
        honest_clients_sign_in(service)


@pytest.mark.parametrize(
    ("path", "most"),
    [("/RST.srf", 32 * 1024), ("/login2.srf", 32 * 1024), ("/abservice/abservice.asmx", 2**18)],
)
def test_a_body_that_is_too_large(folder: Path, path: str, most: int) -> None:
    with operated(folder) as service:
        nexus = service.servers.nexus
        assert nexus is not None
        with (
            socket.create_connection((nexus.host, nexus.address.port), 20) as plain,
            service.ssl_context.wrap_socket(plain, server_hostname=nexus.host) as hostile,
        ):
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**9}\r\n\r\n"
            hostile.sendall(head.encode())
            sent = 0
            with suppress(OSError):
                while True:
                    hostile.sendall(b"x" * 4096)
                    sent += 4096
            assert sent >= most
            with suppress(ConnectionError, ssl.SSLError):
                answer = hostile.recv(65536)
                assert not answer or answer.startswith(b"HTTP/1.1 413 ")
        honest_clients_sign_in(service)


def alive(sock: socket.socket) -> bool:
    """Tell whether the service answers on a connection."""
    try:
        sock.sendall(b"VER 1 MSNP12 CVR0\r\n")
        return sock.recv(100).startswith(b"VER 1 MSNP12")
    except ConnectionError:
        return False


def test_many_connections_from_one_address(folder: Path) -> None:
    with operated(folder, connections_of_network=20) as service:
        host, _, port = service.notification.rpartition(":")
        with ExitStack() as stack:
            socks = [
                stack.enter_context(socket.create_connection((host, int(port)), 20))
                for _ in range(200)
            ]
            until(service, lambda: service._gate.ended == 180)
            assert [alive(sock) for sock in socks] == [False] * 180 + [True] * 20
            honest_clients_sign_in(service)
        until(service, lambda: service._gate.count == 0)
        honest_clients_sign_in(service)


def test_silent_connections_make_room_for_who_signs_in(folder: Path) -> None:
    with operated(folder, connections=30) as service:
        host, _, port = service.notification.rpartition(":")
        with ExitStack() as stack:
            for _ in range(100):
                stack.enter_context(socket.create_connection((host, int(port)), 20))
            with alice(service) as session:
                for _ in range(100):
                    stack.enter_context(socket.create_connection((host, int(port)), 20))
                until(service, lambda: service._gate.ended >= 170)
                assert session.request("CHG", "NLN", "0").verb == "CHG", "who signed in stays"
                assert service.online == [ALICE]
                assert service._gate.count <= 30
            assert service._gate.refused == 0
        until(service, lambda: service._gate.count == 0)


def test_the_service_ends_although_somebody_never_reads(folder: Path) -> None:
    with operated(folder, sockets=narrow()) as service:
        hostile = Raw(service, receives=4096)
        assert hostile.show(login_ticket(service)).startswith("USR 4 OK")
        hostile.sock.settimeout(0.2)
        with suppress(TimeoutError):
            while True:
                hostile.sock.sendall(b"PNG\r\n" * 1000)
    with hostile, suppress(ConnectionError):
        while hostile.sock.recv(65536):
            pass


def test_who_holds_guesses_does_not_keep_the_owner_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the stranger's waits, and they fill all that the owner's network may have."""
    with operated(folder) as service:
        honest_clients_sign_in(service)  # so that the owner is known there
    made: list[Guesses] = []
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) <= 25:  # the stranger's
            await asyncio.Event().wait()

    def guarded(*counter: Any, **options: Any) -> Guesses:
        made.append(Guesses(*counter, sleep=wait, **options))
        return made[-1]

    monkeypatch.setattr(backing, "Guesses", guarded)
    value = authorization(ALICE, Secret("a guess"), "lc=1").reveal()
    guess = f"GET /login2.srf HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\n\r\n".encode()
    with operated(folder, connections_of_network=20) as service, ExitStack() as stack:
        nexus = service.servers.nexus
        assert nexus is not None

        def stranger() -> ssl.SSLSocket:
            plain = socket.create_connection((nexus.host, nexus.address.port), 20)
            sock = service.ssl_context.wrap_socket(plain, server_hostname=nexus.host)
            stack.enter_context(sock).sendall(guess)
            return sock

        assert stranger().recv(65536).startswith(b"HTTP/1.1 401 ")
        for _ in range(25):
            stranger()
        until(service, lambda: len(waits) == 25)
        assert made[0].delayed <= 20
        assert service._gate.count <= 20
        honest_clients_sign_in(service)
        assert len(waits) == 26

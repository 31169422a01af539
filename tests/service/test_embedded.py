from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from pathlib import Path
from typing import Any

import pytest

import msnpauth
from msnpauth import (
    AccountBlocked,
    ConnectionFailed,
    LocalProtocolError,
    NoCommonDialect,
    Secret,
    ServiceUnavailable,
    SessionEnded,
    aio,
)
from msnpauth.core.urls import Url
from msnpauth.service import Account, addresses, node, run

ALICE = {"alice@example.com": "secret"}


def test_sync() -> None:
    with run(ALICE) as service:
        assert service.ca_file is not None
        assert service.ca_file.exists()
        assert service.online == []
        with msnpauth.sign_in(
            "alice@example.com", "secret", service.servers, ca_file=service.ca_file
        ):
            assert service.online == ["alice@example.com"]
    assert not Path(service.ca_file).exists()
    with pytest.raises(ConnectionFailed):
        msnpauth.sign_in(
            "alice@example.com", "secret", service.servers, ssl_context=service.ssl_context
        )


def test_async() -> None:
    async def main() -> int:
        async with (
            run(ALICE) as service,
            aio.sign_in(
                "alice@example.com", "secret", service.servers, ssl_context=service.ssl_context
            ) as session,
        ):
            return session.dialect

    assert asyncio.run(main()) == 18


def test_its_end_is_told_to_everybody() -> None:
    with run(ALICE) as service:
        session = msnpauth.sign_in(
            "alice@example.com", "secret", service.servers, ca_file=service.ca_file
        )
    with session, pytest.raises(SessionEnded) as ended:
        while True:
            session.receive(20)
    assert ended.value.reason == "SSD"


def test_dialects() -> None:
    with run(ALICE, dialects=[9]) as service:
        settings: dict[str, Any] = {"ca_file": service.ca_file}
        with msnpauth.sign_in(
            "alice@example.com", "secret", service.servers, **settings
        ) as session:
            assert session.dialect == 9
        with pytest.raises(NoCommonDialect):
            msnpauth.sign_in(
                "alice@example.com", "secret", service.servers, dialects=[12], **settings
            )


def test_accounts_of_every_kind() -> None:
    accounts = [
        Account("child@example.com", Secret("x"), refusal=923),
        Account("named@example.com", Secret("x"), display_name="Zoë & co"),
    ]
    with run(accounts) as service:
        with pytest.raises(AccountBlocked):
            msnpauth.sign_in("child@example.com", "x", service.servers, ca_file=service.ca_file)
        with msnpauth.sign_in(
            "named@example.com", "x", service.servers, ca_file=service.ca_file, dialects=[8]
        ) as session:
            assert session.display_name == "Zoë & co"
        service.accounts.add(Account("new@example.com", Secret("y")))
        msnpauth.sign_in("new@example.com", "y", service.servers, ca_file=service.ca_file).close()


def test_maintenance() -> None:
    with run(ALICE) as service:
        service.maintenance = True
        assert service.maintenance
        with pytest.raises(ServiceUnavailable):
            msnpauth.sign_in(
                "alice@example.com", "secret", service.servers, ca_file=service.ca_file
            )
        auth = msnpauth.MSNPAuth(
            "alice@example.com", "secret", "lc=1", servers=service.servers, ca_file=service.ca_file
        )
        with auth, pytest.raises(ServiceUnavailable) as caught:
            auth.get_key()
        assert caught.value.retry_after == 60


def test_fixed_ports_and_a_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with run(ALICE, ports={"dispatch": port}, name="localhost") as service:
        assert str(service.servers.notification) == f"localhost:{port}"
        msnpauth.sign_in(
            "alice@example.com", "secret", service.servers, ca_file=service.ca_file
        ).close()


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConnectionFailed, match=f"cannot listen on 127.0.0.1 port {port}"):
            with run(ALICE, ports={"login": port}):
                pass


def test_wrong_arguments() -> None:
    with pytest.raises(
        LocalProtocolError, match="dispatch, notification, switchboard, login, home"
    ):
        run(ALICE, ports={"nexus": 1})
    with pytest.raises(LocalProtocolError):
        run(ALICE, dialects=[20])
    with pytest.raises(LocalProtocolError):
        run({"alice": "x"})


def test_no_answer_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nagle's algorithm and delayed acknowledgements together cost 40 ms an answer."""
    seen: list[int] = []

    async def look(_: object, __: object, writer: asyncio.StreamWriter, ___: object) -> None:
        served = writer.get_extra_info("socket")
        seen.append(served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    monkeypatch.setattr(node, "serve_msnp", look)
    with run({"alice@example.com": "x"}) as service:
        host, _, port = service.notification.rpartition(":")
        with socket.create_connection((host, int(port))) as client:
            client.settimeout(20)
            assert client.recv(100) == b""
    assert seen == [1]


@pytest.mark.parametrize(
    ("reason", "told", "minutes"), [("SSD", "SSD", None), ("RCT 5", "RCT", 5), ("", "", None)]
)
def test_an_account_is_put_out(reason: str, told: str, minutes: int | None) -> None:
    with run({"alice@example.com": "x", "bob@example.com": "y"}) as service:
        settings: dict[str, Any] = {"ca_file": service.ca_file}
        with (
            msnpauth.sign_in("alice@example.com", "x", service.servers, **settings) as alice,
            msnpauth.sign_in("bob@example.com", "y", service.servers, **settings) as bob,
        ):
            service.put_out("Alice@example.com", reason)
            assert [command.verb for command in alice][-1] == "OUT"
            assert isinstance(alice.ended, msnpauth.SessionEnded)
            assert (alice.ended.reason, alice.ended.minutes) == (told, minutes)
            assert bob.request("CHG", "NLN", "0").verb == "CHG"


def test_who_speaks_no_tls_harms_nobody() -> None:
    with run({"alice@example.com": "x"}) as service:
        place = Url.parse(service.login_urls[0]).address
        with socket.create_connection((place.host, place.port)) as client:
            client.settimeout(20)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while client.recv(100):
                    pass
        with msnpauth.sign_in(
            "alice@example.com", "x", service.servers, ca_file=service.ca_file
        ) as session:
            assert session.passport == "alice@example.com"


def test_it_goes_on_when_a_connection_cannot_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with too many open files."""
    monkeypatch.setattr("asyncio.selector_events.constants.ACCEPT_RETRY_DELAY", 0.01)
    failures = [OSError(errno.EMFILE, "Too many open files")] * 3
    accept = socket.socket.accept

    def failing(sock: socket.socket) -> Any:
        if failures:
            raise failures.pop()
        return accept(sock)

    monkeypatch.setattr("socket.socket.accept", failing)
    with run({"alice@example.com": "x"}) as service:
        with msnpauth.sign_in(
            "alice@example.com", "x", service.servers, ca_file=service.ca_file
        ) as session:
            assert session.passport == "alice@example.com"
    assert failures == []


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_who_listens_everywhere_names_an_address_that_others_can_reach(host: str) -> None:
    """0.0.0.0 would be the clients themselves."""
    with run({"alice@example.com": "secret"}, host=host) as service:
        assert service.servers.notification is not None
        named = service.servers.notification.host
        assert named not in ("", "0.0.0.0", "::")
        with msnpauth.sign_in(
            "alice@example.com", "secret", service.servers, ca_file=service.ca_file
        ) as session:
            assert session.server == f"{named}:{service.notification.rpartition(':')[2]}"


def test_a_machine_without_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("socket.socket.connect", fail)
    assert addresses.advertised("0.0.0.0", None) == "127.0.0.1"
    assert addresses.advertised("::", None) == "::1"


@pytest.mark.parametrize("name", ["my host", "a\r\nb", "", "a" * 64, ":::x"])
def test_what_is_no_name_of_a_host(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="no host name"):
        run({"alice@example.com": "secret"}, name=name)


@pytest.mark.parametrize("name", ["my_host", "-x.example", "a..b", 7])
def test_what_no_certificate_can_be_for(name: Any) -> None:
    with pytest.raises(LocalProtocolError, match="no host name"):
        run({"alice@example.com": "secret"}, names=[name])


def test_one_string_is_one_name() -> None:
    assert addresses.host_names("login.live.com") == ("login.live.com",)
    assert addresses.domains("Hotmail.") == ("hotmail.",)
    assert addresses.proxy_addresses("0:0:0:0:0:0:0:1") == {"::1"}


@pytest.mark.parametrize("home", ["", "@x.example", "a b", 7])
def test_what_is_no_domain_of_accounts(home: Any) -> None:
    with pytest.raises(LocalProtocolError, match="no domain"):
        run({"alice@example.com": "secret"}, homes=[home])


def test_a_start_that_fails_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(node, "OfficialRole", fail)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        pytest.raises(ZeroDivisionError),
        run({"alice@example.com": "secret"}, ports={"dispatch": port}),
    ):
        pass
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("name", ["messenger.example", "::1", "192.0.2.7"])
def test_what_is_a_name_of_a_host(name: str) -> None:
    assert addresses.advertised("0.0.0.0", name) == name


def test_somebody_is_played() -> None:
    accounts = {"alice@example.com": "a", "bob@example.com": "b"}
    with run(accounts) as service:
        with pytest.raises(LocalProtocolError, match=r"no account nobody@example\.com"):
            service.send_message("nobody@example.com", "alice@example.com", "hi")
        with pytest.raises(LocalProtocolError, match=r"alice@example\.com is not there"):
            service.send_message("bob@example.com", "alice@example.com", "hi")
        with msnpauth.sign_in(
            "alice@example.com", "a", service.servers, ca_file=service.ca_file
        ) as alice:
            alice.go_online()
            texts: list[str] = []
            for text in ("one", "x" * 2000, "three"):
                service.send_message("bob@example.com", "alice@example.com", text)
                while "".join(texts) != text:
                    event = alice.next_event(5)
                    if isinstance(event, msnpauth.MessageReceived):
                        texts.append(event.text)
                texts.clear()


def test_a_message_that_nobody_takes() -> None:
    """The client is online, and answers no call: the test hears of it in time."""
    accounts = {"alice@example.com": "a", "bob@example.com": "b"}
    with (
        run(accounts) as service,
        msnpauth.sign_in(
            "alice@example.com", "a", service.servers, ca_file=service.ca_file
        ) as alice,
    ):
        alice.send("SYN", "0", "0")
        alice.send("CHG", "NLN", "0")
        while alice.receive(5).verb != "CHG":
            pass
        with pytest.raises(TimeoutError):
            service.send_message("bob@example.com", "alice@example.com", "hi", timeout=0.05)
        assert alice.receive(5).verb in ("CHL", "RNG")


def test_further_names_are_in_the_certificate() -> None:
    with run({}, names=["login.live.com", "contacts.msn.com"]) as service:
        _, _, port = service.login_urls[0].removeprefix("https://").partition(":")
        address = ("127.0.0.1", int(port.partition("/")[0]))
        for name in ("login.live.com", "contacts.msn.com", "localhost"):
            with socket.create_connection(address) as sock:
                with service.ssl_context.wrap_socket(sock, server_hostname=name) as secure:
                    assert secure.getpeercert()


@pytest.mark.parametrize("names", ["no name", ["h:1", 5], [5]])
def test_names_that_are_none(names: Any) -> None:
    with pytest.raises(LocalProtocolError, match="names="):
        run({}, names=names)

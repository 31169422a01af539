"""The whole service, where it is more than its parts: what it names, refreshes, tells and ends."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from msnpauth import LocalProtocolError, ServiceUnavailable
from msnpauth.core.urls import Address
from msnpauth.service import Service, node
from msnpauth.service.backing import InMemory
from msnpauth.service.roles.news import PutOut
from msnpauth.service.settings import Settings
from msnpauth.service.stores.memory import Accounts

ALICE = {"alice@example.com": "secret"}


class Backing(InMemory):
    """Says which accounts others have changed, as a test wants it; notes what was done to it."""

    def __init__(self) -> None:
        super().__init__(Accounts.of(ALICE), Settings())
        self.changed: list[Collection[str] | Exception | None] = []
        self.forced: list[bool] = []
        self.ends: list[str] = []

    async def refresh(self, *, forced: bool = False) -> Collection[str] | None:
        self.forced.append(forced)
        told = self.changed.pop(0) if self.changed else ()
        if isinstance(told, Exception):
            raise told
        return told

    def ending(self) -> None:
        self.ends.append("ending")

    def close(self) -> None:
        self.ends.append("closed")


class Own(Service):
    """A service over a backing of the test's own, which notes whom it sweeps."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings or Settings(), Accounts.of(ALICE))
        self.backing = Backing()
        self.swept: list[set[str] | None] = []
        self.is_away = False

    def _opened(self) -> Backing:
        return self.backing

    async def sweep(self, passports: Collection[str] | None = None) -> None:
        self.swept.append(None if passports is None else set(passports))
        if self.is_away:
            raise ServiceUnavailable("away")

    async def refreshed(self, *changed: Collection[str] | None) -> list[set[str] | None]:
        """Refresh once for each of these; return whom it swept."""
        self.backing.changed += changed
        self.swept.clear()
        for _ in changed:
            await self._refresh(forced=False)
        return self.swept


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing be refreshed but when a test says so."""
    monkeypatch.setattr(node, "_WATCH_SECONDS", 3600.0)


@asynccontextmanager
async def started(folder: Path, **settings: Any) -> AsyncIterator[Own]:
    service = Own(Settings(**settings))
    await service.start(folder)
    service._office.sweep = service.sweep  # type: ignore[method-assign]
    try:
        yield service
    finally:
        await service.stop()


def test_where_it_is(tmp_path: Path) -> None:
    async def main() -> None:
        called = {"name": "localhost", "homes": ["hotmail."], "switchboard_name": "sb.example"}
        async with started(tmp_path, **called) as service:
            servers, (login, home) = service.servers, service.login_urls
            assert str(servers.notification) != service.notification, "the dispatch server sends on"
            for place in (str(servers.notification), service.notification):
                assert place.startswith("localhost:")
            host = login.removesuffix("/login2.srf")
            assert host.startswith("https://localhost:")
            assert home.startswith("https://localhost:")
            assert home.endswith("/login2.srf")
            assert login != home
            assert [str(servers.rst), str(servers.rst2)] == [f"{host}/RST.srf", f"{host}/RST2.srf"]
            assert str(servers.contacts).rstrip("/") == host
            assert servers.ca_file == service.ca_file == tmp_path / "ca.pem"
            # A chat belongs to one node, whatever the balancer before all nodes is called.
            assert service._chats.here.host == "sb.example"
            assert not service.has_pages
            assert (service.pages_url, service.legacy_ca_file) == (None, None)

    asyncio.run(main())


def test_accounts_of_a_data_folder_are_not_the_service_s_to_hand_out(tmp_path: Path) -> None:
    service = Service(Settings(data=tmp_path), Accounts.of({}))
    with pytest.raises(LocalProtocolError, match="are in the data folder") as caught:
        _ = service.accounts
    assert caught.value.hint is not None
    assert "open_directory" in caught.value.hint
    accounts = Accounts.of(ALICE)
    assert Service(Settings(), accounts).accounts is accounts


# --- what others have changed --------------------------------------------------------------------


def test_the_sessions_of_changed_accounts_are_looked_at(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(tmp_path) as service:
            assert await service.refreshed((), []) == []
            assert await service.refreshed(["a@b"], ["c@d", "e@f"]) == [{"a@b"}, {"c@d", "e@f"}]
            assert await service.refreshed(None, ()) == [None], "any of them may be another"
            assert service.backing.forced == [False] * 6

    asyncio.run(main())


def test_what_could_not_be_looked_at_is_looked_at_the_next_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(tmp_path) as service:
            service.is_away = True
            assert await service.refreshed(["a@b"], (), ["c@d"]) == [
                *({"a@b"}, {"a@b"}, {"a@b", "c@d"}),
            ]
            assert await service.refreshed(None, ["e@f"]) == [None, None], "all is more than some"
            service.is_away = False
            assert await service.refreshed((), ()) == [None]

    asyncio.run(main())


def test_a_person_may_have_all_be_read_again_now(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(tmp_path) as service:
            await asyncio.to_thread(service.reload)
            while not service.backing.forced:
                await asyncio.sleep(0)
            assert service.backing.forced == [True]

    asyncio.run(main())


def test_a_fault_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(node, "_WATCH_SECONDS", 0.0)

    async def main() -> None:
        async with started(tmp_path) as service:
            service.backing.changed += [ZeroDivisionError("hunter2"), ["a@b"]]
            while {"a@b"} not in service.swept:
                await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR, "msnpauth.service"):
        asyncio.run(main())
    assert "ZeroDivisionError" in caplog.text
    assert "hunter2" not in caplog.text


# --- maintenance, and the end --------------------------------------------------------------------


class Member:
    """A session that is signed in."""

    number = 7

    def __init__(self, service: Service) -> None:
        self.account = service.accounts.all()[0].principal
        self.told: list[object] = []

    def hear(self, news: object) -> None:
        self.told.append(news)


def test_maintenance_is_of_every_port(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(tmp_path, homes=["hotmail."]) as service:
            assert len(service._sites) == 2
            for value in (True, False):
                service.maintenance = value
                assert service.maintenance is value
                assert {site.maintenance for site in service._sites} == {value}

    asyncio.run(main())


def test_the_end_is_told_and_nothing_listens_any_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with started(tmp_path) as service:
            member: Any = Member(service)
            service._office.here[7] = member
            service._office.here[8] = member  # the same account at another machine
            assert service.online == ["alice@example.com"]
            await service.stop()
            assert member.told == [PutOut("SSD")] * 2
            assert service.maintenance
            assert service.backing.ends == ["ending", "closed"], "who waits is refused first"
            for place in (service.notification, str(service.servers.notification)):
                address = Address.parse(place)
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((address.host, address.port))

    asyncio.run(main())


def test_a_beginning_that_fails_lets_go_of_everything(tmp_path: Path) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            service = Own(Settings(ports={"login": taken.getsockname()[1]}))
            with pytest.raises(Exception, match="cannot listen on"):
                await service.start(tmp_path)
            assert service.backing.ends == ["closed"]

    asyncio.run(main())

from __future__ import annotations

from pathlib import Path

import pytest

from msnpauth import LocalProtocolError, Servers
from msnpauth.known import find, known_services, own_file


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "services.toml"
    monkeypatch.setenv("MSNPAUTH_SERVICES", str(path))
    return path


def test_what_is_known() -> None:
    services = known_services()
    assert {"escargot", "crosstalk", "microsoft"} <= set(services)
    for service in services.values():
        assert service.servers().notification
        assert service.evidence
        assert service.title
        assert service.state in ("living", "gone")


def test_by_name() -> None:
    servers = Servers.named("Escargot")
    assert str(servers.notification) == "ds.escargot.nina.chat:1863"
    assert str(servers.nexus) == "https://ds.escargot.nina.chat/rdr/pprdr.asp"
    login = Servers.named("microsoft").login_for("bob@msn.com")
    assert login is not None
    assert login.host == "msnialogin.passport.com"


def test_nobody_knows_it() -> None:
    with pytest.raises(LocalProtocolError, match="escargot, crosstalk"):
        Servers.named("nowhere")


def test_ones_own_file_adds(own: Path) -> None:
    own.write_text(
        '[Home]\ntitle = "Mine"\nhost = "home.example"\ntrusted_hosts = [".example"]\n', "utf-8"
    )
    assert str(Servers.named("home").nexus) == "https://home.example/rdr/pprdr.asp"
    assert list(known_services())[-1] == "home"
    assert find("home").title == "Mine"


def test_ones_own_file_replaces(own: Path) -> None:
    own.write_text(
        '[escargot]\nhost = "e.example"\n[escargot.login]\n"*" = "https://l.example/"\n', "utf-8"
    )
    servers = Servers.named("escargot")
    assert str(servers.notification) == "e.example:1863"
    assert str(servers.login_for("a@b")) == "https://l.example/"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[x", "not TOML"),
        ('x = "y"', "no network has: x"),
        ('[x]\nhosst = "y"', "hosst"),
        ("[x]\nhost = 5", "host is not of the right kind"),
        ('[x]\ntrusted_hosts = "y"', "trusted_hosts is not of the right kind"),
        ('[x]\nlogin = "http://y/"', "not encrypted"),
    ],
)
def test_a_file_that_is_none(own: Path, text: str, says: str) -> None:
    own.write_text(text, "utf-8")
    with pytest.raises(LocalProtocolError) as caught:
        known_services()
    assert says in str(caught.value)


def test_a_file_that_cannot_be_read(own: Path) -> None:
    own.write_bytes(b"\xff")
    with pytest.raises(LocalProtocolError, match="cannot be read"):
        known_services()


def test_where_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MSNPAUTH_SERVICES")
    assert own_file().parts[-2:] == ("msnpauth", "services.toml")

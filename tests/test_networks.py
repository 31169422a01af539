from __future__ import annotations

from pathlib import Path

import pytest

from msnpauth import LocalProtocolError, Servers
from msnpauth.networks import find, known_networks, own_file, published_file


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "services.toml"
    monkeypatch.setenv("MSNPAUTH_SERVICES", str(path))
    return path


def test_what_is_known() -> None:
    services = known_networks()
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
    login = find("microsoft").servers().login_for("bob@msn.com")
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
    assert list(known_networks())[-1] == "home"
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
        ('[x]\nlogin = "http://y/"', "[x] login="),
        ('[x]\nhost = "a b"', "[x] host='a b'"),
        ('[x.login]\n"*" = 5', "login is not of the right kind"),
        ("[x]\ntrusted_hosts = [5]", "trusted_hosts is not of the right kind"),
        ("[x]\nschemes = [[]]", "schemes is not of the right kind"),
        ("[x]\nhost = [5]", "host is not of the right kind"),
        ('[x]\nhost = "y"\n[X]\nhost = "z"', "two networks are called x"),
        ("x = " + "[" * 20_000, "nested too deeply"),
        ("x = " + "9" * 20_000, "not TOML"),
        ("#" * (1024 * 1024 + 1), "longer than 1 MiB"),
    ],
)
def test_a_file_that_is_none(own: Path, text: str, says: str) -> None:
    own.write_text(text, "utf-8")
    with pytest.raises(LocalProtocolError) as caught:
        known_networks()
    assert says in str(caught.value)


def test_a_file_that_is_not_text(own: Path) -> None:
    own.write_bytes(b"\xff")
    with pytest.raises(LocalProtocolError, match="cannot be read: it is not UTF-8 text"):
        known_networks()


def test_a_file_that_cannot_be_read(own: Path) -> None:
    own.mkdir()
    with pytest.raises(LocalProtocolError, match="cannot be read: Is a directory"):
        known_networks()


def test_a_byte_order_mark_is_no_part_of_it(own: Path) -> None:
    own.write_text('[home]\nhost = "h.example"\n', "utf-8-sig")
    assert find("home").host == "h.example"


def test_nothing_foreign_hangs_on_the_error(own: Path) -> None:
    for content in (b"\xff", b"[x", b"[x]\nhost = 'a b'"):
        own.write_bytes(content)
        with pytest.raises(LocalProtocolError) as caught:
            known_networks()
        assert caught.value.__context__ is None


def test_nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home folder there is no file of one's own; `~` here is a folder like any other."""
    monkeypatch.delenv("MSNPAUTH_SERVICES")
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: Path("~/.config"))
    (tmp_path / "~" / ".config").mkdir(parents=True)
    (tmp_path / "~" / ".config" / "services.toml").write_text('[home]\nhost = "h"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    assert "home" not in known_networks()


def test_where_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MSNPAUTH_SERVICES")
    assert own_file().parts[-2:] == ("msnpauth", "services.toml")


def test_what_a_network_has_and_is_checked_by(own: Path, tmp_path: Path) -> None:
    own.write_text('[home]\nhost = "h.example"\ndialects = [12, 8]\nca_file = "~/ca.pem"\n')
    servers = Servers.named("home")
    assert [dialect.number for dialect in servers.dialects or ()] == [12, 8]
    assert servers.ca_file == Path("~/ca.pem").expanduser()
    assert "dialects='MSNP12, MSNP8'" in repr(servers)


@pytest.mark.parametrize("value", ["12", '["12"]', "[true]", "[99]", "[]", "[12.0]"])
def test_dialects_that_are_none(own: Path, value: str) -> None:
    own.write_text(f'[home]\nhost = "h.example"\ndialects = {value}\n')
    if value == "[]":
        assert Servers.named("home").dialects is None
        return
    with pytest.raises(LocalProtocolError, match=r"\[home\]"):
        known_networks()


def test_three_files(own: Path) -> None:
    own.with_name("published.toml").write_text(
        '[escargot]\nhost = "published.example"\n[new]\nhost = "new.example"\n'
    )
    assert published_file() == own.with_name("published.toml")
    assert find("escargot").host == "published.example"
    own.write_text('[escargot]\nhost = "own.example"\n')
    assert find("escargot").host == "own.example"
    assert find("new").host == "new.example"

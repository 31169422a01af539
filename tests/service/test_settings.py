"""What a service is told when it begins, checked before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret
from msnpauth.service import Argon2, extras, open_directory, run
from msnpauth.service.settings import ALWAYS, ROLES, Settings
from msnpauth.service.tickets import new_key

DATA = Path("data")


def test_by_default_it_is_a_service_in_memory_on_loopback() -> None:
    settings = Settings()
    assert settings.data is None
    assert settings.called == "127.0.0.1"
    assert settings.listening == dict.fromkeys(ALWAYS, "127.0.0.1")
    assert (settings.connections, settings.connections_of_network) == (None, None)


def test_a_hash_costs_what_owasp_says() -> None:
    assert Settings().argon2 == Argon2(memory=19456, passes=2, lanes=1)


def test_where_it_listens() -> None:
    ports = dict.fromkeys(ROLES, 0)
    settings = Settings(host="0.0.0.0", name="msn.example", ports=ports, data=DATA)
    # The second login server is there when accounts live there.
    assert set(settings.listening) == set(ROLES) - {"home"}
    assert settings.listening.pop("private") == "127.0.0.1", "not for everybody"
    assert set(settings.listening.values()) == {"0.0.0.0", "127.0.0.1"}
    assert "home" in Settings(homes=["hotmail."]).listening


def test_the_private_port_has_a_host_of_its_own() -> None:
    settings = Settings(
        host="192.0.2.1", private_host="192.0.2.9", ports={"private": 9100}, data=DATA
    )
    assert settings.listening["private"] == "192.0.2.9"
    assert settings.listening["login"] == "192.0.2.1"


def test_a_role_listens_that_a_socket_was_given_for() -> None:
    given: Any = {"plain_http": object(), "private": object()}
    assert {"plain_http", "private"} <= set(Settings(sockets=given, data=DATA).listening)


def test_what_the_certificate_is_for() -> None:
    settings = Settings(name="msn.example", names=["login.live.com", "localhost"])
    assert settings.certified == [
        *("127.0.0.1", "::1", "localhost", "login.live.com", "msn.example"),
    ]


def test_names_are_put_right() -> None:
    settings = Settings(names="login.live.com", homes="Hotmail.", trusted_proxies="0:0:0:0:0:0:0:1")
    assert settings.names == ("login.live.com",)
    assert settings.homes == ("hotmail.",)
    assert settings.trusted_proxies == {"::1"}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"ports": {"nexus": 1}}, "no role nexus"),
        ({"ports": {"b": 1}, "sockets": {"a": None}}, "no role a, b"),
        ({"certificate": Path("c.pem")}, "go together"),
        ({"certificate_key": Path("k.pem")}, "go together"),
        ({"ports": {"private": 0}}, "data folder"),
        ({"sockets": {"private": None}}, "data folder"),
        ({"dialects": [20]}, "20"),
        ({"name": "my host"}, "no host name"),
        ({"names": ["a b"]}, "no host name"),
        ({"homes": ["a b"]}, "no domain"),
        ({"trusted_proxies": ["localhost"]}, "no IP address"),
    ],
)
def test_what_cannot_be_right(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(LocalProtocolError, match=why):
        Settings(**wrong)
    with pytest.raises(LocalProtocolError, match=why):
        run({}, **wrong)


def test_accounts_of_a_data_folder_are_not_given_to_run(tmp_path: Path) -> None:
    with pytest.raises(LocalProtocolError, match="in the folder"):
        run({"alice@example.com": "secret"}, data=tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_what_a_data_folder_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name in ("argon2", "limits") else object()
    )
    with pytest.raises(LocalProtocolError, match="is not installed here: argon2, limits") as caught:
        run(data=tmp_path)
    assert caught.value.hint == "pip install 'msnpauth[service]'"
    with pytest.raises(LocalProtocolError, match="is not installed here: argon2, limits"):
        open_directory(tmp_path)
    with run({"alice@example.com": "secret"}) as service:
        assert service.accounts.get("alice@example.com")


def test_a_cost_that_argon2_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(LocalProtocolError, match="argon2 does not take"):
        with run(data=tmp_path, argon2=Argon2(memory=1, passes=1)):
            pass
    with run(data=tmp_path, argon2=Argon2(memory=64, passes=1)) as service:
        assert service.online == [], "the folder was let go of"


def test_pages_need_a_data_folder_and_their_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for role in ("pages", "plain_pages"):
        with pytest.raises(LocalProtocolError, match="a service with a data folder"):
            Settings(ports={role: 0})
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "starlette" else name)
    with pytest.raises(LocalProtocolError, match="is not installed here: starlette") as caught:
        run(data=tmp_path, ports={"pages": 0})
    assert caught.value.hint == "pip install 'msnpauth[pages]'"
    run(data=tmp_path)


def test_who_may_sign_up() -> None:
    assert Settings().sign_up == "closed"
    with pytest.raises(LocalProtocolError, match="sign_up='everybody'"):
        Settings(sign_up="everybody")  # type: ignore[arg-type]


def test_what_may_hold_a_password_is_not_shown() -> None:
    """A report of an error in any function that has the settings shows what they hold."""
    url = "postgresql://msnpauth:geheim-1@db.example.net/msnpauth"
    settings = Settings(
        data=DATA, database=url, shared="valkey://:geheim-2@shared", keys=["geheim-3"]
    )
    assert settings.database == Secret(url)
    error = RuntimeError(vars(settings))
    assert_no_secret(error, "geheim-1", "geheim-2", "geheim-3")


@pytest.mark.parametrize("wrong", [["geheim-1"], [new_key()[:-3]], [new_key(), "geheim-1"], []])
def test_a_ring_that_is_none_is_not_shown(wrong: list[str]) -> None:
    with pytest.raises(LocalProtocolError, match="no ring of keys") as caught:
        with run({}, keys=wrong):
            pass
    assert_no_secret(caught.value, *wrong)


@pytest.mark.parametrize("name", ["names", "homes"])
def test_names_may_come_from_an_iterator(name: str) -> None:
    given: dict[str, Any] = {name: iter(["a.example"])}
    assert getattr(Settings(**given), name) == ("a.example",)


def test_dialects_may_come_from_an_iterator() -> None:
    assert Settings(dialects=iter([18, 12])).dialects == (18, 12)
    with run({}, dialects=iter([18, 12])) as service:
        assert service.online == []

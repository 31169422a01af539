"""The keyword arguments of `sign_in`: what they come to, and what cannot be."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, cast

import pytest

from msnpauth import (
    AsyncOptions,
    LocalProtocolError,
    Options,
    Reconnect,
    Secret,
    Servers,
    observe,
)
from msnpauth.core.client.actions import Connect, Prepare, Send
from msnpauth.core.urls import Address
from msnpauth.options import Plan, plan
from msnpauth.transports.sockets import SocketsTransport

TWN = Servers(notification="ns.example", login="https://login.example/")
SSO = Servers("msn.example", schemes=["SSO"])
KNOWN = Options.__optional_keys__


def planned(servers: Servers = TWN, **options: Any) -> Plan:
    return plan("alice@example.com", Secret("hunter2"), servers, cast("Options", options), KNOWN)


def test_what_nothing_is_said_of() -> None:
    found = planned()
    assert (found.timeout, found.tls, found.product, found.reconnect) == (
        30.0,
        (None, None),
        None,
        None,
    )
    assert (found.receive, found.fast_open, found.password) == (True, False, Secret("hunter2"))


def test_the_sign_in_has_not_begun() -> None:
    connect, *_ = (
        action for action in planned().machine.start() if not isinstance(action, Prepare)
    )
    assert connect == Connect(Address("ns.example", 1863))


def test_what_is_said_goes_where_it_belongs() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    policy = Reconnect(first=1.0)
    found = planned(
        ssl_context=context,
        timeout=5,
        fast_open=True,
        product=("PROD0119GSJUC$18", "ILTXC!4IXB5FB*PX"),
        reconnect=policy,
        receive=False,
        dialects=[9],
    )
    assert (found.timeout, type(found.timeout), found.tls) == (5.0, float, (None, context))
    assert (found.product, found.reconnect) == (("PROD0119GSJUC$18", "ILTXC!4IXB5FB*PX"), policy)
    assert (found.fast_open, found.receive) == (True, False)
    (ver,) = [
        command
        for action in found.machine.start()
        if isinstance(action, Send)
        for command in action.commands
        if command.verb == "VER"
    ]
    assert ver.args[0] == "MSNP9"


@pytest.mark.parametrize(
    ("given", "is_there"), [(None, False), (False, False), (True, True), (Reconnect(), True)]
)
def test_to_come_back_or_not(given: Reconnect | bool | None, is_there: bool) -> None:
    assert (planned(reconnect=given).reconnect is not None) is is_there


def test_whose_certificates_are_trusted() -> None:
    """The caller's come before the network's; a carrier of one's own has settings of its own."""
    servers = Servers(notification="ns.example", login="https://l.example/", ca_file="theirs.pem")
    assert planned(servers).tls == ("theirs.pem", None)
    assert planned(servers, ca_file="mine.pem").tls == ("mine.pem", None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert planned(servers, ssl_context=context).tls == (None, context)
    assert planned(servers, transport=SocketsTransport(context)).tls == (None, None)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": float("inf")},
        {"timeout": "5"},
        {"product": ("one",)},
        {"product": ("a b", "c")},
        {"reconnect": "yes"},
        {"scheme": "none"},
        {"dialects": [9, 18]},
        {"guid": "no guid"},
    ],
)
def test_what_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        planned(**options)


@pytest.mark.parametrize("kind", [Options, AsyncOptions])
def test_an_option_that_does_not_exist(kind: Any) -> None:
    with pytest.raises(TypeError, match=r"^sign_in\(\) got an unexpected keyword argument 'time_o"):
        plan("a@b", Secret("x"), TWN, kind(time_out=5), kind.__optional_keys__)


def test_both_drivers_know_the_same_options() -> None:
    assert Options.__optional_keys__ == AsyncOptions.__optional_keys__
    assert not Options.__required_keys__ | AsyncOptions.__required_keys__


def test_the_observer_hears_of_it() -> None:
    seen: list[observe.Event] = []
    found = planned(observer=seen.append)
    found.machine.start()
    found.machine.receive_data(b"VER 1 MSNP12\r\n")
    assert [event.text for event in seen if isinstance(event, observe.Received)] == ["VER 1 MSNP12"]
    assert found.watch.is_wanted


# --- the machine's GUID --------------------------------------------------------------------------

GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "guid"
    monkeypatch.setenv("MSNPAUTH_MACHINE_GUID_FILE", str(file))
    return file


def guid_of(found: Plan) -> str:
    return found.machine._journey.guid


def test_a_machine_is_known_by_the_same_name_each_time(kept: Path) -> None:
    first = guid_of(planned(SSO))
    assert first
    assert guid_of(planned(SSO)) == first
    assert first.strip("{}").lower() in kept.read_text().lower()


def test_a_name_that_is_given_is_not_looked_for(kept: Path) -> None:
    assert guid_of(planned(SSO, guid=GUID.lower())) == GUID
    assert not kept.exists()


def test_versions_that_do_not_name_the_machine_need_no_file(kept: Path) -> None:
    assert guid_of(planned(TWN)) == ""
    assert guid_of(planned(SSO, dialects=[15])) == ""
    assert not kept.exists()


def test_the_file_takes_nothing_of_the_options_away(kept: Path) -> None:
    found = planned(SSO, dialects=[18, 16], pipeline=False)
    said = [action for action in found.machine.start() if isinstance(action, Send)]
    (ver,) = said[0].commands
    assert ver.args[:2] == ("MSNP18", "MSNP16")

from __future__ import annotations

import ssl

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from conftest import Authority
from far import Far, bytewise
from msnpauth import Secret
from msnpauth.net.tls_connection import TlsConnection

NAME = "localhost"


def begun(
    context: ssl.SSLContext, host: str, session: ssl.SSLSession | None = None
) -> TlsConnection:
    near = TlsConnection(context, host, session)
    assert near.outgoing() == b""
    near.start()
    return near


def connected(authority: Authority, *, singly: bool = False) -> tuple[TlsConnection, Far]:
    near, far = begun(authority.client_tls, NAME), Far(authority.server_tls)
    far.shake_hands(near, singly=singly)
    assert near.is_secured
    return near, far


@pytest.mark.parametrize("singly", [False, True])
def test_both_hear_each_other(authority: Authority, singly: bool) -> None:
    near, far = connected(authority, singly=singly)
    near.send(b"hello")
    far.answer(near.outgoing())
    assert far.heard == b"hello"
    said = b""
    for piece in bytewise(far.say(b"welcome")) if singly else [far.say(b"welcome")]:
        near.receive(piece)
        said += near.read()
    assert said == b"welcome"
    assert near.read() == b""
    assert near.tls.version() == "TLSv1.3"
    assert (near.fault, near.has_ended) == (None, False)


@pytest.mark.parametrize(
    ("version", "flights"), [(ssl.TLSVersion.TLSv1_3, 1), (ssl.TLSVersion.TLSv1_2, 2)]
)
def test_the_round_trips_of_a_handshake(
    authority: Authority, version: ssl.TLSVersion, flights: int
) -> None:
    tls = authority.tls_for(NAME)
    tls.maximum_version = version
    assert Far(tls).shake_hands(begun(authority.client_tls, NAME)) == flights


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_a_session_is_resumed(authority: Authority, version: ssl.TLSVersion) -> None:
    tls = authority.tls_for(NAME)
    tls.maximum_version = version
    first = begun(authority.client_tls, NAME)
    Far(tls).shake_hands(first)
    assert first.read() == b""
    second = begun(authority.client_tls, NAME, first.tls.session)
    assert Far(tls).shake_hands(second) == 1
    assert second.tls.session_reused


def test_what_is_not_wanted_yet_waits(authority: Authority) -> None:
    """Also the tickets of TLS 1.3, for which OpenSSL would keep a large buffer."""
    near, far = connected(authority)
    tickets = near.waiting
    assert tickets > 0
    near.receive(far.say(b"one"))
    near.receive(far.say(b"two"))
    assert near.waiting > tickets
    assert near.read() == b"onetwo"
    assert near.waiting == 0


def test_much_at_once(authority: Authority) -> None:
    near, far = connected(authority)
    near.read()
    near.receive(b"".join(far.say(bytes([n]) * 16384) for n in range(60)))
    assert near.read() == b"".join(bytes([n]) * 16384 for n in range(60))
    near.send(b"x" * 1_000_000)
    far.answer(near.outgoing())
    assert far.heard == b"x" * 1_000_000


@pytest.mark.parametrize("good_bye", [True, False])
def test_the_end_behind_the_last_words(authority: Authority, good_bye: bool) -> None:
    near, far = connected(authority)
    near.receive(far.say(b"last words"))
    near.receive(far.leave() if good_bye else b"")
    assert not near.has_ended, "it was not read yet"
    assert near.read() == b"last words"
    assert (near.has_ended, near.fault) == (True, None)
    near.receive(b"whatever")
    assert near.read() == b""
    assert near.waiting == 0


def test_an_end_within_a_record(authority: Authority) -> None:
    near, far = connected(authority)
    near.receive(far.say(b"whole") + far.say(b"half")[:-1])
    near.receive(b"")
    assert near.read() == b"whole"
    assert (near.has_ended, near.fault) == (True, None)


@pytest.mark.parametrize("so_far", [0, 1, 50, 900])
def test_an_end_within_the_handshake(authority: Authority, so_far: int) -> None:
    near, far = begun(authority.client_tls, NAME), Far(authority.server_tls)
    near.receive(far.answer(near.outgoing())[:so_far] or b"")
    near.receive(b"")
    assert isinstance(near.fault, ssl.SSLEOFError)
    assert not near.is_secured


def test_a_certificate_of_an_unknown_authority(authority: Authority) -> None:
    near = begun(authority.client_tls, NAME)
    far = Far(authority.tls_for(NAME, ca=trustme.CA()))
    far.shake_hands(near)
    assert isinstance(near.fault, ssl.SSLCertVerificationError)
    assert near.fault.verify_code in (18, 19, 20)
    with pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):  # the server is told why
        far.answer(near.outgoing())
    near.receive(b"x")
    assert near.read() == b""


def test_a_certificate_for_another_name(authority: Authority) -> None:
    near = begun(authority.client_tls, "other.example")
    Far(authority.server_tls).shake_hands(near)
    assert isinstance(near.fault, ssl.SSLCertVerificationError)
    assert near.fault.verify_code == 62


@pytest.mark.parametrize("data", [b"220 welcome\r\n" * 10, b"HTTP/1.1 400 Bad\r\n\r\n"])
def test_a_peer_that_speaks_something_else(authority: Authority, data: bytes) -> None:
    near = begun(authority.client_tls, NAME)
    near.receive(data)
    assert isinstance(near.fault, ssl.SSLError)
    fault = near.fault
    near.receive(data)
    near.receive(b"")
    assert near.fault is fault
    assert fault.__traceback__ is None


def test_a_record_that_was_changed_on_its_way(authority: Authority) -> None:
    """What came before it is told; it itself is not, and nothing behind it."""
    near, far = connected(authority)
    good, changed = far.say(b"good"), bytearray(far.say(b"changed"))
    changed[-1] ^= 1
    near.receive(good + bytes(changed) + far.say(b"behind"))
    assert near.read() == b"good"
    assert isinstance(near.fault, ssl.SSLError)
    assert near.outgoing(), "an alert says so to the peer"


def test_settings_that_cannot_work(authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    near = begun(context, NAME)
    assert isinstance(near.fault, ssl.SSLError)
    assert not near.is_secured


def test_to_send_when_all_is_over(authority: Authority) -> None:
    """It is not kept: a password may stand in it."""
    near, far = connected(authority)
    near.receive(far.say(b"x")[:-1] + b"?")
    near.read()
    assert near.fault is not None
    near.send(b"secret")
    assert b"secret" not in near._unsent


def test_the_first_words_go_with_the_last_ones_of_the_handshake(authority: Authority) -> None:
    near, far = begun(authority.client_tls, NAME), Far(authority.server_tls)
    near.say_first(Secret("s\xe9cret"))
    near.receive(far.answer(near.outgoing()))
    assert near.is_secured
    far.answer(near.outgoing())
    assert far.heard == b"s\xe9cret"


def test_the_first_words_are_not_for_somebody_else(authority: Authority) -> None:
    """Nor do they lie about afterwards."""
    near, far = begun(authority.client_tls, NAME), Far(authority.tls_for(NAME, ca=trustme.CA()))
    near.say_first(Secret("secret"))
    far.shake_hands(near)
    assert isinstance(near.fault, ssl.SSLCertVerificationError)
    assert far.heard == b""
    assert near._first is None


@pytest.mark.parametrize("singly", [False, True])
def test_each_ticket_is_heard(authority: Authority, singly: bool) -> None:
    """OpenSSL keeps the last one: who wants each has to look behind each."""
    context = authority.tls_for(NAME)
    context.num_tickets = 3
    near, far = begun(authority.client_tls, NAME), Far(context)
    heard: list[ssl.SSLSession | None] = []
    near.heard_ticket = lambda: heard.append(near.tls.session)
    near.receive(far.answer(near.outgoing()))
    tickets = far.answer(near.outgoing())
    said = b""
    for piece in bytewise(tickets + far.say(b"words")) if singly else [tickets + far.say(b"words")]:
        near.receive(piece)
        said += near.read()
    assert said == b"words"
    assert len({session.id for session in heard if session is not None}) == 3
    assert len(heard) == 3, "words are no ticket"


@pytest.mark.parametrize("singly", [False, True])
@pytest.mark.parametrize("count", [256, 257])
def test_records_in_a_row_that_say_nothing(authority: Authority, singly: bool, count: int) -> None:
    """A flood of them costs this end more than the peer, which would keep an event loop busy."""
    context = authority.tls_for(NAME)
    context.num_tickets = count
    near, far = begun(authority.client_tls, NAME), Far(context)
    near.receive(far.answer(near.outgoing()))
    flood = far.answer(near.outgoing()) + far.say(b"words")
    said = b""
    for piece in bytewise(flood) if singly else [flood]:
        near.receive(piece)
        said += near.read()
    assert said == (b"words" if count == 256 else b"")
    assert isinstance(near.fault, ssl.SSLError) is (count == 257)


@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
def test_no_input_raises(authority: Authority, inputs: list[bytes], secured: bool) -> None:
    near = connected(authority)[0] if secured else begun(authority.client_tls, NAME)
    for data in inputs:
        near.receive(data)
        assert near.read() == b""
        near.outgoing()
    assert near.is_secured is secured

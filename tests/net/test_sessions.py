from __future__ import annotations

import gc
import os
import ssl
import time
import warnings
import weakref
from datetime import UTC, datetime, timedelta

import pytest
import trustme
import truststore

from conftest import Authority
from far import Far
from msnpauth import CertificateRejected, ConnectionFailed, SignInTimeout
from msnpauth.core.urls import Address
from msnpauth.net import sessions
from msnpauth.net.sessions import Resumption

HERE = Address("localhost", 443)
OLD = ssl.TLSVersion.TLSv1_2


@pytest.fixture
def near(authority: Authority) -> ssl.SSLContext:
    """Return settings of which there are no sessions yet."""
    return ssl.create_default_context(cafile=str(authority.ca_file))


@pytest.fixture(autouse=True)
def ready(monkeypatch: pytest.MonkeyPatch) -> sessions._Ready:
    """Let nothing be ready of what other tests have left."""
    made = sessions._Ready()
    monkeypatch.setattr(sessions, "_ready", made)
    return made


@pytest.fixture
def far(authority: Authority) -> ssl.SSLContext:
    return authority.tls_for("localhost", "127.0.0.1")


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_3, OLD])
def either(request: pytest.FixtureRequest, far: ssl.SSLContext) -> ssl.SSLContext:
    """Return a server of TLS 1.3, and one of TLS 1.2."""
    far.maximum_version = request.param
    return far


def connect(near: ssl.SSLContext, far: ssl.SSLContext, address: Address = HERE) -> bool:
    """Connect, and tell whether a session was resumed."""
    resumption = Resumption(near, address)
    tls = resumption.connection()
    tls.start()
    resumption.prepare()
    Far(far).shake_hands(tls)
    assert tls.is_secured
    tls.read()
    resumption.prepare()
    resumption.keep(tls.tls)
    return tls.tls.session_reused is True


def at_once(near: ssl.SSLContext, far: ssl.SSLContext, count: int) -> None:
    """Connect several times before the first one leaves a session."""
    begun = [
        (resumption, resumption.connection())
        for resumption in [Resumption(near, HERE) for _ in range(count)]
    ]
    for resumption, tls in begun:
        tls.start()
        Far(far).shake_hands(tls)
        tls.read()
        resumption.keep(tls.tls)


def offers(near: ssl.SSLContext, count: int) -> list[bool]:
    """Tell of so many connections that begin at once whether each has a session to offer."""
    return [Resumption(near, HERE).connection().tls.session is not None for _ in range(count)]


def test_the_second_connection_and_all_behind_it(
    near: ssl.SSLContext, either: ssl.SSLContext
) -> None:
    assert [connect(near, either) for _ in range(5)] == [False, True, True, True, True]


def test_a_session_is_offered_once(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    """A full handshake brings two, and one that was resumed one more."""
    connect(near, far)
    connect(near, far)
    assert offers(near, 3) == [True, True, False]


def test_there_is_always_one_in_stock(
    near: ssl.SSLContext, far: ssl.SSLContext, ready: sessions._Ready
) -> None:
    """While a connection waits, the next one is made ready by a session of the one before."""
    connect(near, far)
    for _ in range(3):
        resumption = Resumption(near, HERE)
        tls = resumption.connection()
        tls.start()
        assert not ready._found
        resumption.prepare()
        assert ready._found, "before this one has brought a session itself"
        Far(far).shake_hands(tls)
        tls.read()
        assert tls.tls.session_reused


def test_servers_that_bring_many(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    far.num_tickets = 7
    connect(near, far)
    assert offers(near, 3) == [True, True, False], "more would be of no use"


def test_a_record_without_words_that_is_no_ticket(
    near: ssl.SSLContext, far: ssl.SSLContext
) -> None:
    """It leaves nothing: a session that was kept twice would be offered twice."""
    far.num_tickets = 1
    resumption = Resumption(near, HERE)
    tls = resumption.connection()
    tls.start()
    Far(far).shake_hands(tls)
    tls.read()
    assert tls.heard_ticket is not None
    tls.heard_ticket()
    resumption.keep(tls.tls)
    assert offers(near, 2) == [True, False]


def test_a_server_that_sends_no_other_ticket(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    """The one that was offered is used: RFC 8446, C.4."""
    far.num_tickets = 1
    connect(near, far)
    far.num_tickets = 0
    assert connect(near, far)
    assert not connect(near, far)
    assert not offers(near, 1)[0]


def test_few_records_are_looked_at(
    near: ssl.SSLContext, far: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look copies a session, which takes longer than the server needs for its record."""
    far.num_tickets = 0
    resumption = Resumption(near, HERE)
    tls = resumption.connection()
    tls.start()
    Far(far).shake_hands(tls)
    looks: list[object] = []
    monkeypatch.setattr(resumption, "_keep", looks.append)
    assert tls.heard_ticket is not None
    for _ in range(1000):
        tls.heard_ticket()
    assert len(looks) == sessions._MOST_LOOKS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_process_that_was_forked_keeps_none(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    connect(near, far)
    held = vars(near)[sessions._PLACE]
    assert held.count(HERE) or sessions._ready._found
    with held._lock, sessions._ready._lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests have left threads
        child = os.fork()
        if not child:
            # Nothing of pytest's may run here. A lock that is still held would hang.
            os._exit(0 if offers(near, 1) == [False] and not sessions._ready._found else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert offers(near, 1) == [True]


def test_under_tls_1_2_again_and_again(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    far.maximum_version = OLD
    connect(near, far)
    assert offers(near, 3) == [True] * 3


def test_several_at_once(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    at_once(near, far, 20)
    assert offers(near, 20) == [True] * sessions._OF_EACH + [False] * (20 - sessions._OF_EACH)


def test_before_the_server_has_sent_one(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    resumption = Resumption(near, HERE)
    tls = resumption.connection()
    tls.start()
    Far(far).shake_hands(tls)
    resumption.keep(tls.tls)  # its tickets are there, and nobody has read them
    assert Resumption(near, HERE).connection().tls.session is None
    tls.read()
    resumption.keep(tls.tls)
    assert Resumption(near, HERE).connection().tls.session is not None


@pytest.mark.parametrize("other", [Address("localhost", 444), Address("127.0.0.1", 443)])
def test_for_another_server_there_is_none(
    near: ssl.SSLContext, far: ssl.SSLContext, other: Address
) -> None:
    connect(near, far)
    assert not connect(near, far, other)


def test_for_other_settings_there_is_none(
    authority: Authority, near: ssl.SSLContext, far: ssl.SSLContext
) -> None:
    connect(near, far)
    assert not connect(ssl.create_default_context(cafile=str(authority.ca_file)), far)


def change_names(context: ssl.SSLContext) -> None:
    context.check_hostname = not context.check_hostname


def change_flags(context: ssl.SSLContext) -> None:
    context.verify_flags ^= ssl.VERIFY_X509_STRICT


def change_common_name(context: ssl.SSLContext) -> None:
    context.hostname_checks_common_name = not context.hostname_checks_common_name


def change_trust(context: ssl.SSLContext) -> None:
    context.load_verify_locations(cadata=OTHER)


def change_least(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3


OTHER = ""


@pytest.mark.parametrize(
    "change", [change_names, change_flags, change_common_name, change_trust, change_least]
)
def test_a_context_that_was_changed_meanwhile(
    near: ssl.SSLContext,
    far: ssl.SSLContext,
    change: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was not checked then would not be checked now either."""
    monkeypatch.setitem(globals(), "OTHER", trustme.CA().cert_pem.bytes().decode())
    connect(near, far)
    assert callable(change)
    change(near)
    assert not connect(near, far)


def test_a_certificate_that_was_never_asked_for(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    near.check_hostname = False
    near.verify_mode = ssl.CERT_NONE
    assert [connect(near, far) for _ in range(3)] == [False] * 3
    near.verify_mode = ssl.CERT_REQUIRED
    near.check_hostname = True
    assert not connect(near, far)


def test_who_wants_no_tickets(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    near.options |= ssl.OP_NO_TICKET
    assert [connect(near, far) for _ in range(3)] == [False] * 3


def test_settings_that_check_in_ways_of_their_own(
    authority: Authority, far: ssl.SSLContext
) -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    resumption = Resumption(context, HERE)
    assert resumption._sessions is None

    class Own(ssl.SSLContext):
        pass

    own = Own(ssl.PROTOCOL_TLS_CLIENT)
    own.load_verify_locations(str(authority.ca_file))
    assert [connect(own, far) for _ in range(2)] == [False] * 2


class Clocks:
    """Both clocks, which a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.day, self.monotonic = time.time(), time.monotonic()
        monkeypatch.setattr("msnpauth.net.sessions.time.time", lambda: self.day)
        monkeypatch.setattr("msnpauth.net.sessions.time.monotonic", lambda: self.monotonic)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


DAY = 24 * 60 * 60


@pytest.mark.parametrize("clock", ["day", "monotonic"])
def test_for_no_more_than_a_day(
    near: ssl.SSLContext, either: ssl.SSLContext, clocks: Clocks, clock: str
) -> None:
    """Counted from the full handshake, however often it was resumed since."""
    assert not connect(near, either)
    setattr(clocks, clock, getattr(clocks, clock) + DAY - 2)
    assert connect(near, either)
    assert connect(near, either)
    setattr(clocks, clock, getattr(clocks, clock) + 3)
    assert not connect(near, either)
    assert connect(near, either)


def test_a_clock_that_was_set_back(
    near: ssl.SSLContext, either: ssl.SSLContext, clocks: Clocks
) -> None:
    connect(near, either)
    clocks.day -= 60
    assert not connect(near, either)


def test_not_beyond_the_end_of_the_certificate(
    authority: Authority, near: ssl.SSLContext, clocks: Clocks
) -> None:
    far = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = datetime.fromtimestamp(clocks.day, UTC) + timedelta(hours=1)
    authority.ca.issue_cert("localhost", not_after=end).configure_cert(far)
    connect(near, far)
    clocks.day += 3590
    assert connect(near, far)
    clocks.day += 20
    assert not connect(near, far)


def test_not_beyond_the_end_of_a_certificate_between(
    authority: Authority, near: ssl.SSLContext, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = datetime.fromtimestamp(clocks.day, UTC) + timedelta(hours=1)
    monkeypatch.setattr(trustme, "DEFAULT_EXPIRY", end)
    between = authority.ca.create_child_ca()
    far = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    between.issue_cert("localhost", not_after=end + timedelta(days=90)).configure_cert(far)
    connect(near, far)
    clocks.day += 3590
    assert connect(near, far)
    clocks.day += 20
    assert not connect(near, far)


def test_a_python_that_shows_no_chain(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    class Plain:
        def getpeercert(self) -> dict[str, str]:
            return {"notAfter": "Jan  5 09:34:43 2018 GMT"}

    assert sessions._end_of_certificates(Plain()) == 1515144883  # type: ignore[arg-type]


def test_a_server_that_has_forgotten_its_tickets(
    authority: Authority, near: ssl.SSLContext, either: ssl.SSLContext
) -> None:
    connect(near, either)
    other = authority.tls_for("localhost")
    other.maximum_version = either.maximum_version
    assert not connect(near, other), "a full handshake, by itself"
    assert connect(near, other)


def test_whether_a_session_was_to_blame(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    fresh = Resumption(near, HERE)
    fresh.connection()
    assert not fresh.is_to_blame(ConnectionFailed("x"))
    for error, is_to_blame in [
        (ConnectionFailed("x"), True),
        (CertificateRejected("x"), False),
        (SignInTimeout("x"), False),
    ]:
        connect(near, far)
        offering = Resumption(near, HERE)
        assert offering.connection().tls.session is not None
        assert offering.is_to_blame(error) is is_to_blame
        assert not offering.is_to_blame(error), "once: what failed then had no session"
        assert Resumption(near, HERE).connection().tls.session is None
    connect(near, far)
    without = Resumption(near, HERE, offer=False)
    assert without.connection().tls.session is None


def test_hosts_are_bounded(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    many = [Address("localhost", port) for port in range(1, 12 + sessions._HOSTS)]
    for address in many:
        connect(near, far, address)
        connect(near, far, address)
    kept = vars(near)[sessions._PLACE]
    assert len(kept._hosts) <= sessions._HOSTS
    found = [connect(near, far, address) for address in reversed(many)]
    assert found[: sessions._HOSTS] == [True] * sessions._HOSTS
    assert not all(found)


def test_what_is_ready_is_bounded(
    near: ssl.SSLContext, far: ssl.SSLContext, ready: sessions._Ready
) -> None:
    for port in range(1, 20):
        connect(near, far, Address("localhost", port))
    assert len(ready._found) == 8


def test_sessions_go_with_their_context(
    authority: Authority, far: ssl.SSLContext, ready: sessions._Ready
) -> None:
    """A session holds its context: it must not keep it for ever."""
    contexts = []
    for _ in range(12):
        context = ssl.create_default_context(cafile=str(authority.ca_file))
        for _ in range(3):
            Resumption(context, HERE)
            connect(context, far)
        at_once(context, far, 3)
        Resumption(context, HERE).prepare()
        assert vars(context)[sessions._PLACE]._hosts
        contexts.append(weakref.ref(context))
        del context
    gc.collect()
    assert sum(found() is not None for found in contexts) == len(ready._found) == 8
    ready._found.clear()
    gc.collect()
    assert [found() for found in contexts] == [None] * 12


def test_a_connection_that_is_broken_leaves_none(near: ssl.SSLContext, far: ssl.SSLContext) -> None:
    resumption = Resumption(near, HERE)
    tls = resumption.connection()
    tls.start()
    resumption.keep(tls.tls)
    assert not connect(near, far)

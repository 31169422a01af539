"""Checks a server with the TLS of old systems: handshakes that today's OpenSSL cannot do.

tlslite-ng (`pip install 'msnpauth[legacy]'`) speaks TLS 1.0 with 3DES and RC4. Only the handshake
is checked: no data is sent over these connections.

The ciphers of each system come from Microsoft's "Cipher Suites in Schannel" for Windows, and from
the release notes of OpenSSL 0.9.8 for Mac OS X before 10.9.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import NamedTuple

from ..core.errors import SignInError, Step
from ..core.urls import Address
from ..net.deadline import Deadline
from ..net.names import numeric
from ..net.sockets import connect_tcp, shut_down
from .finding import Finding, State, found
from .patient import Patient

__all__ = ["OLD_SYSTEMS", "old_tls"]


class _Offer(NamedTuple):
    """Ciphers that a client offers by TLS 1.0.

    Attributes:
        name: the name of the ciphers, for people.
        ciphers: the names of the ciphers in tlslite-ng.
        exchanges: the names of the key exchanges in tlslite-ng.
    """

    name: str
    ciphers: tuple[str, ...]
    exchanges: tuple[str, ...]


_RC4 = _Offer("RC4", ("rc4",), ("rsa",))
_3DES = _Offer("3DES", ("3des",), ("rsa",))
_AES = _Offer("AES", ("aes128", "aes256"), ("rsa",))
_AES_EC = _Offer("AES with ECDHE", ("aes128", "aes256"), ("ecdhe_rsa", "ecdhe_ecdsa"))


class OldSystem(NamedTuple):
    """An operating system whose own TLS its clients use.

    Attributes:
        name: the name of the system.
        offers: its ciphers; it is enough if the server accepts one of the offers.
        names_server: whether the system sends the server's name (SNI).
    """

    name: str
    offers: tuple[_Offer, ...]
    names_server: bool


OLD_SYSTEMS = (
    OldSystem("Windows 98, Me, 2000 and XP", (_RC4, _3DES), names_server=False),
    OldSystem("Windows Vista", (_AES, _AES_EC, _3DES, _RC4), names_server=True),
    OldSystem("Windows 7 without updates", (_AES, _AES_EC, _3DES, _RC4), names_server=True),
    OldSystem("Mac OS X before 10.9", (_AES, _3DES, _RC4), names_server=True),
)


def old_tls(patient: Patient) -> Iterator[Finding]:
    """Check each https server with the TLS of old systems."""
    title = "TLS of old systems"
    if find_spec("tlslite") is None:
        seen = "TLS 1.0 with 3DES or RC4 is out of reach of this Python"
        advice = "pip install 'msnpauth[legacy]'"
        yield found("MA-DOC-10", title, State.NOT_TRIED, seen, advice)
        return
    for place, (address, _) in patient.web_places().items():
        named = f"{title} with {place}"
        if place in patient.unreachable:
            yield found("MA-DOC-28", named, State.NOT_TRIED, "it cannot be reached")
        elif patient.is_over:
            yield found("MA-DOC-30", named, State.NOT_TRIED, "the time is up")
        else:
            yield _of_server(patient, address, named)


def _of_server(patient: Patient, address: Address, title: str) -> Finding:
    taken: dict[tuple[_Offer, bool], bool] = {}
    words, all_work = [], True
    for system in OLD_SYSTEMS:
        works = None
        for offer in system.offers:
            key = offer, system.names_server
            if key not in taken:
                taken[key] = _takes(address, offer, system.names_server, patient.patience())
            if taken[key]:
                works = offer
                break
        words.append(f"{system.name}: {f'yes, by {works.name}' if works else 'no'}")
        fact = f"old TLS: {system.name}"
        patient.facts[fact] = patient.facts.get(fact, True) and works is not None
        all_work = all_work and works is not None
    return found("MA-DOC-10", title, State.PASSED if all_work else State.WARNING, "; ".join(words))


def _takes(address: Address, offer: _Offer, names_server: bool, deadline: Deadline) -> bool:
    """Tell whether a server accepts an offer of TLS 1.0."""
    with warnings.catch_warnings():
        # tlslite-ng imports asyncore where it exists, to work with it.
        warnings.simplefilter("ignore", DeprecationWarning)
        from tlslite import HandshakeSettings, TLSConnection

    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 1)
    settings.cipherNames = list(offer.ciphers)
    settings.keyExchangeNames = list(offer.exchanges)
    settings.macNames = ["sha", "md5"]
    settings.minKeySize = 512
    try:
        sock = connect_tcp(address, deadline, Step.LOGIN)
    except SignInError:
        return False
    # tlslite's time-out is for each packet: a server that sends byte by byte would never end.
    watchdog = threading.Timer(max(0.05, deadline.remaining()), shut_down, [sock])
    watchdog.daemon = True
    watchdog.start()
    try:
        sock.settimeout(max(0.05, deadline.remaining()))
        connection = TLSConnection(sock)
        # SNI must not be an IP address (RFC 6066, section 3), and an empty name is not valid.
        name = address.host if names_server and not numeric(address) else None
        connection.handshakeClientCert(settings=settings, serverName=name)
    except Exception:  # noqa: BLE001 - tlslite-ng's own errors and those of sockets all mean no
        return False
    else:
        return True
    finally:
        watchdog.cancel()
        sock.close()

"""The steps of an examination, in their order."""

from __future__ import annotations

import os
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import PurePath

from ..core.credentials import as_secret, check_passport, check_password
from ..core.errors import LocalProtocolError, SignInError
from ..core.secrets import Secret
from ..core.servers import Servers
from ..net.deadline import check_timeout
from ..observe import Event
from ..transports import make_transport
from . import account, conformance, encryption, generations, legacy, reach, versions, web
from .finding import Finding, State, failed, found
from .patient import Patient

__all__ = ["Examination", "examine"]

Step = Callable[[Patient], Iterator[Finding]]

_STEPS: tuple[tuple[str, Step], ...] = (
    ("looking up the names", reach.look_ups),
    ("connecting to each address", reach.connections),
    ("offering each MSNP version", versions.negotiated),
    ("going the way to a notification server", versions.opening),
    ("asking the nexus", web.nexus),
    ("reading certificates and clocks", encryption.encryption),
    ("trying the TLS of old systems", legacy.old_tls),
    ("asking the login server", web.login_server),
    ("asking RST and RST2", web.rst_services),
    ("asking the contacts host", web.contacts_host),
    ("signing in", account.sign_ins),
)
_CONFORMANCE: tuple[tuple[str, Step], ...] = (
    ("sending what clients send", conformance.conformance),
    ("judging which clients sign on", generations.judged),
)
_WITHOUT_TIME = frozenset({"judging which clients sign on"})


class Examination:
    """An examination of a network, and perhaps of an account; iterating over it performs it.

    Args:
        servers: the addresses of the network's servers.
        passport: the account, or None for only those checks that need no account.
        password: the account's password.
        ca_file: certificates to trust, in PEM, instead of the system's.
        timeout: seconds for the whole examination; later steps are not tried.
        conformance: also send the requests of old and faulty clients, and judge which clients can
            sign on.
        progress: is called with the title of each step.
        transport: the name of the carrier for HTTPS; certificates and TLS are checked without it.
        words: translates advice: the command replaces the library's keywords by its options.

    Attributes:
        servers: the argument of that name.
        passport: the argument of that name.
        findings: the findings so far.
        began: the time of the beginning, in seconds of `time.time()`.

    Raises:
        LocalProtocolError: an argument cannot be right; nothing was sent.
    """

    def __init__(
        self,
        servers: Servers,
        passport: str | None = None,
        password: str | Secret | None = None,
        *,
        ca_file: str | os.PathLike[str] | None = None,
        timeout: float = 60.0,
        conformance: bool = False,
        progress: Callable[[str], None] | None = None,
        transport: str | None = None,
        words: Callable[[str], str] = lambda advice: advice,
    ) -> None:
        secret = None if password is None else check_password(as_secret(password))
        password = secret
        if not isinstance(servers, Servers):
            raise LocalProtocolError(
                "servers= is not a Servers", hint='as in Servers("messenger.example")'
            )
        if passport is None and secret is not None:
            raise LocalProtocolError("a password without a passport")
        self.servers = servers
        self.passport = None if passport is None else check_passport(passport)
        self.findings: list[Finding] = []
        self.began = time.time()
        self._steps = deque(_STEPS + (_CONFORMANCE if conformance else ()))
        self._words = words
        self._progress = progress or (lambda _: None)
        if transport is not None:
            make_transport(transport, ca_file, None).close()
        self._patient = Patient(
            servers,
            self.passport,
            secret,
            ca_file=ca_file,
            timeout=check_timeout(timeout),
            transport=transport,
        )

    def __iter__(self) -> Iterator[Finding]:
        """Perform the steps that are left, and yield their findings."""
        while self._steps:
            title, step = self._steps.popleft()
            self._progress(title)
            for finding in self._done(title, step):
                told = finding._replace(advice=self._words(finding.advice))
                self.findings.append(told)
                yield told

    def _done(self, title: str, step: Step) -> Iterator[Finding]:
        """Perform a step; an error becomes a finding, so that the next step is performed."""
        if self._patient.is_over and title not in _WITHOUT_TIME:
            yield found("MA-DOC-30", title, State.NOT_TRIED, "the time for the examination is up")
            return
        try:
            yield from step(self._patient)
        except SignInError as error:
            yield failed(title, error)
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not lose the findings
            place = traceback.extract_tb(fault.__traceback__)[-1]
            seen = f"the doctor met a fault of its own ({type(fault).__name__} at"
            seen += f" {PurePath(place.filename).name} line {place.lineno})"
            yield found("MA-ERR-02", title, State.FAILED, seen)

    @property
    def events(self) -> list[Event]:
        """The events of the sign-in that is to be drawn; secrets are masked in them."""
        return [] if self._patient.witness is None else list(self._patient.witness.events)

    @property
    def round_trip(self) -> float | None:
        """Seconds that a connection to the notification server took; None when there was none."""
        return self._patient.round_trip


def examine(
    servers: Servers,
    passport: str | None = None,
    password: str | Secret | None = None,
    *,
    ca_file: str | os.PathLike[str] | None = None,
    timeout: float = 60.0,
) -> Iterator[Finding]:
    """Examine a network, and yield each finding as soon as there is one.

    Each server receives as few and as small requests as possible, one after another. An account is
    signed in once by each scheme, which may end another session of the account (OUT OTH); a
    password that was refused is not sent again.

    Args:
        servers: the addresses of the network's servers.
        passport: the account, or None for only those checks that need no account.
        password: the account's password.
        ca_file: certificates to trust, in PEM, instead of the system's.
        timeout: seconds for the whole examination; later steps are not tried.

    Raises:
        LocalProtocolError: an argument cannot be right; nothing was sent.
    """
    password = None if password is None else as_secret(password)
    return iter(Examination(servers, passport, password, ca_file=ca_file, timeout=timeout))

"""Checks nexus, login, RST and contacts host, without an account.

Each server except the nexus receives a request that it has to refuse: for a ticket of an account
that does not exist, or for a contact list without a ticket. The refusal shows that the right
service answers.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import TypeVar

from ..core.errors import SignInError, SignInTimeout, WrongCredentials
from ..core.people.soap import call
from ..core.secrets import Secret
from ..core.tickets.exchange import Exchange, Response
from ..core.tickets.passport14 import find_login, request_ticket
from ..core.tickets.rst import MESSENGER_CLEAR, Soap, policy_for, request_tickets
from ..core.urls import Url
from ..sync.exchange import run_exchange
from ..transports import make_transport
from ..watch import SILENT
from .finding import Finding, State, failed, found
from .patient import NOBODY, Patient

__all__ = ["carried", "contacts_host", "login_server", "nexus", "rst_services", "sample_challenge"]

T = TypeVar("T")

SPELLED = "PassportURLs"


def sample_challenge() -> str:
    """Return a challenge like those of notification servers (hypothetic.org), with today's time."""
    return (
        f"lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct={time.time():.0f},"
        "kpp=1,kv=5,ver=2.1.0173.1,tpf=43f8a4c8ed940c04e3740be46c4d1619"
    )


def carried(patient: Patient, exchange: Exchange[T], answers: list[Response]) -> T:
    """Carry an exchange, and put its answers into a list.

    Raises:
        SignInError: the error that the exchange ends with.
    """
    transport = make_transport(patient.transport, patient.ca_file, None)
    try:
        return run_exchange(_kept(exchange, answers), transport, patient.patience(), SILENT)
    finally:
        transport.close()


def _kept(exchange: Exchange[T], answers: list[Response]) -> Exchange[T]:
    """Pass the requests of an exchange on, and keep the answers."""
    try:
        request = next(exchange)
        while True:
            try:
                response = yield request
            except SignInError as error:
                request = exchange.throw(error)
            else:
                answers.append(response)
                request = exchange.send(response)
    except StopIteration as end:
        result: T = end.value
        return result


def nexus(patient: Patient) -> Iterator[Finding]:
    """Ask the nexus for the login server."""
    url = patient.servers.nexus
    if url is None:
        yield found("MA-DOC-28", "nexus", State.NOT_TRIED, "no nexus is known")
        return
    title = f"nexus {url}"
    if not patient.can_reach(url):
        yield found("MA-DOC-28", title, State.NOT_TRIED, "its host cannot be reached")
        return
    answers: list[Response] = []
    try:
        patient.login = carried(patient, find_login(patient.servers), answers)
    except SignInError as error:
        patient.facts["nexus"] = False
        if isinstance(error, SignInTimeout):
            patient.unreachable.add(str(url.address))  # the server is not waited for again
        yield failed(title, error)
        return
    patient.facts["nexus"] = True
    yield found("MA-DOC-11", title, State.PASSED, f"it names the login server {patient.login}")
    names = [name for name, _ in answers[-1].headers if name.lower() == SPELLED.lower()]
    is_exact = names[:1] == [SPELLED]
    patient.facts["header spelling"] = is_exact
    seen = f"the header is spelled {', '.join(names)}"
    state = State.PASSED if is_exact else State.WARNING
    yield found("MA-DOC-23", "spelling of PassportURLs", state, seen)


def login_server(patient: Patient) -> Iterator[Finding]:
    """Ask the login server for a ticket of an account that does not exist."""
    url = patient.login_url
    if url is None:
        yield found("MA-DOC-28", "login server", State.NOT_TRIED, "no login server is known")
        return
    exchange = request_ticket(url, NOBODY, _guess(), sample_challenge(), patient.servers)
    yield from _refused(patient, "MA-DOC-12", f"login server {url}", url, exchange)


def rst_services(patient: Patient) -> Iterator[Finding]:
    """Ask both RST services for a ticket of an account that does not exist."""
    servers = patient.servers
    for code, soap, url in (
        ("MA-DOC-13", Soap.RST, servers.rst),
        ("MA-DOC-14", Soap.RST2, servers.rst2),
    ):
        if url is None:
            seen = f"no {soap.value} service is known"
            yield found("MA-DOC-28", soap.value, State.NOT_TRIED, seen)
            continue
        wanted = {MESSENGER_CLEAR: policy_for(MESSENGER_CLEAR)}
        exchange = request_tickets(url, soap, NOBODY, _guess(), wanted, servers=servers)
        title = f"{soap.value} service {url}"
        yield from _refused(patient, code, title, url, exchange)


def _guess() -> Secret:
    """Return a random password."""
    return Secret(secrets.token_hex(8))


def _refused(
    patient: Patient, code: str, title: str, url: Url, exchange: Exchange[object]
) -> Iterator[Finding]:
    """Check that an exchange is refused: anything else is a failure, especially a ticket."""
    fact = title.partition(" ")[0].lower()  # login, rst or rst2
    if not patient.can_reach(url):
        yield found("MA-DOC-28", title, State.NOT_TRIED, "its host cannot be reached")
        return
    try:
        carried(patient, exchange, [])
    except WrongCredentials as error:
        patient.facts[fact] = True
        seen = f"an account that nobody has is refused ({error.code})"
        yield found(code, title, State.PASSED, seen)
    except SignInError as error:
        patient.facts[fact] = False
        if isinstance(error, SignInTimeout):
            patient.unreachable.add(str(url.address))
        yield failed(title, error)
    else:
        patient.facts[fact] = True
        seen = "it granted a ticket to an account that nobody has, for any password"
        advice = "the server checks no passwords: do not give it one that matters"
        yield found(code, title, State.FAILED, seen, advice)


def contacts_host(patient: Patient) -> Iterator[Finding]:
    """Ask the contacts host for a list without a ticket."""
    url = patient.servers.contacts
    if url is None:
        yield found("MA-DOC-28", "contacts host", State.NOT_TRIED, "no contacts host is known")
        return
    title = f"contacts host {url.origin}"
    if not patient.can_reach(url):
        yield found("MA-DOC-28", title, State.NOT_TRIED, "its host cannot be reached")
        return
    asked = "<serviceFilter><Types><ServiceType>Messenger</ServiceType></Types></serviceFilter>"
    exchange = call(patient.servers, Secret("t=&p="), "FindMembership", asked)
    answers: list[Response] = []
    try:
        carried(patient, exchange, answers)
    except SignInError as error:
        # Services of hobby networks (Escargot) answer 401 or 403 to a ticket that they do not
        # know, others send a fault without a code.
        is_fault = bool(answers) and b"Fault" in answers[-1].body
        refuses = is_fault or error.code in (401, 403)
        patient.facts["contacts"] = refuses
        if refuses:
            seen = f"a request without a ticket is refused ({error.code or 'a fault'})"
            yield found("MA-DOC-15", title, State.PASSED, seen)
        else:
            yield failed(title, error)
    else:
        patient.facts["contacts"] = True
        seen = "it gives a list to a request without a ticket"
        yield found("MA-DOC-15", title, State.WARNING, seen)

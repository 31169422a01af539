"""Calls by SOAP with a ticket, as generators of requests (libpurple soap.c; msnp-sharp MSNWS).

From MSNP13 on the notification server does not tell the contact list. Two services of one host
have it: SharingService keeps who may see the account, ABService keeps the address book. `call` asks
either; `post` carries an envelope to any service.
"""

from __future__ import annotations

from html import escape
from xml.etree.ElementTree import Element

from ..errors import CommandRefused, RemoteProtocolError, ServiceUnavailable, SignInError, Step
from ..secrets import Secret, told
from ..servers import Servers
from ..tickets.exchange import Exchange, Request, Response
from ..tickets.ticket import utc_now
from ..tickets.verdicts import MAX_REDIRECTS, REDIRECTS, fault, follow, too_many, unavailable
from ..tickets.xml import BadXml, find, parse, text_of
from ..urls import Url

__all__ = ["AB", "call", "envelope", "post"]

AB = "http://www.msn.com/webservices/AddressBook"
"""The namespace of both services, and the beginning of each SOAPAction."""

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
# What an official client of Messenger 8.1 calls itself there (libpurple contact.h).
_APPLICATION = "09607671-1C32-421F-A6A6-CBFAA51AB5F4"
_SHARING = frozenset({"FindMembership", "AddMember", "DeleteMember"})

# An entry takes about 1,500 bytes at Escargot, and a list of 3,000 is more than anybody has.
_MAX_ANSWER = 16 * 1024 * 1024


def call(
    servers: Servers,
    ticket: Secret,
    operation: str,
    content: str,
    *,
    scenario: str = "Initial",
) -> Exchange[Element]:
    """Call an operation of the contacts host; return the body of its answer.

    Args:
        servers: the network; `servers.contacts` is set.
        ticket: the ticket for the contacts host.
        operation: its name, as `ABFindAll`.
        content: the XML within its element.
        scenario: why the client calls; the service keeps statistics of it.

    Raises:
        SignInError: as `post`.
    """
    assert servers.contacts is not None  # the caller saw to it
    service = "SharingService" if operation in _SHARING else "abservice"
    url = Url.parse(f"{servers.contacts.origin}/abservice/{service}.asmx")
    asked = f'<{operation} xmlns="{AB}">{content}</{operation}>'
    body = Secret(envelope(_header(ticket, scenario), asked))
    return (yield from post(servers, url, f"{AB}/{operation}", body, secrets=(ticket,)))


def post(
    servers: Servers, url: Url, action: str, body: Secret, *, secrets: tuple[Secret, ...]
) -> Exchange[Element]:
    """Post an envelope, and return the body of the answer.

    Args:
        servers: the network, which says where a redirect may lead.
        url: where the service is.
        action: the SOAPAction, which ends in the operation's name.
        body: the envelope.
        secrets: what must not be told to anybody, though the service repeats it. Of a ticket, its
            two halves are kept back as well.

    Raises:
        CommandRefused: the service understood, and does not do it; `code` is its word for why.
        ServiceUnavailable: it is busy or down.
        RemoteProtocolError: the answer makes no sense.
    """
    for _ in range(MAX_REDIRECTS + 1):
        request = Request(
            "POST",
            url,
            (
                ("User-Agent", "MSMSGS"),
                ("Content-Type", "text/xml; charset=utf-8"),
                ("SOAPAction", f'"{action}"'),
                ("Cache-Control", "no-cache"),
            ),
            body,
            step=Step.CONTACTS,
            wants_body=True,
            secrets=(*secrets, *(half for secret in secrets for half in _halves(secret))),
            max_body=_MAX_ANSWER,
        )
        response = yield request
        if response.status not in REDIRECTS:
            return _read(response, request, action.rpartition("/")[2])
        url = follow(response.header("Location"), request, response, servers)
    raise too_many(request)


def _halves(ticket: Secret) -> list[Secret]:
    """Return `t` and `p` of `t=…&p=…`."""
    parts = (part.partition("=") for part in ticket.reveal().split("&"))
    return [Secret(value) for _, _, value in parts if value]


def envelope(header: str, body: str) -> str:
    """Return an envelope with this content of its Header and its Body."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{_SOAP}"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        f"<soap:Header>{header}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    )


def _header(ticket: Secret, scenario: str) -> str:
    return (
        f'<ABApplicationHeader xmlns="{AB}"><ApplicationId>{_APPLICATION}</ApplicationId>'
        f"<IsMigration>false</IsMigration><PartnerScenario>{scenario}</PartnerScenario>"
        f'</ABApplicationHeader><ABAuthHeader xmlns="{AB}">'
        "<ManagedGroupRequest>false</ManagedGroupRequest>"
        f"<TicketToken>{escape(ticket.reveal())}</TicketToken></ABAuthHeader>"
    )


def _read(response: Response, request: Request, operation: str) -> Element:
    """Return the element of the answer.

    Raises:
        SignInError: it is a fault, an error of HTTP, or nothing that can be read.
    """
    try:
        root = parse(response.body) if response.body else None
    except BadXml as problem:
        root, complaint = None, str(problem)
    else:
        complaint = "the answer is empty" if root is None else "the answer is no SOAP"
    if root is not None:
        problem_told = find(root, "Fault")
        if problem_told is not None:
            raise _refused(problem_told, request, response, operation)
        body = find(root, "Body")
        if response.status < 400:
            # Some services answer a change by an empty Body: it was done all the same.
            return body if body is not None else root
    if response.status == 429 or response.status >= 500:
        raise unavailable(response, request, utc_now)
    raise fault(complaint, request, response)


def _refused(found: Element, request: Request, response: Response, operation: str) -> SignInError:
    """Return the error for a Fault."""
    code = told(text_of(found, "errorcode") or "", *request.secrets, limit=40)
    words = told(text_of(found, "faultstring") or "", *request.secrets, limit=100).strip()
    server = request.url.origin
    if code:
        text = f"{operation} was refused"
        return CommandRefused(
            text, step=request.step, server=server, code=code, server_text=words or None, hint=""
        )
    if response.status == 503:
        return ServiceUnavailable("the server has trouble", step=request.step, server=server)
    return RemoteProtocolError(
        f"the server did not take {operation}",
        step=request.step,
        server=server,
        code=response.status,
        server_text=words or None,
    )

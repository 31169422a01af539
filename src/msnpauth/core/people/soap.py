"""Calls by SOAP with a ticket, as generators of requests (libpurple soap.c; msnp-sharp MSNWS).

From MSNP13 on the notification server does not send the contact list. Two services of one host have
it: SharingService keeps the people who may see the account, ABService keeps the address book.
`call` calls one of the two; `post` sends an envelope to any service.
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
"""The XML namespace of both services, and the beginning of each SOAPAction."""

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
# The ApplicationId of an official client, Messenger 8.1 (libpurple contact.h).
_APPLICATION = "09607671-1C32-421F-A6A6-CBFAA51AB5F4"
_SHARING = frozenset({"FindMembership", "AddMember", "DeleteMember"})

# An entry has about 1,500 bytes at Escargot, and no known list has as many as 3,000 entries.
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
        servers: the servers of the network; `servers.contacts` must be set.
        ticket: the ticket for the contacts host.
        operation: the name of the operation, such as `ABFindAll`.
        content: the XML inside the element of the operation.
        scenario: the PartnerScenario, which names the reason of the call.

    Raises:
        SignInError: as `post`.
    """
    assert servers.contacts is not None  # the caller has checked this
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
        servers: the servers of the network, to which a redirect may lead.
        url: the address of the service.
        action: the SOAPAction, which ends in the operation's name.
        body: the envelope.
        secrets: texts that must not appear in errors and logs, even if the service repeats them.
            The two halves of a ticket are kept out as well.

    Raises:
        CommandRefused: the service refuses the operation; `code` is its error code.
        ServiceUnavailable: the service is busy or down.
        RemoteProtocolError: the answer is not valid.
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
    """Return a SOAP envelope whose Header and Body have this XML as their content."""
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
    """Return the Body element of the answer, or its root if there is no Body.

    Raises:
        SignInError: the answer is a SOAP fault, an HTTP error, or not readable.
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
            # Some services answer a successful change with an empty Body.
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

"""The RST role, without I/O: tickets by SOAP, in small answers, which old clients need.

libpurple uses the number in `Compact1` as the place of the address in its own request, and crashes
on white space between answers; msn-pecan stalls on answers over 4 KB. For RST, a Fault is directly
under Envelope, because libpurple reads no other; for RST2, it is in Body.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial

from ...core.secrets import Secret
from ...core.tickets.rst import MESSENGER_CLEAR, Soap
from ...core.tickets.ticket import utc_now
from ...core.tickets.xml import BadXml, escape_xml, find, find_all, parse, text_of
from ...core.wire.dialects import Scheme
from ..tickets import TicketOffice
from .door import Door
from .web import Answerer, WebAnswer, WebRequest

__all__ = ["RstRole", "rst_reply"]

_LEGACY = "http://Passport.NET/tb"
_MAX_TOKENS = 16

_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PSF = "http://schemas.microsoft.com/Passport/SoapServices/SOAPFault"
_NAMESPACES = {
    Soap.RST: {
        "S": "http://schemas.xmlsoap.org/soap/envelope/",
        "wsse": "http://schemas.xmlsoap.org/ws/2003/06/secext",
        "wst": "http://schemas.xmlsoap.org/ws/2004/04/trust",
        "wsa": "http://schemas.xmlsoap.org/ws/2004/03/addressing",
        "wsp": "http://schemas.xmlsoap.org/ws/2002/12/policy",
    },
    Soap.RST2: {
        "S": "http://www.w3.org/2003/05/soap-envelope",
        "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
        "wst": "http://schemas.xmlsoap.org/ws/2005/02/trust",
        "wsa": "http://www.w3.org/2005/08/addressing",
        "wsp": "http://schemas.xmlsoap.org/ws/2004/09/policy",
    },
}


class RstRole:
    """RST and RST2 of one address.

    Args:
        door: checks passwords.
        tickets: issues tickets.
        now: returns the present time, in UTC.
    """

    def __init__(
        self,
        door: Door,
        tickets: TicketOffice,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._door = door
        self._tickets = tickets
        self._now = now

    def paths(self) -> dict[str, Answerer]:
        """Return the table of paths for a `WebSite`."""
        return {
            "POST /RST.srf": partial(self._answer, soap=Soap.RST),
            "POST /RST2.srf": partial(self._answer, soap=Soap.RST2),
        }

    async def _answer(self, request: WebRequest, soap: Soap) -> WebAnswer:
        body = await rst_reply(request, soap, self._door, self._tickets, self._now)
        return WebAnswer(200, (("Content-Type", "text/xml"),), body)


async def rst_reply(
    request: WebRequest,
    soap: Soap,
    door: Door,
    tickets: TicketOffice,
    now: Callable[[], datetime],
) -> bytes:
    """Return the envelope that answers a request: tickets, or a Fault."""
    try:
        root = parse(request.body)
    except BadXml:
        return _fault(soap, bad_request=True)
    login = find(root, "UsernameToken")
    addresses = [text_of(token, "Address") for token in find_all(root, "RequestSecurityToken")]
    # The legacy token has number 0, whether it is requested or not.
    first = 0 if addresses and (addresses[0] or "").lower() == _LEGACY.lower() else 1
    asked = [(number, address) for number, address in enumerate(addresses, first) if address]
    if login is None or not asked or len(asked) > _MAX_TOKENS:
        return _fault(soap, bad_request=True)
    given = find(login, "Password")
    passport = text_of(login, "Username") or ""
    password = Secret((given.text if given is not None else "") or "")
    # Clients that use TWN request `messenger.msn.com`; a ticket with a secret is for SSO.
    scheme = Scheme.TWN
    if any(address.lower() == MESSENGER_CLEAR for _, address in asked):
        scheme = Scheme.SSO
    proof = await door.check(passport, password, scheme, request.address)
    if proof is None:
        return _fault(soap, bad_request=False)
    issue = partial(tickets.issue, passport, stamp=proof.stamp)
    granted = "".join(
        _nothing(address)
        if address.lower() == _LEGACY.lower()
        else _granted(soap, number, address, issue=issue, now=now())
        for number, address in asked
    )
    collection = "wst:RequestSecurityTokenResponseCollection"
    return _envelope(soap, f"<S:Body><{collection}>{granted}</{collection}></S:Body>")


def _nothing(address: str) -> str:
    """Return the answer at the place of the legacy token, for clients that count answers (`forms`).

    The token itself is for renewals by its own key, which this service does not offer.
    """
    response = "wst:RequestSecurityTokenResponse"
    return f"<{response}>{_applies_to(address)}</{response}>"


def _applies_to(address: str) -> str:
    return (
        "<wsp:AppliesTo><wsa:EndpointReference><wsa:Address>"
        f"{escape_xml(address)}</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>"
    )


def _granted(
    soap: Soap,
    number: int,
    address: str,
    *,
    issue: Callable[..., tuple[str, datetime]],
    now: datetime,
) -> str:
    secret = None
    if address.lower() == MESSENGER_CLEAR:
        secret = Secret(base64.b64encode(secrets.token_bytes(24)).decode())
    ticket, expires = issue(site=address.lower(), secret=secret)
    # The name of the element is spelled differently in RST and RST2 (Escargot's samples).
    lifetime = "LifeTime" if soap is Soap.RST else "Lifetime"
    proof = ""
    if secret is not None:
        proof = (
            "<wst:RequestedProofToken><wst:BinarySecret>"
            f"{secret.reveal()}</wst:BinarySecret></wst:RequestedProofToken>"
        )
    return (
        "<wst:RequestSecurityTokenResponse><wst:TokenType>urn:passport:compact</wst:TokenType>"
        f"{_applies_to(address)}<wst:{lifetime}><wsu:Created>{now:%Y-%m-%dT%H:%M:%SZ}</wsu:Created>"
        f"<wsu:Expires>{expires:%Y-%m-%dT%H:%M:%SZ}</wsu:Expires></wst:{lifetime}>"
        f'<wst:RequestedSecurityToken><wsse:BinarySecurityToken Id="Compact{number}">'
        f"{escape_xml(ticket)}</wsse:BinarySecurityToken></wst:RequestedSecurityToken>{proof}"
        "</wst:RequestSecurityTokenResponse>"
    )


def _fault(soap: Soap, *, bad_request: bool) -> bytes:
    """Return a Fault for a bad request, or for a wrong password or an unknown account alike."""
    if soap is Soap.RST:
        code, text = (
            ("S:Client", "Invalid Request")
            if bad_request
            else ("wsse:FailedAuthentication", "Authentication Failure")
        )
        content = f"<faultcode>{code}</faultcode><faultstring>{text}</faultstring>"
        return _envelope(soap, f"<S:Fault>{content}</S:Fault>")
    sub, value, text = (
        ("wst:InvalidRequest", "0x80048820", "Invalid Request")
        if bad_request
        else ("wst:FailedAuthentication", "0x80048821", "Authentication Failure")
    )
    content = (
        f"<S:Code><S:Value>S:Sender</S:Value><S:Subcode><S:Value>{sub}</S:Value></S:Subcode>"
        f'</S:Code><S:Reason><S:Text xml:lang="en-US">{text}</S:Text></S:Reason>'
        f"<S:Detail><psf:error><psf:value>{value}</psf:value></psf:error></S:Detail>"
    )
    return _envelope(soap, f"<S:Body><S:Fault>{content}</S:Fault></S:Body>")


def _envelope(soap: Soap, content: str) -> bytes:
    names = {**_NAMESPACES[soap], "wsu": _WSU, "psf": _PSF}
    declared = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in names.items())
    head = '<?xml version="1.0" encoding="utf-8" ?>'
    return f"{head}<S:Envelope{declared}>{content}</S:Envelope>".encode()

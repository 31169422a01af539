"""RST and RST2: tickets by SOAP, as a generator of requests (ywiki rst; libpurple; msnp-sharp).

One request asks for tickets for any number of addresses. Answers are matched by address, never by
their order or their Id, which servers number differently.
"""

from __future__ import annotations

import base64
import enum
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from html import escape
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from ..credentials import about_length
from ..errors import (
    AccountBlocked,
    LocalProtocolError,
    RemoteProtocolError,
    ServiceUnavailable,
    SignInError,
    Step,
    WrongCredentials,
)
from ..patterns import pattern
from ..secrets import Secret, told
from ..servers import Servers
from ..urls import Url
from .exchange import Exchange, Request, Response
from .ticket import Ticket, utc_now
from .verdicts import (
    MAX_REDIRECTS,
    REDIRECTS,
    explained,
    fault,
    follow,
    passport_fields,
    refused,
    speaks_passport,
    too_many,
    unavailable,
)
from .xml import BadXml, children, find, find_all, outermost, parse, text_of

__all__ = [
    "MESSENGER",
    "MESSENGER_CLEAR",
    "Soap",
    "parse_reply",
    "policy_for",
    "policy_for_challenge",
    "request_body",
    "request_params",
    "request_tickets",
]

MESSENGER_CLEAR = "messengerclear.live.com"
"""The address whose ticket signs in by SSO."""
MESSENGER = "messenger.msn.com"
"""The address whose ticket signs in by TWN."""

# The address of the old Passport, for which every client requests a token first and which is
# "always required" (ywiki rst). Escargot grants no token for it, so that its absence is no error.
_LEGACY = "http://Passport.NET/tb"
_POLICIES = {
    "contacts.msn.com": "MBI",
    MESSENGER: "?id=507",
    "messengersecure.live.com": "MBI_SSL",
    "storage.msn.com": "MBI",
    "spaces.live.com": "MBI",
}
# Characters that XML 1.0 cannot contain, not even as character references (section 2.2).
_UNWRITABLE = pattern("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UNSENDABLE = pattern(r"[\x00-\x20\x7f\ud800-\udfff]")


class Soap(enum.Enum):
    """The two versions of the SOAP request."""

    RST = "RST"
    RST2 = "RST2"


class _Names(NamedTuple):
    """The namespaces and the Content-Type of one version of the request."""

    soap: str
    wsse: str
    wst: str
    wsa: str
    wsp: str
    content_type: str


_NAMES = {
    Soap.RST: _Names(
        soap="http://schemas.xmlsoap.org/soap/envelope/",
        wsse="http://schemas.xmlsoap.org/ws/2003/06/secext",
        wst="http://schemas.xmlsoap.org/ws/2004/04/trust",
        wsa="http://schemas.xmlsoap.org/ws/2004/03/addressing",
        wsp="http://schemas.xmlsoap.org/ws/2002/12/policy",
        content_type="text/xml; charset=utf-8",
    ),
    Soap.RST2: _Names(
        soap="http://www.w3.org/2003/05/soap-envelope",
        wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
        wst="http://schemas.xmlsoap.org/ws/2005/02/trust",
        wsa="http://www.w3.org/2005/08/addressing",
        wsp="http://schemas.xmlsoap.org/ws/2004/09/policy",
        content_type="application/soap+xml; charset=utf-8",
    ),
}
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PS = "http://schemas.microsoft.com/Passport/SoapServices/PPCRL"
_ISSUE = {
    Soap.RST: "http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue",
    Soap.RST2: "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue",
}


# --- the request -------------------------------------------------------------------------------


def policy_for(address: str) -> str:
    """Return the policy with which clients request a ticket for an address."""
    return _POLICIES.get(address, "MBI")


def policy_for_challenge(challenge: str) -> str:
    """Return a TWN challenge as a policy: decoded, `&` for `,` (MSNPiki, Passport 3.0)."""
    return "?" + unquote(challenge).replace(",", "&")


def request_params(lcid: str = "1033") -> str:
    """Return RequestParams: length-prefixed pairs in base64, here only the locale."""
    # Clients usually send `AQAAAAIAAABsYwQAAAAxMDMz`: one pair, "lc" and "1033".
    pairs = struct.pack("<I", 1)
    for text in ("lc", lcid):
        pairs += struct.pack("<I", len(text)) + text.encode("ascii")
    return base64.b64encode(pairs).decode()


def request_body(
    soap: Soap,
    passport: str,
    password: Secret,
    wanted: Mapping[str, str],
    *,
    url: Url,
    now: datetime,
) -> Secret:
    """Return the envelope that requests tickets.

    Args:
        soap: the version of the request.
        passport: the account's passport.
        password: its password.
        wanted: the policies of the wanted tickets, by address.
        url: the address that the request is sent to.
        now: the time for the Timestamp of RST2.

    Raises:
        LocalProtocolError: passport or password have characters that XML cannot contain.
    """
    if _UNWRITABLE.search(passport) or _UNWRITABLE.search(password.reveal()):
        raise LocalProtocolError(
            "passport or password hold a control character, which RST cannot carry"
        )
    names = _NAMES[soap]
    tokens = [_token(soap, 0, _LEGACY, None)]
    tokens += [_token(soap, n, a, p) for n, (a, p) in enumerate(wanted.items(), 1)]
    addressing, timestamp = _rst2_headers(url, now) if soap is Soap.RST2 else ("", "")
    return Secret(
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<s:Envelope xmlns:s="{names.soap}" xmlns:wsse="{names.wsse}" xmlns:wsu="{_WSU}"'
        f' xmlns:wst="{names.wst}" xmlns:wsa="{names.wsa}" xmlns:wsp="{names.wsp}"'
        f' xmlns:ps="{_PS}"><s:Header>{addressing}<ps:AuthInfo Id="PPAuthInfo">'
        "<ps:HostingApp>{7108E71A-9926-4FCB-BCC9-9A9D3F32E423}</ps:HostingApp>"
        "<ps:BinaryVersion>4</ps:BinaryVersion><ps:UIVersion>1</ps:UIVersion><ps:Cookies/>"
        f"<ps:RequestParams>{request_params()}</ps:RequestParams></ps:AuthInfo>"
        f'<wsse:Security><wsse:UsernameToken Id="user"><wsse:Username>{escape(passport)}'
        f"</wsse:Username><wsse:Password>{escape(password.reveal())}</wsse:Password>"
        f"</wsse:UsernameToken>{timestamp}</wsse:Security></s:Header><s:Body>"
        f'<ps:RequestMultipleSecurityTokens Id="RSTS">{"".join(tokens)}'
        "</ps:RequestMultipleSecurityTokens></s:Body></s:Envelope>"
    )


def _token(soap: Soap, number: int, address: str, policy: str | None) -> str:
    reference = "" if policy is None else f'<wsse:PolicyReference URI="{escape(policy)}"/>'
    return (
        f'<wst:RequestSecurityToken Id="RST{number}"><wst:RequestType>{_ISSUE[soap]}'
        "</wst:RequestType><wsp:AppliesTo><wsa:EndpointReference><wsa:Address>"
        f"{escape(address)}</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>{reference}"
        "</wst:RequestSecurityToken>"
    )


def _rst2_headers(url: Url, now: datetime) -> tuple[str, str]:
    # A server refuses an RST2 request whose Timestamp is five minutes off (escargot). RST has no
    # Timestamp, so that a wrong clock makes only RST2 fail.
    action = "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue"
    addressing = (
        f'<wsa:Action s:mustUnderstand="1">{action}</wsa:Action>'
        f'<wsa:To s:mustUnderstand="1">{escape(str(url))}</wsa:To>'
        f"<wsa:MessageID>{int(now.timestamp())}</wsa:MessageID>"
    )
    until = now + timedelta(minutes=5)
    timestamp = (
        f'<wsu:Timestamp wsu:Id="Timestamp"><wsu:Created>{now:%Y-%m-%dT%H:%M:%SZ}</wsu:Created>'
        f"<wsu:Expires>{until:%Y-%m-%dT%H:%M:%SZ}</wsu:Expires></wsu:Timestamp>"
    )
    return addressing, timestamp


# --- the exchange ------------------------------------------------------------------------------


def request_tickets(
    url: Url,
    soap: Soap,
    passport: str,
    password: Secret,
    wanted: Mapping[str, str],
    *,
    servers: Servers,
    now: Callable[[], datetime] = utc_now,
) -> Exchange[dict[str, Ticket]]:
    """Request tickets; return the granted tickets by address in lower case.

    `wanted` has the policies by address, as in `request_body`.
    """
    with explained(url):
        for _ in range(MAX_REDIRECTS + 1):
            request = Request(
                "POST",
                url,
                (
                    # The headers of the official client; servers distinguish kinds of clients by
                    # User-Agent.
                    ("User-Agent", "MSMSGS"),
                    ("Accept", "text/*"),
                    ("Content-Type", _NAMES[soap].content_type),
                    ("Connection", "Keep-Alive"),
                    ("Cache-Control", "no-cache"),
                ),
                request_body(soap, passport, password, wanted, url=url, now=now()),
                step=Step.LOGIN,
                wants_body=True,
                secrets=(password,),
            )
            response = yield request
            outcome = parse_reply(response, request, password, now)
            if isinstance(outcome, SignInError):
                raise outcome
            if isinstance(outcome, dict):
                return outcome
            url = follow(outcome.location, request, response, servers)
        raise too_many(request)


class _Redirected(NamedTuple):
    location: str | None


def parse_reply(
    response: Response,
    request: Request,
    password: Secret,
    now: Callable[[], datetime] = utc_now,
) -> dict[str, Ticket] | _Redirected | SignInError:
    """Return the tickets, the redirect or the error in an answer of any HTTP status."""
    try:
        root = parse(response.body) if response.body else None
    except BadXml as problem:
        is_page = response.body.lstrip()[:9].lower().startswith((b"<html", b"<!doctype"))
        root, complaint = None, "the answer holds no ticket" if is_page else str(problem)
    else:
        complaint = "the answer holds no ticket"
    if root is not None:
        # Servers send a Fault with status 200 as well as 500, so that the status is read last.
        found = next(_faults(root), None)
        if found is not None:
            return _judge(found, request, response, password)
        tickets = _tickets(root, request, now())
        if tickets and response.status < 400:
            return tickets
    if response.status in REDIRECTS:
        return _Redirected(response.header("Location"))
    if response.status == 401 and speaks_passport(response, "WWW-Authenticate"):
        fields = passport_fields(response, "WWW-Authenticate", request)
        return refused(response, request, fields, password)
    if response.status == 429 or response.status >= 500:
        return unavailable(response, request, now)
    return fault(complaint, request, response)


def _tickets(root: Element, request: Request, now: datetime) -> dict[str, Ticket]:
    # Answers are matched by their address. Their order differs, and so does their Id: the first
    # ticket is Compact1 at Microsoft's server and Compact2 at Escargot's.
    tickets = {}
    for answer in outermost(root, "RequestSecurityTokenResponse"):
        address, value = text_of(answer, "Address"), text_of(answer, "BinarySecurityToken")
        if not address or not value or _UNSENDABLE.search(value):
            continue  # other kinds of answers, and tickets that would add a word to USR
        secret = text_of(answer, "BinarySecret")
        tickets[address.lower()] = Ticket(
            Secret(value),
            request.url.origin,
            expires=_expires(answer, now),
            proof_key=Secret(secret) if secret else None,
        )
    return tickets


def _expires(answer: Element, now: datetime) -> datetime | None:
    """Return when a ticket expires by our clock: the server's clock may differ from ours."""
    # Microsoft wrote LifeTime in RST and Lifetime in RST2; other servers mix them.
    lifetime = find(answer, "LifeTime")
    lifetime = find(answer, "Lifetime") if lifetime is None else lifetime
    if lifetime is None:
        return None
    created, expires = (_time(text_of(lifetime, name)) for name in ("Created", "Expires"))
    if created is None or expires is None:
        return None
    try:
        return now + (expires - created)
    except OverflowError:  # a lifetime that no date can have, as from the year 1 to 9999
        return None


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


# --- faults ------------------------------------------------------------------------------------


def _faults(root: Element) -> Iterator[Element]:
    """Yield the Fault under Envelope, where Microsoft put it in RST, or under Body."""
    yield from children(root, "Fault")
    for body in children(root, "Body"):
        yield from children(body, "Fault")


# Meanings of faultcodes, subcodes and HRESULTs (ywiki errors_and_hresults; libpurple; escargot).
_REFUSED = frozenset({"FailedAuthentication", "0x80048821", "0x80048823"})
_BLOCKED = {
    "0x80048825": "the terms of use have to be accepted",
    "0x80048826": "the account has to be renamed",
    "0x80048827": "the password has to be changed",
    "0x80048831": "the password has expired",
    "0x80048836": "the e-mail address has to be verified",
    "0x800488ee": "the account is of a federated domain",
}
_BUSY = frozenset({"0x80048820"})


def _judge(
    found: Element, request: Request, response: Response, password: Secret
) -> _Redirected | SignInError:
    # psf:Redirect names another server for the accounts of one domain. `follow` decides whether the
    # password may be sent there, as for a redirect of HTTP.
    codes = [_code(text) for text in _code_texts(found)]
    location = text_of(found, "redirectUrl")
    if location or "Redirect" in codes:
        return _Redirected(location)
    step, server = request.step, request.url.origin
    code = told(next((code for code in codes if code), ""), password, limit=40) or "Fault"
    if _REFUSED & set(codes):
        text = "the login server refused the passport or the password"
        return about_length(WrongCredentials(text, step=step, server=server, code=code), password)
    for blocked in _BLOCKED.keys() & set(codes):
        return AccountBlocked(_BLOCKED[blocked], step=step, server=server, code=blocked)
    if _BUSY & set(codes) or response.status in (429, 503):
        return ServiceUnavailable("the server has trouble", step=step, server=server, code=code)
    words = text_of(found, "faultstring") or text_of(found, "Text") or ""
    return RemoteProtocolError(
        "the server did not take the request",
        step=step,
        server=server,
        code=code,
        server_text=told(words, password, limit=100) or None,
    )


def _code_texts(found: Element) -> Iterator[str]:
    """Yield the texts that may be a code, the most specific first: HRESULT, subcode, code."""
    for name in ("value", "reqstatus", "Value", "faultcode"):
        texts = [(element.text or "").strip() for element in find_all(found, name)]
        yield from reversed(texts)


def _code(text: str) -> str:
    # `wsse:FailedAuthentication`, `S:Server`: each server chooses its own prefix.
    word = text.rpartition(":")[2]
    return word.lower() if word.lower().startswith("0x") else word

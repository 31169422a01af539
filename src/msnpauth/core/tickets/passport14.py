"""Passport 1.4: nexus and login, as generators of requests (MS-PASS 2.2; MSNPiki; hypothetic.org).

`find_login` asks the nexus where to sign in, `request_ticket` sends the password and gets a ticket,
and `get_ticket` does both where both are needed. Each yields `Request`s, is sent `Response`s and
returns its result; an error of the transport is thrown in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import LocalProtocolError, SignInError, Step
from ..patterns import pattern
from ..quoting import quoted
from ..secrets import MASK, Secret
from ..servers import Servers
from ..urls import BadAddress, Url
from .exchange import Exchange, Request, Response
from .ticket import Ticket, utc_now
from .verdicts import (
    MAX_REDIRECTS,
    NOT_HTTPS,
    REDIRECTS,
    explained,
    fault,
    follow,
    passport_fields,
    refused,
    speaks_passport,
    too_many,
    unavailable,
    untrusted,
)

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "authorization",
    "find_login",
    "get_ticket",
    "request_ticket",
]

# The dots are percent-encoded, as in every Messenger client (hypothetic.org).
_ORG_URL = "http%3A%2F%2Fmessenger%2Emsn%2Ecom"

_UNSENDABLE = pattern(r"[\x00-\x20\x7f\ud800-\udfff]")


def authorization(passport: str, password: Secret, challenge: str) -> Secret:
    """Return the value of the Authorization header (MS-PASS 2.2.7, in Messenger's order).

    Passport and password are percent-encoded once, except letters, digits and `-._~`: a comma
    would end the field, and `+` means different things to different servers. The challenge
    follows unchanged.
    """
    before = f"Passport1.4 OrgVerb=GET,OrgURL={_ORG_URL},sign-in={quoted(passport)},pwd="
    return Secret(
        f"{before}{quoted(password.reveal())},{challenge}",
        shown=f"{before}{MASK},{challenge}",
    )


_NEXUS_HEADERS = (("User-Agent", "MSMSGS"), ("Cache-Control", "no-cache"))

# --- the exchanges -----------------------------------------------------------------------------


def get_ticket(
    passport: str,
    password: Secret,
    challenge: str,
    servers: Servers,
    *,
    now: Callable[[], datetime] = utc_now,
    made: dict[Url, Request] | None = None,
) -> Exchange[Ticket]:
    """Get a ticket; the nexus is asked only when the login server is not known."""
    login = servers.login_for(passport) or (yield from find_login(servers, now=now))
    asking = request_ticket(login, passport, password, challenge, servers, now=now, made=made)
    return (yield from asking)


def find_login(servers: Servers, *, now: Callable[[], datetime] = utc_now) -> Exchange[Url]:
    """Ask the nexus for the login address (MS-PASS 2.2.12).

    The nexus is part of the network that the caller named, and its answer came over verified
    TLS, so that the password may be sent to the login host that it names.
    """
    if servers.nexus is None:
        raise LocalProtocolError(
            "no login server is known for this passport",
            hint="name one with Servers(login=…) or a nexus with Servers(nexus=…)",
            finding="MA-ARG-02",
        )
    url = servers.nexus
    with explained(url):
        for _ in range(MAX_REDIRECTS + 1):
            request = Request("GET", url, _NEXUS_HEADERS, step=Step.NEXUS)
            response = yield request
            # The header is valid in an answer of any status.
            login = passport_fields(response, "PassportURLs", request).get("dalogin")
            if login:
                return _dalogin(login, request, response)
            if response.status not in REDIRECTS:
                raise _unexpected(response, request, "does not say where to sign in", now)
            url = follow(response.header("Location"), request, response, servers)
        raise too_many(request)


def request_ticket(
    login: Url,
    passport: str,
    password: Secret,
    challenge: str,
    servers: Servers,
    *,
    now: Callable[[], datetime] = utc_now,
    made: dict[Url, Request] | None = None,
) -> Exchange[Ticket]:
    """Get a ticket for the password from `login`, following redirects to trusted servers.

    `made` keeps the request, so that it is not built again: a caller who requests many tickets with
    the same arguments passes the same dict each time.
    """
    made = {} if made is None else made
    url = login
    with explained(url):
        for _ in range(MAX_REDIRECTS + 1):
            request = made.get(url) or _login_request(url, passport, password, challenge)
            if url == login and url not in made:  # redirects may lead to new addresses each time
                made.clear()
                made[url] = request
            response = yield request
            # Authentication-Info has the ticket or the redirect, WWW-Authenticate the refusal. Both
            # are read for every status, because servers differ in the status (MS-PASS 2.2.11).
            info = passport_fields(response, "Authentication-Info", request)
            said = passport_fields(response, "WWW-Authenticate", request)
            status, ticket = info.get("da-status", "success"), info.get("from-pp")
            passport_says = speaks_passport(response, "WWW-Authenticate")
            if status.startswith("fail") or (response.status == 401 and passport_says):
                raise refused(response, request, info | said, password)
            if response.status == 401:
                # This is a gateway, or a web server's own protection. The password was not checked,
                # so that a bot must not give up because of it.
                text = "401 without a word of Passport: no login server"
                raise fault(text, request, response, "MA-WEB-08")
            # A ticket may come with any status (MS-PASS 2.2.11), except with an error status.
            if status == "success" and ticket is not None and response.status < 400:
                return _granted(ticket, request, response)
            if response.status in REDIRECTS or status == "redir":
                url = follow(response.header("Location"), request, response, servers)
                continue
            if said.get("da-status", "").startswith("fail"):
                raise refused(response, request, said, password)
            raise _unexpected(response, request, "gave no ticket", now)
        raise too_many(request)


def _login_request(url: Url, passport: str, password: Secret, challenge: str) -> Request:
    headers = (
        ("Authorization", authorization(passport, password, challenge)),
        ("User-Agent", "MSMSGS"),
        ("Connection", "Keep-Alive"),
        ("Cache-Control", "no-cache"),
    )
    return Request("GET", url, headers, step=Step.LOGIN, secrets=(password,))


def _granted(ticket: str, request: Request, response: Response) -> Ticket:
    """Return the ticket; refuse a ticket that would add another word or command to USR."""
    if not ticket:
        raise fault("the ticket is empty", request, response)
    if _UNSENDABLE.search(ticket):
        raise fault(
            "the ticket has a blank, a control character or bytes that are not UTF-8",
            request,
            response,
        )
    return Ticket(Secret(ticket), request.url.origin)


def _unexpected(
    response: Response, request: Request, what: str, now: Callable[[], datetime]
) -> SignInError:
    if response.status != 429 and response.status < 500:
        return fault(f"the server {what}", request, response)
    return unavailable(response, request, now)


def _dalogin(text: str, request: Request, response: Response) -> Url:
    try:
        # `DALogin=login.example/login2.srf`; some networks write https:// in front of the host.
        login = Url.parse_login(text)
    except BadAddress as problem:
        complaint = str(problem)
    else:
        if login.scheme == "https":
            return login
        raise untrusted(f"DALogin is {login.origin}, which is not encrypted", request, NOT_HTTPS)
    raise fault(f"DALogin is no address: {complaint}", request, response)

"""Passport 1.4: nexus and login, as generators of requests (MS-PASS 2.2; MSNPiki; hypothetic.org).

`find_login` asks the nexus where to sign in, `request_ticket` trades the password for a ticket,
`get_ticket` does what is needed of both. Each yields `Request`s, is sent `Response`s and returns
its result; a carrier's error is thrown in. Where the password may go is decided here alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from .answers import (
    MAX_REDIRECTS,
    NOT_HTTPS,
    REDIRECTS,
    explained,
    fault,
    follow,
    passport_fields,
    refused,
    too_many,
    unavailable,
    untrusted,
)
from .errors import LocalProtocolError, SignInError, Step
from .http import Exchange, Request, Response
from .secrets import Secret
from .servers import Servers
from .tickets import Ticket, utc_now
from .urls import BadAddress, Url

__all__ = [
    "authorization",
    "check_challenge",
    "check_passport",
    "check_password",
    "find_login",
    "get_ticket",
    "request_ticket",
]

# The dots are escaped as every Messenger client wrote them (hypothetic.org).
_ORG_URL = "http%3A%2F%2Fmessenger%2Emsn%2Ecom"

_SAMPLE_CHALLENGE = (
    "lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct=1128154104,…"
)
_CHALLENGE_HINT = (
    "it is the fifth word of the server's reply USR n TWN S <challenge>,"
    f" which looks like {_SAMPLE_CHALLENGE}"
)
_REPLY_LINE = re.compile(r"USR \d+ TWN S ([^ \r\n]*)(?:\r?\n)?")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


# --- what the caller gives ---------------------------------------------------------------------


def check_challenge(text: str) -> str:
    """Return the challenge out of the fifth word, or the whole line, of `USR n TWN S …`.

    Raises:
        LocalProtocolError: it cannot be one; the error shows what one looks like.
    """
    if not isinstance(text, str):
        raise LocalProtocolError("the challenge is not text", hint=_CHALLENGE_HINT)
    line = _REPLY_LINE.fullmatch(text)
    word = line[1] if line else text
    if not word:
        raise LocalProtocolError("the challenge is empty", hint=_CHALLENGE_HINT)
    if word in ("S", "I", "TWN", "USR"):
        raise LocalProtocolError(f"the challenge is not {word!r}", hint=_CHALLENGE_HINT)
    if _CONTROL.search(word):
        raise LocalProtocolError(
            "the challenge is one word, without blanks and control characters",
            hint=_CHALLENGE_HINT,
        )
    return word


def check_passport(text: str) -> str:
    """Return the passport.

    Raises:
        LocalProtocolError: it is no address, or holds what would end the word it is sent as.
    """
    name, _, domain = text.rpartition("@") if isinstance(text, str) else ("", "", "")
    if not name or not domain or _CONTROL.search(text):
        raise LocalProtocolError(
            "that is not a passport", hint="a passport is an address such as alice@example.com"
        )
    return text


def check_password(password: str | Secret) -> Secret:
    """Return the password as a secret.

    Raises:
        LocalProtocolError: it is empty, or not text that can be encoded.
    """
    secret = password if isinstance(password, Secret) else Secret(password)
    text = secret.reveal()
    if not isinstance(text, str) or not text:
        raise LocalProtocolError("the password is empty")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # `from None`: the codec's own error would quote the password.
        raise LocalProtocolError("the password cannot be written as UTF-8") from None
    return secret


def authorization(passport: str, password: Secret, challenge: str) -> str:
    """Return the value of the Authorization header (MS-PASS 2.2.7, in Messenger's order).

    Passport and password are percent-encoded once, all but letters, digits and `-._~`: a comma
    would end the field, and `+` means different things to different servers. The challenge
    follows as it is.
    """
    return (
        f"Passport1.4 OrgVerb=GET,OrgURL={_ORG_URL}"
        f",sign-in={quote(passport, safe='')},pwd={quote(password.reveal(), safe='')},{challenge}"
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
) -> Exchange[Ticket]:
    """Get a ticket from the right login server; the nexus is asked only when it must be."""
    login = servers.login_for(passport) or (yield from find_login(servers, now=now))
    return (yield from request_ticket(login, passport, password, challenge, servers, now=now))


def find_login(servers: Servers, *, now: Callable[[], datetime] = utc_now) -> Exchange[Url]:
    """Ask the nexus for the login address (MS-PASS 2.2.12).

    The nexus is part of the network that the caller named, and its answer came over verified
    TLS: the login host that it names may be told the password.
    """
    if servers.nexus is None:
        raise LocalProtocolError(
            "no login server is known for this passport",
            hint="name one with Servers(login=…) or a nexus with Servers(nexus=…)",
        )
    url = servers.nexus
    with explained(url):
        for _ in range(MAX_REDIRECTS + 1):
            request = Request("GET", url, _NEXUS_HEADERS, step=Step.NEXUS)
            response = yield request
            # The header counts on an answer of any status.
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
) -> Exchange[Ticket]:
    """Trade the password for a ticket at `login`, following redirects that may be followed."""
    headers = (
        ("Authorization", authorization(passport, password, challenge)),
        ("User-Agent", "MSMSGS"),
        ("Connection", "Keep-Alive"),
        ("Cache-Control", "no-cache"),
    )
    url = login
    with explained(url, password):
        for _ in range(MAX_REDIRECTS + 1):
            request = Request("GET", url, headers, step=Step.LOGIN)
            response = yield request
            info = passport_fields(response, "Authentication-Info", request)
            said = passport_fields(response, "WWW-Authenticate", request)
            status, ticket = info.get("da-status", "success"), info.get("from-pp")
            if response.status == 401 or status.startswith("fail"):
                raise refused(response, request, info | said, password)
            # A ticket may come with any status (MS-PASS 2.2.11), but not with an error.
            if status == "success" and ticket is not None and response.status < 400:
                return _granted(ticket, request, response)
            if response.status in REDIRECTS or status == "redir":
                url = follow(response.header("Location"), request, response, servers)
                continue
            if said.get("da-status", "").startswith("fail"):
                raise refused(response, request, said, password)
            raise _unexpected(response, request, "gave no ticket", now)
        raise too_many(request)


def _granted(ticket: str, request: Request, response: Response) -> Ticket:
    """Return the ticket; one that would forge a second command or word is refused."""
    if not ticket:
        raise fault("the ticket is empty", request, response)
    if _CONTROL.search(ticket):
        raise fault("the ticket has a blank or a control character in it", request, response)
    return Ticket(Secret(ticket), request.url.origin)


def _unexpected(
    response: Response, request: Request, what: str, now: Callable[[], datetime]
) -> SignInError:
    if response.status != 429 and response.status < 500:
        return fault(f"the server {what}", request, response)
    return unavailable(response, request, now)


def _dalogin(text: str, request: Request, response: Response) -> Url:
    try:
        login = Url.parse_login(text)
    except BadAddress as problem:
        raise fault(f"DALogin is no address: {problem}", request, response) from None
    if login.scheme != "https":
        raise untrusted(f"DALogin is {login.origin}, which is not encrypted", request, NOT_HTTPS)
    return login

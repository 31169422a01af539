"""The forms of the wire that families of clients need, with the evidence for each need.

If one family needs a form and all other families accept it, the form is sent to all clients, so
that the service does not have to distinguish them. If two forms exclude each other, `told_by` says
how the clients are distinguished. Differences between MSNP versions are in
`core/wire/dialects.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from ...core.urls import Address
from .web import WebAnswer, WebRequest

__all__ = [
    "FORMS",
    "HTML",
    "Form",
    "granted",
    "host_of",
    "moved",
    "passport_urls",
    "refused",
    "was_moved",
]


class Form(NamedTuple):
    """One form of the wire.

    Attributes:
        what: the form, in words.
        families: the names of the families that need the form, as in `tests/families.py`; empty for
            a form that an RFC requires.
        told_by: how the clients are distinguished; "everybody" if all clients get the form.
        witness: the source, the capture or the run that shows the need.
        place: the module that produces the form.
    """

    what: str
    families: tuple[str, ...]
    told_by: str
    witness: str
    place: str


FORMS = (
    Form(
        "`PassportURLs: DARealm=…,DALogin=host/path,ConfigVersion=15`",
        ("libpurple 2007", "msn-pecan", "msnlib", "official 5 to 7", "Mac"),
        "everybody but those of the next row",
        "libpurple 2007 nexus.c: takes what is behind `DALogin=` up to the comma, and puts https://"
        " in front; msnlib does so as well",
        "forms",
    ),
    Form(
        "`PassportURLs: DALogin=https://host/path`, and nothing else",
        ("msnp11-sdk", "minisrv", "msnpjs", "UWP"),
        "Host and no User-Agent, or a User-Agent of Node's",
        "msnp11-sdk: takes the header without `DALogin=` for a URL; minisrv cuts nothing off",
        "forms",
    ),
    Form(
        "port 443 is never spelled, in DALogin and Location",
        ("libpurple 2007", "msn-pecan"),
        "everybody",
        "a run: `host:443` became the name of the host, in SNI and certificate check",
        "forms",
    ),
    Form(
        "who was redirected once is served, wherever the account lives",
        ("libpurple 2007",),
        "the mark in the query of Location",
        "a run: 7,755 requests in 37 seconds",
        "forms",
    ),
    Form(
        "Authentication-Info ends by `from-PP='…'`",
        ("msnp11-sdk", "minisrv", "UWP"),
        "everybody",
        "msnp11-sdk: takes all that is behind `from-PP=` for the ticket, and gets 911",
        "forms",
    ),
    Form(
        "the ticket has `&p=`",
        ("msn-pecan",),
        "everybody",
        "a run: crashes without",
        "tickets",
    ),
    Form(
        "WWW-Authenticate is the last header",
        ("msn-pecan", "libpurple 2007"),
        "everybody",
        "a run: shows all that is behind `cbtxt=` to the end of the headers",
        "forms",
    ),
    Form(
        "`HTTP/1.1 200 OK`, `Content-Length: n`, no chunks",
        ("libpurple", "libpurple 2007"),
        "everybody",
        "libpurple soap.c and httpconn.c compare these bytes",
        "hosts.web",
    ),
    Form(
        "a request without HTTP version and Host is answered",
        ("msn-pecan", "libpurple 2007"),
        "everybody",
        "msn-pecan: `GET /rdr/pprdr.asp` and a blank line",
        "hosts.web",
    ),
    Form(
        "a target with scheme and host is taken",
        ("msnlib",),
        "everybody",
        "msnlib: `GET https://host/login2.srf HTTP/1.1`; RFC 9112, 3.2.2",
        "hosts.web",
    ),
    Form(
        "blank lines before a request are passed over; HTTP/1.1 without Host is answered",
        (),
        "everybody",
        "RFC 9112, 2.2",
        "hosts.web",
    ),
    Form(
        "doubled slashes in a path count as one",
        ("libpurple", "msnp-sharp"),
        "everybody",
        "a run: `POST //RST.srf`",
        "web",
    ),
    Form(
        "an answer in the place of Passport.NET/tb, without a ticket",
        ("libmsn",),
        "who asks for that address",
        "libmsn counts by position: takes answer 1 for messengerclear.live.com; a run: 911 without",
        "rst",
    ),
    Form(
        "tickets are numbered by their place in the request, Passport.NET/tb being 0",
        ("libpurple", "libpurple 2007", "msn-pecan"),
        "everybody",
        "libpurple nexus.c reads the number of `Compact1`",
        "rst",
    ),
    Form(
        "no white space between the answers of RST, and less than 4,000 bytes",
        ("libpurple", "msn-pecan"),
        "everybody",
        "runs: libpurple crashes, msn-pecan stalls",
        "rst",
    ),
    Form(
        "the Fault of RST stands under Envelope",
        ("libpurple",),
        "who asks by RST; by RST2 it is in Body",
        "libpurple soap.c: within Body it is trouble of the network",
        "rst",
    ),
    Form(
        "`isMobileIMEnabled` in each contact",
        ("libmsn",),
        "everybody",
        "libmsn's parser passes contacts without it over",
        "contacts",
    ),
    Form(
        "the operation is the one of SOAPAction",
        ("libmsn",),
        "a body of another operation than SOAPAction's",
        "a run: it sends FindMembership's body to ABFindAll",
        "contacts",
    ),
    Form(
        "the ticket comes in the cookie MSPAuth, whose value is the profile's",
        ("libpurple 2007",),
        "MSNP13 and 14, by TWN",
        "libpurple 2007 contact.c",
        "contacts, notification",
    ),
    Form(
        "plain http for the contacts host",
        ("bitlbee",),
        "a port of its own, when it is switched on",
        "bitlbee soap.c: `http://contacts.msn.com:80`",
        "embedded",
    ),
    Form(
        "`PRP MFN name` in the answer to SYN",
        ("msn-pecan",),
        "MSNP10 to 12",
        "a run: without it the account has no name, and a message to somebody offline crashes",
        "lists",
    ),
    Form(
        "SBP is answered by itself",
        ("msn-pecan",),
        "everybody",
        "a run: 502 is `Command disabled` to it, and ends the session",
        "presence_commands",
    ),
    Form(
        "all ten fields of the TWN challenge; the client need not send any of them back",
        ("libpurple 2007", "msn-pecan", "msnpjs"),
        "everybody",
        "runs: the first two build it anew of what they know, msnpjs sends one letter of it",
        "notification",
    ),
    Form(
        "a profile with MIME fields, which may be empty",
        ("libpurple", "libpurple 2007"),
        "everybody",
        "runs: the profile makes it fetch the contacts, and a bare one crashes it",
        "notification",
    ),
    Form(
        "a TLS handshake without a server name (SNI) is taken",
        ("bitlbee", "msnlib", "official before 5", "official 5 to 7", "official 8 and later"),
        "everybody: one certificate has all names",
        "runs of the first two; Windows sends it from Vista on",
        "embedded",
    ),
    Form(
        "TLS 1.0 with an RSA key, 3DES and RC4: Windows 98 to XP; with AES: Vista, 7, old Macs",
        ("official 5 to 7", "Mac"),
        "a port of its own, when it is switched on",
        "a run with tlslite-ng",
        "hosts.legacy",
    ),
    Form(
        "a TAB in CVR is a blank",
        ("msnlib",),
        "clients",
        "msnlib.py, login: `MSMSGS<TAB>alice@example.com`; a run",
        "core.wire.lines",
    ),
    Form(
        "an address that is a name, not a number: `serve --name`",
        ("msnlib",),
        "whoever runs the service",
        "a run: Python 2.7 compares an address in numbers with none of the certificate's",
        "embedded",
    ),
    Form(
        "a ticket for contacts or messages stays good while its account is online",
        ("libpurple", "libpurple 2007"),
        "everybody",
        "runs of 2.4.3, 2.5.9, 2.10.6 and 2.11 with tickets of 15 seconds: a change of the list"
        " is shown, and was never kept",
        "office",
    ),
    Form(
        "`PassportAuthFail` when the contacts host wants another ticket",
        ("bitlbee",),
        "everybody",
        "bitlbee soap.c; a run: it fetches new tickets and repeats the change",
        "contacts",
    ),
)
"""All forms, approximately in the order in which a client receives them."""


# --- PassportURLs --------------------------------------------------------------------------------


def _takes_a_url(request: WebRequest) -> bool:
    """Tell whether the client needs a header that contains only `DALogin=` and a URL."""
    agent = request.headers.get("user-agent", "").lower()
    # The user agent of Node's own fetch is `node`, and `undici` in earlier versions.
    return bool(request.headers.get("host")) and (not agent or "node" in agent or "undici" in agent)


_PASSPORT_URLS: tuple[tuple[Callable[[WebRequest], bool], str], ...] = (
    (_takes_a_url, "DALogin=https://{login}"),
    (lambda _: True, "DARealm=Passport.Net,DALogin={login},ConfigVersion=15"),
)
"""The forms of PassportURLs, each with a test of the request. The first form that fits is used."""


def passport_urls(request: WebRequest, login: str) -> WebAnswer:
    """Return the answer of the nexus.

    Args:
        request: the request, by which the family of the client is recognised.
        login: host and path of the login server.
    """
    form = next(form for is_for, form in _PASSPORT_URLS if is_for(request))
    return WebAnswer(200, (HTML, ("PassportURLs", form.format(login=login))))


def host_of(address: Address) -> str:
    """Return the host and port in the form for clients, which omits port 443."""
    return str(address).removesuffix(":443")


# --- the login server ----------------------------------------------------------------------------

HTML = ("Content-Type", "text/html")
"""Login servers send this type even for an empty answer; the official client accepts no other."""

_FAILED = "Passport1.4 da-status=failed,srealm=Passport.NET,ts=-3,prompt,cbtxt=" + quote(
    "The e-mail address or the password is wrong. Please try again.", safe=""
)
_GRANTED = (
    "Passport1.4 da-status=success,tname=MSPAuth,tname=MSPProf,tname=MSPSec"
    ",ru=http://messenger.msn.com,from-PP='{ticket}'"
)
_MARK = "moved=1"


def granted(ticket: str) -> WebAnswer:
    """Return the answer that contains a ticket."""
    return WebAnswer(200, (HTML, ("Authentication-Info", _GRANTED.format(ticket=ticket))))


def refused() -> WebAnswer:
    """Return the answer to a wrong password, an unknown account, or a bad Authorization."""
    return WebAnswer(401, (HTML, ("WWW-Authenticate", _FAILED)))


def moved(home: str) -> WebAnswer:
    """Return the answer that redirects an account to `home`, host and path of a login server."""
    redirect = ("Authentication-Info", "Passport1.4 da-status=redir")
    return WebAnswer(302, (HTML, redirect, ("Location", f"https://{home}?{_MARK}")))


def was_moved(request: WebRequest) -> bool:
    """Tell whether the query contains the mark of `moved`.

    Such a client is served here even if its account has another login server: libpurple of 2007 can
    connect only to port 443, and would be redirected for ever.
    """
    return _MARK in request.target.partition("?")[2].split("&")

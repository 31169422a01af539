"""Checks how the https servers react to the requests of real clients, and to broken requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..core.errors import SignInError
from ..core.tickets.exchange import Response
from ..core.tickets.passport14 import request_ticket
from ..core.tickets.rst import MESSENGER_CLEAR, Soap, policy_for, request_tickets
from ..core.tickets.xml import BadXml, children, parse
from ..core.urls import Url
from .finding import Finding, State, failed, found
from .patient import NOBODY, Patient
from .raw import Reply, ask, unchecked
from .web import carried, sample_challenge

__all__ = ["requests_of_clients"]


class _Check(NamedTuple):
    """One request, and the check of its answer.

    Attributes:
        code: the code of the finding, such as `MA-DOC-24`.
        title: a description of the request.
        role: the server's role: `nexus`, `login`, `rst` or `contacts`.
        request: the request, with `{target}`, `{host}`, `{origin}`, `{length}` and `{body}` to be
            filled in.
        judge: returns what is wrong with the answer; "" for nothing.
        clients: the clients that send such requests.
        fact: the name under which the outcome is kept in the facts; "" for none.
        body: the body of the request, with `{nobody}` for the account.
    """

    code: str
    title: str
    role: str
    request: str
    judge: Callable[[Reply], str]
    clients: str
    fact: str = ""
    body: str = ""


def requests_of_clients(patient: Patient) -> Iterator[Finding]:
    """Send each request once."""
    urls = patient.web()
    for check in _CHECKS:
        url = urls.get(check.role)
        if url is None or not patient.can_reach(url) or patient.is_over:
            continue
        yield _checked(patient, check, url)
    yield from _ticket_form(patient)
    yield from _rst_form(patient)


def _checked(patient: Patient, check: _Check, url: Url) -> Finding:
    body = check.body.format(nobody=NOBODY)
    data = check.request.format(
        target=url.target, host=url.host, origin=url.origin, length=len(body), body=body
    )
    try:
        reply = ask(url.address, data.encode(), patient.patience(), tls=unchecked())
    except SignInError as error:
        if check.fact:
            patient.facts.setdefault(check.fact, False)
        return failed(check.title, error)
    wrong = check.judge(reply)
    if check.fact:
        patient.facts[check.fact] = not wrong
    seen = wrong or (f"answered by {reply.status}" if reply.status else "refused")
    state = State.WARNING if wrong else State.PASSED
    return found(check.code, check.title, state, seen)._replace(clients=check.clients)


# --- what is wrong with an answer ----------------------------------------------------------------


def _refused(reply: Reply) -> str:
    """Complain about anything but a refusal by HTTP."""
    if reply.is_silence:
        return "no answer came"
    if reply.status is None:
        return "" if reply.is_closed else "the answer is not HTTP"
    if reply.status >= 500:
        return f"the server fails by {reply.status}"
    return "" if reply.status >= 400 else f"it is taken ({reply.status})"


def _failed_401(reply: Reply) -> str:
    """Complain about anything but 401 with da-status=failed, the answer to a wrong password."""
    if reply.status != 401:
        return _refused(reply) or f"the answer is {reply.status}, not 401"
    if not re.search(rb"\r\nwww-authenticate:[^\r]*da-status=fail", reply.head, re.IGNORECASE):
        return "401 without da-status=failed"
    return ""


def _readable(reply: Reply) -> str:
    """Complain about an answer that libpurple cannot read: it compares bytes, without chunks."""
    head = reply.head
    if not re.match(rb"HTTP/1\.1 [0-9]{3} \S", head):
        return "the first line is not of the form `HTTP/1.1 200 OK`"
    if b"\r\nContent-Length: " not in head:
        is_chunked = re.search(rb"\r\ntransfer-encoding:[^\r]*chunked", head, re.IGNORECASE)
        return "the body is chunked" if is_chunked else "there is no `Content-Length: `, so spelled"
    return ""


def _names_login(reply: Reply) -> str:
    """Complain about an answer without PassportURLs."""
    if reply.is_silence:
        return "no answer came"
    if re.search(rb"\r\npassporturls:[^\r]*dalogin=", reply.data, re.IGNORECASE):
        return ""
    return f"no PassportURLs in the answer ({reply.status or 'no status'})"


def _bare_login(reply: Reply) -> str:
    """Complain unless it has `DALogin=host/path,`: old clients need the comma, and no scheme."""
    wrong = _names_login(reply)
    if wrong or re.search(rb"dalogin=[^,:\r]+/[^,\r]*,", reply.head, re.IGNORECASE):
        return wrong
    return "DALogin has a scheme or a port in it, or no comma behind it"


def _login_url(reply: Reply) -> str:
    """Complain unless `DALogin=https://host/path` is alone: some clients read all as one URL."""
    wrong = _names_login(reply)
    is_alone = rb"\r\npassporturls:[ \t]*dalogin=https://[^,\r]+\r\n"
    if wrong or re.search(is_alone, reply.head, re.IGNORECASE):
        return wrong
    return "the header is not `DALogin=https://host/path` alone"


def _readable_401(reply: Reply) -> str:
    wrong = _failed_401(reply)
    if wrong:
        return wrong
    if b"\r\nWWW-Authenticate: " not in reply.head:
        return "`WWW-Authenticate: ` is spelled otherwise"
    return _readable(reply)


def _soap(reply: Reply) -> str:
    """Complain about anything but an answer by SOAP."""
    if reply.is_silence:
        return "no answer came"
    if b"Envelope" in reply.body:
        return ""
    return f"the answer is not SOAP ({reply.status or 'no status'})"


def _fault_in_envelope(reply: Reply) -> str:
    """Complain unless the Fault is where Microsoft put it: beside Body, and not in it."""
    wrong = _soap(reply)
    if wrong:
        return wrong
    try:
        root = parse(reply.body)
    except BadXml:
        return "the answer is not XML"
    if next(children(root, "Fault"), None) is not None:
        return ""
    return "the Fault is within Body, where libpurple takes it for trouble of the network"


def _unexpanded(reply: Reply) -> str:
    """Complain about an answer that expands an entity of the request, and about silence."""
    if b"entity-was-expanded" in reply.data:
        return "an entity of the request was expanded"
    return "no answer came" if reply.is_silence else ""


# --- the requests --------------------------------------------------------------------------------

_GET = "GET {target} HTTP/1.1\r\nHost: {host}\r\n"
_AUTH = "Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,"
_SIGN_IN = f"sign-in={NOBODY.replace('@', '%40')},pwd=0f3a9c,lc=1033,id=507,ct=1\r\n\r\n"
_POST = (
    "POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml; charset=utf-8\r\n"
    "SOAPAction: \r\nContent-Length: {length}\r\n\r\n{body}"
)
_RST = (
    '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:wsse="http://schemas.xmlsoap.org/ws/2003/06/secext"'
    ' xmlns:wst="http://schemas.xmlsoap.org/ws/2004/04/trust"'
    ' xmlns:wsp="http://schemas.xmlsoap.org/ws/2002/12/policy"'
    ' xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/03/addressing"'
    ' xmlns:ps="http://schemas.microsoft.com/Passport/SoapServices/PPCRL"><Header>'
    '<wsse:Security><wsse:UsernameToken Id="user"><wsse:Username>{nobody}</wsse:Username>'
    "<wsse:Password>0f3a9c</wsse:Password></wsse:UsernameToken></wsse:Security></Header><Body>"
    '<ps:RequestMultipleSecurityTokens Id="RSTS"><wst:RequestSecurityToken Id="RST0">'
    "<wst:RequestType>http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue"
    "</wst:RequestType><wsp:AppliesTo><wsa:EndpointReference><wsa:Address>"
    "messengerclear.live.com</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>"
    '<wsse:PolicyReference URI="MBI_KEY_OLD"/></wst:RequestSecurityToken>'
    "</ps:RequestMultipleSecurityTokens></Body></Envelope>"
)
_DTD = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e "entity-was-expanded">]>' + _RST.replace(
    "{nobody}", "&e;"
)

_FORM, _WRONG = "MA-DOC-24", "MA-DOC-25"
_CHECKS = (
    _Check(_FORM, "form of the nexus answer", "nexus", _GET + "\r\n", _readable,
           "libpurple, msn-pecan, the PHP class", "nexus form"),
    _Check(_FORM, "nexus asked without HTTP version and Host", "nexus", "GET {target}\r\n\r\n",
           _names_login, "libpurple of 2007, msn-pecan", "bare nexus"),
    _Check(_FORM, "DALogin for clients of 2003", "nexus", "GET {target}\r\n\r\n",
           _bare_login, "libpurple of 2007, msn-pecan, original clients", "bare DALogin"),
    _Check(_FORM, "DALogin for clients of today", "nexus", _GET + "\r\n",
           _login_url, "clients in Rust and Node, minisrv", "DALogin as URL"),
    _Check(_WRONG, "nexus with another spelling of Host", "nexus",
           "GET {target} HTTP/1.1\r\nHost: NEXUS.Passport.Com:443\r\n\r\n", _names_login,
           "clients that have nexus.passport.com built in", "foreign host"),
    _Check(_FORM, "form of a refused sign-in", "login", _GET + _AUTH + _SIGN_IN, _readable_401,
           "libpurple, msn-pecan, the PHP class", "login form"),
    _Check(_WRONG, "login without Authorization", "login", _GET + "\r\n", _refused,
           "web browsers, proxies"),
    _Check(_WRONG, "login with another kind of Authorization", "login",
           _GET + "Authorization: Basic bm9ib2R5OngK\r\n\r\n", _refused, "proxies"),
    _Check(_WRONG, "login with Passport1.4 said twice", "login",
           _GET + _AUTH.replace("Passport1.4 ", "Passport1.4 Passport1.4 ") + _SIGN_IN,
           _refused, "old clients after a redirect"),
    _Check(_WRONG, "login with blanks, OrgUrl and a bare @", "login",
           _GET + "Authorization: Passport1.4 OrgVerb=GET, OrgUrl=http%3a%2f%2fmessenger%2emsn"
           f"%2ecom, sign-in={NOBODY}, pwd=x%2cy, elapsed-time=0,flag,lc=1033,id=507\r\n\r\n",
           _failed_401, "the PHP class, WebTV, clients in Java", "lenient login"),
    _Check(_WRONG, "login with broken escapes", "login",
           _GET + _AUTH + "sign-in=%zz%4,pwd=%,lc=1033\r\n\r\n", _refused, "home-made clients"),
    _Check(_WRONG, "login with the account twice", "login",
           _GET + _AUTH + f"sign-in=a%40b.example,{_SIGN_IN}", _refused, "nobody honest"),
    _Check(_WRONG, "login with a header of 60 KB", "login",
           _GET + _AUTH + "sign-in=" + "a" * 60000 + ",pwd=x\r\n\r\n", _refused, "nobody honest"),
    _Check(_WRONG, "login by POST", "login",
           "POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n" + _AUTH + _SIGN_IN,
           _refused, "a client for Android"),
    _Check(_WRONG, "login by a target with scheme and host", "login",
           "GET {origin}{target} HTTP/1.1\r\nHost: {host}\r\n" + _AUTH + _SIGN_IN, _failed_401,
           "msnlib; RFC 9112, 3.2.2", "absolute target"),
    _Check(_FORM, "RST with a doubled slash and an empty SOAPAction", "rst",
           _POST.replace("{target}", "/{target}"), _soap, "libpurple of today, msnp-sharp",
           "double slash", _RST),
    _Check(_FORM, "place of the Fault in a refusal by RST", "rst", _POST, _fault_in_envelope,
           "libpurple", "fault place", _RST),
    _Check(_WRONG, "RST with an unknown SOAPAction", "rst",
           _POST.replace("SOAPAction: ", 'SOAPAction: "http://example.com/Unknown"'), _soap,
           "home-made clients", "", _RST),
    _Check(_WRONG, "RST with a DTD", "rst", _POST, _unexpanded, "nobody honest", "", _DTD),
    _Check(_WRONG, "RST that is no XML", "rst", _POST, _unexpanded, "nobody honest", "", "<"),
    _Check(_FORM, "contacts host with doubled slashes", "contacts",
           _POST.replace("{target}", "//abservice/SharingService.asmx"), _soap,
           "libpurple of today", "contacts double slash",
           '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
           '<FindMembership xmlns="http://www.msn.com/webservices/AddressBook"/></s:Body>'
           "</s:Envelope>"),
)  # fmt: skip


# --- with the account ----------------------------------------------------------------------------


def _ticket_form(patient: Patient) -> Iterator[Finding]:
    """Get a ticket by Passport 1.4, and check the header that contains it."""
    url = patient.login_url
    if url is None or not patient.account_is_good or not patient.can_reach(url):
        return
    assert patient.passport is not None  # account_is_good implies it
    assert patient.password is not None
    title, answers = "form of a ticket by Passport 1.4", list[Response]()
    try:
        carried(
            patient,
            request_ticket(
                url, patient.passport, patient.password, sample_challenge(), patient.servers
            ),
            answers,
        )
    except SignInError as error:
        yield failed(title, error)
        return
    wrong = []
    header = answers[-1].header("Authentication-Info") or ""
    if "Authentication-Info" not in [name for name, _ in answers[-1].headers]:
        wrong.append("`Authentication-Info` is spelled otherwise")
    if not re.search(r"from-PP='[^']*'$", header):
        wrong.append("something stands behind from-PP='…', or its quotes are missing")
    patient.facts["ticket form"] = not wrong
    patient.facts["ticket profile"] = "&p=" in header
    if "&p=" not in header:
        wrong.append("the ticket has no `&p=`, without which msn-pecan crashes")
    yield _judged(title, wrong, "msn-pecan, clients in Rust and Node")


def _rst_form(patient: Patient) -> Iterator[Finding]:
    """Get tickets by RST, and check whether libpurple can read the answer."""
    url = patient.servers.rst
    if url is None or not patient.account_is_good or not patient.can_reach(url):
        return
    assert patient.passport is not None  # account_is_good implies it
    assert patient.password is not None
    title, answers = "form of the tickets by RST", list[Response]()
    wanted = {MESSENGER_CLEAR: policy_for(MESSENGER_CLEAR)}
    exchange = request_tickets(
        url, Soap.RST, patient.passport, patient.password, wanted, servers=patient.servers
    )
    try:
        carried(patient, exchange, answers)
    except SignInError as error:
        yield failed(title, error)
        return
    body = answers[-1].body.decode("utf-8", "replace")
    wrong = []
    if re.search(r"RequestSecurityTokenResponse>\s+<[^/]", body):
        wrong.append("white space between the answers, at which libpurple crashes")
    if not re.search(r"\bId=\"(?:Compact|PPToken)1\"", body):
        wrong.append("the first ticket is not numbered Compact1: libpurple counts from there")
    if "BinarySecret" not in body:
        wrong.append("no BinarySecret")
    patient.facts["rst form"] = not wrong
    yield _judged(title, wrong, "libpurple, libmsn")


def _judged(title: str, wrong: list[str], clients: str) -> Finding:
    state = State.WARNING if wrong else State.PASSED
    seen = "; ".join(wrong) or "as old clients read it"
    return found(_FORM, title, state, seen)._replace(clients=clients)

"""Clients of each family, played by their own rules: what they send, and how they read the answer.

Each reader below is as narrow as the client it stands for: where it cuts, what it compares byte for
byte, what it counts. The sources are named beside it. The lines are those of runs of these clients.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import quote

import pytest

from msnpauth import LeftChat, MessageReceived, Session, sign_in
from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.proof import answer
from msnpauth.service import Account, Service, run

E = TypeVar("E")
ALICE, BOB, PASSWORD = "alice@example.com", "bob@example.com", "secret pw"


@pytest.fixture(scope="module")
def here() -> Iterator[Service]:
    people = [
        Account(ALICE, PASSWORD, display_name="Al ice", contacts=(BOB,)),
        Account(BOB, PASSWORD, contacts=(ALICE,)),
    ]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with run(people, ports={"plain_contacts": port}, chat_limit=None) as running:
        running.plain_port = port  # type: ignore[attr-defined]
        yield running


# --- what they have in common --------------------------------------------------------------------


def https(here: Service, request: str | bytes, *, sni: bool = True) -> str:
    """Ask over TLS as somebody who reads to the end of the answer."""
    address = here.servers.nexus
    assert address is not None
    context = ssl.create_default_context(cafile=here.ca_file)
    context.check_hostname = sni
    data = request.encode() if isinstance(request, str) else request
    with (
        socket.create_connection((address.host, address.address.port)) as raw,
        context.wrap_socket(raw, server_hostname=address.host if sni else None) as sock,
    ):
        return heard(sock, data)


def heard(sock: socket.socket, data: bytes) -> str:
    sock.settimeout(20)
    sock.sendall(data)
    got = b""
    while True:
        head, end, body = got.partition(b"\r\n\r\n")
        # libpurple and its kin compare these bytes, and hang where they are spelled otherwise.
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        if end and length and len(body) >= int(length[1]):
            assert head.startswith(b"HTTP/1.1 ")
            assert b"chunked" not in head
            return got.decode()
        more = sock.recv(65536)
        assert more, "it ended before the body was whole"
        got += more


class Line:
    """The notification connection, line by line."""

    def __init__(self, sock: socket.socket) -> None:
        self._file = sock.makefile("rwb")

    def say(self, line: str, payload: str = "") -> None:
        self._file.write(f"{line}\r\n{payload}".encode())
        self._file.flush()

    def hear(self) -> str:
        line = self._file.readline().decode().rstrip("\r\n")
        assert line, "the service has closed the connection"
        words = line.split(" ")
        if words[0] in ("MSG", "GCF", "UBX", "NOT") and words[-1].isdigit():
            self.payload = self._file.read(int(words[-1])).decode()
        return line

    def ends(self) -> None:
        """Read to the end: what was said before has been done by then."""
        self._file.read()

    def until(self, beginning: str) -> str:
        """Pass over what this client passes over, up to a line."""
        while not (line := self.hear()).startswith(beginning):
            assert not re.match(r"\d{3} ", line), line
        return line


@contextmanager
def connected(here: Service) -> Iterator[Line]:
    host, _, port = here.notification.rpartition(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.settimeout(20)
        yield Line(sock)


def challenged(
    line: Line, versions: str, cvr: str, scheme: str = "TWN", between: str = " "
) -> list[str]:
    """Say VER, CVR and USR one after another; return the words of the challenge."""
    line.say(f"VER 1 {versions}")
    line.until("VER 1 ")
    line.say(f"CVR 2 {cvr}{between}{ALICE}")
    line.until("CVR 2 ")
    line.say(f"USR 3 {scheme} I {ALICE}")
    return line.until(f"USR 3 {scheme} S ").split(" ")[4:]


def stays(line: Line, trid: int = 40) -> None:
    line.say("PNG")
    line.until("QNG")
    line.say(f"CHG {trid} NLN 0")
    line.until(f"CHG {trid} NLN")


def listed(line: Line, serials: str) -> list[str]:
    """Ask for the contacts; return the lines up to the last LST, which the answer has counted."""
    line.say(f"SYN 5 {serials}")
    count, _ = map(int, line.until("SYN 5 ").split(" ")[-2:])
    told: list[str] = []
    while len([one for one in told if one.startswith("LST ")]) < count:
        told.append(line.hear())
    assert any(BOB in one for one in told)
    return told


TEXT = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n"


def chats(here: Service, line: Line, bob_by: int, trid: int = 50) -> None:
    """See Bob come, write to him and be written to; he is there by another version.

    The places of the words are those that libpurple's switchboard.c, msn-pecan, msnlib, the SDK
    and msnpjs count: the address is word 3 of XFR, the key word 5; 1 and 4 of RNG have the chat's
    number and its key; JOI and MSG begin with the passport.
    """
    with sign_in(BOB, PASSWORD, here.servers, ca_file=here.ca_file, dialects=[bob_by]) as bob:
        bob.go_online()
        assert BOB in line.until("NLN NLN ")
        line.say(f"XFR {trid} SB")
        words = line.until(f"XFR {trid} SB ").split(" ")
        with board(words[3]) as there:
            there.say(f"USR 1 {ALICE} {words[5]}")
            there.until(f"USR 1 OK {ALICE} ")
            there.say(f"CAL 2 {BOB}")
            there.until("CAL 2 RINGING ")
            there.until(f"JOI {BOB} ")
            body = f"{TEXT}hi bob"
            there.say(f"MSG 3 A {len(body)}", body)
            there.until("ACK 3")
            heard = awaited(bob, MessageReceived)
            assert heard.text == "hi bob"
            heard.chat.send("hello alice")
            assert re.match(rf"MSG {BOB} \S+ \d+$", there.until("MSG "))
            assert there.payload.endswith("\r\n\r\nhello alice")
            there.say("OUT")
            there.ends()
            if bob_by < 21:  # MSNP21 has no chats that somebody could leave
                # Until Bob has heard of it, he would write into the chat that is over.
                awaited(bob, LeftChat)
        with ThreadPoolExecutor(1) as pool:  # it waits until somebody has joined
            written = pool.submit(bob.send_message, ALICE, "are you there?", timeout=20)
            _, number, address, _, key, who, *_ = line.until("RNG ").split(" ")
            assert who == BOB
            with board(address) as there:
                there.say(f"ANS 1 {ALICE} {key} {number}")
                there.until(f"IRO 1 1 1 {BOB} ")
                there.until("ANS 1 OK")
                there.until("MSG ")
                assert there.payload.endswith("are you there?")
                written.result(20)
    line.until("FLN ")


@contextmanager
def board(address: str) -> Iterator[Line]:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.settimeout(20)
        yield Line(sock)


def awaited(person: Session, kind: type[E]) -> E:
    while not isinstance(event := person.next_event(timeout=20), kind):
        pass
    return event


def xml(name: str, text: str, at: int = 0) -> str:
    """Return the content of the element of that name, by its place among those of the name."""
    found = re.findall(rf"<(?:\w+:)?{name}(?: [^>]*)?>(.*?)</(?:\w+:)?{name}>", text, re.DOTALL)
    return str(found[at])


def rst(here: Service, *addresses: str, path: str = "/RST.srf", password: str = PASSWORD) -> str:
    tokens = "".join(
        f'<wst:RequestSecurityToken Id="RST{number}"><wst:RequestType>'
        "http://schemas.xmlsoap.org/ws/2004/04/security/trust/Issue</wst:RequestType>"
        f"<wsp:AppliesTo><wsa:EndpointReference><wsa:Address>{address}</wsa:Address>"
        "</wsa:EndpointReference></wsp:AppliesTo></wst:RequestSecurityToken>"
        for number, address in enumerate(addresses)
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wsse="w" xmlns:wst="t"'
        ' xmlns:wsp="p" xmlns:wsa="a" xmlns:ps="s"><Header><wsse:Security><wsse:UsernameToken'
        f' Id="user"><wsse:Username>{ALICE}</wsse:Username><wsse:Password>{password}'
        "</wsse:Password></wsse:UsernameToken></wsse:Security></Header><Body>"
        f'<ps:RequestMultipleSecurityTokens Id="RSTS">{tokens}</ps:RequestMultipleSecurityTokens>'
        "</Body></Envelope>"
    )
    return https(
        here,
        f"POST {path} HTTP/1.1\r\nSOAPAction: \r\nContent-Type: text/xml; charset=utf-8\r\n"
        "User-Agent: MSMSGS\r\nHost: login.live.com\r\nConnection: Keep-Alive\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}",
    )


# --- libpurple of 2007 by Passport 1.4, and msn-pecan --------------------------------------------

PURPLE_2007 = "0x0409 winnt 5.1 i386 MSNMSGR 6.0.0602 MSMSGS"
KNOWN = ("lc", "id", "tw", "fs", "ru", "ct", "kpp", "kv", "ver", "tpf")


def purple_login(here: Service) -> tuple[str, str]:
    """Return host and path as nexus.c takes them: behind `DALogin=`, up to the comma."""
    said = https(here, "GET /rdr/pprdr.asp\r\n\r\n")
    base = said[said.index("PassportURLs") :]
    base = base[base.index("DALogin=") + len("DALogin=") :]
    host, slash, path = base[: base.index(",")].partition("/")
    assert "https" not in host, "it would be taken for the name of the host"
    return host, slash + path


def purple_authorization(challenge: str, password: str) -> str:
    """Build the challenge anew of the ten fields that it knows, as nexus.c does."""
    fields = dict(piece.split("=", 1) for piece in challenge.split(","))
    rest = ",".join(f"{name}={fields[name]}" for name in KNOWN)
    return (
        "Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,"
        f"sign-in={quote(ALICE, safe='')},pwd={quote(password, safe='')},{rest}\r\n"
    )


def purple_ticket(said: str) -> str:
    """Return the ticket: between `from-PP='` and the next quote."""
    assert said.startswith("HTTP/1.1 200 OK")
    base = said[said.index("Authentication-Info") :]
    ticket = base[base.index("from-PP='") + len("from-PP='") :].partition("'")[0]
    assert "&p=" in ticket, "msn-pecan crashes"
    return ticket


@pytest.mark.parametrize("versions", ["MSNP9 MSNP8 CVR0", "MSNP12 MSNP11 MSNP10 CVR0"])
def test_libpurple_of_2007_and_msn_pecan(here: Service, versions: str) -> None:
    with connected(here) as line:
        [challenge] = challenged(line, versions, PURPLE_2007)
        _, path = purple_login(here)
        wrong = https(
            here, f"GET {path} HTTP/1.1\r\n{purple_authorization(challenge, 'x')}Host: h\r\n\r\n"
        )
        assert wrong.startswith("HTTP/1.1 401 Unauthorized")
        # msn-pecan shows all that is behind `cbtxt=`, to the end of the headers.
        assert wrong.rpartition("cbtxt=")[2].strip().endswith("again.")
        right = https(
            here,
            f"GET {path} HTTP/1.1\r\n{purple_authorization(challenge, PASSWORD)}User-Agent: MSMSGS"
            "\r\nHost: login.passport.com\r\nConnection: Keep-Alive\r\n\r\n",
        )
        line.say(f"USR 4 TWN S {purple_ticket(right)}")
        line.until("USR 4 OK ")
        told = listed(line, "0 0" if "12" in versions else "0")
        if "12" in versions:
            assert "PRP MFN Al%20ice" in told, "msn-pecan has no other name for the account"
        line.say("SBP 6 b1c51b78-4720-546f-b8b4-b7d925d6b1b9 MFN Bob")
        assert line.until("SBP 6 ").endswith(" MFN Bob")
        stays(line)
        chats(here, line, bob_by=18)


# --- libpurple by RST ----------------------------------------------------------------------------

ASKED = ("http://Passport.NET/tb", "messengerclear.live.com", "contacts.msn.com")


def purple_tokens(said: str) -> dict[int, str]:
    """Return tickets by the number in their Id, which is their place in the request."""
    collection = xml("RequestSecurityTokenResponseCollection", said)
    assert not re.search(r"RequestSecurityTokenResponse>\s+<", collection), "it would crash"
    assert len(said) < 4000, "msn-pecan stalls"
    found = re.findall(r'BinarySecurityToken Id="(?:Compact|PPToken)(\d)">([^<]*)<', collection)
    return {int(number): text.replace("&amp;", "&") for number, text in found}


@pytest.mark.parametrize("path", ["/RST.srf", "//RST.srf"])
def test_libpurple_by_sso(here: Service, path: str) -> None:
    wrong = rst(here, *ASKED, path=path, password="x")
    envelope = xml("Envelope", wrong)
    assert re.match(r"<(?:\w+:)?Fault>", envelope), "within Body it is trouble of the network"
    assert xml("faultcode", wrong) == "wsse:FailedAuthentication"
    with connected(here) as line:
        cvr = "0x0409 winnt 5.1 i386 MSNMSGR 8.5.1302 BC01"
        policy, nonce = challenged(line, "MSNP18 CVR0", cvr, "SSO")
        assert (policy, len(nonce)) == ("MBI_KEY_OLD", 64)
        said = rst(here, *ASKED, path=path)
        tokens = purple_tokens(said)
        secret = Secret(xml("BinarySecret", said))
        guid = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
        line.say(f"USR 4 SSO S {tokens[1]} {answer(secret, nonce)} {guid}")
        line.until("USR 4 OK ")
        line.until("MSG Hotmail Hotmail ")
        assert "text/x-msmsgsprofile" in line.payload, "it fetches the contacts then"
        for operation, service in (
            ("FindMembership", "SharingService"),
            ("ABFindContactsPaged", "abservice"),
        ):
            assert BOB in contacts(here, operation, f"//abservice/{service}.asmx", tokens[2])
        payload = '<ml l="1"><d n="example.com"><c n="bob" l="3" t="1"/></d></ml>'
        line.say(f"ADL 5 {len(payload)}", payload)
        line.until("ADL 5 OK")
        stays(line)
        chats(here, line, bob_by=8)


def contacts(
    here: Service,
    operation: str,
    path: str,
    ticket: str = "",
    *,
    cookie: str = "",
    action: str = "",
    plain: bool = False,
) -> str:
    token = f"<TicketToken>{ticket.replace('&', '&amp;')}</TicketToken>" if ticket else ""
    body = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>'
        f"<ABAuthHeader>{token}</ABAuthHeader></soap:Header><soap:Body>"
        f'<{operation} xmlns="http://www.msn.com/webservices/AddressBook"/></soap:Body>'
        "</soap:Envelope>"
    )
    cookies = f"Cookie: MSPAuth={cookie}\r\n" if cookie else ""
    namespace = "http://www.msn.com/webservices/AddressBook"
    request = (
        f"POST {path} HTTP/1.{0 if plain else 1}\r\nSOAPAction: {namespace}/{action or operation}"
        f"\r\nContent-Type: text/xml; charset=utf-8\r\n{cookies}Host: contacts.msn.com\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    if not plain:
        return https(here, request)
    port = here.plain_port  # type: ignore[attr-defined]
    with socket.create_connection(("127.0.0.1", port)) as sock:
        return heard(sock, request.encode())


def test_libpurple_by_msnp13(here: Service) -> None:
    """Its ticket for TWN is that of messenger.msn.com; the contacts host gets the profile's."""
    with connected(here) as line:
        cvr = "0x0409 winnt 5.1 i386 MSNMSGR 8.0.0812 msmsgs"
        challenged(line, "MSNP14 MSNP13 CVR0", cvr)
        tokens = purple_tokens(rst(here, "http://Passport.NET/tb", "messenger.msn.com"))
        line.say(f"USR 4 TWN S {tokens[1]}")
        line.until("USR 4 OK ")
        line.until("MSG Hotmail Hotmail ")
        found = re.search(r"^MSPAuth: (.*?)\r$", line.payload, re.MULTILINE)
        assert found, "it has no other ticket for its contacts"
        path = "/abservice/abservice.asmx"
        assert BOB in contacts(here, "ABFindAll", path, cookie=found[1])
        payload = '<ml l="1"><d n="example.com"><c n="bob" l="3" t="1"/></d></ml>'
        line.say(f"ADL 5 {len(payload)}", payload)
        line.until("ADL 5 OK")
        stays(line)
        chats(here, line, bob_by=21)


# --- libmsn, bitlbee -----------------------------------------------------------------------------


def test_libmsn_counts_by_position(here: Service) -> None:
    """Answer 0 is Passport.NET/tb, and answer 1 the ticket (libmsn, Connection of SSO)."""
    said = rst(here, *ASKED)
    answers = re.findall(
        r"<wst:RequestSecurityTokenResponse>(.*?)</wst:RequestSecurityTokenResponse>", said
    )
    assert xml("Address", answers[0]) == "http://Passport.NET/tb"
    assert xml("Address", answers[1]) == "messengerclear.live.com"
    ticket = xml("BinarySecurityToken", answers[2]).replace("&amp;", "&")
    path = "/abservice/abservice.asmx"
    book = contacts(here, "FindMembership", path, ticket, action="ABFindAll")
    assert "<ABFindAllResponse" in book, "the operation is that of SOAPAction"
    for contact in re.findall("<Contact>.*?</Contact>", book):
        assert "isMobileIMEnabled" in contact, "its parser passes others over"
    with connected(here) as line:
        cvr = "0x0409 winnt 5.1 i386 MSNMSGR 8.5.1288 msmsgs"
        _, nonce = challenged(line, "MSNP15 MSNP14 MSNP13 CVR0", cvr, "SSO")
        ticket = xml("BinarySecurityToken", answers[1]).replace("&amp;", "&")
        proof = answer(Secret(xml("BinarySecret", answers[1])), nonce)
        line.say(f"USR 4 SSO S {ticket} {proof}")
        line.until("USR 4 OK ")
        payload = '<ml l="1"><d n="example.com"><c n="bob" l="3" t="1"/></d></ml>'
        line.say(f"ADL 5 {len(payload)}", payload)
        line.until("ADL 5 OK")
        stays(line)
        chats(here, line, bob_by=12)


def test_bitlbee_knows_no_tls_there(here: Service) -> None:
    ticket = purple_tokens(rst(here, *ASKED))[2]
    path = "/abservice/SharingService.asmx"
    assert BOB in contacts(here, "FindMembership", path, ticket, plain=True)
    assert https(here, "GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n", sni=False)


# --- clients of today ----------------------------------------------------------------------------


def signed_in_by(here: Service, ticket: str, line: Line, serials: str = "0") -> None:
    line.say(f"USR 4 TWN S {ticket}")
    line.until("USR 4 OK ")
    listed(line, serials)
    stays(line)
    chats(here, line, bob_by=15)


def test_msnp11_sdk(here: Service) -> None:
    """The header without `DALogin=` is a URL; what is behind `from-PP=` to the end is the ticket."""
    cvr = "0x0409 winnt 5.1 i386 MSNMSGR 7.0.0816 MSMSGS"
    with connected(here) as line:
        [challenge] = challenged(line, "MSNP11 CVR0", cvr)
        said = https(here, "GET /rdr/pprdr.asp HTTP/1.1\r\naccept: */*\r\nhost: nexus\r\n\r\n")
        value = re.search(r"^PassportURLs: (.*?)\r$", said, re.MULTILINE)
        assert value
        url = value[1].replace("DALogin=", "")
        assert re.fullmatch(r"https://[\w.:]+/login2\.srf", url)
        # Address and password go without any encoding.
        request = (
            "GET /login2.srf HTTP/1.1\r\nauthorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2F"
            f"messenger%2Emsn%2Ecom,sign-in={ALICE},pwd={PASSWORD},{challenge}\r\nhost: h\r\n\r\n"
        )
        info = re.search(r"^Authentication-Info: (.*?)\r$", https(here, request), re.MULTILINE)
        assert info
        signed_in_by(here, info[1].partition("from-PP=")[2].replace("'", ""), line, "0 0")


def test_minisrv_and_msnpjs(here: Service) -> None:
    """Node's fetch: the header has a URL in it, and nothing is cut at a comma."""
    head = "GET /rdr/pprdr.asp HTTP/1.1\r\nhost: h\r\nuser-agent: node\r\n\r\n"
    value = re.search(r"^PassportURLs: (.*?)\r$", https(here, head), re.MULTILINE)
    assert value
    assert re.fullmatch(r"https://[\w.:]+/login2\.srf", value[1].partition("DALogin=")[2])


def test_msnlib(here: Service) -> None:
    """Python's urllib of 2004: it puts https:// in front itself, and asks by a whole URL."""
    agent = "User-agent: Python-urllib/1.17\r\n"
    said = https(here, f"GET /rdr/pprdr.asp HTTP/1.0\r\nHost: nexus\r\n{agent}\r\n")
    login = said[said.index("DALogin=") + 8 :].split(",")[0]
    url = "https://" + login
    with connected(here) as line:
        [challenge] = challenged(
            line, "MSNP8 CVR0", "0x0409 win 4.10 i386 MSNMSGR 5.0.0544 MSMSGS", between="\t"
        )
        ask = (
            f"GET {url} HTTP/1.1\r\nAuthorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2F"
            f"messenger%2Emsn%2Ecom,sign-in={quote(ALICE)},pwd={quote(PASSWORD)},{challenge}\r\n"
            f"Host: {login.partition('/')[0]}\r\n{agent}\r\n"
        )
        signed_in_by(here, purple_ticket(https(here, ask, sni=False)), line)


def test_the_php_class(here: Service) -> None:
    """It asks its own table of hosts, with a blank before sign-in, and only `@` escaped."""
    with connected(here) as line:
        [challenge] = challenged(line, "MSNP8 CVR0", "0x0409 win 4.10 i386 MSNMSGR 5.0.0544 MSMSGS")
        ask = (
            "GET /login2.srf HTTP/1.1\r\nAuthorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2F"
            f"messenger%2Emsn%2Ecom, sign-in={ALICE.replace('@', '%40')},"
            f"pwd={quote(PASSWORD)},{challenge}\r\nHost: login.passport.com\r\n\r\n"
        )
        said = https(here, ask)
        name = "Authentication-Info: "  # by exact case
        value = said[said.index(name) + len(name) :].partition("\r\n")[0]
        signed_in_by(here, value.partition("from-PP='")[2].partition("'")[0], line)

"""Where the fuzzer begins: good conversations, and inputs that once broke something.

What a fuzzer found later lies as a file in `seeds/TARGET/`.
"""

from __future__ import annotations

from pathlib import Path

from client_targets import DATA, FETCH_FAILED, LOST, RESPONSE, SILENCE
from feed import records

__all__ = ["seeds_of"]

_FOLDER = Path(__file__).parent / "seeds"

_TICKET = "t=53*1hAu8ADuD3TEw&p=5eKBBC!yBH6ex"
_CHALLENGE = b"lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct=1128154104"


def _http(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def _rst(address: str, *, lifetime: str = "LifeTime", until: str = "2026-11-26T12:00:00Z") -> bytes:
    body = (
        '<?xml version="1.0"?><S:Envelope xmlns:S="s" xmlns:w="w"><S:Body>'
        "<w:RequestSecurityTokenResponseCollection><w:RequestSecurityTokenResponse>"
        f"<w:AppliesTo><w:EndpointReference><w:Address>{address}</w:Address>"
        f"</w:EndpointReference></w:AppliesTo><w:{lifetime}>"
        f"<w:Created>2026-11-25T12:00:00Z</w:Created><w:Expires>{until}</w:Expires></w:{lifetime}>"
        "<w:RequestedSecurityToken><w:BinarySecurityToken>t=a&amp;p=</w:BinarySecurityToken>"
        "</w:RequestedSecurityToken><w:RequestedProofToken><w:BinarySecret>"
        "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB</w:BinarySecret></w:RequestedProofToken>"
        "</w:RequestSecurityTokenResponse></w:RequestSecurityTokenResponseCollection>"
        "</S:Body></S:Envelope>"
    )
    return _http(200, "Content-Type: text/xml", body=body.encode())


_FAULT = (
    b'<S:Envelope xmlns:S="s"><S:Body><S:Fault><faultcode>wsse:FailedAuthentication</faultcode>'
    b"<faultstring>no</faultstring><S:Detail><psf:error xmlns:psf='p'><psf:value>0x80048821"
    b"</psf:value></psf:error></S:Detail></S:Fault></S:Body></S:Envelope>"
)
_NEXUS = _http(200, "PassportURLs: DARealm=Passport.Net,DALogin=login.example/login2.srf")
_GRANTED = _http(
    200, f"Authentication-Info: Passport1.4 da-status=success,tname=MSPAuth,from-PP='{_TICKET}'"
)
_REFUSED = _http(
    401, "WWW-Authenticate: Passport1.4 da-status=failed,srealm=Passport.NET,cbtxt=No%20such"
)
_REDIRECT = _http(
    302,
    "Authentication-Info: Passport1.4 da-status=redir",
    "Location: https://login.example/login2.srf?lc=1033",
)

_VER12 = b"VER 1 MSNP12\r\nCVR 2 8.5 8.5 8.5 http://a http://b\r\n"
_TWN = _VER12 + b"USR 3 TWN S " + _CHALLENGE + b"\r\n"
_SSO = b"VER 1 MSNP18\r\nCVR 2 1 1 1 a b\r\nGCF 0 5\r\n<P/>\r\nUSR 3 SSO S MBI_KEY_OLD bm9uY2U=\r\n"
_OK = b"USR 4 OK alice@example.com 1 0\r\n"
_TOKEN, _CLEAR = _rst("messenger.msn.com"), _rst("messengerclear.live.com")
_TWICE = _http(503, "Retry-After: Fri, 31 Dec 9999 23:59:59 -2359")

_SIGN_INS = [
    records(
        (DATA, b"VER 1 MSNP7\r\nINF 2 MD5\r\nUSR 3 MD5 S 1013928519.693957190\r\n"),
        (DATA, b"USR 4 OK alice@example.com Alice 1\r\n"),
        first=(0, 0),
    ),
    records((DATA, _TWN), (RESPONSE, _GRANTED), (DATA, _OK), first=(1, 0)),
    records((DATA, _TWN), (RESPONSE, _REDIRECT), (RESPONSE, _GRANTED), (DATA, _OK), first=(1, 0)),
    records((RESPONSE, _NEXUS), (DATA, _TWN), (RESPONSE, _GRANTED), (DATA, _OK), first=(2, 0)),
    records((DATA, _TWN), (RESPONSE, _NEXUS), (RESPONSE, _REFUSED), first=(2, 0)),
    records((DATA, _TWN), (RESPONSE, _TOKEN), (DATA, _OK), first=(3, 0)),
    records((DATA, _SSO), (RESPONSE, _CLEAR), (DATA, _OK), first=(4, 0)),
    records((DATA, _SSO), (RESPONSE, _http(200, body=_FAULT)), first=(4, 0)),
    records(
        (DATA, b"VER 1 MSNP12\r\n"),
        (SILENCE, b""),
        (DATA, b"USR 3 TWN S lc=1\r\n"),
        (RESPONSE, _GRANTED),
        (DATA, b"USR 4 OK alice@example.com 1 0\r\n"),
        first=(1, 1),
    ),
    records((DATA, b"VER 1 MSNP12\r\nXFR 3 NS 10.0.0.5:1863 0 10.0.0.1:1863\r\n"), first=(1, 0)),
    records((DATA, b"XFR 0 NS 0\r\nVER 1 0\r\n"), (LOST, b""), first=(2, 0)),
    records((DATA, b"VER 1 0\r\nVER 4 MSNP14\r\n911 6\r\n"), first=(4, 0)),
    records((DATA, b"OUT RCT \xc2\xb2\r\n"), (FETCH_FAILED, b""), first=(1, 0)),
    records((DATA, _VER12 + b"USR 3 TWN S lc=1033\x00,id=507\r\n"), (RESPONSE, b""), first=(1, 0)),
    records((DATA, _VER12 + b"USR 3 TWN S lc=1033\rX:1\r\n"), (RESPONSE, b""), first=(1, 0)),
    records((DATA, _SSO.replace(b"MBI", b"MBI\xff")), (RESPONSE, _CLEAR), first=(4, 0)),
    records((DATA, b"XFR 3 NS 127.0.0.1:0444444\r\n"), first=(1, 0)),
]

_ASKED = (
    b"<E><UsernameToken><Username>alice@example.com</Username><Password>x</Password>"
    b"</UsernameToken><RequestSecurityToken><Address>messengerclear.live.com</Address>"
    b"</RequestSecurityToken></E>"
)

_MAIL = (
    b"From: =?utf-8?B?Qm9i?= <bob@example.com>\r\nDate: 15 Nov 2008 14:24:27 -0800\r\n"
    b"Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\naGk="
)
_NOTICE = (
    b"Content-Type: text/x-msmsgsinitialmdatanotification; charset=UTF-8\r\n\r\n"
    b"Mail-Data: <MD><M><E>bob@example.com</E><I>1</I></M></MD>\r\n"
)
_DATAGRAM = (
    b"Routing: 1.0\r\nTo: 1:me@example.com\r\nFrom: 1:bob@example.com;epid={a}\r\n\r\n"
    b"Reliability: 1.0\r\n\r\nMessaging: 2.0\r\nMessage-Type: Text\r\n\r\nhi"
)
_PUBLISHED = (
    b"Routing: 1.0\r\nTo: 1:me@example.com\r\nFrom: 1:bob@example.com\r\n\r\n\r\n\r\n"
    b"Notification: 1.0\r\n\r\n<user><s n='IM'><Status>NLN</Status></s></user>"
)
_HELLO = b"Content-Type: text/plain\r\nX-MMS-IM-Format: FN=A; EF=B; CO=ff; RL=1\r\n\r\nhi"
_PIECE = b"Content-Type: text/plain\r\nMessage-ID: {a}\r\nChunks: 2\r\n\r\nhi"


def _soap(content: str) -> bytes:
    body = f"<s:Envelope xmlns:s='s'><s:Body>{content}</s:Body></s:Envelope>".encode()
    return _http(200, "Content-Type: text/xml", body=body)


_MEMBERS = _soap(
    "<FindMembershipResponse><Membership><MemberRole>Allow</MemberRole><Members><Member>"
    "<PassportName>bob@example.com</PassportName></Member></Members></Membership>"
    "</FindMembershipResponse>"
)
_PEOPLE = _soap(
    "<ABFindAllResponse><Group><groupId>G</groupId><groupInfo><name>n</name></groupInfo></Group>"
    "<Contact><contactId>C</contactId><contactInfo><contactType>Regular</contactType>"
    "<passportName>bob@example.com</passportName><groupIds><guid>g</guid></groupIds></contactInfo>"
    "</Contact></ABFindAllResponse>"
)
_NO_BOOK = _http(
    500,
    body=b"<E><Fault><faultstring>x</faultstring><detail><errorcode>ABDoesNotExist</errorcode>"
    b"</detail></Fault></E>",
)
_LEFT = _soap(
    "<GetMessageResponse><GetMessageResult>From: b@c\n\nhi</GetMessageResult></GetMessageResponse>"
)
_LST12 = (
    b"SYN 5 t t 1 1\r\nLSG G 1-2\r\nLST N=bob@example.com F=B C=1-2 3 1 1-2\r\n"
    b"ILN 6 NLN bob@example.com B 0\r\n"
)
_CHAT = (
    b"USR 1 OK me@example.com Me\r\nCAL 2 RINGING 1\r\nJOI bob@example.com Bob 0\r\nACK 3\r\n"
    b"MSG bob@example.com Bob %d\r\n%sBYE bob@example.com\r\n" % (len(_HELLO), _HELLO)
)

_SEEDS: dict[str, list[bytes]] = {
    "pasted": [
        b"USR 6 TWN S " + _CHALLENGE,
        f"USR 7 TWN S {_TICKET}".encode(),
        f"Authentication-Info: Passport1.4 da-status=success,from-PP='{_TICKET}',ru=x".encode(),
        b"Authorization: Passport1.4 OrgVerb=GET,sign-in=a%40b,pwd=x," + _CHALLENGE,
        b"PassportURLs: DARealm=x,DALogin=l.example:443/login",
        _FAULT,
        _rst("messengerclear.live.com").partition(b"\r\n\r\n")[2],
        b"MSG Hotmail Hotmail 30\r\nMSPAuth: x\r\n\r\n",
        b"HAAAAAEAAAADZgAABIAAAAgAAAAUAAAASAAAAA==",
        b"80048821",
    ],
    "code": [b"80048821", b"-2147186655", b"0x80072efd", b"MA-TLS-03", b"911"],
    "message": [
        _HELLO,
        _PIECE,
        _NOTICE,
        _MAIL,
        _DATAGRAM,
        _PUBLISHED,
        "ü\n\nü".encode(),
        "e\u0301\u200d👩".encode(),
    ],
    "listing": [
        b"\x00SYN 5 1\r\nLST 5 FL 1 1 1 b@c B\r\nLST 5 RL 1 0 0\r\n",
        b"\x01SYN 5 1\r\nLSG 5 1 1 1 0 G 0\r\nLST 5 FL 1 1 1 b@c B 0\r\nLST 5 RL 1 0 0\r\n",
        b"\x02SYN 5 1 1 1\r\nLSG 0 G 0\r\nLST b@c B 3 0,1\r\n",
        b"\x03SYN 5 t t 1 1\r\nLSG G 1-2\r\nLST N=b@c F=B C=1 11 1-2\r\n",
        b"\x04" + _LST12,
    ],
    "contacts_host": [
        records((0, _MEMBERS), (0, _PEOPLE), first=(0,)),
        records((0, _MEMBERS), (0, _NO_BOOK), (0, _soap("")), (0, _PEOPLE), first=(1,)),
        records((0, _soap("<guid>1</guid>")), first=(2,)),
        records((0, _http(302, "Location: /other")), (0, _http(503)), first=(3,)),
        records((0, _soap("<M><I>1</I></M>")), (0, _LEFT), first=(5,)),
        records((0, _LEFT), (0, _http(500)), first=(6,)),
    ],
    "switchboard": [
        _CHAT,
        b"ACK 1\r\nNAK 2\r\nUSR 3 OK\r\n",
        b"USR 1 OK a b\r\n217 2\r\nNAK 3\r\nMSG bob@example.com Bob 4\r\nabcdOUT\r\n",
        b"IRO 1 1 1 b@c;{a} B 0:0\r\nJOI b@c B\r\nBYE b@c;{a}\r\nMSG b@c B %d\r\n%s"
        % (len(_PIECE), _PIECE),
    ],
    "society": [
        records((6, b""), (0, _LST12), (14, b""), (0, b"CHG 6 NLN 0\r\n"), (7, b""), first=(10,)),
        records(
            (30, b""),
            (0, b"XFR 5 SB 10.0.0.1:1864 CKI 1.2\r\n"),
            (3, b""),
            (2, _CHAT),
            (7, b""),
            first=(10,),
        ),
        records((6, b""), first=(16,)),
        records((6, b""), (4, _MEMBERS), (4, _PEOPLE), (14, b""), (5, b""), first=(16,)),
        records((0, b"RNG 1 10.0.0.1:1864 CKI 2.3 b@c B\r\n"), (3, b""), (2, b"ANS 1 OK\r\n")),
        records((0, b"SDG 0 %d\r\n%s" % (len(_DATAGRAM), _DATAGRAM)), (7, b""), first=(18,)),
        records((0, b"NFY PUT %d\r\n%s" % (len(_PUBLISHED), _PUBLISHED)), first=(18,)),
        records(
            (0, b"MSG Hotmail Hotmail %d\r\n%s" % (len(_NOTICE), _NOTICE)),
            (4, _LEFT),
            (7, b""),
            first=(16,),
        ),
    ],
    "switchboard_role": [
        b"\x0a\x01CAL 2 bob@example.com\r\nMSG 3 A 2\r\nhiOUT\r\n",
        b"\x10\x00USR 1 alice@example.com 1.2\r\n",
        b"\x10\x01CAL 2 alice@example.com\r\nMSG 3 X 2\r\nhi",
    ],
    "lines": [
        b"\x00USR 3 TWN S lc=1\r\nMSG a b 5\r\nhelloOUT\r\n",
        b"\x00GCF 0 5\r\n<P/>\r\n241 5 3\r\nabc\r\n",
        b"\x00LSG 0 Other%20Contacts 0\r\nQNG 50\r\nGCF Shields.xml\r\n",
        b"\x01QRY 5 PROD 32\r\n85ecb0db8f32113df79ce0892b9a102cOUT\r\n",
        b"\x01CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 8.5 BC01 a@b\r\nADL 4 5\r\n<ml/>",
    ],
    "addresses": [
        b"[::1...]:80",
        b"10.0.0.1:1863",
        b"[::1]:80",
        b"https://h.example:8080/a?b=c",
        b"/x",
        b"h/l",
    ],
    "xml": [
        _FAULT,
        b"\r\n" + _TOKEN.partition(b"\r\n\r\n")[2],
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
    ],
    "http": [
        _GRANTED,
        _REFUSED,
        b"HTTP/1.1 100 Continue\r\n\r\n" + _NEXUS,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ],
    "exchanges": [
        records((0, _http(302, "Location: /other")), (0, _NEXUS), first=(0,)),
        records((0, _REDIRECT), (0, _GRANTED), first=(1,)),
        records((0, _http(200, "Authentication-Info: Passport1.4 x" + " " * 20000 + "y=1"))),
        records((0, _TWICE), first=(1,)),
        records((0, _TOKEN), first=(2,)),
        records((0, _rst("a.example", until="9999-12-31T23:59:59+23:59")), first=(2,)),
        records((0, _rst("a.example", lifetime="Lifetime")), first=(3,)),
        records((0, _http(200, body=_FAULT)), first=(3,)),
    ],
    "proofs": [b"ZYUYykQ8/a4TR9CCRFHDcmUyMjMyMjMy\0DNAAQ4JyPk=", b"?\0\xff"],
    "sign_in": _SIGN_INS,
    "session": [
        records(
            (0, b"MSG Hotmail Hotmail 44\r\nContent-Type: text/x-msmsgsprofile\r\nSid: 507"),
            (4, b"NLN"),
            (0, b"CHG 5 NLN\r\nCHL 0 15570131571988941333\r\nQRY 6\r\n"),
            (3, b""),
            (0, b"QNG 50\r\n"),
            (6, b""),
        ),
        records((0, b"XFR 0 NS 10.0.0.9:1863\r\n"), (0, b"OUT SSD\r\n"), first=(1,)),
        records((0, b"OUT OTH"), (5, b""), first=(1,)),
        records((0, "OUT RCT ²\r\n".encode()), (0, b"PRP MFN Zo%C3%AB\r\n"), first=(1,)),
    ],
    "notification": [
        b"\x00\x0a\x01\x01CHG 5 NLN 0\r\nSYN 6 0 0\r\nPNG\r\nQRY 7 PROD0090YUAUV{2B 2\r\nxx",
        b"\x00\x05\x00\x00VER 1 MSNP7\r\nINF 2\r\nUSR 3 MD5 I alice@example.com\r\nUSR 4 MD5 S a\r\n",
        b"\x00\x10\x01\x00CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 8\x0b5 BC01 a@b\r\nUSR 3 SSO I a@b\r\n",
        b"\x01\x0a\x01\x00USR 3 TWN I alice@example.com\r\nOUT\r\n",
        b"\x00\x0f\x01\x01ADL 5 9\r\n<ml></ml>UUX 6 3\r\nabcFQY 7 2\r\nhiGCF 8 Shields.xml\r\n",
    ],
    "web": [
        b"GET /rdr/pprdr.asp HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /rdr/pprdr.asp\r\n\r\n",
        b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /RST.srf HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n<a/>",
        b"GET /login2.srf HTTP/1.1\r\nHost: h\r\nAuthorization: Passport1.4 sign-in=a%40b,pwd=c\r\n\r\n",
    ],
    "soap": [
        _ASKED,
        b"<E><Header><TicketToken>t=a&amp;p=</TicketToken></Header><Body><ABFindAll/></Body></E>",
        b"<E><PassportCookie><t>a</t><p>b</p></PassportCookie><Body><GetMetadata/></Body></E>",
        b"<E><From memberName='a@b'/><To memberName='c@d'/><Ticket passport='t=' lockkey='x'/></E>",
    ],
    "authorization": [
        b"Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fm,sign-in=alice%40example.com,pwd=x,lc=1033",
        b"Passport1.4 Passport1.4 sign-in=a@b.c,pwd=%zz",
    ],
    "tickets": [b"t=gAAAAABh&p=", b"t=&p="],
    "cache_file": [
        b'{"key": ["value", "2026-12-01T00:00:00+00:00"]}',
        b'{"key": ["value", "2026-12-01T00:00:00"]}',
        b"[" * 2000,
    ],
    "ticket": [
        b'{"value": "t=1", "server": "https://h", "expires": "2026-12-01T00:00:00", "proof_key": 5}'
    ],
    "services_file": [b'\xef\xbb\xbf[home]\ntitle = "x"\nhost = "messenger.example"\n'],
    "guid_file": [b"f52973b6-c926-4bad-9ba8-7c1e840e4ab0\n", b""],
    "tls": [
        records((0, b""), (0, b""), (1, b"welcome"), (4, b"hello"), (0, b""), (5, b""), first=[0]),
        records((0, b""), (0, b""), (0, b""), (1, b"welcome"), (2, b"\x00changed"), first=[1]),
        records((0, b""), (3, b"HTTP/1.1 400 Bad Request\r\n\r\n"), first=[0]),
        records((3, b"\x16\x03\x03\x40\x00\x02"), (5, b""), first=[0]),
        records((0, b""), (0, b""), (1, b"onew"), (1, b"two"), (2, b"\x30three"), first=[0]),
    ],
    "verify": [
        b'{"ticket": "t=a&p=", "passport": "alice@example.com"}',
        b'{"ticket": "t=a&p=", "passport": "a@b", "nonce": "n", "response": "r"}',
    ],
    "bearer": [b"Bearer key", b"bearer  key ", b"Basic a2V5"],
    "forwarded": [b"192.0.2.1, 10.0.0.1", b"2001:db8::1", b"::ffff:10.0.0.1, 127.0.0.1"],
    "accounts_csv": [
        b"passport,password,display_name\nalice@example.com,secret,Alice\n",
        b"passport,hash\na@b.c,$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g\n",
    ],
    "page_form": [
        b"token=a.1.b&address=alice%40example.com&password=secret+pw&again=secret+pw",
        b"name=%3Cb%3E&scheme=SSO&scheme=TWN&password=%00&again=%ff",
    ],
    "page_token": [
        b"AAAAAAAAAAAAAAAA.1795608000000." + b"0" * 64,
        b"w" * 43,
        b"https://h.example:443",
        "AAAAAAAAAAAAAAAA.１７９５６０８００００００.".encode() + b"0" * 64,
    ],
    "page_request": [
        b"GET /a%20b?c=%ff HTTP/1.1\r\nHost: h\r\nCookie: __Host-msnpauth="
        + b"w" * 43
        + b"\r\n\r\n",
        b'HEAD / HTTP/1.1\r\nHost: h\r\nCookie: a="b\\012"; ;=\r\n\r\nGET / HTTP/1.1\r\nHost: [\r\n\r\n',
        b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na=b",
    ],
}


def seeds_of(target: str) -> list[bytes]:
    """Return the seeds of a target."""
    folder = _FOLDER / target
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [*_SEEDS.get(target, []), *(path.read_bytes() for path in found)]

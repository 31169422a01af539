"""Other requests of official clients: configuration, tabs, a profile, a port check, and NotRST.

Each answer is as small as the client allows. The forms of the answers are from ywiki (msgrconfig,
storage) and Escargot (front/msn/http/other.py); the addresses in them are those of this service.
"""

from __future__ import annotations

from ...core.secrets import Secret
from ...core.servers import CONTACTS_SITE
from ...core.tickets.rst import MESSENGER
from ...core.tickets.xml import BadXml, escape_xml, find, local_name, parse, text_of
from ...core.wire.dialects import Scheme
from .office import Office
from .web import Answerer, WebAnswer, WebRequest

__all__ = ["OfficialRole"]

_XML = ("Content-Type", "text/xml; charset=utf-8")
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_CONFIG_PATHS = ("/Config/MsgrConfig.asmx", "/config/MsgrConfig.asmx", "/etc/MsgrConfig")
_STORAGE = "http://www.msn.com/webservices/storage/2008"
_STORAGE_OF_8 = "http://www.msn.com/webservices/storage/w10"
_STORAGE_SITE = "storage.msn.com"
_LONGEST = 300

# The failures of a sign-in after which an official client tries again by itself (ywiki msgrconfig):
# failed name look-ups, time-outs, a busy server, and errors of HTTP.
_AGAIN = [
    "80072EE7",
    "81000306",
    "80072EFD",
    "81000362",
    "8100030E",
    "80072745",
    "800701F6",
    "800701F7",
    "800701F8",
    "80072EFF",
    "81000363",
    "81000395",
    "81000323",
    "80072F19",
    "80072746",
    "81000377",
    "81000314",
    "81000378",
    "80070190",
    "80070197",
    "80048820",
    "80048829",
]

# Patched clients of 7.5 and later sign in through a page in a web browser, so that the answer has
# to allow requests from pages of other hosts (Escargot handle_not_rst).
_CROSS_ORIGIN = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "POST"),
    ("Access-Control-Allow-Headers", "X-User, X-Password, Content-Type"),
    ("Access-Control-Expose-Headers", "X-Token"),
    ("Access-Control-Max-Age", "86400"),
)


class OfficialRole:
    """The answers to the other requests of official clients, at one address.

    Args:
        office: has the accounts, and checks passwords and tickets.
        origin: `https://host[:port]` of this service.
        host: the name of the host, which the configuration tells the client to trust.
    """

    def __init__(self, office: Office, *, origin: str, host: str) -> None:
        self._office = office
        self._origin = origin
        self._host = host

    def paths(self) -> dict[str, Answerer]:
        """Return the table of paths for a `WebSite`."""
        store: dict[str, Answerer] = {"POST /storageservice/SchematizedStore.asmx": self._store}
        return self.configuration() | self.login() | store

    def login(self) -> dict[str, Answerer]:
        """Return the table of the paths that issue tickets."""
        return {"POST /NotRST.srf": self._not_rst, "OPTIONS /NotRST.srf": self._preflight}

    def configuration(self) -> dict[str, Answerer]:
        """Return the table of the paths that need no account."""
        config = {f"{method} {path}": self._config for path in _CONFIG_PATHS for method in _BOTH}
        return config | {
            "POST /": self._port_check,
            "GET /svcs/mms/tabs.asp": self._tabs,
            "GET /svcs/mms/portal.asp": self._portal,
        }

    async def _port_check(self, _: WebRequest) -> WebAnswer:
        # A client that cannot connect to port 1863 tests other ports by an empty POST.
        return WebAnswer(200, (("Content-Type", "text/html"),))

    async def _config(self, request: WebRequest) -> WebAnswer:
        config = self._msgr_config()
        if request.method == "GET":  # Windows Live Messenger: `?ver=14.0.8117`
            return WebAnswer(200, (_XML,), f'<?xml version="1.0"?>{config}'.encode())
        # MSN Messenger 6 and 7 call GetClientConfig by SOAP, and need the configuration as text in
        # the answer.
        inner = (
            '<GetClientConfigResponse xmlns="http://www.msn.com/webservices/Messenger/Client">'
            f"<GetClientConfigResult><![CDATA[{config}]]></GetClientConfigResult>"
            "</GetClientConfigResponse>"
        )
        return WebAnswer(200, (_XML,), _envelope(inner))

    def _msgr_config(self) -> str:
        again = "".join(f'<Entry hr="0x{code}" action="3"/>' for code in _AGAIN)
        return (
            "<MsgrConfig><Simple><Config><ExpiresInDays>1</ExpiresInDays></Config>"
            "<DisablePhoneDialer>1</DisablePhoneDialer>"
            "<Relay><Enabled>0</Enabled><MaxCallLength>0</MaxCallLength></Relay>"
            f'<TrustedDomains><domain name="{escape_xml(self._host)}"/></TrustedDomains>'
            f'<ErrorResponseTable><Feature type="0" name="Login">{again}</Feature>'
            f"</ErrorResponseTable></Simple>{_TABS}<AbchCfg><abchconfig>"
            f"<url>{escape_xml(self._origin)}/abservice/abservice.asmx</url></abchconfig></AbchCfg>"
            '<LocalizedConfig Market="en-us"/></MsgrConfig>'
        )

    async def _tabs(self, _: WebRequest) -> WebAnswer:
        return WebAnswer(200, (_XML,), f'<?xml version="1.0"?>{_TABS}'.encode())

    async def _portal(self, _: WebRequest) -> WebAnswer:
        return WebAnswer(200, (("Content-Type", "text/html"),), b"<html></html>")

    # --- NotRST ----------------------------------------------------------------------------------

    async def _preflight(self, _: WebRequest) -> WebAnswer:
        return WebAnswer(200, _CROSS_ORIGIN)

    async def _not_rst(self, request: WebRequest) -> WebAnswer:
        """Issue a ticket for TWN to a patched client. A refusal has status 200 and no X-Token."""
        passport = request.headers.get("x-user", "")[:_LONGEST]
        password = Secret(request.headers.get("x-password", ""))
        proof = await self._office.door.check(passport, password, Scheme.TWN, request.address)
        if proof is None:
            return WebAnswer(200, _CROSS_ORIGIN)
        ticket, _ = self._office.tickets.issue(passport, MESSENGER, stamp=proof.stamp)
        # The patch itself adds `t=` before the token and `&p=` after it.
        token = ticket.removeprefix("t=").partition("&")[0]
        return WebAnswer(200, (*_CROSS_ORIGIN, ("X-Token", token)))

    # --- the profile -----------------------------------------------------------------------------

    async def _store(self, request: WebRequest) -> WebAnswer:
        """Answer GetProfile with the display name, and other operations with an empty answer."""
        namespace = _STORAGE_OF_8 if "w10" in request.headers.get("soapaction", "") else _STORAGE
        try:
            root = parse(request.body)
        except BadXml:
            return _fault("Invalid Request")
        ticket = text_of(root, "TicketToken") or ""
        grant = await self._office.grant_while_online(ticket, _STORAGE_SITE, CONTACTS_SITE)
        account = await self._office.accounts.find(grant.passport) if grant else None
        body = find(root, "Body")
        if account is None or body is None or not len(body):
            return _fault("Authentication Failure")
        operation = local_name(body[0])
        content = ""
        if operation == "GetProfile":
            name = escape_xml(account.display_name or account.passport)
            content = (
                "<GetProfileResult><ResourceID>0!106</ResourceID><ExpressionProfile>"
                "<ResourceID>0!118</ResourceID><Version>1</Version>"
                f"<DisplayName>{name}</DisplayName><PersonalStatus/><StaticUserTilePublicURL/>"
                "</ExpressionProfile></GetProfileResult>"
            )
        answer = f'<{operation}Response xmlns="{namespace}">{content}</{operation}Response>'
        return WebAnswer(200, (_XML,), _envelope(answer))


_BOTH = ("GET", "POST")
# The client needs both elements, even without any tab.
_TABS = (
    "<TabConfig><msntabdata></msntabdata><msntabsettings><oemdisplaylimit>0</oemdisplaylimit>"
    "<oemtotallimit>0</oemtotallimit></msntabsettings></TabConfig>"
)


def _fault(text: str) -> WebAnswer:
    content = f"<faultcode>soap:Client</faultcode><faultstring>{text}</faultstring>"
    return WebAnswer(500, (_XML,), _envelope(f"<soap:Fault>{content}</soap:Fault>"))


def _envelope(content: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{_SOAP}">'
        f"<soap:Body>{content}</soap:Body></soap:Envelope>"
    ).encode()

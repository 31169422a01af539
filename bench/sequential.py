"""A sign-in with everything one after another, as the known clients do it; for comparison only.

Each command waits for the answer to the one before; the nexus is asked when the challenge is
there, and the login server over a connection of its own. Nothing is remembered.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from dataclasses import dataclass

from common import PASSWORD, headers_of, passport
from msnpauth import Secret, Servers
from msnpauth.core.tickets.auth import TicketRequest
from msnpauth.core.tickets.proof import answer
from msnpauth.core.tickets.rst import MESSENGER_CLEAR, Soap, request_tickets
from msnpauth.core.urls import Address, Url
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.lines import LineReader

__all__ = ["Sequential"]

_PRODUCT = "0x0409 winnt 5.1 i386 MSNMSGR 8.5.1302 BC01"
_GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"


@dataclass
class Sequential:
    """Signs in at these places; `nexus` or `login` for TWN, `rst` for SSO."""

    context: ssl.SSLContext
    notification: tuple[str, int]
    nexus: str | None = None
    login: str | None = None
    rst: str | None = None

    def twn(self) -> None:
        challenge = self._challenge("MSNP12", "TWN")
        ticket = self._ticket(challenge)
        self._finish(f"USR 4 TWN S {ticket}")

    def sso(self) -> None:
        policy, nonce = self._challenge("MSNP16", "SSO").split(" ")
        ticket, secret = self._tokens(policy)
        self._finish(f"USR 4 SSO S {ticket} {answer(secret, nonce)} {_GUID}")

    def _challenge(self, dialect: str, scheme: str) -> str:
        """Return the words behind `USR n SCHEME S`, from the last server that an XFR names."""
        place = self.notification
        while True:
            self._sock = socket.create_connection(place)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines = LineReader(Role.SERVER)
            self._ask(f"VER 1 {dialect} CVR0", "VER")
            self._ask(f"CVR 2 {_PRODUCT} {passport(0)}", "CVR")
            found = self._ask(f"USR 3 {scheme} I {passport(0)}", "USR", "XFR")
            if found.verb == "USR":
                return " ".join(found.args[2:])
            self._sock.close()
            there = Address.parse(found.args[1])
            place = (there.host, there.port)

    def _finish(self, line: str) -> None:
        assert self._ask(line, "USR").args[0] == "OK"
        self._sock.close()

    def _ask(self, line: str, *verbs: str) -> Command:
        self._sock.sendall(f"{line}\r\n".encode())
        while True:
            found = self._lines.next_command()
            if isinstance(found, Command):
                if found.verb in verbs:
                    return found
                continue
            data = self._sock.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._lines.feed(data)

    def _ticket(self, challenge: str) -> str:
        login = self.login
        if login is None:
            assert self.nexus is not None
            urls = self._fetch("GET", self.nexus, {}, b"")[0]["PassportURLs"]
            where = re.search("DALogin=(?:https://)?([^,]+)", urls)
            assert where is not None
            login = f"https://{where[1]}"
        asked = next(
            TicketRequest(passport(0), PASSWORD, challenge, Servers(login=login)).exchange()
        )
        headers = self._fetch("GET", login, headers_of(asked), b"")[0]
        found = re.search("from-PP='([^']+)'", headers["Authentication-Info"])
        assert found is not None
        return found[1]

    def _tokens(self, policy: str) -> tuple[str, Secret]:
        assert self.rst is not None
        running = request_tickets(
            Url.parse(self.rst),
            Soap.RST,
            passport(0),
            Secret(PASSWORD),
            {MESSENGER_CLEAR: policy},
            servers=Servers(rst=self.rst),
        )
        asked = next(running)
        body = self._fetch("POST", self.rst, headers_of(asked), asked.body)[1].decode()
        ticket = re.search("<wsse:BinarySecurityToken[^>]*>([^<]+)<", body)
        secret = re.search("<wst:BinarySecret>([^<]+)<", body)
        assert ticket is not None
        assert secret is not None
        return ticket[1].replace("&amp;", "&"), Secret(secret[1])

    def _fetch(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[http.client.HTTPMessage, bytes]:
        place = Url.parse(url)
        connection = http.client.HTTPSConnection(
            place.address.host, place.address.port, context=self.context
        )
        connection.request(method, place.target, body or None, headers | {"Connection": "close"})
        response = connection.getresponse()
        found = response.read()
        connection.close()
        return response.headers, found

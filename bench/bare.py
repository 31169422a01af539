"""A sign-in as a script that knows nothing but these bytes: what asyncio and TLS cost at least.

Both legs run beside each other, over connections opened as early as by the package; answers are
searched by regular expressions, errors are not looked for.
"""

from __future__ import annotations

import asyncio
import re

from common import PASSWORD, Served, passport
from msnpauth import Secret, SignIn
from msnpauth.core.client.actions import Send
from msnpauth.core.tickets.auth import TicketRequest
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.tickets.http import ClientConnection
from msnpauth.core.tickets.proof import answer
from msnpauth.core.tickets.rst import MESSENGER_CLEAR, Soap, request_tickets
from msnpauth.core.urls import Address, Url

__all__ = ["Bare"]

_GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
_USR = re.compile(rb"USR \d+ (?:TWN|SSO) S ([^\r]*)\r\n")
_LOGIN = re.compile(rb"from-PP='([^']+)'.*\r\n\r\n", re.DOTALL)
_TOKEN = re.compile(
    rb"<wsse:BinarySecurityToken[^>]*>([^<]+)<.*<wst:BinarySecret>([^<]+)<", re.DOTALL
)


class Bare:
    """Signs in by one scheme, at the service's notification server."""

    def __init__(self, service: Served, scheme: str, silent: str | None = None) -> None:
        self._scheme = scheme
        self._context = service.context
        self._url = Url.parse(service.places["login" if scheme == "TWN" else "rst"])
        self._servers = service.servers("login" if scheme == "TWN" else "rst")
        self._place = Address.parse(silent or service.places["notification"])

    def opening(self, number: int) -> bytes:
        """Return VER, CVR and USR as the package sends them."""
        machine = SignIn(passport(number), PASSWORD, self._servers, scheme=self._scheme)
        (send,) = (action for action in machine.start() if isinstance(action, Send))
        return send.encode()

    async def sign_in(self, number: int, opening: bytes) -> None:
        place = self._place
        reader, writer = await asyncio.open_connection(place.host, place.port)
        writer.write(opening)
        secure = asyncio.create_task(self._open())
        words = (await _search(reader, _USR))[1].decode()
        web_reader, web_writer = await secure
        web_writer.write(ClientConnection().send(self._request(number, words)))
        if self._scheme == "TWN":
            ticket = (await _search(web_reader, _LOGIN))[1].decode()
        else:
            found = await _search(web_reader, _TOKEN)
            secret = Secret(found[2].decode())
            text = found[1].decode().replace("&amp;", "&")
            ticket = f"{text} {answer(secret, words.split(' ')[1])} {_GUID}"
        writer.write(f"USR 4 {self._scheme} S {ticket}\r\n".encode())
        await _search(reader, re.compile(rb"USR 4 OK"))
        web_writer.transport.abort()
        writer.write(b"OUT\r\n")
        writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place = self._url.address
        return await asyncio.open_connection(place.host, place.port, ssl=self._context)

    def _request(self, number: int, words: str) -> Request:
        if self._scheme == "TWN":
            asked = TicketRequest(passport(number), PASSWORD, words, self._servers)
            return next(asked.exchange())
        wanted = {MESSENGER_CLEAR: words.split(" ", maxsplit=1)[0]}
        return next(
            request_tickets(
                self._url,
                Soap.RST,
                passport(number),
                Secret(PASSWORD),
                wanted,
                servers=self._servers,
            )
        )


async def _search(reader: asyncio.StreamReader, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
    """Read until the pattern is there."""
    heard = b""
    while (found := pattern.search(heard)) is None:
        data = await reader.read(65536)
        if not data:
            raise ConnectionError("closed")
        heard += data
    return found

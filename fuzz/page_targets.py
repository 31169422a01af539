"""Targets of the pages for people: what browsers, and whoever plays one, may send."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from contract import NOW, is_safe
from msnpauth import Secret
from msnpauth.service.hosts.gate import Visit
from msnpauth.service.hosts.web import serve_web
from msnpauth.service.pages.fields import (
    BadForm,
    address_problem,
    password_problems,
    read_form,
)
from msnpauth.service.pages.origins import is_own
from msnpauth.service.pages.site import PageSite
from msnpauth.service.pages.tokens import is_word, make_token, read_token
from service_targets import Written

__all__ = ["TARGETS"]

_WORD = Secret("w" * 43)
_GOOD = make_token(_WORD, NOW)


def page_form(data: bytes) -> None:
    """Send any form: what is taken for an address can stand in a command and in a header."""
    with suppress(BadForm):
        form = read_form("application/x-www-form-urlencoded", data)
        assert "Secret" not in repr(form)
        address, password = form.text("address"), form.secret("password")
        if not address_problem(address, "address"):
            assert is_safe(address)
            assert address.isascii()
            assert not set(address) & set(" \"'<>&,;:%/\\()")
        again = form.secret("again")
        if not password_problems(password, again, address, "password", "again"):
            assert password == again
            assert len(password) >= 8


def page_token(data: bytes) -> None:
    """Send any token, and any cookie: only a token that was made here is taken."""
    text = data.decode("utf-8", "surrogateescape")
    if text != _GOOD:
        assert read_token(_WORD, text, NOW) is None
    if is_word(text):
        assert read_token(Secret(text), _GOOD, NOW) is None or text == _WORD.reveal()
    if is_own({"host": "h.example", "origin": text}):
        assert text.lower().removesuffix(":443") == "https://h.example"


async def _told(scope: object, receive: object, send: object) -> None:
    """Read all of a request that the pages read."""
    request = Request(scope, receive)  # type: ignore[arg-type]
    text = f"{request.scope['path']} {len(request.cookies)} {len(request.query_params)}"
    with suppress(BadForm):
        read_form(request.headers.get("content-type", ""), await request.body())
    await PlainTextResponse(text.encode("utf-8", "replace"))(scope, receive, send)  # type: ignore[arg-type]


_SITE = PageSite(_told, "h.example")


def page_request(data: bytes) -> None:
    """Send any bytes to the host of the pages; whatever comes back is HTTP, and no fault."""

    async def main() -> bytes:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        writer = Written()
        # `Written` has the methods of a StreamWriter that the host calls, and no others.
        await serve_web(_SITE, reader, writer, Visit(None, ""))  # type: ignore[arg-type]
        return bytes(writer.written)

    said = asyncio.run(main())
    assert not said or said.startswith(b"HTTP/1.1 "), said[:40]
    assert b"HTTP/1.1 500" not in said, data[:200]


TARGETS = {"page_form": page_form, "page_token": page_token, "page_request": page_request}

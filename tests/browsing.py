"""A browser without a screen: it keeps cookies, and sends the forms of the pages that it is shown."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from types import TracebackType
from typing import Any, Self

import httpx2

from msnpauth.service import Service

__all__ = ["ALICE", "BOB", "COOKIE", "PASSWORD", "Browser", "Page"]

COOKIE = "__Host-msnpauth"
ALICE, BOB, PASSWORD = "Alice@example.com", "bob@example.com", "secret pw"


class Page:
    """One answer."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.text
        self.goes_to = response.headers.get("location")

    @property
    def text(self) -> str:
        """What is to be read on it."""
        seen = self.html.replace("<wbr>", "")
        words = re.sub(r"<head>.*?</head>|<[^>]+>", " ", seen, flags=re.DOTALL)
        return " ".join(html.unescape(words).split())

    @property
    def title(self) -> str:
        [found] = re.findall(r"<title>(.*?)</title>", self.html)
        return html.unescape(found)

    @property
    def tokens(self) -> list[str]:
        return self.values("token")

    def values(self, name: str) -> list[str]:
        """Return the values of the fields of a name."""
        return [each["value"] for each in self.tags("input") if each.get("name") == name]

    def tags(self, wanted: str) -> list[dict[str, str]]:
        """Return the attributes of each element of a kind."""
        found: list[dict[str, str]] = []

        class Tags(HTMLParser):
            def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
                if tag == wanted:
                    found.append({name: value or "" for name, value in attrs})

        Tags().feed(self.html)
        return found

    @property
    def problems(self) -> dict[str, str]:
        """What is said to be wrong, by field."""
        return dict(
            re.findall(
                r'id="(\w+)-problem"><strong aria-hidden="true">✗</strong> (.*?)</p>', self.html
            )
        )


class Browser:
    """See the module.

    Args:
        service: whose pages it looks at.
    """

    def __init__(self, service: Service) -> None:
        assert service.pages_url is not None
        self.origin = service.pages_url.rstrip("/")
        self.client = httpx2.Client(base_url=self.origin, verify=service.ssl_context)
        self.page: Page

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.client.close()

    @property
    def word(self) -> str | None:
        """The cookie."""
        return self.client.cookies.get(COOKIE)

    @word.setter
    def word(self, value: str) -> None:
        self.client.cookies.clear()
        self.client.cookies.set(COOKIE, value, domain="127.0.0.1")

    def look(self, path: str, **headers: str) -> Page:
        """Ask for a page, and follow no redirect."""
        self.page = Page(self.client.get(path, headers=headers))
        return self.page

    def send(
        self,
        path: str,
        *,
        token: str | None = None,
        headers: Any = None,
        **fields: Any,
    ) -> Page:
        """Send a form, with the token of the page that was shown last unless told otherwise."""
        token = self.page.tokens[0] if token is None else token
        told = {"origin": self.origin, "sec-fetch-site": "same-origin", **(headers or {})}
        answer = self.client.post(path, data={"token": token, **fields}, headers=told)
        page = Page(answer)
        if page.tokens:
            self.page = page
        return page

    def sign_in(self, address: str, password: str) -> Page:
        """Sign in, from the page for it."""
        self.look("/sign-in")
        return self.send("/sign-in", address=address, password=password)

    def at(self, path: str) -> Page:
        """Look at a page that is there."""
        page = self.look(path)
        assert page.status == 200, (page.status, page.goes_to)
        return page

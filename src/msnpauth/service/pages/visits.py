"""What every handler does first: who is it, and is that form from a page of ours?

A browser has one cookie. Before somebody signs in its word names nobody, and binds the forms for
signing in and signing up to that browser. Signing in replaces it, so that a word which somebody
else has put there is worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.secrets import Secret
from ..journal import audit
from ..stores.sql.page_sessions import Visitor, new_word
from .context import PageContext
from .fields import Form, Problem, read_form
from .origins import is_own
from .renderer import go_to
from .tokens import Token, is_word, make_token, read_token

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["COOKIE", "Foreign", "PageHandler", "SignedOut", "Visit"]

COOKIE = "__Host-msnpauth"
"""By `__Host-` browsers let nobody but this very host set it, and over TLS alone (RFC 6265bis)."""

_NOTICES = {
    "signed-out": "You have signed out.",
    "ended": "Your sign-in has ended. Sign in again.",
    "welcome": "Your account is there, and you are signed in to these pages.",
    "password": "Your password is changed. Programs need the new one from now on.",
    "revoked": "The app password is revoked. The device that had it is signed out.",
    "session": "The session is ended.",
    "sessions": "The sessions are ended.",
    "gone": "That was gone already.",
    "browser": "The other browser is signed out.",
    "tickets": "Everything but this browser is signed out.",
}
"""What a page says behind a change; the address of the page names it, and can name nothing else."""


class Foreign(Exception):
    """A form that no page of ours has shown to this browser, or long ago."""


class SignedOut(Exception):
    """The page is for somebody who is signed in, and the browser is not (any more)."""


@dataclass(frozen=True, repr=False)
class Visit:
    """One request, and who it is from.

    Attributes:
        request: Starlette's.
        word: of the cookie.
        is_new: the browser has no cookie yet.
        visitor: who is signed in; None for nobody.
    """

    request: Request
    word: Secret
    is_new: bool
    visitor: Visitor | None

    @property
    def address(self) -> str:
        """The network that it comes from."""
        return "" if self.request.client is None else self.request.client.host

    @property
    def known(self) -> Visitor:
        """Who is signed in.

        Raises:
            SignedOut: nobody is.
        """
        if self.visitor is None:
            raise SignedOut
        return self.visitor


class PageHandler:
    """What the handlers share.

    Args:
        context: what they work with.
    """

    def __init__(self, context: PageContext) -> None:
        self.context = context

    async def visit(self, request: Request) -> Visit:
        """Return who a request is from."""
        text = request.cookies.get(COOKIE, "")
        if not is_word(text):
            return Visit(request, new_word(), is_new=True, visitor=None)
        word = Secret(text)
        return Visit(request, word, is_new=False, visitor=await self.context.sessions.visitor(word))

    async def form(self, visit: Visit) -> tuple[Form, Token]:
        """Return the form of a request, and the token in it.

        Raises:
            Foreign: it may be from another site, or from another session.
            BadForm: it is none.
        """
        request = visit.request
        if visit.is_new or not is_own(request.headers):
            raise Foreign
        form = read_form(request.headers.get("content-type", ""), await request.body())
        token = read_token(visit.word, form.text("token"), self.context.now())
        if token is None:
            raise Foreign
        return form, token

    def note(self, visit: Visit, event: str, **about: str) -> None:
        """Write into the audit log what a person has changed in an account of their own."""
        passport = visit.known.account.passport
        audit(event, passport=passport, address=visit.address, by="page", **about)

    async def use_up(self, token: Token) -> bool:
        """Note that a form was sent; False when it was sent before."""
        state = self.context.office.state
        return await state.use_up(f"form:{token.name}", token.until, made=token.made)

    def page(
        self,
        visit: Visit,
        template: str,
        problems: list[Problem] | None = None,
        *,
        status: int = 200,
        **about: object,
    ) -> Response:
        """Return a page, with a token for its forms.

        Args:
            visit: whose it is.
            template: its name.
            problems: what is wrong with the form that was sent.
            status: of HTTP, where there are no problems.
            about: what the template tells.
        """
        shown = self.context.renderer.page(
            template,
            422 if problems else status,
            {},
            token=make_token(visit.word, self.context.now()),
            visitor=visit.visitor,
            problems=problems or (),
            notice=_NOTICES.get(visit.request.query_params.get("notice", "")),
            here=visit.request.url.path,
            **about,
        )
        if visit.is_new:
            give(shown, visit.word)
        return shown

    def go_as(self, word: Secret, path: str) -> Response:
        """Return the answer that sends a browser to a page, with a new cookie."""
        answer = go_to(path)
        give(answer, word)
        return answer


def give(answer: Response, word: Secret) -> None:
    """Have a browser keep a word. It forgets the word when it is closed."""
    # `Lax`: with `Strict` a link from elsewhere would come without the cookie, and the page that
    # answers would replace it.
    answer.set_cookie(COOKIE, word.reveal(), path="/", secure=True, httponly=True, samesite="lax")

"""The first steps of every handler: find the session of the browser, and check the form.

A browser has one cookie. Before a person signs in, the value of the cookie belongs to no account,
and only connects the forms for sign-in and sign-up with that browser. Signing in replaces the
value, so that a value which an attacker has put into the browser is of no use to the attacker.
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
"""The name of the cookie. Because of `__Host-`, browsers accept it only from this host itself, and
only over TLS (RFC 6265bis).
"""

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
"""The notices that a page shows after a change, by the name in the URL of the page. Other names in
the URL show nothing.
"""


class Foreign(Exception):
    """A form that none of the pages has shown to this browser in the last twelve hours."""


class SignedOut(Exception):
    """The page needs a browser that is signed in, and the browser is not or no longer signed in."""


@dataclass(frozen=True, repr=False)
class Visit:
    """One request, with the session that it belongs to.

    Attributes:
        request: the request, as Starlette represents it.
        word: the value of the cookie.
        is_new: the browser has no cookie yet.
        visitor: the account and session of the browser; None when it is not signed in.
    """

    request: Request
    word: Secret
    is_new: bool
    visitor: Visitor | None

    @property
    def address(self) -> str:
        """The network from which the request comes."""
        return "" if self.request.client is None else self.request.client.host

    @property
    def known(self) -> Visitor:
        """The account and session of a browser that is signed in.

        Raises:
            SignedOut: the browser is not signed in.
        """
        if self.visitor is None:
            raise SignedOut
        return self.visitor


class PageHandler:
    """The base class of all handlers.

    Args:
        context: the parts of the service that the handlers use.
    """

    def __init__(self, context: PageContext) -> None:
        self.context = context

    async def visit(self, request: Request) -> Visit:
        """Return the visit of a request: the request with the session that it belongs to."""
        text = request.cookies.get(COOKIE, "")
        if not is_word(text):
            return Visit(request, new_word(), is_new=True, visitor=None)
        word = Secret(text)
        return Visit(request, word, is_new=False, visitor=await self.context.sessions.visitor(word))

    async def form(self, visit: Visit) -> tuple[Form, Token]:
        """Return the form of a request, and the token in it.

        Raises:
            Foreign: the form may come from another site, or from another session.
            BadForm: the body is not a valid form.
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
        """Write a change that a person has made to their own account into the audit log."""
        passport = visit.known.account.passport
        audit(event, passport=passport, address=visit.address, by="page", **about)

    async def use_up(self, token: Token) -> bool:
        """Record that a form was sent; False when the form was sent before."""
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
            visit: the visit that the page answers.
            template: the name of the template.
            problems: the problems of the form that was sent.
            status: the HTTP status if there are no problems.
            about: the variables for the template.
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
        """Return the answer that redirects a browser to a page and sets a new cookie value."""
        answer = go_to(path)
        give(answer, word)
        return answer


def give(answer: Response, word: Secret) -> None:
    """Set the cookie of a browser. The browser deletes the cookie when it is closed."""
    # `Lax`, because with `Strict` a request by a link on another site would have no cookie, and
    # the answer would then replace the cookie.
    answer.set_cookie(COOKIE, word.reveal(), path="/", secure=True, httponly=True, samesite="lax")

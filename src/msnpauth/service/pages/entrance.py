"""The pages to sign in, to sign up and to sign out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.secrets import Secret
from ..journal import audit
from ..stores.protocol import PAGES
from ..stores.sql.page_sessions import new_word
from ..stores.sql.self_service import NotInvited, SignedUp, Taken
from .fields import Form, Problem, address_problem, password_problems
from .renderer import go_to
from .visits import PageHandler, Visit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Entrance"]

_WRONG = (
    "This address and this password do not belong together. An app password does not work here:"
    " type the password of the account."
)
_NO_CODE = "Type the code of your invitation."
_WRONG_CODE = "This code cannot be used. Look for a mistake, or ask for another invitation."
_TAKEN = "There is an account of this address already. Choose another address, or sign in."
_MOST_REPEATED = 200


class Entrance(PageHandler):
    """The handlers for people who are not signed in yet, and for signing out."""

    async def sign_in(self, request: Request) -> Response:
        """Handle `/sign-in`."""
        visit = await self.visit(request)
        if request.method != "POST":
            return go_to("/") if visit.visitor else self.page(visit, "sign_in", address="")
        form, _ = await self.form(visit)
        address, password = form.text("address"), form.secret("password")
        problems = [] if address else [Problem("address", "Type the address of your account.")]
        if not password:
            problems.append(Problem("password", "Type your password."))
        proof = None
        if not problems:
            door = self.context.office.door
            proof = await door.check(address, password, PAGES, visit.address)
            problems = [Problem("", _WRONG)]
        if proof is None:
            return self.page(visit, "sign_in", problems, address=address[:_MOST_REPEATED])
        passport = proof.principal.passport
        if visit.visitor is not None:  # another person who uses the same browser
            await self._end(visit)
        word = await self.context.sessions.begin(passport, proof.stamp)
        audit("page signed in", passport=passport, address=visit.address)
        return self.go_as(word, "/")

    async def sign_up(self, request: Request) -> Response:
        """Handle `/sign-up`."""
        visit = await self.visit(request)
        if self.context.sign_up == "closed":
            return self.page(visit, "closed", status=403)
        if request.method != "POST":
            return go_to("/") if visit.visitor else self._sign_up_page(visit, [])
        form, _ = await self.form(visit)
        await self.context.limits.sign_up_tried(visit.address)
        address = form.text("address")
        problems = self._sign_up_problems(form, address)
        made = None
        if not problems:
            made, problems = await self._made(visit, address, form)
        if made is None:
            return self._sign_up_page(visit, problems, form)
        about = {"invitation": made.invitation} if made.invitation else {}
        audit("signed up", passport=address, address=visit.address, **about)
        return self.go_as(made.word, "/?notice=welcome")

    def _sign_up_page(
        self, visit: Visit, problems: list[Problem], form: Form | None = None
    ) -> Response:
        """Return the page with the values that were typed, except the passwords."""
        typed = form or Form()
        return self.page(
            visit,
            "sign_up",
            problems,
            address=typed.text("address")[:_MOST_REPEATED],
            code=typed.text("code")[:_MOST_REPEATED],
            wants_code=self.context.sign_up == "invitation",
        )

    def _sign_up_problems(self, form: Form, address: str) -> list[Problem]:
        """Return the problems of a form that can be found without the database."""
        problems = []
        if self.context.sign_up == "invitation" and not form.secret("code"):
            problems.append(Problem("code", _NO_CODE))
        problems += address_problem(address, "address")
        password, again = form.secret("password"), form.secret("again")
        return problems + password_problems(password, again, address, "password", "again")

    async def _made(
        self, visit: Visit, address: str, form: Form
    ) -> tuple[SignedUp | None, list[Problem]]:
        """Make the account, or return the problems because of which it cannot be made."""
        code: Secret | None = None
        if self.context.sign_up == "invitation":
            code = form.secret("code")
        try:
            await self.context.people.check(address, code)
            await self.context.limits.account_made(visit.address)
            return await self.context.people.sign_up(address, form.secret("password"), code), []
        except NotInvited:
            audit("invitation refused", address=visit.address)
            return None, [Problem("code", _WRONG_CODE)]
        except Taken:
            return None, [Problem("address", _TAKEN)]

    async def sign_out(self, request: Request) -> Response:
        """Handle `/sign-out`."""
        visit = await self.visit(request)
        await self.form(visit)
        if visit.visitor is not None:
            await self._end(visit)
        # A new cookie, so that forms on pages that are still open in this browser are refused.
        return self.go_as(new_word(), "/sign-in?notice=signed-out")

    async def _end(self, visit: Visit) -> None:
        account, session = visit.known
        await self.context.sessions.end(account.passport, session.id)
        audit("page signed out", passport=account.passport, address=visit.address)

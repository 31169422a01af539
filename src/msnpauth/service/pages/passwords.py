"""The pages for the password of an account, and for its app passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.errors import LocalProtocolError
from ...core.wire.dialects import Scheme
from ..stores.protocol import PAGES
from ..stores.sql.kept import LONGEST_APP_PASSWORD_NAME, MOST_APP_PASSWORDS
from .fields import Problem, password_problems
from .renderer import go_to
from .visits import PageHandler, Visit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Passwords"]

_WRONG = "This is not your current password. Type it again."
_PROGRAMS = {
    Scheme.SSO: "Windows Live Messenger 8.1 and later",
    Scheme.TWN: "MSN Messenger 5.0 to Windows Live Messenger 8.0",
    Scheme.MD5: "MSN Messenger before 5.0",
}
"""The programs that use each scheme, by the names that people know."""


class Passwords(PageHandler):
    """The handlers for passwords and app passwords."""

    async def password(self, request: Request) -> Response:
        """Handle `/password`."""
        visit = await self.visit(request)
        if request.method != "POST":
            return self.page(visit, "password", account=visit.known.account)
        form, _ = await self.form(visit)
        account = visit.known.account
        current, new = form.secret("current"), form.secret("password")
        problems = [] if current else [Problem("current", "Type your current password.")]
        problems += password_problems(
            new, form.secret("again"), account.passport, "password", "again"
        )
        if not problems and new == current:
            problems = [Problem("password", "This is the password that you have already.")]
        if not problems:
            door = self.context.office.door
            if await door.check(account.passport, current, PAGES, visit.address) is None:
                problems = [Problem("current", _WRONG)]
        if problems:
            return self.page(visit, "password", problems, account=account)
        await self.context.limits.changed(account.passport)
        word = await self.context.people.change_password(account.passport, account.stamp, new)
        self.note(visit, "password changed")
        return self.go_as(word, "/?notice=password")

    async def app_passwords(self, request: Request) -> Response:
        """Handle `/app-passwords`: show the app passwords, and make another one."""
        visit = await self.visit(request)
        if request.method != "POST":
            return self._app_passwords(visit, [])
        form, token = await self.form(visit)
        account, name = visit.known.account, form.text("name")
        chosen = [scheme for scheme in self._schemes() if str(scheme) in form.every("scheme")]
        problems = _name_problems(name)
        if not chosen:
            problems.append(Problem("scheme", "Choose at least one kind of program."))
        if len(account.app_passwords) >= MOST_APP_PASSWORDS:
            problems.append(
                Problem("", f"You have {MOST_APP_PASSWORDS} app passwords. Revoke some of them.")
            )
        if problems:
            return self._app_passwords(visit, problems, name=name[:200], chosen=chosen)
        if not await self.use_up(token):
            # A person who reloads the page that has shown a password does not make a second one.
            return self.page(visit, "sent_already", status=409)
        await self.context.limits.changed(account.passport)
        try:
            made = await self.context.people.add_app_password(
                account.passport, account.stamp, name, chosen
            )
        except LocalProtocolError as fault:  # another browser has just made the last possible one
            return self._app_passwords(visit, [Problem("", f"It was not made: {fault.text}.")])
        self.note(visit, "app password added", name=name, schemes=" ".join(chosen))
        return self.page(visit, "app_password_made", made=made.about, password=made.password)

    async def revoke(self, request: Request) -> Response:
        """Handle `/app-passwords/revoke`."""
        visit = await self.visit(request)
        form, _ = await self.form(visit)
        account, app_id = visit.known.account, form.text("id")
        found = next((app for app in account.app_passwords if app.id == app_id), None)
        if found is None:
            return go_to("/app-passwords?notice=gone")
        try:
            await self.context.people.revoke_app_password(account.passport, app_id)
        except LocalProtocolError:  # another browser or the operator was quicker
            return go_to("/app-passwords?notice=gone")
        self.note(visit, "app password revoked", name=found.name)
        return go_to("/app-passwords?notice=revoked")

    def _app_passwords(
        self,
        visit: Visit,
        problems: list[Problem],
        *,
        name: str = "",
        chosen: list[Scheme] | None = None,
    ) -> Response:
        ticked = [Scheme.SSO, Scheme.TWN] if chosen is None else chosen
        return self.page(
            visit,
            "app_passwords",
            problems,
            account=visit.known.account,
            name=name,
            schemes=[(str(scheme), _PROGRAMS[scheme]) for scheme in self._schemes()],
            chosen=[str(scheme) for scheme in ticked],
            programs={str(scheme): text for scheme, text in _PROGRAMS.items()},
        )

    def _schemes(self) -> list[Scheme]:
        return [s for s in _PROGRAMS if s is not Scheme.MD5 or self.context.allow_md5]


def _name_problems(name: str) -> list[Problem]:
    if not name:
        return [Problem("name", "Name the device, such as: old laptop.")]
    if len(name) > LONGEST_APP_PASSWORD_NAME or not name.isprintable():
        most = LONGEST_APP_PASSWORD_NAME
        return [Problem("name", f"A name has at most {most} printable characters.")]
    return []

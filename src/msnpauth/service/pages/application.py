"""The application: the handler for each path, and the page for each kind of error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from ...core.errors import ServiceUnavailable
from ..stores.sql.self_service import Changed
from .context import PageContext
from .entrance import Entrance
from .fields import BadForm
from .limits import TooOften
from .overview import Overview
from .passwords import Passwords
from .renderer import STYLE_PATH, go_to, style
from .visits import Foreign, SignedOut

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from .renderer import PageRenderer

__all__ = ["make_application"]

_BOTH = ["GET", "POST"]


def make_application(context: PageContext) -> Starlette:
    """Return the pages as an ASGI application.

    Args:
        context: the parts of the service that the handlers use.
    """
    entrance, overview, passwords = Entrance(context), Overview(context), Passwords(context)
    routes = [
        Route("/", overview.overview),
        Route("/sign-in", entrance.sign_in, methods=_BOTH),
        Route("/sign-up", entrance.sign_up, methods=_BOTH),
        Route("/sign-out", entrance.sign_out, methods=["POST"]),
        Route("/sessions/end", overview.end_session, methods=["POST"]),
        Route("/sessions/end-all", overview.end_sessions, methods=["POST"]),
        Route("/browsers/end", overview.end_browser, methods=["POST"]),
        Route("/tickets/end", overview.end_tickets, methods=["POST"]),
        Route("/password", passwords.password, methods=_BOTH),
        Route("/app-passwords", passwords.app_passwords, methods=_BOTH),
        Route("/app-passwords/revoke", passwords.revoke, methods=["POST"]),
        Route(STYLE_PATH, _style),
    ]
    application = Starlette(routes=routes)
    # Such a redirect would contain the host that the browser has named, which may be any host.
    application.router.redirect_slashes = False
    _say_what_is_wrong(application, context.renderer)
    return application


async def _style(_request: Request) -> Response:
    return style()


def _say_what_is_wrong(application: Starlette, renderer: PageRenderer) -> None:
    """Register a page as the answer to each kind of error."""

    async def http(_request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        status = fault.status_code if fault.status_code in (404, 405) else 400
        return renderer.page("fault", status=status, headers=fault.headers, kind=str(status))

    async def bad_form(_request: Request, _fault: Exception) -> Response:
        return renderer.page("fault", status=400, kind="400")

    async def foreign(_request: Request, _fault: Exception) -> Response:
        return renderer.page("fault", status=403, kind="403")

    async def too_often(_request: Request, fault: Exception) -> Response:
        assert isinstance(fault, TooOften)
        headers = {"Retry-After": str(fault.retry_after)}
        return renderer.page("fault", status=429, headers=headers, kind="429")

    async def unavailable(_request: Request, fault: Exception) -> Response:
        assert isinstance(fault, ServiceUnavailable)
        headers = {"Retry-After": str(round(fault.retry_after or 5))}
        return renderer.page("fault", status=503, headers=headers, kind="503")

    async def signed_out(_request: Request, _fault: Exception) -> Response:
        return go_to("/sign-in?notice=ended")

    async def any_other(_request: Request, _fault: Exception) -> Response:
        return renderer.page("fault", status=500, kind="500")

    for kind, answer in {
        HTTPException: http,
        BadForm: bad_form,
        Foreign: foreign,
        TooOften: too_often,
        ServiceUnavailable: unavailable,
        SignedOut: signed_out,
        Changed: signed_out,  # the account has another stamp, so that the session has ended
        Exception: any_other,
    }.items():
        application.add_exception_handler(kind, answer)

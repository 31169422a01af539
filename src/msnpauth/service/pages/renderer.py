"""Makes pages from templates, with the stylesheet and the security headers of every page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response

from .fields import Problem

__all__ = ["HEADERS", "STYLE_PATH", "PageRenderer", "go_to", "style"]

HEADERS = {
    # No scripts, nothing from other hosts, no display in frames, and no forms to other hosts.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with that value browsers would send `Origin: null` for the forms of these
    # pages too. With `same-origin` no other host receives a referrer either.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A person who uses the browser later cannot see a page by the Back button.
    "Cache-Control": "no-store",
}

_STYLE = files("msnpauth.service.pages").joinpath("style.css").read_text("utf-8")
STYLE_PATH = f"/style-{hashlib.sha256(_STYLE.encode()).hexdigest()[:12]}.css"
"""The path of the stylesheet. It contains a hash of the stylesheet, so that browsers may keep the
stylesheet for ever.
"""


class PageRenderer:
    """Makes pages from templates.

    Args:
        network: the name of the network, which is on every page.
        can_sign_up: whether there is a page to sign up.
    """

    def __init__(self, network: str, *, can_sign_up: bool) -> None:
        self._environment = Environment(
            loader=PackageLoader("msnpauth.service.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["moment"] = _moment
        self._environment.globals |= {
            "network": network,
            "style": STYLE_PATH,
            "can_sign_up": can_sign_up,
            "problem_of": _problem_of,
            # Every template may use these variables, and most pages do not set them.
            "visitor": None,
            "problems": (),
            "notice": None,
            "here": "",
        }

    def page(
        self,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **about: object,
    ) -> Response:
        """Return a page.

        Args:
            template: the name of the template file, without `.html`.
            status: the HTTP status.
            headers: additional headers.
            about: the variables for the template.
        """
        text = self._environment.get_template(f"{template}.html").render(about)
        return Response(
            text, status, {**HEADERS, **(headers or {})}, media_type="text/html; charset=utf-8"
        )


def go_to(path: str) -> Response:
    """Return the answer that redirects a browser to another one of the pages.

    Args:
        path: the path of that page, which must never contain a value that a browser has sent.
    """
    return RedirectResponse(path, 303, HEADERS)


def style() -> Response:
    """Return the answer with the stylesheet."""
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_STYLE, headers=HEADERS | kept, media_type="text/css; charset=utf-8")


def _problem_of(problems: Sequence[Problem], name: str) -> Problem | None:
    return next((problem for problem in problems if problem.field == name), None)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

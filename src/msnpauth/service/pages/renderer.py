"""How pages are made: templates, the stylesheet, and the headers that keep a page to itself."""

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
    # No script at all, nothing of other hosts, in no frame, and forms go nowhere else.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: by that browsers would say `Origin: null` of our own forms too. No other
    # host is told anything by this one either.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Who comes to the machine later finds no page by its Back button.
    "Cache-Control": "no-store",
}

_STYLE = files("msnpauth.service.pages").joinpath("style.css").read_text("utf-8")
STYLE_PATH = f"/style-{hashlib.sha256(_STYLE.encode()).hexdigest()[:12]}.css"
"""Has the stylesheet's own hash in it, so that browsers may keep it for ever."""


class PageRenderer:
    """Makes pages of templates.

    Args:
        network: what the network is called, on every page.
        can_sign_up: there is a page to sign up.
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
            # What every template may look at, and most pages do not have.
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
            template: its file, without `.html`.
            status: of HTTP.
            headers: further ones.
            about: what the template tells.
        """
        text = self._environment.get_template(f"{template}.html").render(about)
        return Response(
            text, status, {**HEADERS, **(headers or {})}, media_type="text/html; charset=utf-8"
        )


def go_to(path: str) -> Response:
    """Return the answer that sends a browser to another page of ours.

    Args:
        path: never anything that a browser has said.
    """
    return RedirectResponse(path, 303, HEADERS)


def style() -> Response:
    """Return the stylesheet."""
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_STYLE, headers=HEADERS | kept, media_type="text/css; charset=utf-8")


def _problem_of(problems: Sequence[Problem], name: str) -> Problem | None:
    return next((problem for problem in problems if problem.field == name), None)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

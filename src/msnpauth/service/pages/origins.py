"""Checks by the headers of a browser whether a form was sent from one of the pages, without I/O.

This check is used in addition to the tokens (`tokens`), in case one of the two has a weakness.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["is_own"]


def is_own(headers: Mapping[str, str]) -> bool:
    """Tell whether a form may have come from one of the pages.

    Every browser since 2023 sends `Sec-Fetch-Site` for this purpose, and browsers since 2020 send
    `Origin`. Text browsers and older browsers send neither: then only the token is checked.

    Args:
        headers: the headers of the request, with their names in lower case. Behind a proxy `host`
            has to be the host that the browser has requested.
    """
    site = headers.get("sec-fetch-site")
    # Browsers send `none` when a person reloads the page, or goes back to it.
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    # `null` is refused too: because of their Referrer-Policy (`renderer`), browsers send the real
    # origin of the pages.
    host = headers.get("host", "").lower().removesuffix(":443")
    return bool(host) and origin.lower().removesuffix(":443") == f"https://{host}"

"""Whether a form was sent from a page of ours: what browsers say of it by themselves, without I/O.

It stands beside the tokens (`tokens`), in case one of both has a hole.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["is_own"]


def is_own(headers: Mapping[str, str]) -> bool:
    """Tell whether a form may have come from a page of ours.

    `Sec-Fetch-Site` says it in every browser since 2023, and `Origin` in those since 2020. Text
    browsers and older ones send neither: then the token alone decides.

    Args:
        headers: of the request, with their names in lower case. Behind a proxy `host` has to be
            the host that the browser has asked for.
    """
    site = headers.get("sec-fetch-site")
    # `none` is somebody who reloads the page, or goes back to it.
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    # `null` is no page of ours either: by its Referrer-Policy ours are named (`renderer`).
    host = headers.get("host", "").lower().removesuffix(":443")
    return bool(host) and origin.lower().removesuffix(":443") == f"https://{host}"

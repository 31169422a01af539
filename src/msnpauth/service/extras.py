"""Checks that the libraries for a part of the service are installed."""

from __future__ import annotations

from importlib.util import find_spec

from ..core.errors import LocalProtocolError

__all__ = ["check_extra"]

_PARTS = {
    "service": (
        "a service with a data folder",
        ("alembic", "argon2", "limits", "prometheus_client", "sqlalchemy"),
    ),
    "nodes": ("a network of several nodes", ("psycopg", "valkey")),
    "pages": ("the pages for people", ("starlette", "jinja2")),
    "legacy": ("the login for old TLS", ("tlslite",)),
}


def check_extra(name: str) -> None:
    """Check that the libraries of an extra are installed.

    Args:
        name: the name of the extra, as in `pip install 'msnpauth[service]'`.

    Raises:
        LocalProtocolError: one of the libraries is missing.
    """
    what, libraries = _PARTS[name]
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        raise LocalProtocolError(
            f"{what} needs what is not installed here: {', '.join(missing)}",
            hint=f"pip install 'msnpauth[{name}]'",
        )

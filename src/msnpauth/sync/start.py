"""`sign_in` on blocking sockets: it imports the modules that it needs only when it is called.

A program imports it long before it signs in, and many programs never sign in: a command that
prints its help, a bot's tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from ..core.credentials import as_secret

if TYPE_CHECKING:
    from ..core.secrets import Secret
    from ..core.servers import Servers
    from ..options import Options
    from .session import Session

__all__ = ["sign_in"]


def sign_in(
    passport: str,
    password: str | Secret,
    servers: Servers,
    **options: Unpack[Options],
) -> Session:
    """Sign in; the session is a context manager that sends OUT at its end.

    Args:
        passport: the account's address.
        password: its password, as text or `Secret`.
        servers: the addresses of the network's servers.
        options: any of `scheme`, `dialects`, `tickets`, `guid`, `pipeline`, `speculate`, `cache`,
            `transport`, `fast_open`, `ca_file`, `ssl_context`, `timeout`, `product`, `reconnect`,
            `receive` and `observer`: `msnpauth.Options` describes each one and its default.

    Raises:
        SignInError: any of its subclasses; see `msnpauth.SignInError`.
    """
    password = as_secret(password)  # at once: a traceback may show a function's arguments
    from .driver import enter

    return enter(passport, password, servers, options)

"""The connection to the shared server, and the errors that its failures result in.

Every failure raises ServiceUnavailable: no answer of the server is guessed. For one second after a
failure no command is sent, so that nobody waits for a server that is not there.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import valkey.asyncio as client
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ValkeyError

from ....core.credentials import as_secret
from ....core.errors import LocalProtocolError, ServiceUnavailable
from ....core.secrets import Secret

__all__ = ["STORE_DOWN", "SharedServer", "checked_url"]

T = TypeVar("T")

STORE_DOWN = 600
"""The MSNP error code for such a failure: "the server is busy". Clients try again later."""

_SCHEMES = {"valkey": "valkey", "valkeys": "valkeys", "redis": "valkey", "rediss": "valkeys"}
_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 3.0
_REST_SECONDS = 1.0
_AGAIN_SECONDS = 5.0


class SharedServer:
    """A connection to a server of Redis's protocol.

    Args:
        url: as in `valkey://:password@shared.example.net:6379/0`; `valkeys` connects by TLS, and
            `redis` and `rediss` mean the same as `valkey` and `valkeys`.

    Raises:
        LocalProtocolError: the URL is not valid.
    """

    def __init__(self, url: str | Secret) -> None:
        url = as_secret(url)
        self.url = checked_url(url)
        self._rests_until = 0.0
        self.is_down = False
        """Whether the last command failed. Every node sends a sign of life every few seconds."""
        self.client: Any = client.Valkey.from_url(
            self.url.reveal(),
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            socket_keepalive=True,
            decode_responses=True,
            health_check_interval=15,
            # No command is sent twice: if the server had run a command but could not answer, it
            # would run the command again and report the state that its first run had made.
            retry=Retry(NoBackoff(), 0),
        )

    def __repr__(self) -> str:
        return "SharedServer(…)"

    async def ask(self, command: Awaitable[T]) -> T:
        """Wait for the answer to a command, and return the answer.

        Raises:
            ServiceUnavailable: there is no answer.
        """
        why = "it did not answer a moment ago"
        if time.monotonic() >= self._rests_until:
            try:
                answer = await command
            except (ValkeyError, OSError, TimeoutError) as fault:
                self.is_down = True
                self._rests_until = time.monotonic() + _REST_SECONDS
                why = type(fault).__name__
                # After a restart of the server all idle connections are dead, not only this one.
                with suppress(ValkeyError, OSError):
                    await self.client.connection_pool.disconnect(inuse_connections=False)
            else:
                self.is_down = False
                return answer
        elif hasattr(command, "close"):
            command.close()  # Python warns of a coroutine that is never awaited
        # Outside of `except`, so that the new error does not refer to the library's error, which
        # may quote the command.
        raise ServiceUnavailable(
            f"the shared store cannot be used now: {why}",
            retry_after=_AGAIN_SECONDS,
            code=STORE_DOWN,
        )

    async def close(self) -> None:
        """End all connections."""
        await self.client.aclose()


def checked_url(text: str | Secret) -> Secret:
    """Return the URL of a shared server in the form that the library accepts.

    Raises:
        LocalProtocolError: the text is not a valid URL of a shared server.
    """
    text, spelled = as_secret(text), None
    with suppress(ValueError):
        spelled = _spelled(text)
    if spelled is None:
        # The message does not quote the URL, because the URL may contain a password.
        raise LocalProtocolError(
            "that is no URL of a shared store",
            hint="as in valkey://shared.example.net:6379/0, or redis://…",
        )
    return spelled


def _spelled(text: Secret) -> Secret | None:
    """Return the URL in the form that the library accepts.

    None, or a ValueError, means that the text is not a valid URL.
    """
    parts = urlsplit(text.reveal())
    scheme = _SCHEMES.get(parts.scheme)
    is_database = parts.path in ("", "/") or parts.path.strip("/").isdecimal()
    if scheme is None or parts.hostname is None or parts.port == 0 or not is_database:
        return None
    return Secret(f"{scheme}{text.reveal()[len(parts.scheme) :]}")

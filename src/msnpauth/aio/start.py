"""`sign_in` on asyncio: it imports the modules that it needs only when it is called."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Unpack

from ..core.credentials import as_secret

if TYPE_CHECKING:
    from types import TracebackType

    from ..core.secrets import Secret
    from ..core.servers import Servers
    from ..options import AsyncOptions
    from .session import Session

__all__ = ["sign_in"]


class sign_in:  # noqa: N801 - used as a function, like websockets' connect
    """Sign in: `async with sign_in(…) as session`, or `session = await sign_in(…)`.

    Arguments and errors are those of `msnpauth.sign_in`; they are checked when it starts.
    """

    def __init__(
        self,
        passport: str,
        password: str | Secret,
        servers: Servers,
        **options: Unpack[AsyncOptions],
    ) -> None:
        password = as_secret(password)  # at once: a traceback may show a function's arguments
        from .driver import Entering

        self._entering = Entering(passport, password, servers, options)
        self._session: Session | None = None

    def __await__(self) -> Generator[Any, None, Session]:
        return self._entering.enter().__await__()

    async def __aenter__(self) -> Session:
        self._session = await self._entering.enter()
        return self._session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

"""The doctor for asyncio: it yields each finding as soon as there is one.

from msnpauth import aio

async for finding in aio.doctor.examine(servers):
    print(finding.state, finding.step, finding.seen)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

from ..core.credentials import as_secret
from ..core.secrets import Secret
from ..core.servers import Servers
from ..doctor import Finding
from ..doctor import examine as examined

__all__ = ["examine"]


def examine(
    servers: Servers,
    passport: str | None = None,
    password: str | Secret | None = None,
    *,
    ca_file: str | os.PathLike[str] | None = None,
    timeout: float = 60.0,
) -> AsyncIterator[Finding]:
    """As `msnpauth.doctor.examine`. The work is done in threads, so the event loop is not blocked.

    A cancelled examination ends after its present step, which takes ten seconds at most.

    Raises:
        LocalProtocolError: an argument cannot be right; nothing was sent.
    """
    password = None if password is None else as_secret(password)
    findings = examined(servers, passport, password, ca_file=ca_file, timeout=timeout)

    async def told() -> AsyncIterator[Finding]:
        while (finding := await asyncio.to_thread(next, findings, None)) is not None:
            yield finding

    return told()

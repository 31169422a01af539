"""The driver on asyncio: the same names and arguments as in `msnpauth`, to be awaited.

from msnpauth import aio

key = await aio.MSNPAuth("bob@hotmail.com", password, challenge).get_key()

async with aio.sign_in("alice@example.com", password, servers) as session:
    await session.go_online()
    await session.send_message("bob@example.com", "Hello Bob")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import doctor
    from .auth import MSNPAuth
    from .chat import Chat
    from .session import Session
    from .start import sign_in

__all__ = ["Chat", "MSNPAuth", "Session", "doctor", "sign_in"]

if not TYPE_CHECKING:  # a type checker would believe that every name exists
    _HOMES = {"Chat": ".chat", "MSNPAuth": ".auth", "Session": ".session", "sign_in": ".start"}

    def __getattr__(name: str) -> object:
        if name == "doctor":
            return importlib.import_module(".doctor", __name__)
        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name], __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})

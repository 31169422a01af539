"""The machine's GUID: made once for a person's machine, and the same ever after."""

from __future__ import annotations

import functools
import os
import uuid
from contextlib import suppress
from pathlib import Path

__all__ = ["machine_guid"]

VARIABLE = "MSNPAUTH_MACHINE_GUID_FILE"
"""Environment variable that names the file it is kept in."""


def machine_guid() -> str:
    """Return the GUID that tells this machine from a person's others (MSNP16 and on).

    Kept in a file of the person's own; where that cannot be written it is made of the network
    hardware's address instead.
    """
    return _guid_at(os.environ.get(VARIABLE))


@functools.cache
def _guid_at(named: str | None) -> str:
    path = _path(named)
    with suppress(OSError, ValueError):
        return str(uuid.UUID(path.read_text("ascii").strip()))
    made = uuid.uuid4()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two processes may get here at once: the first to write counts for both.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        with suppress(OSError, ValueError):
            return str(uuid.UUID(path.read_text("ascii").strip()))
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"msnpauth {uuid.getnode():012x}"))
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{made}\n")
    return str(made)


def _path(named: str | None) -> Path:
    if named:
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("msnpauth", appauthor=False) / "machine-guid"

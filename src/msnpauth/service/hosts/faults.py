"""Logs an unexpected error of a connection as one line."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

__all__ = ["tell_fault"]


def tell_fault(fault: Exception) -> None:
    """Log an unexpected error with its type and its place in the source.

    Neither the text of the error nor the variables are logged: they may contain data that the
    client has sent, and a client sends passwords and tickets.
    """
    frames = traceback.extract_tb(fault.__traceback__)
    place = f"{Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else "nowhere"
    logging.getLogger("msnpauth.service").error(
        "a connection was closed because of a fault (%s at %s): please report it",
        type(fault).__name__,
        place,
    )

"""What the service's hosts do when a client makes them fail: one line in the log."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

__all__ = ["tell_fault"]


def tell_fault(fault: Exception) -> None:
    """Log a fault that nobody foresaw, by its kind and place.

    Neither its text nor the variables are logged: they may hold what the client sent, and a client
    sends passwords and tickets.
    """
    frames = traceback.extract_tb(fault.__traceback__)
    place = f"{Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else "nowhere"
    logging.getLogger("msnpauth.service").error(
        "a connection was closed because of a fault (%s at %s): please report it",
        type(fault).__name__,
        place,
    )

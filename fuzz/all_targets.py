"""Every target by its name: a function that takes bytes, and raises when the contract is broken."""

from __future__ import annotations

from collections.abc import Callable

import client_targets
import file_targets
import network_targets
import operator_targets
import page_targets
import people_targets
import service_targets

__all__ = ["TARGETS"]

TARGETS: dict[str, Callable[[bytes], None]] = {
    **client_targets.TARGETS,
    **people_targets.TARGETS,
    **service_targets.TARGETS,
    **operator_targets.TARGETS,
    **page_targets.TARGETS,
    **file_targets.TARGETS,
    **network_targets.TARGETS,
}

"""What a server does with all that clients send: the checklist of a service.

    conformance_web    by HTTPS: nexus, login, RST and contacts host
    conformance_lines  on the notification connection

Nothing secret is sent by these checks but where they say so: then the account's password goes
through the library, with every check of the server.
"""

from __future__ import annotations

from collections.abc import Iterator

from .conformance_lines import lines_of_clients
from .conformance_web import requests_of_clients
from .finding import Finding
from .patient import Patient

__all__ = ["conformance"]


def conformance(patient: Patient) -> Iterator[Finding]:
    """Send what clients send, by age or by mistake, and look at the answers."""
    yield from requests_of_clients(patient)
    yield from lines_of_clients(patient)

"""Checks how a server reacts to everything that clients send: the checklist of a service.

    conformance_web    by HTTPS: nexus, login, RST and contacts host
    conformance_lines  on the notification connection

These checks send no secret, unless they use the account: then the library sends the password, with
every check of the server.
"""

from __future__ import annotations

from collections.abc import Iterator

from .conformance_lines import lines_of_clients
from .conformance_web import requests_of_clients
from .finding import Finding
from .patient import Patient

__all__ = ["conformance"]


def conformance(patient: Patient) -> Iterator[Finding]:
    """Send the requests and lines of old and faulty clients, and check the answers."""
    yield from requests_of_clients(patient)
    yield from lines_of_clients(patient)

"""Everything that can go wrong, or be found wrong, in words for people: a section for each code.

The codes (`MA-TLS-03`) are stable: a code is never given to something else, so that a forum can
link to its section. `SignInError.finding` is one of them. The documents and their table are made
of these sections, and the doctor's findings are explained by them.

    section     what a section is made of
    network     names, addresses, connections, and proxies
    tls         encryption and certificates
    web         what answers by HTTPS: nexus, login, RST, the contacts host
    notify      what a notification server says, and what it says of the account
    session     a living session, its chats, and the caller's own arguments
    service     what the doctor sees of a network, besides errors
"""

from __future__ import annotations

import functools

from . import network, notify, service, session, tls, web
from .section import Section

__all__ = ["SECTIONS", "Section", "section_of"]

SECTIONS: tuple[Section, ...] = (
    *network.SECTIONS,
    *tls.SECTIONS,
    *web.SECTIONS,
    *notify.SECTIONS,
    *session.SECTIONS,
    *service.SECTIONS,
)
"""Every section, in the order of the documents."""


@functools.cache
def _by_code() -> dict[str, Section]:
    return {section.code: section for section in SECTIONS}


def section_of(code: str) -> Section:
    """Return the section of a code.

    Raises:
        KeyError: there is no such code.
    """
    return _by_code()[code]

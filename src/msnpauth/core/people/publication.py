"""The data that a person publishes in MSNP21: an XML document in a PUT or an NFY.

    <user><s n="IM"><Status>NLN</Status></s><s n="PE"><FriendlyName>Alice</FriendlyName>…</s></user>

`s` elements are about the person, and `sep` elements about one of the person's places. `IM` has the
status, and `PE` has name and message (msnp-sharp, NSMessageHandler.MSNP21.cs). Client and server
both read and write this document.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ..tickets.xml import BadXml, children, escape_xml, local_name, parse, text_of

__all__ = ["PUBLISHED", "Published", "parse_published", "published_document"]

PUBLISHED = "application/user+xml"
"""The Content-Type of the document."""


class Published(NamedTuple):
    """The fields of a document; a field that the document leaves out is None.

    Attributes:
        status: the code of the status, three letters as in CHG.
        name: the display name.
        message: the personal message.
        capabilities: the capabilities of the client, as in `1073741856:0`.
        names_im: whether there is an `s` element of the service IM, with or without a status.
    """

    status: str | None = None
    name: str | None = None
    message: str | None = None
    capabilities: str | None = None
    names_im: bool = False


def parse_published(xml: bytes) -> Published | None:
    """Read a document; return None when it is not a `user` document in XML."""
    try:
        root = parse(xml)
    except BadXml:
        return None
    if local_name(root) != "user":
        return None
    about, places = list(children(root, "s")), list(children(root, "sep"))
    return Published(
        _said(about, "IM", "Status"),
        _said(about, "PE", "FriendlyName"),
        _said(about, "PE", "PSM"),
        _said(places, "IM", "Capabilities"),
        any(part.get("n") == "IM" for part in about),
    )


def _said(parts: Iterable[Element], service: str, name: str) -> str | None:
    return next((text_of(part, name) for part in parts if part.get("n") == service), None)


def published_document(said: Published) -> bytes:
    """Return the document with these fields."""
    parts = ['<s n="IM"/>'] if said.names_im and said.status is None else []
    if said.status is not None:
        parts.append(f'<s n="IM"><Status>{escape_xml(said.status)}</Status><CurrentMedia/></s>')
    if said.name is not None or said.message is not None:
        parts.append(
            '<s n="PE"><UserTileLocation/>'
            f"<FriendlyName>{escape_xml(said.name or '')}</FriendlyName>"
            f"<PSM>{escape_xml(said.message or '')}</PSM></s>"
        )
    if said.capabilities is not None:
        capabilities = escape_xml(said.capabilities)
        parts.append(f'<sep n="IM"><Capabilities>{capabilities}</Capabilities></sep>')
    return f"<user>{''.join(parts)}</user>".encode("utf-8", "replace")

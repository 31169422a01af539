"""Reads small XML documents from untrusted servers: no DTD, no entities, limited depth."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from ..patterns import pattern

__all__ = [
    "BadXml",
    "children",
    "escape_xml",
    "find",
    "find_all",
    "local_name",
    "outermost",
    "parse",
    "text_of",
]

MAX_DEPTH = 32

# XML 1.0 (2.2) cannot contain these characters, not even as character references. A display name
# may contain one, because MSNP sends names percent-encoded, and one person's name must not make
# another person's document unreadable.
_UNWRITABLE = pattern("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class BadXml(ValueError):
    """The text is not an XML document, or the document is too complex."""


class _Builder(TreeBuilder):
    """Builds the tree, and refuses a document that is nested too deep or has a DTD."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadXml("the XML is nested too deep")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)

    def doctype(self, *_declaration: str | None) -> None:
        raise BadXml("the XML has a document type, which nobody needs")


def parse(data: bytes) -> Element:
    """Return the root of a document.

    Raises:
        BadXml: the document is not well-formed, has a DTD, or is nested too deep.
    """
    parser = XMLParser(target=_Builder())  # noqa: S314 - the builder refuses what makes it unsafe
    try:
        # The most common error of services in PHP is a line end before the XML declaration.
        parser.feed(data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n"))
        root: Element = parser.close()
    except BadXml as problem:
        complaint = str(problem)
    except (ParseError, LookupError, ValueError, RecursionError):
        complaint = "that is no XML"  # or XML in an encoding that Python does not know
    else:
        return root
    raise BadXml(complaint)


def escape_xml(text: str) -> str:
    """Return text as it is written in a document, without characters that XML cannot contain."""
    return escape(_UNWRITABLE.sub("", text))


def local_name(element: Element) -> str:
    """Return the name without its namespace, because RST and RST2 differ only in namespaces."""
    return element.tag.rpartition("}")[2]


def children(element: Element, name: str) -> Iterator[Element]:
    """Yield the direct children of that local name."""
    return (child for child in element if local_name(child) == name)


def outermost(element: Element, name: str) -> Iterator[Element]:
    """Yield the descendants of that local name, except those inside another such descendant.

    However deep a hostile server nests them, each part of the document is read once.
    """
    for child in element:
        if local_name(child) == name:
            yield child
        else:
            yield from outermost(child, name)


def find_all(element: Element, name: str) -> Iterator[Element]:
    """Yield the descendants of that local name, in document order."""
    return (found for found in element.iter() if local_name(found) == name)


def find(element: Element, name: str) -> Element | None:
    """Return the first descendant of that local name, or None."""
    return next(find_all(element, name), None)


def text_of(element: Element, name: str) -> str | None:
    """Return the text of the first descendant of that local name, or None."""
    found = find(element, name)
    return None if found is None else (found.text or "").strip()

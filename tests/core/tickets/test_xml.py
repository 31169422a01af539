from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.tickets.xml import BadXml, children, find, find_all, local_name, parse, text_of

DOCUMENT = b'<a xmlns="urn:x" xmlns:p="urn:y"><p:b> one </p:b><c><b>two</b></c></a>'


def test_names_without_their_namespaces() -> None:
    root = parse(DOCUMENT)
    assert local_name(root) == "a"
    assert [element.text for element in find_all(root, "b")] == [" one ", "two"]
    assert len(list(children(root, "b"))) == 1
    assert text_of(root, "b") == "one"
    assert text_of(root, "d") is None
    assert find(root, "d") is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no XML"),
        (b"hello", "no XML"),
        (b"<a>", "no XML"),
        (b"<a>&nope;</a>", "no XML"),
        (b'<?xml version="1.0" encoding="nope"?><a/>', "no XML"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        ("<!DOCTYPE a><a/>".encode("utf-16"), "document type"),
        (b"<a>" * 40 + b"</a>" * 40, "too deep"),
        (b"<p:a/>", "no XML"),
    ],
)
def test_what_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(BadXml, match=says):
        parse(data)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    with suppress(BadXml):
        parse(data)

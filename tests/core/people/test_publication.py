"""What somebody publishes of themselves in MSNP21, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.people.publication import Published, parse_published, published_document


@pytest.mark.parametrize(
    ("said", "document"),
    [
        (Published(), "<user></user>"),
        (Published(names_im=True), '<user><s n="IM"/></user>'),
        (
            Published("BSY", names_im=True),
            '<user><s n="IM"><Status>BSY</Status><CurrentMedia/></s></user>',
        ),
        (
            Published(name="Zoë & <b>", message=""),
            '<user><s n="PE"><UserTileLocation/><FriendlyName>Zoë &amp; &lt;b&gt;</FriendlyName>'
            "<PSM></PSM></s></user>",
        ),
        (
            Published(capabilities="1:2"),
            '<user><sep n="IM"><Capabilities>1:2</Capabilities></sep></user>',
        ),
    ],
)
def test_there_and_back(said: Published, document: str) -> None:
    assert published_document(said).decode() == document
    assert parse_published(document.encode()) == said


def test_places_say_nothing_of_the_person() -> None:
    said = parse_published(
        b'<user><sep n="IM" epid="{x}"/><sep n="PD"><State>NLN</State></sep></user>'
    )
    assert said == Published()


@pytest.mark.parametrize("document", [b"", b"<user>", b"<circle/>", b"no XML"])
def test_what_is_none(document: bytes) -> None:
    assert parse_published(document) is None


# XML has no spelling for control characters, and `parse` leaves blanks at both ends out.
WORDS = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="\ufffe\uffff"))


@given(WORDS, WORDS)
def test_any_words(name: str, message: str) -> None:
    said = Published(name=name, message=message)
    assert parse_published(published_document(said)) == said

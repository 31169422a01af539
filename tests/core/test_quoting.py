"""Percent-encoding, beside that of the standard library."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.quoting import quoted, unquoted


@given(st.text())
def test_it_is_what_the_standard_library_makes(text: str) -> None:
    assert quoted(text) == quote(text, safe="")


@given(st.binary())
def test_bytes_that_are_no_text_stay_what_they_were(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert quoted(text, "surrogateescape") == quote(data, safe="")


def test_what_cannot_be_written() -> None:
    with pytest.raises(UnicodeEncodeError):
        quoted("\ud800")


@given(
    st.binary()
    | st.lists(st.sampled_from([b"%", b"2", b"fF", b"%41", b"%zz", b"\xff"])).map(b"".join)
)
def test_it_is_read_as_the_standard_library_reads_it(data: bytes) -> None:
    assert unquoted(data) == unquote_to_bytes(data)


@given(st.text())
def test_what_was_quoted_is_read_again(text: str) -> None:
    assert unquoted(quoted(text).encode()).decode() == text

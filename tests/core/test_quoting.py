"""Percent-encoding, beside that of the standard library."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.quoting import quoted


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

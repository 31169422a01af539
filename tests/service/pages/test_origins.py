"""What browsers say of where a form comes from."""

from __future__ import annotations

import pytest

from msnpauth.service.pages.origins import is_own

HOST = "msn.example.com:8443"


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),  # a text browser: the token decides
        ({"origin": "https://msn.example.com:8443"}, True),
        ({"origin": "HTTPS://MSN.example.com:8443"}, True),
        ({"origin": "https://msn.example.com:8443", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://msn.example.com:8443"}, False),
        ({"origin": "https://msn.example.com"}, False),
        ({"origin": "https://msn.example.com:8444"}, False),
        ({"origin": "https://msn.example.com:8443.evil.example"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),  # another name of the same domain
        ({"origin": "https://msn.example.com:8443", "sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "x"}, False),
    ],
)
def test_where_it_comes_from(headers: dict[str, str], own: bool) -> None:
    assert is_own({"host": HOST, **headers}) is own


def test_the_port_that_nobody_writes() -> None:
    assert is_own({"host": "msn.example.com", "origin": "https://msn.example.com"})
    assert is_own({"host": "msn.example.com:443", "origin": "https://msn.example.com"})
    assert not is_own({"host": "", "origin": "https://"})
    assert not is_own({"origin": "https://"})

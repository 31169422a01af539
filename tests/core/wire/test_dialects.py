from __future__ import annotations

import re
from pathlib import Path

import pytest

import msnpauth
from msnpauth.core.errors import LocalProtocolError
from msnpauth.core.wire.dialects import (
    DIALECTS,
    QueryRule,
    Scheme,
    choose,
    known,
    offer,
    scheme_named,
    scheme_of,
    spoken_in,
)
from msnpauth.core.wire.query import PRODUCTS


def test_every_version_has_its_row() -> None:
    assert sorted(DIALECTS) == [*range(2, 20), 21]
    for number, dialect in DIALECTS.items():
        assert dialect.number == number
        assert dialect.name == f"MSNP{number}"


@pytest.mark.parametrize(
    ("number", "scheme", "named", "flags", "xfr", "query", "qng"),
    [
        (2, Scheme.MD5, True, 0, "", QueryRule.NONE, False),
        (3, Scheme.MD5, True, 0, "0", QueryRule.NONE, False),
        (6, Scheme.MD5, True, 1, "0", QueryRule.MD5, False),
        (7, Scheme.MD5, True, 1, "0 {current}", QueryRule.MD5, False),
        (8, Scheme.TWN, True, 2, "0 {current}", QueryRule.MD5, False),
        (9, Scheme.TWN, True, 2, "0 {current}", QueryRule.MD5, True),
        (10, Scheme.TWN, False, 2, "0 {current}", QueryRule.MD5, True),
        (11, Scheme.TWN, False, 2, "0 {current}", QueryRule.MSNP11, True),
        (12, Scheme.TWN, False, 2, "0 {current}", QueryRule.MSNP11, True),
        (13, Scheme.TWN, False, 2, "U D", QueryRule.MSNP11, True),
        (14, Scheme.TWN, False, 2, "U D", QueryRule.MSNP11, True),
        (15, Scheme.SSO, False, 2, "U D", QueryRule.MSNP11, True),
        (18, Scheme.SSO, False, 2, "U D", QueryRule.MSNP11, True),
    ],
)
def test_rows(
    number: int, scheme: Scheme, named: bool, flags: int, xfr: str, query: QueryRule, qng: bool
) -> None:
    row = DIALECTS[number]
    found = (row.scheme, row.name_in_ok, row.flags_in_ok, row.xfr, row.query, row.qng_seconds)
    assert found == (scheme, named, flags, xfr, query, qng)


def test_every_product_answers_by_a_published_key() -> None:
    for dialect in DIALECTS.values():
        assert PRODUCTS[dialect.product.id] == dialect.product.key


def test_offer() -> None:
    assert [d.number for d in offer(None)] == [14, 13, 12, 11, 10, 9, 8]
    assert [d.number for d in offer([9, 12, 9])] == [12, 9]
    assert spoken_in(Scheme.SSO)[0] == 21


@pytest.mark.parametrize("dialects", [[], [7], [15], [99], [8, 20]])
def test_offer_refuses(dialects: list[int]) -> None:
    with pytest.raises(LocalProtocolError, match="8, 9, 10, 11, 12, 13, 14"):
        offer(dialects)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["MSNP12"], 12),
        (["MSNP13", "CVR0"], 13),
        (["msnp9", "MSNP8"], 9),
        (["MSNP14", "MSNP13", "MSNP12"], 14),
        (["MSNP14", "MSNP13", "CVR0"], 13),
        (["0"], None),
        (["CVR0"], None),
        (["MSNP18"], None),
        (["MSNP"], None),
        ([], None),
    ],
)
def test_choose(words: list[str], number: int | None) -> None:
    chosen = choose(words, offer(None))
    assert (chosen.number if chosen else None) == number


def test_no_other_place_compares_versions() -> None:
    package = Path(msnpauth.__file__).parent
    pattern = re.compile(r"(dialect|number|version)\w*(\.number)?\s*(<|>|<=|>=|==|!=)\s*\d")
    for path in package.rglob("*.py"):
        if path.name != "dialects.py":
            assert not pattern.search(path.read_text("utf-8")), path


def test_schemes_by_name() -> None:
    assert [scheme_named(name) for name in ("md5", "Twn", "SSO")] == list(Scheme)
    for name in ("CTP", "", None):
        with pytest.raises(LocalProtocolError, match="is no scheme") as caught:
            scheme_named(name)  # type: ignore[arg-type]
        assert "MD5, TWN, SSO" in caught.value.hint


def test_the_scheme_of_dialects() -> None:
    assert scheme_of([2, 7]) is Scheme.MD5
    assert scheme_of([8]) is Scheme.TWN
    assert scheme_of([15, 21]) is Scheme.SSO
    with pytest.raises(LocalProtocolError, match="different schemes"):
        scheme_of([7, 8])


def test_known() -> None:
    assert [dialect.number for dialect in known([8, 18, 8])] == [18, 8]
    with pytest.raises(LocalProtocolError, match="MSNP20 is not known"):
        known([8, 20])
    with pytest.raises(LocalProtocolError, match="no dialects"):
        known([])


def test_whole_rows() -> None:
    """Every fact of every version, beside a copy that no change of the table changes along."""
    kept = Path(__file__).parents[2] / "data" / "dialects.txt"
    rows = []
    for dialect in DIALECTS.values():
        row = dialect._asdict() | {"product": dialect.product.id}
        rows.append(" | ".join(f"{name} {value}" for name, value in row.items()))
    assert rows == kept.read_text("utf-8").splitlines()


def test_what_the_errors_say() -> None:
    def said(dialects: list[int]) -> str:
        with pytest.raises(LocalProtocolError) as caught:
            scheme_of(dialects)
        return str(caught.value)

    numbers = ", ".join(map(str, [*range(2, 20), 21]))
    assert said([]) == f"no dialects; dialects= takes numbers out of {numbers}"
    assert said([20]) == f"MSNP20 is not known; dialects= takes numbers out of {numbers}"
    assert said([8, 15]) == (
        "these dialects sign in by different schemes; offer 2 to 7 (MD5), 8 to 14 (TWN), or 15 and"
        " above (SSO)"
    )

"""What one connection tells another comes out as it went in, and what is none is a fault of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msnpauth.service.roles.news import LeftFor, Listed, News, PutOut, Rung, Seen, decode, encode
from msnpauth.service.stores.protocol import LeftMessage, Presence

BOB = "bob@example.com"
SENT = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)

EVERY_KIND: dict[str, News] = {
    "an end": PutOut("RCT 5"),
    "an end without a reason": PutOut(""),
    "somebody is seen": Seen(BOB, Presence("NLN", "B", "1:2", "%3Cmsnobj%2F%3E", "<Data/>")),
    "somebody is gone": Seen(BOB, None),
    "somebody is listed": Listed(BOB, "B ö\u2028", is_on=True),
    "somebody is listed no more": Listed(BOB, "", is_on=False),
    "a call": Rung("5", "[::1]:1864", "KEY", BOB, 'B "\\'),
    "a message": LeftFor(LeftMessage("id", BOB, "B", "two\nlines\0", SENT)),
}


@pytest.mark.parametrize("news", EVERY_KIND.values(), ids=EVERY_KIND)
def test_it_is_read_back_from_one_line(news: News) -> None:
    word = encode(7, news)
    assert len(word.splitlines()) == 1
    assert word.isascii(), "whatever carries it needs to know no encoding"
    assert decode(word) == (7, news)
    assert decode(f"  {word}\r\n") == (7, news)


def test_every_kind_is_among_them() -> None:
    assert {type(news) for news in EVERY_KIND.values()} == set(News.__args__)


TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)


@settings(max_examples=40)
@given(st.integers(0, 2**40), TEXTS, TEXTS, TEXTS)
def test_any_text(connection: int, one: str, two: str, three: str) -> None:
    presence = Presence(one, two, three, one, two)
    message = LeftMessage(one, two, three, one, SENT)
    for news in (
        PutOut(one),
        Seen(two, presence),
        Rung(one, two, three, one, two),
        LeftFor(message),
    ):
        assert decode(encode(connection, news)) == (connection, news)


def test_a_time_keeps_its_zone() -> None:
    sent = SENT.astimezone(timezone(timedelta(hours=-3)))
    _, news = decode(encode(1, LeftFor(LeftMessage("id", BOB, "B", "x", sent))))
    assert isinstance(news, LeftFor)
    assert news.message.sent_at == SENT
    assert news.message.sent_at.utcoffset() == timedelta(hours=-3)


@pytest.mark.parametrize("news", EVERY_KIND.values(), ids=EVERY_KIND)
def test_a_word_that_is_cut_or_has_more_behind_it_is_none(news: News) -> None:
    word = encode(7, news)
    for wrong in (*(word[:end] for end in range(len(word))), f"{word}x", f"{word}{word}"):
        with pytest.raises(ValueError, match="Expecting|Unterminated|Extra|Invalid"):
            decode(wrong)


@pytest.mark.parametrize(
    "told",
    [
        *(5, None, [], [7], [7, "PutOut"], [7, "PutOut", {}], [7, "PutOut", None]),
        *([7, "Later", {}], [7, ["PutOut"], {}], [7, "PutOut", {"reason": "", "more": 1}]),
        *([7, "PutOut", {"reason": ""}, 1], [7, "Seen", {"passport": BOB}]),
        *([7, "Seen", {"presence": {"status": "NLN"}}], [7, "LeftFor", {"message": {}}]),
        *([7, "LeftFor", {"message": {"sent_at": 5}}], [7, "LeftFor", {"message": {"sent_at": "x"}}]),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_later_version_may_say(told: object) -> None:
    """Whoever hears words passes over those that fail in one of these ways."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(json.dumps(told))

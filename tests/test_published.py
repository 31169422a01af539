"""Networks that somebody has published: fetched, compared, kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Authority
from msnpauth import LocalProtocolError, RemoteProtocolError, SignInError, TooManyRedirects
from msnpauth.core.errors import Step, UntrustedRedirect
from msnpauth.core.urls import Url
from msnpauth.networks import known_networks, published_file
from msnpauth.published import LONGEST, changes, fetch_published, keep, published_at
from wire import Server, answers, http

TEXT = '[home]\nnotification = "n.example"\n'


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("h.example", "https://h.example/.well-known/msnp-services.toml"),
        ("h.example:8443", "https://h.example:8443/.well-known/msnp-services.toml"),
        ("h.example/mine.toml", "https://h.example/mine.toml"),
        ("https://h.example/x?y=z", "https://h.example/x?y=z"),
    ],
)
def test_where(place: str, url: str) -> None:
    assert str(published_at(place)) == url


@pytest.mark.parametrize("place", ["http://h.example/x", "ftp://h.example/", "", "a b", "-"])
def test_nowhere(place: str) -> None:
    with pytest.raises(LocalProtocolError):
        published_at(place)


def fetched(authority: Authority, *responses: bytes) -> str:
    with Server(answers(*responses), authority.server_tls) as server:
        url = Url.parse(f"{server.url}/x.toml")
        return fetch_published(url, ca_file=authority.ca_file, timeout=10)


def test_a_file_with_a_byte_order_mark(authority: Authority) -> None:
    assert fetched(authority, http(200, body=b"\xef\xbb\xbf" + TEXT.encode())) == TEXT


def test_a_redirect(authority: Authority) -> None:
    there = http(302, "Location: /y.toml")
    assert fetched(authority, there, http(200, body=TEXT.encode())) == TEXT


@pytest.mark.parametrize(
    ("responses", "kind"),
    [
        ([http(404)], RemoteProtocolError),
        ([http(200, body=b"\xff")], RemoteProtocolError),
        ([http(200, body=b"x" * (LONGEST + 1))], RemoteProtocolError),
        ([http(302)], RemoteProtocolError),
        ([http(302, "Location: http://h.example/")], UntrustedRedirect),
        ([http(302, "Location: /x")] * 7, TooManyRedirects),
    ],
)
def test_what_is_not_fetched(
    authority: Authority, responses: list[bytes], kind: type[SignInError]
) -> None:
    with pytest.raises(kind) as caught:
        fetched(authority, *responses)
    assert caught.value.step is Step.SERVICES


def test_what_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = changes(f'{TEXT}[crosstalk]\nhost = "c.example"\n', "x")
    assert [(change.name, change.before is None) for change in found] == [
        ("home", True),
        ("crosstalk", False),
    ]
    for text in ("[home]\nca_file = '/x'\n", "no toml", "[home]\nunknown = 1\n"):
        with pytest.raises(LocalProtocolError):
            changes(text, "x")


def test_what_is_kept_is_the_same_again() -> None:
    everything = (
        '[home]\ntitle = "A \\"title\\" ü \\\\ \U0001f600 \\u007f"\nstate = "living"\nnotification = "n.example:5"\n'
        'schemes = ["TWN"]\ndialects = [12, 8]\nnote = "n"\nevidence = ["a", "b"]\n'
        'trusted_hosts = [".example"]\n[home.login]\n"a.example" = "https://a.example/"\n'
        '"*" = "https://b.example/"\n'
    )
    keep(everything)
    assert changes(everything, "x") == []
    home = known_networks()["home"]
    assert home.title == 'A "title" ü \\ \U0001f600 \x7f'
    assert home.dialects == (12, 8)
    keep('[other]\nhost = "o.example"\n[HOME]\nhost = "h.example"\n')
    known = known_networks()
    assert (known["home"].host, known["home"].title) == ("h.example", "")
    assert known["other"].host == "o.example"
    assert not published_file().with_suffix(".new").exists()


def test_a_place_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MSNPAUTH_SERVICES", str(tmp_path / "file" / "services.toml"))
    with pytest.raises(LocalProtocolError, match="cannot be"):
        keep(TEXT)

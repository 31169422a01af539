"""Private files: whole or not at all, and their owner's alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from leaks import assert_no_secret
from msnpauth import Secret
from msnpauth.store.private_file import kept_word, new_file, own_path, write_whole

ONE, TWO = Secret("geheim-1"), Secret("geheim-2")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("wanted", [0o600, 0o644])
def test_a_file_has_the_mode_that_was_asked_for(tmp_path: Path, wanted: int) -> None:
    before = os.umask(0)
    try:
        write_whole(tmp_path / "file", ONE, mode=wanted)
    finally:
        os.umask(before)
    assert mode(tmp_path / "file") == wanted


def test_a_file_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (ONE, TWO):
        write_whole(path, content)
        assert path.read_text() == content.reveal()
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, ONE)

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_whole(path, TWO)
    assert_no_secret(caught.value, ONE.reveal(), TWO.reveal())
    assert path.read_text() == ONE.reveal()
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_ascii_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "file", Secret("é"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_new_file_is_beside_the_other_one_and_its_owner_s_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with new_file(tmp_path / "file") as temporary:
            assert (temporary.parent, mode(temporary)) == (tmp_path, 0o600)
            assert temporary.read_bytes() == b""
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_that_took_its_place_stays(tmp_path: Path) -> None:
    with new_file(tmp_path / "file") as temporary:
        temporary.replace(tmp_path / "file")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_word_is_made_once(tmp_path: Path) -> None:
    path, made = tmp_path / "deep" / "word", iter(["one", "two"])
    words = [kept_word(path, lambda: next(made), str.isalpha) for _ in range(3)]
    assert words == ["one"] * 3
    assert next(made) == "two"


def test_a_word_that_is_not_right_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "word"
    path.write_text("12")
    assert kept_word(path, lambda: "one", str.isalpha) == "one"
    assert path.read_text() == "one\n"


def test_without_a_place_each_word_is_new() -> None:
    made = iter(["one", "two"])
    assert [kept_word(None, lambda: next(made), str.isalpha) for _ in range(2)] == ["one", "two"]


def test_where_a_person_s_own_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MSNPAUTH_SOME_FILE", str(tmp_path / "mine"))
    assert own_path("MSNPAUTH_SOME_FILE", "word") == tmp_path / "mine"
    monkeypatch.delenv("MSNPAUTH_SOME_FILE")
    found = own_path("MSNPAUTH_SOME_FILE", "word")
    assert found is not None
    assert (found.name, found.parent.name) == ("word", "msnpauth")

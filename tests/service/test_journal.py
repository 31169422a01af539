"""What happens, told in lines: one for each event, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from msnpauth import Secret
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service.journal import (
    JsonLines,
    ServiceJournal,
    TextLines,
    audit,
    log_to,
    log_to_file,
)
from msnpauth.service.metrics import Metrics
from msnpauth.service.roles.door import Door
from msnpauth.service.stores.memory import Accounts, at_once
from msnpauth.service.stores.protocol import Principal, Proof

ALICE, HERE = "alice@example.com", "192.0.2.1"
BREAKS = "\r\n\t\x00\x1b[31m\x7f\x85\u2028\u2029\u202e\udce9"
NAMES = ("msnpauth.service", "msnpauth.audit")


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(one.handlers[:], one.level, one.propagate) for one in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def told_in_text() -> io.StringIO:
    stream = io.StringIO()
    log_to(stream)
    return stream


def told_in_json() -> io.StringIO:
    stream = io.StringIO()
    log_to(stream, as_json=True)
    return stream


def is_private(path: Path) -> bool:
    return os.name != "posix" or path.stat().st_mode & 0o777 == 0o600


def objects(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]


def test_lines_for_people() -> None:
    stream = told_in_text()
    ServiceJournal().entered(ALICE, Scheme.SSO, HERE)
    line = stream.getvalue()
    moment, _, rest = line.partition(" ")
    assert len(moment) == len("2026-11-22T12:00:00Z")
    assert moment.endswith("Z")
    assert rest == f"INFO signed in passport={ALICE} scheme=SSO address={HERE}\n"


def test_lines_for_programs() -> None:
    stream = told_in_json()
    ServiceJournal().refused(ALICE, Scheme.TWN, HERE, "wrong password")
    (told,) = objects(stream.getvalue())
    moment = told.pop("time")
    assert moment[10] == "T"
    assert moment[19] == "."
    assert moment.endswith("Z")
    assert told == {
        "level": "info",
        "event": "refused",
        "passport": ALICE,
        "scheme": "TWN",
        "address": HERE,
        "why": "wrong password",
    }


def test_what_has_no_fields() -> None:
    stream = told_in_json()
    logging.getLogger("msnpauth.service").warning("the %s stays", "ring")
    (told,) = objects(stream.getvalue())
    assert (told["level"], told["event"]) == ("warning", "the ring stays")


@pytest.mark.parametrize("passport", [f"a{BREAKS}b@example.com", BREAKS, 'x" forged="yes', "a b=c"])
def test_nobody_writes_a_line_of_their_own(passport: str) -> None:
    text, programs = told_in_text(), told_in_json()
    ServiceJournal().refused(passport, Scheme.MD5, HERE, "wrong password")
    for stream in (text, programs):
        line = stream.getvalue()
        assert line.endswith("\n")
        assert line.count("\n") == 1
        assert line.removesuffix("\n").isprintable()
        assert len(line.splitlines()) == 1
        line.encode("ascii")
    assert objects(programs.getvalue())[0]["passport"] == passport
    word = text.getvalue().partition("passport=")[2]
    assert json.JSONDecoder().raw_decode(word)[0] == passport


def test_a_message_of_a_library_is_one_line_as_well() -> None:
    text, programs = told_in_text(), told_in_json()
    log = logging.getLogger("msnpauth.service")
    try:
        int("first\nsecond")
    except ValueError:
        log.exception("it broke:\n%s", BREAKS)
    for stream in (text, programs):
        assert stream.getvalue().count("\n") == 1
        assert stream.getvalue().removesuffix("\n").isprintable()
    assert "Traceback" in text.getvalue()


def test_letters_of_every_script_are_shown_to_people() -> None:
    stream = told_in_text()
    audit("account added", passport="zoë@пример.example")
    assert stream.getvalue().endswith("account added passport=zoë@пример.example\n")


def test_a_value_of_any_length_takes_little_room() -> None:
    text, programs = told_in_text(), told_in_json()
    audit("refused", passport="x" * 100_000)
    assert len(text.getvalue()) < 300
    assert len(objects(programs.getvalue())[0]["passport"]) == 200


def test_the_stream_is_stderr_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log_to()
    audit("service began", data="/data")
    assert stream.getvalue().endswith("INFO service began data=/data\n")


def test_each_event_is_one_line_and_no_password_is_in_it() -> None:
    text, programs = told_in_text(), told_in_json()
    accounts = Accounts.of({ALICE: "hunter2-right"})
    door = Door(accounts, None, ServiceJournal())
    for password in ("hunter2-wrong", "hunter2-right", "hunter2-wrong!!!"):
        at_once(door.check(ALICE, Secret(password), Scheme.TWN, HERE))
    at_once(door.check_md5(ALICE, "salt", "hunter2-answer", HERE))
    events = [told["event"] for told in objects(programs.getvalue())]
    assert events == ["refused", "password right", "refused", "refused"]
    assert len(text.getvalue().splitlines()) == 4
    assert "hunter2" not in text.getvalue() + programs.getvalue()
    assert "cut a longer one" in objects(programs.getvalue())[2]["why"]


def test_by_which_password_somebody_came_in() -> None:
    stream = told_in_json()
    proof = Proof(Principal(ALICE), "stamp", "app password old laptop")
    ServiceJournal().signed_in(proof, Scheme.TWN, HERE)
    (told,) = objects(stream.getvalue())
    assert told["by"] == "app password old laptop"
    assert "stamp" not in told.values()


def test_it_counts() -> None:
    metrics = Metrics()
    journal = ServiceJournal(metrics)
    proof = Proof(Principal(ALICE), "stamp")
    journal.signed_in(proof, Scheme.SSO, HERE)
    journal.entered(ALICE, Scheme.SSO, HERE)
    for _ in range(3):
        journal.refused(ALICE, Scheme.TWN, HERE, "wrong password")
    page = metrics.page().decode()
    assert 'msnpauth_passwords_right_total{scheme="SSO"} 1.0' in page
    assert 'msnpauth_sign_ins_total{scheme="SSO"} 1.0' in page
    assert 'msnpauth_refused_total{scheme="TWN"} 3.0' in page
    assert ALICE not in page


def test_the_audit_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log_to_file(path)
    audit("account added", passport=ALICE)
    audit("refused", passport=f"forged\n{BREAKS}")
    lines = path.read_bytes().decode("ascii").splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["account added", "refused"]


def test_the_file_is_for_its_owner_also_when_it_was_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log_to_file(path)
    audit("one")
    assert is_private(path)
    path.rename(tmp_path / "audit.log.1")
    audit("two")
    assert [told["event"] for told in objects(path.read_text())] == ["two"]
    assert is_private(path)


@pytest.mark.parametrize("lines", [TextLines(), JsonLines()])
def test_a_record_of_somebody_else(lines: logging.Formatter) -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a\r\nb %d", (5,), None)
    line = lines.format(record)
    assert line.isprintable()
    assert "b 5" in line


def test_a_file_that_cannot_be_written_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was moved away, and the folder is in its place; later it can be written again."""
    path = tmp_path / "audit.log"
    handler = log_to_file(path)
    try:
        path.unlink()
        path.mkdir()
        audit("refused", passport="alice@example.com")
        audit("refused", passport="alice@example.com")
        told = [record.message for record in caplog.records if record.levelname == "ERROR"]
        assert len(told) == 1
        assert "cannot be written" in told[0]
        path.rmdir()
        audit("signed in", passport="alice@example.com")
        assert "signed in" in path.read_text("utf-8")
    finally:
        logging.getLogger("msnpauth.audit").removeHandler(handler)
        handler.close()

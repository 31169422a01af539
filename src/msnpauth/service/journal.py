"""The logs of the service, as text for people or as JSON, and the audit log.

There are two loggers: `msnpauth.service` for messages to the operator, and `msnpauth.audit` for
sign-ins, refusals and changes. Each line is one event. A line never contains a password or a
ticket, and values from a client are escaped, so that no client can add a line of its own.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from ..core.wire.dialects import Scheme
from .metrics import Metrics
from .stores.protocol import Proof, Purpose

__all__ = ["JsonLines", "ServiceJournal", "TextLines", "audit", "log_to", "log_to_file"]

_audit = logging.getLogger("msnpauth.audit")
_service = logging.getLogger("msnpauth.service")

_PLAIN = re.compile(r"[\w@.:/+-]+")
_LONGEST = 200


class ServiceJournal:
    """A `Journal` that writes to the audit log and the metrics.

    Args:
        metrics: the counters; None for a journal without metrics.
    """

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._metrics = metrics

    def signed_in(self, proof: Proof, scheme: Purpose, network: str) -> None:
        """As `Journal.signed_in`."""
        if self._metrics is not None:
            self._metrics.passwords_right.labels(str(scheme)).inc()
        audit(
            "password right",
            passport=proof.principal.passport,
            scheme=str(scheme),
            address=network,
            by=proof.method,
        )

    def entered(self, passport: str, scheme: Scheme, network: str) -> None:
        """As `Journal.entered`."""
        if self._metrics is not None:
            self._metrics.sign_ins.labels(str(scheme)).inc()
        audit("signed in", passport=passport, scheme=str(scheme), address=network)

    def refused(self, passport: str, scheme: Purpose, network: str, why: str) -> None:
        """As `Journal.refused`."""
        if self._metrics is not None:
            self._metrics.refused.labels(str(scheme)).inc()
        audit("refused", passport=passport, scheme=str(scheme), address=network, why=why)


def audit(event: str, **about: str) -> None:
    """Write an event into the audit log."""
    words = " ".join(f"{name}={_word(value)}" for name, value in about.items())
    _audit.info("%s %s", event, words, extra={"event": event, "about": about})


def _word(value: str) -> str:
    """Return a value as one word of a line; in quotes if it has any unusual characters."""
    text = value[:_LONGEST]
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


class TextLines(logging.Formatter):
    """Formats log records as lines of text for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, in which all characters that cannot be printed are escaped."""
        line = super().format(record)
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


class JsonLines(logging.Formatter):
    """Formats log records as lines for programs, each of which is a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": getattr(record, "event", None) or record.getMessage(),
        }
        about = getattr(record, "about", {})
        told |= {name: value[:_LONGEST] for name, value in about.items()}
        return json.dumps(told)


def log_to(stream: TextIO | None = None, *, as_json: bool = False) -> None:
    """Let both loggers write to a stream, by default to stderr."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    for name in ("msnpauth.service", "msnpauth.audit"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _OwnFile(logging.handlers.WatchedFileHandler):
    """A log file that only its owner can read, also when it is made again after a rotation."""

    _is_told = False

    def _open(self) -> Any:
        Path(self.baseFilename).touch(mode=0o600, exist_ok=True)
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line. A failure to write must not stop any sign-in."""
        try:
            super().emit(record)
        except OSError as fault:  # logging catches errors of writing, but not of opening the file
            self._tell(fault)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Report the error once; logging itself would print a traceback for each line."""
        self._tell(sys.exc_info()[1])

    def _tell(self, fault: BaseException | None) -> None:
        if not self._is_told:
            self._is_told = True
            why = getattr(fault, "strerror", None) or type(fault).__name__
            _service.error("the audit log %s cannot be written: %s", self.baseFilename, why)


def log_to_file(path: Path) -> logging.Handler:
    """Write the audit log also to a file, as JSON. After the file is moved, a new one is made."""
    handler = _OwnFile(path, encoding="utf-8")
    handler.setFormatter(JsonLines())
    _audit.addHandler(handler)
    _audit.setLevel(logging.INFO)
    return handler

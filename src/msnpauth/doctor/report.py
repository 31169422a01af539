"""Writes an examination as JSON, and as an HTML page."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ..core.findings import section_of
from ..core.secrets import printable
from ..observe import describe
from .examination import Examination
from .finding import Finding, State
from .generations import badge
from .waterfall import Waterfall, waterfall

if TYPE_CHECKING:
    from ..observe import Event

__all__ = ["SCHEMA", "as_json", "page"]

SCHEMA = 1
"""The version of the form of `as_json`; a form that old readers cannot read gets a new number."""


def as_json(examination: Examination) -> dict[str, object]:
    """Return an examination as values for JSON; docs/doctor.md describes each of them."""
    drawn = waterfall(examination.events)
    return {
        "doctor": SCHEMA,
        "msnpauth": version("msnpauth"),
        "at": _time(examination).isoformat(timespec="seconds"),
        "servers": _servers(examination),
        "passport": examination.passport,
        "counts": _counts(examination.findings),
        "findings": [
            {**finding._asdict(), "title": section_of(finding.code).title}
            for finding in examination.findings
        ],
        "badge": badge(examination.findings),
        "sign_in": None if drawn is None else _sign_in(examination, drawn),
    }


def page(examination: Examination) -> str:
    """Return an examination as one page of HTML, which loads no other files."""
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    source = files("msnpauth.doctor").joinpath("page.html").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    drawn = waterfall(examination.events)
    return template.render(
        at=f"{_time(examination):%Y-%m-%d %H:%M} UTC",
        version=version("msnpauth"),
        servers=_servers(examination),
        passport=examination.passport,
        counts=_counts(examination.findings),
        groups=_groups(examination.findings),
        sections=_sections(examination.findings),
        marks=MARKS,
        badge=badge(examination.findings),
        drawn=drawn,
        bars=[] if drawn is None else _placed(drawn),
        floor=None if drawn is None else _floor_seconds(examination, drawn),
        conversation=_conversation(examination.events),
    )


MARKS = {State.PASSED: "✓", State.WARNING: "!", State.FAILED: "✗", State.NOT_TRIED: "–"}
"""A sign for each state, so that nobody has to distinguish colours."""


def _time(examination: Examination) -> datetime:
    return datetime.fromtimestamp(examination.began, UTC)


def _servers(examination: Examination) -> dict[str, str]:
    servers = examination.servers
    found: dict[str, object] = {
        "notification": servers.notification,
        "nexus": servers.nexus,
        "login": ", ".join(str(url) for url in servers.login.values()),
        "rst": servers.rst,
        "rst2": servers.rst2,
        "contacts": servers.contacts,
        "oim": servers.oim,
    }
    return {name: printable(str(value)) for name, value in found.items() if value}


def _counts(findings: list[Finding]) -> dict[str, int]:
    return {state.value: sum(finding.state is state for finding in findings) for state in State}


def _groups(findings: list[Finding]) -> list[tuple[str, list[Finding]]]:
    """Return the findings by state, problems first: a reader looks for problems."""
    titles = {
        State.FAILED: "What failed",
        State.WARNING: "What to look at",
        State.PASSED: "What is well",
        State.NOT_TRIED: "What was not tried",
    }
    return [(title, [f for f in findings if f.state is state]) for state, title in titles.items()]


def _sections(findings: list[Finding]) -> list[Any]:
    """Return the sections of the warnings and failures, each section once."""
    codes = dict.fromkeys(f.code for f in findings if f.state in (State.WARNING, State.FAILED))
    return [section_of(code) for code in codes]


def _sign_in(examination: Examination, drawn: Waterfall) -> dict[str, object]:
    floor = _floor_seconds(examination, drawn)
    return {
        "signed_in": drawn.signed_in,
        "milliseconds": _ms(drawn.total),
        "floor_round_trips": drawn.floor,
        "floor_milliseconds": None if floor is None else _ms(floor),
        "bars": [
            {**bar._asdict(), "start": _ms(bar.start), "end": _ms(bar.end)} for bar in drawn.bars
        ],
        "conversation": _conversation(examination.events),
    }


def _floor_seconds(examination: Examination, drawn: Waterfall) -> float | None:
    """Return how many seconds the fewest round trips take, at the measured speed."""
    return None if examination.round_trip is None else drawn.floor * examination.round_trip


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)


def _placed(drawn: Waterfall) -> list[dict[str, object]]:
    """Return the bars, with their places in percent of the whole time."""
    whole = max(drawn.total, 1e-6)
    return [
        {
            "kind": bar.kind,
            "label": bar.label,
            "left": round(min(100.0, 100 * bar.start / whole), 2),
            "width": round(min(100.0, 100 * (bar.end - bar.start) / whole), 2),
            "ms": f"{1000 * (bar.end - bar.start):.1f}",
        }
        for bar in drawn.bars
    ]


def _conversation(events: list[Event]) -> list[str]:
    """Return the conversation as lines, with milliseconds; its secrets are masked already."""
    if not events:
        return []
    began = events[0].at
    lines = []
    for event in events:
        direction, channel, words = describe(event)
        stamp = f"{1000 * (event.at - began):8.1f} ms"
        lines += [f"{stamp} {channel} {direction} {printable(word, 400)}" for word in words]
    return lines

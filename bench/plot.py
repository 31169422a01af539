"""The plot of the round trips, as SVG; nothing but text is needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Bars", "draw"]

_LEFT, _UNIT, _ROW, _BAR, _TOP = 310, 34, 40, 13, 58
_MEASURED, _SEQUENCE, _INK = "#2f6fb3", "#c9ced6", "#30343a"


@dataclass(frozen=True)
class Bars:
    """One case: its floor, what was measured, and what it costs in sequence, in round trips."""

    name: str
    floor: float
    measured: float
    sequence: float


def draw(cases: Sequence[Bars]) -> str:
    """Return the plot."""
    most = max(max(case.measured, case.sequence) for case in cases)
    width, height = _LEFT + _UNIT * (most + 2), _TOP + _ROW * len(cases) + 20
    box = f'viewBox="0 0 {width:.0f} {height}" font-family="sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} fill="{_INK}">',
        f'<rect width="{width:.0f}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="22" font-size="15">Round trips until signed in</text>',
        _key(16, _MEASURED, "msnpauth"),
        _key(120, _SEQUENCE, "one thing after another"),
        f'<path d="M312 31v14" stroke="{_INK}" stroke-width="2"/>',
        '<text x="320" y="43">the floor</text>',
    ]
    for number, case in enumerate(cases):
        parts += _case(_TOP + _ROW * number, case)
    return "\n".join([*parts, "</svg>", ""])


def _key(x: int, colour: str, text: str) -> str:
    box = f'<rect x="{x}" y="32" width="12" height="12" fill="{colour}"/>'
    return f'{box}<text x="{x + 18}" y="43">{text}</text>'


def _case(y: int, case: Bars) -> list[str]:
    floor = _LEFT + _UNIT * case.floor
    return [
        f'<text x="{_LEFT - 10}" y="{y + 20}" text-anchor="end">{escape(case.name)}</text>',
        _bar(y + 2, case.measured, _MEASURED),
        _bar(y + 4 + _BAR, case.sequence, _SEQUENCE),
        f'<path d="M{floor} {y}v{2 * _BAR + 6}" stroke="{_INK}" stroke-width="2"/>',
    ]


def _bar(y: int, value: float, colour: str) -> str:
    length = _UNIT * value
    bar = f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>'
    return f'{bar}<text x="{_LEFT + length + 6:.1f}" y="{y + 11}" font-size="11">{value:.1f}</text>'

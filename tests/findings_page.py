"""Writes docs/findings.md from the sections of `core/findings`, and the tables of codes.

python tests/findings_page.py
"""

from __future__ import annotations

from pathlib import Path

from msnpauth.core.codes import KNOWN_CODES, meaning_of
from msnpauth.core.findings import SECTIONS, Section
from msnpauth.doctor.official import KNOWN, explained_code

PAGE = Path(__file__).parent.parent / "docs" / "findings.md"

_HEAD = """\
# Findings

Every error has a stable code, in `error.finding`; so has each finding of [the doctor](doctor.md). A code is
never given to anything else. A link such as `findings.md#ma-tls-03` leads to its section.

This page is written by `python tests/findings_page.py` from `src/msnpauth/core/findings/`. Each error of a
sign-in is played in `tests/test_findings.py`, by both drivers and the command, and its whole line compared.
Words in braces differ from case to case.
"""

_FAMILIES = {
    "NET": "Names, addresses, connections",
    "PRX": "Proxies",
    "TLS": "Encryption and certificates",
    "WEB": "What answers by HTTPS",
    "MSN": "What a notification server says",
    "ACC": "The account",
    "SES": "A living session",
    "ARG": "Arguments",
    "ERR": "Anything else",
    "DOC": "What the doctor looks at",
}


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "-"


def _row(section: Section) -> str:
    link = f"[{section.code}](#{section.code.lower()})"
    says = section.says or section.title
    return f"| {link} | {_cell(section.recognised)} | {_cell(says)} | {_cell(section.hint)} |"


def _section(section: Section) -> str:
    text = f'<a id="{section.code.lower()}"></a>\n\n### {section.code}: {section.title}\n\n'
    text += f"{section.recognised}\n\n{section.advice}\n"
    if section.clients != "every client":
        text += f"\nMatters to {section.clients}.\n"
    return text


def drawn() -> str:
    """Return the page."""
    parts = [_HEAD, "## All of them\n"]
    parts.append("| code | recognised by | says | do |\n|---|---|---|---|")
    parts[-1] = "\n".join([parts[-1], *map(_row, SECTIONS), ""])
    for family, title in _FAMILIES.items():
        parts.append(f"## {title}\n")
        parts += [_section(one) for one in SECTIONS if one.code.split("-")[1] == family]
    parts.append(_msnp())
    parts.append(_official())
    return "\n".join(parts)


def _msnp() -> str:
    lines = [
        "## Codes of MSNP\n",
        "What a server's three digits mean, and which section they belong to.\n",
        "| code | means | finding |",
        "|---|---|---|",
    ]
    for code in KNOWN_CODES:
        error = meaning_of(code)
        text = error.text.removeprefix("the command was refused: ")
        lines.append(f"| {code:03} | {_cell(text)} | {error.finding} |")
    return "\n".join([*lines, ""])


def _official() -> str:
    lines = [
        "## Codes that official clients show\n",
        "`msnpauth doctor --code 80048821` explains one of them.\n",
        "| code | means | finding |",
        "|---|---|---|",
    ]
    for number in KNOWN:
        explained = explained_code(f"{number:08x}")
        lines.append(
            f"| {explained.code} | {_cell(explained.means)} | {explained.finding or '-'} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(drawn(), "utf-8")

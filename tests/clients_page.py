"""Writes docs/clients.md from `tests/families.py` and `service/roles/forms.py`.

python tests/clients_page.py
"""

from __future__ import annotations

from pathlib import Path

from families import FAMILIES, Family
from msnpauth.service.roles.forms import FORMS, Form

PAGE = Path(__file__).parent.parent / "docs" / "clients.md"

_HEAD = """\
# Clients

What [the service](service.md) has for each family of clients, and how we know that it works.
[contrib/clients](../contrib/clients/README.md) says how an official client is pointed at it.

| word | means |
|---|---|
| yes | the client itself was run against `msnpauth serve`, unmodified but for what is said beside it |
| played | its lines, and its rules of reading what it gets, are played in `tests/service/test_clients.py` |
| read | what it needs is known from its source or from documents, and the service has it; nobody has tried |
| - | it has no such thing |

"Stays" means: it answered the challenge and was still there after half a minute or more. "Chats" means: a message
went each way, with a bot of ours. Real clients have also chatted with each other: Pidgin 2.10.6 (MSNP18) with msn-pecan
(MSNP12), Pidgin 2.4.3 by MSNP9 with 2.5.9 (MSNP15), and 2.4.3 by MSNP13 with 2.11 (MSNP18).

This page is written by `python tests/clients_page.py`.
"""

_FORMS = """
## What each needs

Most forms that one family needs are taken by all others, so that nobody has to be told apart.

| form | who needs it | who gets it | how that is known |
|---|---|---|---|
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "-"


def _family(family: Family) -> str:
    seen = (family.signs_on, family.stays, family.contacts, family.chats)
    words = (family.programs, family.versions, family.scheme, *seen, family.limits)
    return f"| {family.name} | " + " | ".join(map(_cell, words)) + " |"


def _form(form: Form) -> str:
    needs = ", ".join(form.families) or "what the RFCs allow"
    return f"| {_cell(form.what)} | {needs} | {_cell(form.told_by)} | {_cell(form.witness)} |"


def drawn() -> str:
    """Return the page."""
    columns = [
        "family",
        "clients",
        "MSNP",
        "scheme",
        "signs~on",
        "stays",
        "contacts",
        "chats",
        "to~know",
    ]
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n".replace("~", " ")
    families = "\n".join(map(_family, FAMILIES))
    return f"{_HEAD}\n{head}{families}\n{_FORMS}" + "\n".join(map(_form, FORMS)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(drawn(), encoding="utf-8")

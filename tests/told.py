"""Everything that an error says, on one line: for the tables of errors in data/."""

from __future__ import annotations

from msnpauth import SignInError


def shown(error: Exception) -> str:
    """Return everything that an error says, on one line."""
    if not isinstance(error, SignInError):
        return f"{type(error).__name__}: {error}"
    facts = {
        name: value
        for name, value in sorted(vars(error).items())
        if name not in ("text", "hint", "step", "server", "finding") and value is not None
    }
    where = f"{error.step.name if error.step else '-'} {error.server or '-'}"
    told = "".join(f" {name}={value!r}" for name, value in facts.items())
    kind = f"{type(error).__name__} {error.finding}"
    return f"{kind} {where}{told}: {error.text} ; {error.hint}"

"""Looks for a secret wherever an exception could have taken it along."""

from __future__ import annotations

import base64
import pickle
import traceback
from collections.abc import Iterator
from contextlib import suppress
from html import escape
from pathlib import Path
from types import FrameType, GeneratorType, TracebackType
from urllib.parse import quote

from msnpauth import Secret

__all__ = ["assert_no_secret", "forms"]

_TESTS = Path(__file__).parent
_DEPTH = 6


def forms(secret: str) -> set[str]:
    """Return the spellings in which a secret travels: as it is, percent, XML, base64."""
    data = secret.encode("utf-8", "surrogatepass")
    return {
        secret,
        quote(data, safe=""),
        quote(data, safe="").lower(),
        escape(secret),
        base64.b64encode(data).decode(),
    }


def assert_no_secret(error: BaseException, *secrets: str) -> None:
    """Walk an error, all that it was raised in the course of, and every frame it passed through.

    The variables of our frames and of libraries' frames are looked into: reprs, and what objects of
    ours hold. Frames of the tests themselves are left out: they know the secret.
    """
    spellings = set().union(*(forms(secret) for secret in secrets))
    for place, text in _told(error, set()):
        for spelling in spellings:
            assert spelling not in text, f"{place}: {text[:300]}"


def _told(error: BaseException | None, seen: set[int]) -> Iterator[tuple[str, str]]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    name = type(error).__name__
    yield f"{name}, as text", f"{error} {error!r} {error.args!r} {vars(error)!r}"
    if isinstance(error, UnicodeError):
        yield f"{name}, its object", repr(getattr(error, "object", ""))
    with suppress(TypeError, AttributeError, pickle.PicklingError):  # foreign errors may not be
        yield f"{name}, pickled", pickle.dumps(error, 0).decode("latin-1")
    yield f"{name}, traceback", "".join(traceback.format_exception_only(error))
    for frame in _frames(error.__traceback__):
        if Path(frame.f_code.co_filename).is_relative_to(_TESTS):
            continue
        for variable, value in frame.f_locals.items():
            yield f"{frame.f_code.co_qualname}.{variable}", " ".join(_shown(value, set(), 0))
    yield from _told(error.__context__, seen)
    yield from _told(error.__cause__, seen)


def _frames(found: TracebackType | None) -> Iterator[FrameType]:
    while found is not None:
        yield found.tb_frame
        found = found.tb_next


def _shown(value: object, seen: set[int], depth: int) -> Iterator[str]:
    """Yield the repr of a value, and of what objects of ours and generators hold."""
    if isinstance(value, Secret) or id(value) in seen or depth > _DEPTH:
        return
    seen.add(id(value))
    yield repr(value)
    inside: list[object] = []
    if isinstance(value, dict):
        inside += [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inside += value
    elif isinstance(value, GeneratorType) and value.gi_frame is not None:
        inside += value.gi_frame.f_locals.values()
    elif type(value).__module__.startswith("msnpauth"):
        inside += getattr(value, "__dict__", {}).values()
    for part in inside:
        yield from _shown(part, seen, depth + 1)

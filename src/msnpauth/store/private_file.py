"""Private files: written whole or not at all, and readable by their owner alone.

`kept_word` keeps a small secret of a person's own, a word that is made once.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..core.secrets import Secret

__all__ = ["kept_word", "new_file", "own_path", "write_whole"]


def write_whole(path: Path, content: Secret, *, mode: int = 0o600) -> None:
    """Write a file anew: whole or not at all, and so that it outlives a loss of power.

    Args:
        path: the file; its folder is there.
        content: ASCII.
        mode: who may read it.

    Raises:
        OSError: it cannot be written. The file is as it was.
    """
    with new_file(path) as temporary:
        with temporary.open("w", encoding="ascii") as file:
            file.write(content.reveal())
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Make an empty file beside another one, which is to take its place or its content.

    Only its owner may read it. If it is still there at the end of the block, it is removed.
    """
    # mkstemp makes a file that only its owner may read.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink()


def own_path(variable: str, name: str) -> Path | None:
    """Return where a file of the person's own lies: where the variable says, or among their data.

    None where there is no place: containers run without HOME and without an entry in passwd.
    """
    named = os.environ.get(variable)
    if named:
        return Path(named)
    try:
        from platformdirs import user_data_path

        return user_data_path("msnpauth", appauthor=False) / name
    except (RuntimeError, OSError, KeyError):
        return None


def kept_word(path: Path | None, make: Callable[[], str], is_right: Callable[[str], bool]) -> str:
    """Return the word in the file; make it and keep it there where there is none yet.

    Processes that start together agree on one word: the file appears whole or not at all, and who
    comes second takes what is there. Where nothing can be written the word lasts as long as the
    caller keeps it.
    """
    if path is None:
        return make()
    kept = _read(path, is_right)
    if kept is not None:
        return kept
    made = make()
    with contextlib.suppress(OSError, ValueError):
        _place(path, made, is_right)
    return _read(path, is_right) or made


def _read(path: Path, is_right: Callable[[str], bool]) -> str | None:
    try:
        word = path.read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    return word if is_right(word) else None


def _place(path: Path, word: str, is_right: Callable[[str], bool]) -> None:
    """Put the word there, unless somebody else was quicker."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with new_file(path) as temporary:
        temporary.write_text(f"{word}\n", "ascii")
        try:
            os.link(temporary, path)  # fails where there is one, which replacing does not
        except OSError:
            if _read(path, is_right) is None:  # damaged, or no links on this file system
                temporary.replace(path)

"""Private files: written completely or not at all, and readable by their owner alone.

`kept_word` keeps a small secret of a person, a word that is made once.
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
    """Replace a file: completely or not at all, and safely against a loss of power.

    Args:
        path: the file; its folder exists.
        content: the new content, in ASCII.
        mode: the permissions of the file.

    Raises:
        OSError: the file cannot be written. It is unchanged.
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
    """Make an empty file in the folder of another one, which it is to replace.

    Only its owner may read the new file. If it still exists at the end of the block, it is removed.
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
    """Return the path of a file of the person's own: the variable's, or one in their data folder.

    None where there is no such folder: containers run without HOME and without a passwd entry.
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
    """Return the word in the file; make the word and keep it there if there is none yet.

    Processes that start together agree on one word: the file appears completely or not at all, and
    the second process uses the word of the first. Where nothing can be written, the word lasts as
    long as the caller keeps it.
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
    """Write the word into the file, unless another process was quicker."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with new_file(path) as temporary:
        temporary.write_text(f"{word}\n", "ascii")
        try:
            os.link(temporary, path)  # unlike `replace` it fails if the file exists
        except OSError:
            if _read(path, is_right) is None:  # damaged, or no links on this file system
                temporary.replace(path)

"""What is done on the shared server in one step, in Lua: nobody else's step comes in between.

    {p}places:{passport}   hash: the machine's guid -> the seat that holds the place, with a number
    {p}shown:{passport}    hash: `node connection` -> how the account is to be seen by its word
    {p}of:{node}           set: the passports that have something of the node
    {p}nodes               sorted set: the nodes, by when they gave their last sign of life
    {p}used:{token}        a ticket or nonce that is used, until it ends
    {p}memory              hash: which run of the server this memory is of, and since when
    {p}number              the last number that says what is newer

What is of a node without a sign of life does not count, and the next node that notices takes it
away. The scripts are the files in `lua`; `common.lua` stands before each of them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["NAMES", "PREFIX", "script"]

PREFIX = "msnpauth:"

NAMES = (
    *("enter", "leave", "retake", "seats", "show", "shown", "use_up"),
    *("beat", "bury", "known", "trim"),
)


@cache
def script(name: str) -> str:
    """Return the text of a script."""
    folder = files(__package__ or "").joinpath("lua")
    words = [folder.joinpath(f"{one}.lua").read_text("utf-8") for one in ("common", name)]
    return "\n".join(words)

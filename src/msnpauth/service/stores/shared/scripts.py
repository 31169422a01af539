"""Scripts in Lua that the shared server runs as one step: no other step runs in between.

    {p}places:{passport}   hash: the machine's guid -> the seat that holds the place, with a number
    {p}shown:{passport}    hash: `node connection` -> the presence that the connection has set
    {p}of:{node}           set: the passports that have places or presences at the node
    {p}nodes               sorted set: the nodes, by the time of their last sign of life
    {p}used:{token}        a ticket or nonce that is used, until it expires
    {p}memory              hash: the run of the server that has this memory, and since when
    {p}number              the last number used; a greater number means a newer entry

The entries of a node that gives no sign of life do not count, and the next node that notices this
removes them. The scripts are the files in `lua`; `common.lua` is put before each of them.
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

"""Reads the files in transcripts/: who says what, in one version of the protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.lines import LineReader

FOLDER = Path(__file__).parent / "transcripts"
NAMES = (
    *("challenge", "nonce", "salt", "query", "ticket", "proof", "hash", "answer", "mspauth"),
    *("switchboard", "key", "session"),
)
_PLACE = re.compile("|".join(rf"\{{{name}\}}" for name in NAMES))


@dataclass(frozen=True)
class Step:
    """One line with its payload. `who` says whose it is: see transcripts/README.md."""

    who: str
    text: str

    def filled(self, values: Mapping[str, str]) -> bytes:
        """Return the bytes, names replaced by values."""
        return _PLACE.sub(lambda match: values[match[0][1:-1]], self.text).encode()

    def match(self, data: bytes) -> dict[str, str] | None:
        """Return what stands for the names in `data`, or None when it says something else."""
        pattern, end = "", 0
        for place in _PLACE.finditer(self.text):
            pattern += re.escape(self.text[end : place.start()]) + rf"(?P<{place[0][1:-1]}>\S+)"
            end = place.end()
        found = re.fullmatch(pattern + re.escape(self.text[end:]), data.decode())
        return None if found is None else found.groupdict()

    def command(self, values: Mapping[str, str]) -> Command:
        """Return the command, names replaced by values."""
        reader = LineReader(Role.CLIENT if self.who in "Cc" else Role.SERVER)
        reader.feed(self.filled(values))
        command = reader.next_command()
        assert isinstance(command, Command)
        return command

    @property
    def verb(self) -> str:
        return self.text[:3]


def steps(version: int, kind: str = "msnp") -> list[Step]:
    """Return the transcript of a version: its sign-in, or as `chat` its list and chats."""
    found: list[list[str]] = []
    for line in (FOLDER / f"{kind}{version:02}.txt").read_text("utf-8").splitlines():
        if line.startswith("| "):
            found[-1].append(line[2:].replace("¶", "\r\n"))
        else:
            found.append([line[0], line[3:] + ("\r\n" if line[0] in "CcSs" else "")])
    return [Step(who, "".join(parts)) for who, *parts in found]

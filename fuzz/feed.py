"""Cuts the bytes of a fuzzer into what a target needs: numbers, and records of a kind and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["Feed", "record", "records"]


class Feed:
    """Bytes that are taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def number(self, below: int) -> int:
        """Return a number from 0 up to, but not, `below`; 0 when nothing is left."""
        byte = self._data[0] if self._data else 0
        self._data = self._data[1:]
        return byte % below

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Yield records until nothing is left: a byte for the kind, two for the length."""
        while len(self._data) >= 3:
            kind, length = self._data[0], int.from_bytes(self._data[1:3])
            content, self._data = self._data[3 : 3 + length], self._data[3 + length :]
            yield kind, content

    def rest(self) -> bytes:
        """Return all that is left."""
        return self._data


def record(kind: int, content: bytes) -> bytes:
    """Return the bytes that `Feed.records` yields as this record."""
    return bytes([kind]) + len(content).to_bytes(2) + content


def records(*pairs: tuple[int, bytes], first: Iterable[int] = ()) -> bytes:
    """Return the bytes of several records, behind these numbers."""
    return bytes(first) + b"".join(record(kind, content) for kind, content in pairs)

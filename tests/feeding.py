"""Every parser case three ways: whole, byte by byte, and with trailing bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "vectors.json").read_text("utf-8")
)

ways = pytest.mark.parametrize("way", ["whole", "byte by byte", "trailing"])


def pieces(data: bytes, way: str, trailing: bytes) -> Iterator[bytes]:
    """Cut `data` as the way says."""
    if way == "byte by byte":
        yield from (data[at : at + 1] for at in range(len(data)))
    else:
        yield data + (trailing if way == "trailing" else b"")

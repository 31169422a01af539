"""The fuzzer's targets, tried with its seeds: what was found once stays mended."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent.parent / "fuzz"
sys.path.insert(0, str(FUZZ))
from all_targets import TARGETS  # noqa: E402 - behind the line that lets it be found
from seeds import seeds_of  # noqa: E402


@pytest.mark.filterwarnings("ignore::msnpauth.PlainCacheWarning")
@pytest.mark.parametrize(
    ("name", "seed"),
    [
        pytest.param(name, seed, id=f"{name}-{number}")
        for name in TARGETS
        for number, seed in enumerate(seeds_of(name))
    ],
)
def test_seed(name: str, seed: bytes) -> None:
    TARGETS[name](seed)


def test_every_target_has_seeds() -> None:
    assert [name for name in TARGETS if not seeds_of(name)] == []

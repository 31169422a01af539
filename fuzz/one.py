"""Fuzzes one target: `python fuzz/one.py TARGET [libFuzzer's options and folders]`.

With a file in place of folders the file is tried once: that is how a find is looked at.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["msnpauth"]):
    from all_targets import TARGETS


def main() -> None:
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()

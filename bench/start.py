"""What it costs to begin: `import msnpauth` over `import ssl`, and `msnpauth --help`.

    python bench/start.py [--rounds 15]

Whole processes, in turns; the medians of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

from common import interleaved, machine, ratio, table

IMPORT_GOAL, HELP_GOAL = 0.015, 2.0

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import ssl": ["-c", "import ssl"],
    "import ssl, msnpauth": ["-c", "import ssl, msnpauth"],
    "… and MSNPAuth": ["-c", "import ssl; from msnpauth import MSNPAuth"],
    "… and sign_in": ["-c", "import ssl; from msnpauth import sign_in"],
    "… and aio.sign_in": ["-c", "import ssl, asyncio; from msnpauth.aio import sign_in"],
    "import ssl, click": ["-c", "import ssl, click"],
    "msnpauth --help": ["-m", "msnpauth", "--help"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    runners = {
        name: lambda command=command: subprocess.run(
            [sys.executable, *command], check=True, stdout=subprocess.DEVNULL
        )
        for name, command in COMMANDS.items()
    }
    found = interleaved(runners, rounds=options.rounds, calls=1)
    base = found["import ssl"]
    rows = [
        (name, f"{1000 * statistics.median(times):.1f}", f"{ratio(times, base):.2f}")
        for name, times in found.items()
    ]
    over = statistics.median(
        a - b for a, b in zip(found["import ssl, msnpauth"], base, strict=True)
    )
    help_ratio = ratio(found["msnpauth --help"], found["import ssl, click"])
    print(f"{machine()}\n")
    print(table(("process", "ms", "of import ssl"), rows))
    print(
        f"\nimport msnpauth: {1000 * over:.1f} ms over import ssl (goal: {1000 * IMPORT_GOAL:.0f})"
    )
    print(f"msnpauth --help: {help_ratio:.2f} of import ssl, click (goal: {HELP_GOAL:.0f})")
    return 0 if over <= IMPORT_GOAL and help_ratio <= HELP_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())

"""Tell how many small changes to the code the tests notice, on a sample that can be drawn again.

    python tests/mutants.py [--core 300] [--elsewhere 200] [--seed 1] [--list]

mutmut (the group `mutation`) makes the changed copies, which are called mutants, and runs for each
of them the tests that reach the changed function. A mutant that no test notices has survived: it
is printed as a difference, so that one can write the test that was missing. The whole set has about
ten thousand mutants and takes a day, so that a sample is drawn, the same one for the same seed.
The command line (`cli/`) is left out: its tests start processes, and those run the code unchanged.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
GOALS = {"core": 0.90, "elsewhere": 0.80}
# These run once, when their module is imported, and mutmut switches a mutant on later: no test could
# notice it. tests/data/codes.txt and tests/data/dialects.txt hold everything that they make.
AT_IMPORT = (
    "msnpauth.core.codes.x__codes_",
    *(
        f"msnpauth.core.wire.dialects.x_{name}_"
        for name in ("_dialect", "_product", "_xfr", "_lists", "_presence", "_capabilities")
    ),
)
# What mutmut keeps of a run of the tests: pytest's own status, and its own words for the rest.
SURVIVED = {0}
NOT_RUN = {None, 33}  # 33: no test reaches the function


def mutmut(*args: str) -> str:
    """Run it, and return what it printed."""
    command = [sys.executable, "-m", "mutmut", *args]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"mutmut failed:\n{done.stdout[-3000:]}\n{done.stderr[-1000:]}")
    return done.stdout


def results() -> dict[str, int | None]:
    """Return mutmut's verdict on every mutant by its name."""
    found: dict[str, int | None] = {}
    for file in sorted((ROOT / "mutants").rglob("*.meta")):
        found |= json.loads(file.read_text())["exit_code_by_key"]
    return found


def sample(sizes: dict[str, int], seed: int) -> dict[str, list[str]]:
    """Draw so many mutants of either part."""
    if not results():
        mutmut(
            "run", "msnpauth.core.client.comeback.*__mutmut_1"
        )  # makes all, and runs next to none
    parts: dict[str, list[str]] = {"core": [], "elsewhere": []}
    for name in sorted(results()):
        if name.startswith((*AT_IMPORT, "msnpauth.cli.")):
            continue
        parts["core" if name.startswith("msnpauth.core.") else "elsewhere"].append(name)
    chance = random.Random(seed)
    return {
        part: chance.sample(names, min(len(names), sizes[part])) for part, names in parts.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=int, default=300)
    parser.add_argument("--elsewhere", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="print the survivors' names only")
    options = parser.parse_args()
    drawn = sample({"core": options.core, "elsewhere": options.elsewhere}, options.seed)
    mutmut("run", *(name for names in drawn.values() for name in names))
    verdicts = results()
    failed = False
    for part, names in drawn.items():
        alive = [name for name in names if verdicts[name] in SURVIVED | NOT_RUN]
        share = 1 - len(alive) / len(names)
        failed = failed or share < GOALS[part]
        for name in alive:
            print(name if options.list else mutmut("show", name))
        print(f"{part}: {share:.1%} of {len(names)} killed (goal {GOALS[part]:.0%})", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Run every bench, and write what they print into README.md, and the plot beside it.

python bench/report.py
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from common import machine

HERE = Path(__file__).parent
BENCHES = {
    "Round trips": ("round_trips.py", "--svg", str(HERE / "round_trips.svg")),
    "Tickets": ("tickets.py",),
    "Sign-ins at once": ("many.py",),
    "The service's roles": ("roles.py",),
    "A service that lasts": ("service.py",),
    "Start": ("start.py",),
    "Growth": ("growth.py",),
    "Messages": ("chat.py",),
    "Contacts": ("contacts.py",),
}
BEGIN, END = "<!-- what report.py writes -->\n", "<!-- and no more -->\n"


def main() -> int:
    """Return the worst exit status of all."""
    worst, parts = 0, [f"Run on {datetime.now(UTC):%Y-%m-%d}: {machine()}.\n"]
    for title, command in BENCHES.items():
        print(f"{title} …", flush=True)
        done = subprocess.run(
            [sys.executable, str(HERE / command[0]), *command[1:]],
            stdout=subprocess.PIPE,
            check=False,
            text=True,
            encoding="utf-8",
        )
        worst = max(worst, done.returncode)
        # Without the machine, which stands above all of them.
        found = done.stdout.partition("\n\n")[2]
        parts.append(f"### {title}\n\n`python bench/{command[0]}`\n\n{found}")
    readme = HERE / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(before + BEGIN + "\n" + "\n".join(parts) + "\n" + END + after, "utf-8")
    return worst


if __name__ == "__main__":
    sys.exit(main())

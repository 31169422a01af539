"""What it costs to begin: imports beside `import ssl`, `msnpauth --help`, and `msnpauth ticket`.

    python bench/start.py [--rounds 15]

Whole processes, in turns; the medians of the rounds. Bytecode is kept in a folder of the bench's
own, as an installed package has it: an environment that forbids it (PYTHONDONTWRITEBYTECODE) would
have every process compile this package, and not the standard library.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from common import PASSWORD, ServiceProcess, interleaved, machine, passport, ratio, table

IMPORT_GOAL, HELP_GOAL, SIGN_IN_GOAL, TICKET_GOAL = 0.015, 2.0, 2.0, 1.5

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

STATEMENTS = (
    "import ssl",
    "from msnpauth import sign_in",
    "from msnpauth import MSNPAuth",
    "from msnpauth.aio import sign_in",
)

BARE = "with ssl and argparse"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="msnpauth-bench-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        os.environ["MSNPAUTH_PASSWORD"] = PASSWORD
        print(f"{machine()}\n")
        reached = [processes(rounds), statements(rounds), tickets(rounds)]
    return 0 if all(reached) else 1


def runner(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)


def rows_of(found: dict[str, list[float]], base: str) -> list[tuple[str, str, str]]:
    """Return a row for each: its name, its median in ms, and the ratio to `base`."""
    return [
        (name, f"{1000 * statistics.median(times):.1f}", f"{ratio(times, found[base]):.2f}")
        for name, times in found.items()
    ]


def processes(rounds: int) -> bool:
    """Measure whole processes that import; tell whether the goals are reached."""
    runners = {name: runner(*command) for name, command in COMMANDS.items()}
    found = interleaved(runners, rounds=rounds, calls=1)
    base = found["import ssl"]
    over = statistics.median(
        a - b for a, b in zip(found["import ssl, msnpauth"], base, strict=True)
    )
    help_ratio = ratio(found["msnpauth --help"], found["import ssl, click"])
    print(table(("process", "ms", "of import ssl"), rows_of(found, "import ssl")))
    print(
        f"\nimport msnpauth: {1000 * over:.1f} ms over import ssl (goal: {1000 * IMPORT_GOAL:.0f})"
    )
    print(f"msnpauth --help: {help_ratio:.2f} of import ssl, click (goal: {HELP_GOAL:.0f})\n")
    return over <= IMPORT_GOAL and help_ratio <= HELP_GOAL


def statements(rounds: int) -> bool:
    """Measure statements, without the interpreter's own start; tell whether the goal is reached."""
    found: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for number in range(rounds + 1):
        for statement, times in found.items():
            seconds = _seconds(statement)
            if number:  # the first one writes the bytecode
                times.append(seconds)
    share = ratio(found["from msnpauth import sign_in"], found["import ssl"])
    print(table(("statement", "ms", "of import ssl"), rows_of(found, "import ssl")))
    print(f"\nfrom msnpauth import sign_in: {share:.2f} (goal: {SIGN_IN_GOAL:.0f})\n")
    return share <= SIGN_IN_GOAL


def _seconds(statement: str) -> float:
    code = f"import time; t = time.perf_counter()\n{statement}\nprint(time.perf_counter() - t)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout)


def tickets(rounds: int) -> bool:
    """Measure `msnpauth ticket` beside a script; tell whether the goal is reached."""
    script = str(Path(__file__).with_name("bare_ticket.py"))
    with ServiceProcess() as service:
        places = service.places
        words = [passport(0), "--challenge", "lc=1033,id=507"]
        words += ["--login", places["login"], "--ca-file", places["ca_file"]]
        ours = ("-m", "msnpauth", "ticket", *words)
        runners = {
            BARE: runner(script, *words),
            "msnpauth ticket": runner(*ours),
            "… by click": runner(*ours, "--transport", "sockets"),
        }
        found = interleaved(runners, rounds=rounds, calls=1)
    share = ratio(found["msnpauth ticket"], found[BARE])
    print(table(("a ticket by a process", "ms", f"of a script {BARE}"), rows_of(found, BARE)))
    print(f"\nmsnpauth ticket: {share:.2f} of a script {BARE} (goal: {TICKET_GOAL})")
    return share <= TICKET_GOAL


if __name__ == "__main__":
    sys.exit(main())

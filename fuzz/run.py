"""Fuzzes the targets, each in a process of its own, and says what was found.

    python fuzz/run.py [--seconds 600] [--jobs 2] [TARGET …]

A find lies in `fuzz/found/` and is tried again by `python fuzz/one.py TARGET FILE`. When it is
mended it becomes a seed: move it to `fuzz/seeds/TARGET/`, where the test suite tries it, too.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from base64 import b85encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from all_targets import TARGETS
from seeds import seeds_of

HERE = Path(__file__).parent
FOUND = HERE / "found"

LIMITS = (
    "-timeout=5",  # seconds that one input may take, on a busy machine
    "-rss_limit_mb=1024",  # Python, the instrumented code and what an input makes of it
    "-max_len=65536",
    "-print_final_stats=1",
)


def fuzz(name: str, seconds: int) -> tuple[str, bool, str]:
    """Return the target's name, whether nothing was found, and a line about it."""
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds_of(name)):
            Path(corpus, f"seed-{number}").write_bytes(seed)
        done = subprocess.run(
            [
                *(sys.executable, str(HERE / "one.py"), name, corpus),
                f"-dict={HERE / 'words.dict'}",
                *(f"-max_total_time={seconds}", f"-artifact_prefix={FOUND}/{name}-", *LIMITS),
            ],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    runs = re.search(r"number_of_executed_units: *(\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    told = f"{runs[1] if runs else '?'} inputs, {covered[-1] if covered else '?'} places reached"
    if done.returncode == 0:
        return name, True, told
    (FOUND / f"{name}.log").write_text(done.stdout + done.stderr, "utf-8")
    return name, False, f"{told}; see {FOUND.name}/{name}.log"


def _what_was_found(name: str) -> str:
    """Return the traceback and the input, so that a run whose files are lost can be repeated."""
    log = (FOUND / f"{name}.log").read_text("utf-8")
    traceback = log.partition("Traceback (most recent call last)")[2].partition("\n\n")[0][-3000:]
    finds = sorted(FOUND.glob(f"{name}-*"), key=lambda file: file.stat().st_mtime)
    shown = b85encode(finds[-1].read_bytes()).decode() if finds else "(no file)"
    return f"{traceback}\nthe input, in base85: {shown}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", choices=[[], *TARGETS])
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    given = parser.parse_args()
    FOUND.mkdir(exist_ok=True)
    names = given.targets or list(TARGETS)
    with ThreadPoolExecutor(given.jobs) as pool:
        outcomes = list(pool.map(lambda name: fuzz(name, given.seconds), names))
    for name, clean, told in outcomes:
        print(f"{name:<16} {'clean' if clean else 'FOUND':<6} {told}")
        if not clean:
            print(_what_was_found(name))
    sys.exit(0 if all(clean for _, clean, _ in outcomes) else 1)


if __name__ == "__main__":
    main()

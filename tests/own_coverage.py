"""Tell, for each module, what its own tests leave uncovered.

    python tests/own_coverage.py [PART-OF-A-MODULE'S-PATH]

A module's own tests are those beside it in the mirror (`core/lines.py`: `core/test_lines.py`); the
drivers share theirs, as do the carriers and the commands.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "msnpauth"
TESTS = ROOT / "tests"

SHARED = {
    "sync": "drivers",
    "aio": "drivers",
    "transports": "transports",
    "cli": "cli",
    "testing": "testing",
}
ELSEWHERE = {
    "__init__.py": "test_package.py",
    "__main__.py": "cli/test_cli.py",
    "core/actions.py": "core/test_sign_in.py",
    "service/http_host.py": "service/test_hosts.py",
    "service/msnp_host.py": "service/test_hosts.py",
    "service/__init__.py": "service/test_embedded.py",
    "core/__init__.py": "core/test_sign_in.py",
}


def own_tests(module: Path) -> Path:
    """Return the file or folder of a module's own tests."""
    name = module.relative_to(PACKAGE).as_posix()
    if name in ELSEWHERE:
        return TESTS / ELSEWHERE[name]
    if name.partition("/")[0] in SHARED:
        return TESTS / SHARED[name.partition("/")[0]]
    return (TESTS / name).with_name(f"test_{module.name}")


def main(part: str = "") -> int:
    by_tests: dict[Path, list[Path]] = {}
    for module in sorted(PACKAGE.rglob("*.py")):
        if part in str(module):
            by_tests.setdefault(own_tests(module), []).append(module)
    failed = 0
    for tests, modules in by_tests.items():
        include = ",".join(str(module) for module in modules)
        run = ["-m", "coverage", "run", "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
        subprocess.run([sys.executable, "-m", "coverage", "erase"], cwd=ROOT, check=True)
        done = subprocess.run(
            [sys.executable, *run, str(tests)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(done.stdout[-2000:])
        combine = [sys.executable, "-m", "coverage", "combine", "-q"]
        subprocess.run(combine, cwd=ROOT, capture_output=True, check=False)
        report = ["-m", "coverage", "report", "-m", "--skip-covered", f"--include={include}"]
        done = subprocess.run(
            [sys.executable, *report], cwd=ROOT, capture_output=True, text=True, check=False
        )
        missing = [line for line in done.stdout.splitlines() if line.startswith("src/")]
        failed += len(missing)
        print(*missing, sep="\n", end="\n" if missing else "")
    print(f"{failed} modules are not covered by their own tests")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

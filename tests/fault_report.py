"""Plays every fault once and writes what came of it: `python tests/fault_report.py`.

The table goes into docs/faults.md, and `test_fault_matrix.py` sees that no row is missing there.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import trustme

from fault_cases import HTTPS_FAULTS, HTTPS_STEPS, MSNP_FAULTS, MSNP_STEPS, Fault, Tls, played
from msnpauth import SignInError, sign_in
from wire import PASSPORT, PASSWORD

PAGE = Path(__file__).parent.parent / "docs" / "faults.md"

HEAD = """\
# Faults

What a server may do to a sign-in, and what comes of it. Each row is played at each of its steps, on
real sockets and real TLS, by both drivers and every carrier. Each ends in the same error everywhere,
within the deadline and one second, with no descriptor, thread or task left behind, and with the
password in no text, log, traceback or variable of a frame. The table is written by
`python tests/fault_report.py` from such a run; `tests/test_fault_matrix.py` holds it.
"""


def row(fault: Fault, steps: tuple[str, ...], error: str, text: str) -> str:
    """Return a row of the table."""
    return f"| {fault.name} | {', '.join(steps)} | `{error}` | {text} |"


def steps_of(fault: Fault, steps: tuple[str, ...]) -> tuple[str, ...]:
    """Return the steps at which a fault is played."""
    return fault.steps or steps


def _ends_in(step: str, fault: Fault, tls: Tls, ca_file: str) -> SignInError:
    with played(step, fault, tls) as servers:
        try:
            sign_in(PASSPORT, PASSWORD, servers, ca_file=ca_file, timeout=1).close()
        except SignInError as error:
            return error
    raise AssertionError(f"{fault.name} at {step} went well")


def _plain(text: str) -> str:
    """Return the text without what differs from run to run."""
    text = re.sub(r"127\.0\.0\.1:\d+", "the server", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?", "…", text)
    return text.replace("|", "\\|")


def main() -> None:
    authority = trustme.CA()
    tls, lines = Tls(authority), [HEAD]
    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem")
        authority.cert_pem.write_to_path(ca_file)
        for title, steps, faults in (
            ("The notification server", MSNP_STEPS, MSNP_FAULTS),
            ("Nexus, login server and RST", HTTPS_STEPS, HTTPS_FAULTS),
        ):
            lines += [f"## {title}\n", "| it … | at | error | in words |", "|---|---|---|---|"]
            for fault in faults:
                at = steps_of(fault, steps)
                error = _ends_in(at[-1], fault, tls, ca_file)
                lines.append(row(fault, at, type(error).__name__, _plain(error.text)))
            lines.append("")
    PAGE.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()

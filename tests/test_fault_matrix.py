"""Each step, with each fault, by each driver and carrier, on real sockets and real TLS.

Each ends in the documented error, in time, with nothing left behind and nothing told.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import pytest

import msnpauth
from conftest import Authority
from fault_cases import HTTPS_FAULTS, HTTPS_STEPS, MSNP_FAULTS, MSNP_STEPS, Fault, Tls, played
from fault_report import PAGE, steps_of
from leaks import assert_no_secret
from msnpauth import Servers, SignInError, aio, sign_in
from wire import PASSPORT, PASSWORD

TIMEOUT = 1.0

_CASES = [
    pytest.param(step, fault, carrier, id=f"{step}-{fault.name}-{carrier}")
    for steps, faults, carriers in (
        (MSNP_STEPS, MSNP_FAULTS, ("sockets",)),
        (HTTPS_STEPS, HTTPS_FAULTS, ("sockets", "curl", "httpx")),
    )
    for step in steps
    for fault in faults
    for carrier in carriers
    if not fault.steps or step in fault.steps
]


@pytest.fixture(scope="session")
def tls(authority: Authority) -> Tls:
    return Tls(authority.ca)


def by_threads(servers: Servers, ca_file: Path, carrier: str) -> SignInError:
    with pytest.raises(SignInError) as raised:
        sign_in(PASSPORT, PASSWORD, servers, ca_file=ca_file, transport=carrier, timeout=TIMEOUT)
    return raised.value


def by_asyncio(servers: Servers, ca_file: Path, carrier: str) -> SignInError:
    async def main() -> SignInError:
        with pytest.raises(SignInError) as raised:
            await aio.sign_in(
                PASSPORT, PASSWORD, servers, ca_file=ca_file, transport=carrier, timeout=TIMEOUT
            )
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert [task.get_name() for task in others] == []
        return raised.value

    return asyncio.run(main())


def _open_descriptors() -> set[str]:
    """Return what is open in this process; nothing where the system does not tell."""
    found = set()
    for path in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # the one that the folder was read by
            found.add(f"{path.name} {path.readlink()}")
    return found


def _sockets(names: Collection[str]) -> list[str]:
    """Return the sockets among them: those are what a sign-in opens and has to close."""
    return [name for name in names if "socket:" in name]


def _our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("msnpauth-h")]


def _left(look: Callable[[], Collection[str]]) -> Collection[str]:
    """Return what is left once the threads of carrier and servers have had time to end."""
    deadline = time.monotonic() + 10
    while (left := look()) and time.monotonic() < deadline:
        threading.Event().wait(0.005)
    return left


@pytest.mark.parametrize("drive", [by_threads, by_asyncio])
@pytest.mark.parametrize(("step", "fault", "carrier"), _CASES)
def test_fault(
    step: str,
    fault: Fault,
    carrier: str,
    drive: Callable[[Servers, Path, str], SignInError],
    authority: Authority,
    tls: Tls,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    before = _open_descriptors()
    with played(step, fault, tls) as servers:
        begun = time.monotonic()
        error = drive(servers, authority.ca_file, carrier)
        took = time.monotonic() - begun
    assert isinstance(error, fault.error), repr(error)
    assert took <= TIMEOUT + 1, "every wait ends by the deadline plus one second"
    assert_no_secret(error, PASSWORD)
    assert PASSWORD not in caplog.text
    assert _left(_our_threads) == []
    assert _left(lambda: _sockets(_open_descriptors() - before)) == []


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        pytest.param(steps, fault, id=fault.name)
        for steps, faults in ((MSNP_STEPS, MSNP_FAULTS), (HTTPS_STEPS, HTTPS_FAULTS))
        for fault in faults
    ],
)
def test_the_table_in_the_documents(steps: tuple[str, ...], fault: Fault) -> None:
    """It is written by fault_report.py; every fault has its row, and no other error in it."""
    begin = f"| {fault.name} | {', '.join(steps_of(fault, steps))} | `"
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(begin)]
    assert len(rows) == 1
    named = getattr(msnpauth, rows[0][len(begin) :].partition("`")[0])
    assert issubclass(named, fault.error)

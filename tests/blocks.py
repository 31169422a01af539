"""Runs the Python blocks of a document, as a reader would paste them, against the embedded service.

    python tests/blocks.py docs/guide.md

The service's addresses are put in for those of Escargot, and its certificate for the system's.
Whatever a block waits for happens: somebody writes to Alice, and her session ends after a while.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msnpauth.service import Account, Service, run

__all__ = ["blocks", "run_blocks"]

CHALLENGE = "lc=1033,id=507,tw=40,fs=1,ct=1,kpp=1,kv=7,ver=2.1.6000.1,tpf=0"
SECRET = "secret"
_TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def blocks(path: Path) -> list[str]:
    """Return the Python blocks of a document."""
    return re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL)


def accounts() -> list[Account]:
    """Return the people of the documents."""
    people = ("alice@example.com", "bob@example.com", "bot@example.com", "bob@hotmail.com")
    return [Account(one, SECRET, contacts=tuple(p for p in people if p != one)) for one in people]


@contextlib.contextmanager
def a_network(folder: Path) -> Iterator[Service]:
    """Run the service, and have the documents' network mean it."""
    with run(accounts(), chat_limit=None) as service:
        servers = service.servers
        (folder / "services.toml").write_text(
            f'[escargot]\nnotification = "{servers.notification}"\nnexus = "{servers.nexus}"\n'
            f'rst = "{servers.rst}"\nrst2 = "{servers.rst2}"\ncontacts = "{servers.contacts}"\n'
        )
        variables = {
            "MSNPAUTH_SERVICES": str(folder / "services.toml"),
            "SSL_CERT_FILE": str(service.ca_file),
            "MSNPAUTH_PASSWORD": SECRET,
            "MSNPAUTH_MACHINE_GUID_FILE": str(folder / "guid"),
        }
        before = {name: os.environ.get(name) for name in variables}
        os.environ |= variables
        try:
            yield service
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


class Company:
    """Somebody who is there for whoever a document signs in."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        """Write to everybody who is there, and end their sessions a little later."""
        from msnpauth import SignInError

        while not self._over.wait(0.3):
            for one in self._service.online:
                with contextlib.suppress(SignInError, TimeoutError):
                    other = "bob@example.com" if one != "bob@example.com" else "alice@example.com"
                    self._service.send_message(other, one, "hello", timeout=1)
            if self._over.wait(0.7):
                break
            for one in self._service.online:
                if one != "bob@example.com":
                    self._service.put_out(one, "OTH")


def run_tests(space: dict[str, Any]) -> None:
    """Run what a document shows as a test, with what the fixture is."""
    from msnpauth.testing import ACCOUNTS, run

    for name in [name for name in space if name.startswith("test_")]:
        with run(ACCOUNTS) as network:
            space[name](network)


def run_blocks(path: Path) -> int:
    """Run a document's blocks one after another, in one namespace; return how many there are."""
    found = blocks(path)
    with tempfile.TemporaryDirectory() as folder, a_network(Path(folder)) as service:
        os.chdir(folder)
        import msnpauth

        space: dict[str, Any] = {
            "__name__": "document",
            "password": SECRET,
            "passport": "alice@example.com",
            "params": ["USR", "5", "TWN", "S", CHALLENGE],
            "challenge": CHALLENGE,
            "servers": msnpauth.Servers.named("escargot"),
            "service": service,
            "ca_file": service.ca_file,
        }
        with (
            msnpauth.sign_in("bob@example.com", SECRET, service.servers) as bob,
            Company(service),
        ):
            bob.go_online()
            for block in found:
                code = compile(block, str(path), "exec", flags=_TOP_LEVEL_AWAIT)
                outcome = eval(code, space)
                if inspect.iscoroutine(outcome):
                    asyncio.run(outcome)
            run_tests(space)
    return len(found)


if __name__ == "__main__":
    print(run_blocks(Path(sys.argv[1]).resolve()), "blocks")

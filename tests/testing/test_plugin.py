from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from msnpauth.service.stores.memory import at_once
from msnpauth.testing import ACCOUNTS, Account, Service, run

CONTENT = """
import msnpauth

def test_it(msnpauth_service):
    passport, password = "alice@example.com", "secret"
    settings = {"ca_file": msnpauth_service.ca_file}
    with msnpauth.sign_in(passport, password, msnpauth_service.servers, **settings) as session:
        assert session.passport == passport
"""

OVERRIDDEN = """
import pytest, msnpauth

@pytest.fixture
def msnpauth_accounts():
    return {"me@example.com": "mine"}

def test_it(msnpauth_service):
    auth = msnpauth.MSNPAuth("me@example.com", "mine", "lc=1", servers=msnpauth_service.servers,
                             ssl_context=msnpauth_service.ssl_context)
    with auth:
        assert auth.get_key()
"""


def test_the_fixture_works_on_install(tmp_path: Path) -> None:
    """Somebody else's tests, with nothing said about plugins."""
    (tmp_path / "test_plain.py").write_text(CONTENT, "utf-8")
    (tmp_path / "test_own.py").write_text(OVERRIDDEN, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_without_pytest() -> None:
    with run(ACCOUNTS) as service:
        assert isinstance(service, Service)
        assert all(at_once(service.accounts.find(passport)) for passport in ACCOUNTS)
    assert Account.__name__ == "Account"


def test_importing_it_does_not_import_pytest() -> None:
    code = "import sys, msnpauth.testing; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

"""Fixtures for all tests."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, settings

from msnpauth.net.resolver_cache import resolver_cache
from msnpauth.service import Service, run

# A shell that starts the suite in the background has it ignore SIGINT, and `nohup` has it ignore
# SIGHUP. The commands that the tests start would inherit that, and never end by these signals.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# How long a machine takes for an example says nothing about the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@dataclass
class Authority:
    """A certificate authority made for the tests, and what trusts it."""

    ca: trustme.CA
    ca_file: Path
    server_tls: ssl.SSLContext
    client_tls: ssl.SSLContext

    def tls_for(self, *names: str, ca: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (ca or self.ca).issue_cert(*names).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(server)
    return Authority(ca, ca_file, server, ssl.create_default_context(cafile=str(ca_file)))


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a person's own settings, proxies and passwords out of the tests."""
    for name in ("MSNPAUTH_PASSWORD", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("MSNPAUTH_MACHINE_GUID_FILE", str(tmp_path / "machine-guid"))
    monkeypatch.setenv("MSNPAUTH_CACHE_KEY_FILE", str(tmp_path / "cache-key"))
    monkeypatch.setenv("MSNPAUTH_SERVICES", str(tmp_path / "no-services.toml"))
    resolver_cache.clear()  # what another test has looked up


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """A running service with Alice, and Bob whose login server is the second one."""
    accounts = {"alice@example.com": "p,a=ss%w o+rd", "bob@hotmail.com": "s3cret"}
    with run(accounts, homes=["hotmail."]) as running:
        yield running

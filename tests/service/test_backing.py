"""What a service in memory stands on: gone with the process, and made of what it was told."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from msnpauth import Secret
from msnpauth.core.wire.dialects import DIALECTS, Scheme, known
from msnpauth.service.backing import InMemory
from msnpauth.service.hosts.gate import Gate
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.web import WebRequest
from msnpauth.service.settings import Settings
from msnpauth.service.stores.memory import Accounts, at_once
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketVerifier, new_key

ALICE = "alice@example.com"


def backing(settings: Settings | None = None, accounts: Accounts | None = None) -> InMemory:
    return InMemory(accounts or Accounts.of({ALICE: "secret"}), settings or Settings())


def secured(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> dict[str, object]:
    """Shake hands without sockets; return the certificate that the client has accepted."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (here, there, here):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return dict(here.getpeercert() or {})


def test_its_door_and_its_stores_have_the_same_accounts() -> None:
    accounts = Accounts.of({ALICE: "secret"})
    made = backing(accounts=accounts)
    accounts.add(Account("bob@example.com", "later"))
    for passport, password in ((ALICE, "secret"), ("bob@example.com", "later")):
        proof = at_once(made.door.check(passport, Secret(password), Scheme.TWN, "192.0.2.1"))
        assert proof is not None
        assert proof.principal == at_once(made.stores.accounts.find(passport))
    assert at_once(made.door.check(ALICE, Secret("x"), Scheme.TWN, "192.0.2.1")) is None


def test_its_tickets_are_sealed_by_the_keys_of_the_settings() -> None:
    first, second = new_key(), new_key()
    ticket, _ = backing(Settings(keys=[first, second])).tickets.issue(ALICE)
    assert TicketVerifier([first]).read(ticket) is not None
    assert TicketVerifier([second]).read(ticket) is None
    assert backing(Settings(keys=[second, first])).tickets.read(ticket) is not None


def test_without_keys_each_run_has_one_of_its_own() -> None:
    ticket, _ = backing().tickets.issue(ALICE)
    assert backing().tickets.read(ticket) is None


@pytest.mark.parametrize("name", ["msn.example", "login.live.com", "localhost"])
def test_its_certificate_is_of_an_authority_that_clients_find_in_the_folder(
    tmp_path: Path, name: str
) -> None:
    settings = Settings(name="msn.example", names=["login.live.com"])
    made = backing(settings).certificates(settings, tmp_path)
    assert made.ca_file == tmp_path / "ca.pem"
    client = ssl.create_default_context(cafile=str(made.ca_file))
    for context in (client, made.client_context):
        assert secured(made.context, context, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        secured(made.context, client, "another.example")


def test_a_certificate_of_one_s_own_needs_no_file_of_an_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("msn.example")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    settings = Settings(certificate=chain, certificate_key=key)
    made = backing(settings).certificates(settings, tmp_path)
    assert made.ca_file is None
    assert not (tmp_path / "ca.pem").exists()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    assert secured(made.context, client, "msn.example")


def test_old_tls_has_an_authority_whose_key_is_rsa() -> None:
    pem = backing().legacy_authority().cert_pem.bytes()
    assert isinstance(x509.load_pem_x509_certificate(pem).public_key(), RSAPublicKey)


def test_nobody_has_anything_to_operate_or_to_look_at() -> None:
    made = backing()
    office = Office(made.stores, made.tickets, known(DIALECTS))
    assert dict(made.private(office, Gate())) == {}
    answer = at_once(made.pages(office).answer(WebRequest("GET", "/", {}, b"")))
    assert answer.status == 404


@pytest.mark.parametrize("forced", [False, True])
def test_nobody_else_changes_what_it_has(forced: bool) -> None:
    made = backing()
    changed = at_once(made.refresh(forced=forced))
    assert changed is not None, "None would say: any account"
    assert list(changed) == []
    made.ending()
    made.close()

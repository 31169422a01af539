"""What is for the operator, and for servers that ask about tickets."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from msnpauth import MSNPAuth, Secret, ServiceUnavailable, sign_in
from msnpauth.core.tickets.proof import answer
from msnpauth.core.tickets.rst import MESSENGER, MESSENGER_CLEAR
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service import Argon2, Service, open_directory, run
from msnpauth.service.metrics import Metrics
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.private import OPENAPI, PrivateRole
from msnpauth.service.roles.web import WebAnswer, WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, MemoryState, at_once, in_memory
from msnpauth.service.stores.protocol import Account, Stores
from msnpauth.service.tickets import LOGIN, TicketOffice

ALICE, BOB, KEY, NONCE = "Alice@example.com", "bob@example.com", "the key", "AbCd+/="
CHEAP = Argon2(memory=64, passes=1)
SECRET = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
REASONS = {"unknown", "other_account", "other_site", "expired", "revoked", "used", "proof"}


class Desk:
    """The role, without sockets, and a clock that stands still."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.accounts = Accounts.of({ALICE: "secret", BOB: "other"})
        stores = in_memory(self.accounts)
        state = MemoryState(now=lambda: self.now)
        self.tickets = TicketOffice(now=lambda: self.now)
        self.office = Office(
            Stores(stores.accounts, stores.lists, stores.left, state),
            self.tickets,
            known(DIALECTS),
            now=lambda: self.now,
        )
        self.keys = ["an older key", KEY]
        self.why: list[str] = []
        self.outcomes: list[str] = []
        self.metrics = Metrics()
        role = PrivateRole(
            self.office,
            keys=lambda: [Secret(key) for key in self.keys],
            ready=lambda: self.why,
            numbers=self.metrics.page,
            counted=self.outcomes.append,
        )
        self.site = WebSite(role.paths())

    def ask(
        self, method: str, target: str, body: bytes = b"", authorization: str = f"Bearer {KEY}"
    ) -> WebAnswer:
        headers = {"authorization": authorization} if authorization else {}
        return at_once(self.site.answer(WebRequest(method, target, headers, body)))

    def verify(self, ticket: str, passport: str = ALICE, **proof: str) -> dict[str, Any]:
        asked = {"ticket": ticket, "passport": passport, **proof}
        schema = OPENAPI["components"]["schemas"]["Asked"]
        assert conforms(schema, asked), "a test asks as the schema says"
        answered = self.ask("POST", "/verify", json.dumps(asked).encode())
        assert answered.status == 200
        assert ("Content-Type", "application/json") in answered.headers
        told: dict[str, Any] = json.loads(answered.body)
        assert conforms(answer_schema(), told)
        return told

    def reason(self, ticket: str, passport: str = ALICE, **proof: str) -> str:
        told = self.verify(ticket, passport, **proof)
        assert set(told) == {"valid", "reason"}, "nothing of the ticket is told"
        assert told["valid"] is False
        assert isinstance(told["reason"], str)
        return told["reason"]

    def issued(self, site: str = LOGIN, *, secret: Secret | None = None) -> str:
        stamp = self.accounts._stamps[ALICE.casefold()]
        return self.tickets.issue(ALICE, site, secret=secret, stamp=stamp)[0]


def answer_schema() -> dict[str, Any]:
    answers = OPENAPI["paths"]["/verify"]["post"]["responses"]
    schema: dict[str, Any] = answers["200"]["content"]["application/json"]["schema"]
    return schema


def conforms(schema: dict[str, Any], value: Any) -> bool:
    """Tell whether a value is as a schema says; only the words that OPENAPI uses are known."""
    return all(RULES[word](told, value, schema) for word, told in schema.items())


RULES: dict[str, Callable[[Any, Any, dict[str, Any]], bool]] = {
    "description": lambda _told, _value, _schema: True,
    "$ref": lambda told, value, _: conforms(
        OPENAPI["components"]["schemas"][told.removeprefix("#/components/schemas/")], value
    ),
    "oneOf": lambda told, value, _: sum(conforms(one, value) for one in told) == 1,
    "type": lambda told, value, _: isinstance(value, {"object": dict, "string": str}[told]),
    "const": lambda told, value, _: value is told,
    "enum": lambda told, value, _: value in told,
    "minLength": lambda told, value, _: len(value) >= told,
    "format": lambda told, value, _: (
        told == "date-time" and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value))
    ),
    "required": lambda told, value, _: set(told) <= set(value),
    "dependentRequired": lambda told, value, _: all(
        set(more) <= set(value) for one, more in told.items() if one in value
    ),
    "additionalProperties": lambda told, value, schema: (
        told or set(value) <= set(schema["properties"])
    ),
    "properties": lambda told, value, _: all(
        conforms(told[name], value[name]) for name in told if name in value
    ),
}


# --- /verify ---------------------------------------------------------------------------------


def test_a_ticket_of_the_login_server() -> None:
    desk = Desk()
    ticket = desk.issued()
    told = desk.verify(ticket)
    assert told == {
        "valid": True,
        "passport": ALICE.casefold(),
        "site": "login",
        "expires": "2026-11-22T12:01:00Z",
        "id": told["id"],
    }
    assert desk.reason(ticket) == "used"
    assert desk.verify(desk.issued())["id"] != told["id"]


def test_a_ticket_by_rst_is_good_as_long_as_it_lasts() -> None:
    desk = Desk()
    ticket = desk.issued(MESSENGER)
    for _ in range(3):
        told = desk.verify(ticket, "ALICE@EXAMPLE.COM")
        assert (told["site"], told["expires"]) == (MESSENGER, "2026-11-23T12:00:00Z")


def test_a_ticket_of_sso_with_its_proof() -> None:
    desk = Desk()
    ticket = desk.issued(MESSENGER_CLEAR, secret=SECRET)
    told = desk.verify(ticket, nonce=NONCE, response=answer(SECRET, NONCE))
    assert told["site"] == MESSENGER_CLEAR
    again = desk.verify(ticket, nonce="another", response=answer(SECRET, "another"))
    assert again["id"] == told["id"]


def test_a_nonce_is_good_once() -> None:
    desk = Desk()
    ticket = desk.issued(MESSENGER_CLEAR, secret=SECRET)
    proof = {"nonce": NONCE, "response": answer(SECRET, NONCE)}
    assert desk.verify(ticket, **proof)["valid"]
    desk.now += timedelta(minutes=9)
    assert desk.reason(ticket, **proof) == "used"
    # Another answer to the same nonce is no better; a ticket of somebody else's is.
    assert desk.reason(ticket, nonce=NONCE, response=answer(SECRET, NONCE)) == "used"
    other = desk.issued(MESSENGER_CLEAR, secret=SECRET)
    assert desk.verify(other, **proof)["valid"]


@pytest.mark.parametrize("ticket", ["t=AAAA&p=", "x", "t=\u00e9&p=", "\u0000"])
def test_unknown(ticket: str) -> None:
    assert Desk().reason(ticket) == "unknown"


def test_unknown_is_a_ticket_of_another_service_and_a_damaged_one() -> None:
    desk = Desk()
    ticket = desk.issued()
    assert desk.reason(TicketOffice().issue(ALICE)[0]) == "unknown"
    assert desk.reason(ticket.replace("t=g", "t=h")) == "unknown"
    assert desk.verify(ticket)["valid"], "nothing of that used it up"


def test_other_account() -> None:
    desk = Desk()
    ticket = desk.issued()
    assert desk.reason(ticket, BOB) == "other_account"
    assert desk.reason(ticket, "nobody@example.com") == "other_account"
    assert desk.verify(ticket)["valid"]


@pytest.mark.parametrize("site", ["contacts.msn.com", MESSENGER_CLEAR])
def test_other_site(site: str) -> None:
    desk = Desk()
    assert desk.reason(desk.issued(site, secret=SECRET)) == "other_site"


@pytest.mark.parametrize("site", [LOGIN, MESSENGER, "contacts.msn.com"])
def test_other_site_for_sso(site: str) -> None:
    desk = Desk()
    ticket = desk.issued(site, secret=SECRET)
    assert desk.reason(ticket, nonce=NONCE, response=answer(SECRET, NONCE)) == "other_site"


@pytest.mark.parametrize(
    ("site", "lives"),
    [(LOGIN, timedelta(seconds=60)), (MESSENGER, timedelta(hours=24))],
)
def test_expired(site: str, lives: timedelta) -> None:
    desk = Desk()
    ticket = desk.issued(site)
    desk.now += lives - timedelta(seconds=1)
    assert desk.verify(ticket)["valid"]
    desk.now += timedelta(seconds=1)
    assert desk.reason(ticket) == "expired"


def test_revoked() -> None:
    desk = Desk()
    tickets = [desk.issued(), desk.issued(MESSENGER)]
    clear = desk.issued(MESSENGER_CLEAR, secret=SECRET)
    desk.accounts.add(Account(ALICE, "another"))
    assert [desk.reason(ticket) for ticket in tickets] == ["revoked", "revoked"]
    assert desk.reason(clear, nonce=NONCE, response=answer(SECRET, NONCE)) == "revoked"


@pytest.mark.parametrize(
    "response",
    [
        "x",
        "\u00e9",
        answer(SECRET, "another nonce"),
        answer(Secret("BAECAwQFBgcICQoLDA0ODxAREhMUFRYX"), NONCE),
        answer(SECRET, NONCE)[:-4],
    ],
    ids=["no base64", "no ascii", "of another nonce", "by another secret", "cut"],
)
def test_proof(response: str) -> None:
    desk = Desk()
    ticket = desk.issued(MESSENGER_CLEAR, secret=SECRET)
    assert desk.reason(ticket, nonce=NONCE, response=response) == "proof"
    assert desk.verify(ticket, nonce=NONCE, response=answer(SECRET, NONCE))["valid"]


def test_revoked_while_its_use_is_noted() -> None:
    """To note it takes time; the password may be changed meanwhile."""
    desk = Desk()
    ticket = desk.issued()
    use_up = desk.office.state.use_up

    async def slow(token: str, until: datetime, *, made: datetime) -> bool:
        is_new = await use_up(token, until, made=made)
        desk.accounts.add(Account(ALICE, "new"))
        return is_new

    desk.office.state.use_up = slow  # type: ignore[method-assign]
    assert desk.reason(ticket) == "revoked"


def test_proof_of_a_ticket_without_a_secret() -> None:
    desk = Desk()
    ticket = desk.issued(MESSENGER_CLEAR)
    assert desk.reason(ticket, nonce=NONCE, response=answer(SECRET, NONCE)) == "proof"


def test_every_reason_is_described() -> None:
    reasons = OPENAPI["components"]["schemas"]["Invalid"]["properties"]["reason"]
    assert set(reasons["enum"]) == REASONS


def test_outcomes_are_counted() -> None:
    desk = Desk()
    ticket = desk.issued()
    for _ in range(2):
        desk.ask("POST", "/verify", json.dumps({"ticket": ticket, "passport": ALICE}).encode())
    desk.reason("x")
    assert desk.outcomes == ["valid", "used", "unknown"]


@pytest.mark.parametrize(
    "authorization",
    [
        *("", "Bearer", "Bearer ", "Bearer wrong", "Bearer THE KEY", f"Basic {KEY}", KEY),
        *(f"Bearer {KEY}\u00e9", "Bearer \udce9", f"Bearer {KEY} {KEY}", f"Token Bearer {KEY}"),
    ],
)
def test_a_key_that_is_wrong_or_missing(authorization: str) -> None:
    desk = Desk()
    body = json.dumps({"ticket": desk.issued(), "passport": ALICE}).encode()
    answered = desk.ask("POST", "/verify", body, authorization)
    assert answered.status == 401
    assert ("WWW-Authenticate", "Bearer") in answered.headers
    assert KEY.encode() not in answered.body
    assert desk.outcomes == []
    assert json.loads(desk.ask("POST", "/verify", body).body)["valid"], "it was not used up"


def test_without_any_key_nobody_may_ask() -> None:
    desk = Desk()
    desk.keys = []
    for authorization in ("", "Bearer ", f"Bearer {KEY}"):
        assert desk.ask("POST", "/verify", b"{}", authorization).status == 401


@pytest.mark.parametrize(
    "authorization", [f"Bearer {KEY}", f"bearer  {KEY} ", "Bearer an older key"]
)
def test_a_key_that_is_right(authorization: str) -> None:
    assert Desk().ask("POST", "/verify", b"", authorization).status == 400


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"ticket=x", b"\xff\xfe", b"[" * 20_000, b'{"ticket": ' + b"1" * 9_000),
        *(b"null", b"[]", b'"text"', b"5", b"[{}]"),
        *(b'{"ticket": 5, "passport": "a@b"}', b'{"ticket": null, "passport": "a@b"}'),
        *(b"{}", b'{"ticket": "t"}', b'{"passport": "a@b"}'),
        *(b'{"ticket": "", "passport": "a@b"}', b'{"ticket": "t", "passport": ""}'),
        b'{"ticket": "t", "passport": "a@b", "more": "x"}',
        b'{"ticket": "t", "passport": "a@b", "nonce": "n"}',
        b'{"ticket": "t", "passport": "a@b", "response": "r"}',
        b'{"ticket": "t", "passport": "a@b", "nonce": "n", "response": ""}',
        b'{"ticket": "t", "passport": "a@b", "nonce": ""}',
        b'{"ticket": "t", "passport": "a@b", "nonce": "", "response": ""}',
        b'{"ticket": "t", "passport": "a@b", "nonce": "\\ud800", "response": "r"}',
    ],
)
def test_a_body_that_is_not_what_is_asked_for(body: bytes) -> None:
    desk = Desk()
    answered = desk.ask("POST", "/verify", body)
    assert answered.status == 400
    assert set(json.loads(answered.body)) == {"error"}
    assert desk.outcomes == []


def test_a_nonce_that_is_no_text() -> None:
    """Half of a pair of UTF-16 cannot be written as UTF-8."""
    desk = Desk()
    asked = {
        "ticket": desk.issued(MESSENGER_CLEAR, secret=SECRET),
        "passport": ALICE,
        "nonce": "\ud800",
        "response": answer(SECRET, NONCE),
    }
    assert desk.ask("POST", "/verify", json.dumps(asked).encode()).status == 400


def test_a_store_that_cannot_tell_now(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> bool:
        raise ServiceUnavailable("the database is away", retry_after=7)

    desk = Desk()
    monkeypatch.setattr(desk.accounts, "is_live", fail)
    body = json.dumps({"ticket": desk.issued(), "passport": ALICE}).encode()
    answered = desk.ask("POST", "/verify", body)
    assert (answered.status, answered.headers[0]) == (503, ("Retry-After", "7"))
    monkeypatch.undo()
    assert json.loads(desk.ask("POST", "/verify", body).body)["valid"]


# --- the rest --------------------------------------------------------------------------------


def test_it_lives() -> None:
    desk = Desk()
    desk.why = ["the database cannot be read"]
    answered = desk.ask("GET", "/healthz", authorization="")
    assert (answered.status, json.loads(answered.body)) == (200, {"status": "alive"})


def test_it_is_ready_and_it_is_not() -> None:
    desk = Desk()
    answered = desk.ask("GET", "/readyz", authorization="")
    assert (answered.status, json.loads(answered.body)) == (200, {"status": "ready", "why": []})
    desk.why = ["the database cannot be read"]
    answered = desk.ask("GET", "/readyz", authorization="")
    assert answered.status == 503
    assert json.loads(answered.body) == {"status": "not ready", "why": desk.why}


def test_its_numbers() -> None:
    desk = Desk()
    desk.metrics.watch("sessions", "Sessions", lambda: 7)
    answered = desk.ask("GET", "/metrics", authorization="")
    assert answered.status == 200
    families = {one.name: one for one in text_string_to_metric_families(answered.body.decode())}
    assert families["msnpauth_sessions"].samples[0].value == 7
    assert families["msnpauth_password_seconds"].type == "histogram"
    assert all(one.documentation for one in families.values())


def test_it_describes_itself() -> None:
    desk = Desk()
    told = json.loads(desk.ask("GET", "/openapi.json", authorization="").body)
    assert told == OPENAPI
    served = {row.split(" ")[1] for row in desk.site._answerers}
    assert set(told["paths"]) | {"/openapi.json"} == served


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/verify"), ("POST", "/metrics"), ("GET", "/"), ("POST", "/RST.srf")],
)
def test_there_is_nothing_else(method: str, path: str) -> None:
    assert Desk().ask(method, path).status == 404


# --- over a socket, of a service with a data folder ------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("operated") / "data"
    with open_directory(path, CHEAP) as accounts:
        accounts.add(ALICE, "secret")
    return path


@pytest.fixture(scope="module")
def here(folder: Path) -> Iterator[Service]:
    with run(data=folder, argon2=CHEAP, ports={"private": 0}) as service:
        yield service


def asked(
    here: Service, method: str, path: str, content: object = None, key: str = ""
) -> tuple[int, bytes]:
    listener = here._private
    assert listener is not None
    assert listener._server is not None
    port = listener._server.sockets[0].getsockname()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = None if content is None else json.dumps(content)
    try:
        connection.request(method, path, body, headers)
        answered = connection.getresponse()
        return answered.status, answered.read()
    finally:
        connection.close()


def numbers(here: Service) -> dict[str, float]:
    status, page = asked(here, "GET", "/metrics")
    assert status == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_a_ticket_is_checked_for_a_server_in_another_language(here: Service, folder: Path) -> None:
    key = (folder / "verify-key").read_text().strip()
    with MSNPAuth(ALICE, "secret", "lc=1", servers=here.servers, ca_file=here.ca_file) as auth:
        content = {"ticket": auth.get_key(), "passport": ALICE}
    assert asked(here, "POST", "/verify", content)[0] == 401
    told = [json.loads(asked(here, "POST", "/verify", content, key)[1]) for _ in range(2)]
    assert [one["valid"] for one in told] == [True, False]
    assert told[1]["reason"] == "used"
    assert numbers(here)["msnpauth_verified_total valid"] == 1


def test_the_numbers_of_a_service(here: Service) -> None:
    before = numbers(here)
    assert before["msnpauth_sessions"] == 0
    with sign_in(ALICE, "secret", here.servers, ca_file=here.ca_file):
        during = numbers(here)
    assert during["msnpauth_sessions"] == 1
    assert during["msnpauth_sign_ins_total SSO"] == 1
    assert during["msnpauth_passwords_right_total SSO"] == 1
    assert during["msnpauth_password_seconds_count"] >= 1
    assert during["msnpauth_connections"] >= 1
    assert during["msnpauth_guesses_delayed"] == 0


def test_whether_a_service_is_ready(here: Service) -> None:
    assert asked(here, "GET", "/readyz")[0] == 200
    here.maintenance = True
    status, body = asked(here, "GET", "/readyz")
    assert (status, json.loads(body)["status"]) == (503, "not ready")
    assert asked(here, "GET", "/healthz")[0] == 200
    here.maintenance = False
    assert asked(here, "GET", "/readyz")[0] == 200


def test_the_private_paths_are_nowhere_else(here: Service) -> None:
    nexus = here.servers.nexus
    assert nexus is not None
    connection = http.client.HTTPSConnection(
        nexus.host, nexus.address.port, context=here.ssl_context, timeout=20
    )
    for path in ("/metrics", "/healthz", "/readyz", "/openapi.json"):
        connection.request("GET", path)
        answered = connection.getresponse()
        answered.read()
        assert answered.status == 404
    connection.close()

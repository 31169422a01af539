from __future__ import annotations

from typing import NoReturn

import pytest

from msnpauth import Secret, ServiceUnavailable
from msnpauth.core.client.connection import Profile
from msnpauth.core.tickets.proof import answer as proof
from msnpauth.core.tickets.proof import md5_answer
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.core.wire.query import PRODUCTS, answer
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

HERE = Address("ns.example", 1863)


def new_office(accounts: Accounts) -> Office:
    return Office(in_memory(accounts), TicketOffice(), known(DIALECTS))


class Wire:
    """A connection to the role: lines in, lines out."""

    def __init__(self, office: Office | None = None, transfer_to: Address | None = None) -> None:
        accounts = [
            Account("alice@example.com", Secret("x"), display_name="Al ice"),
            Account("child@example.com", Secret("x"), refusal=923),
        ]
        self.office = office or new_office(Accounts.of(accounts))
        self.woken = 0
        self.role = NotificationRole(
            self.office, here=HERE, transfer_to=transfer_to, wake=self._wake
        )

    def _wake(self) -> None:
        self.woken += 1

    def say(
        self, verb: str, trid: int | None, *args: str, payload: bytes | None = None
    ) -> list[str]:
        at_once(self.role.receive(Command(verb, trid, args, payload)))
        return self.heard()

    def heard(self) -> list[str]:
        commands, self.role.out = self.role.out, []
        return [command.encode().decode().replace("\r\n", "|") for command in commands]

    def challenge(self, version: int = 12, passport: str = "alice@example.com") -> list[str]:
        assert self.say("VER", 1, f"MSNP{version}", "CVR0") == [f"VER 1 MSNP{version}|"]
        return self.say("USR", 3, "TWN", "I", passport)

    def sign_in(self, version: int = 12, passport: str = "alice@example.com") -> list[str]:
        self.challenge(version, passport)
        return self.say("USR", 4, "TWN", "S", self.office.tickets.issue(passport)[0])

    @property
    def closed(self) -> bool:
        return self.role.closing


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        (8, ["USR 4 OK alice@example.com Al%20ice 1 0|"]),
        (9, ["USR 4 OK alice@example.com Al%20ice 1 0|"]),
        (10, ["USR 4 OK alice@example.com 1 0|"]),
        (11, ["USR 4 OK alice@example.com 1 0|", "SBS 0 null|"]),
        (14, ["USR 4 OK alice@example.com 1 0|", "SBS 0 null|"]),
    ],
)
def test_sign_in(version: int, lines: list[str]) -> None:
    wire = Wire()
    *first, profile = wire.sign_in(version)
    assert first == lines
    assert profile.startswith("MSG Hotmail Hotmail ")
    assert Profile(profile.replace("|", "\r\n").encode())["preferredEmail"] == "alice@example.com"
    assert not wire.closed
    assert list(wire.office.here.values()) == [wire.role]
    assert at_once(wire.office.state.seats("alice@example.com"))
    at_once(wire.role.gone())
    assert not wire.office.here
    assert not at_once(wire.office.state.seats("alice@example.com"))


def test_the_challenge_has_all_ten_fields() -> None:
    (line,) = Wire().challenge()
    word = line.removeprefix("USR 3 TWN S ").removesuffix("|")
    names = [part.partition("=")[0] for part in word.split(",")]
    assert names == ["lc", "id", "tw", "fs", "ru", "ct", "kpp", "kv", "ver", "rn", "tpf"]
    assert Wire().challenge() != [line]


def test_gcf_comes_before_the_challenge_from_msnp13_on() -> None:
    gcf, usr = Wire().challenge(13)
    assert gcf.startswith("GCF 0 ")
    assert usr.startswith("USR 3 TWN S ")


def test_the_clients_spelling_is_kept() -> None:
    assert Wire().sign_in(10, "ALICE@Example.com")[0] == "USR 4 OK ALICE@Example.com 1 0|"


@pytest.mark.parametrize(
    ("version", "form"),
    [(8, "0 ns.example:1863"), (12, "0 ns.example:1863"), (13, "U D"), (14, "U D")],
)
def test_dispatch(version: int, form: str) -> None:
    wire = Wire(transfer_to=Address("10.0.0.5", 1864))
    assert wire.challenge(version) == [f"XFR 3 NS 10.0.0.5:1864 {form}|"]
    assert wire.closed


def test_ver() -> None:
    wire = Wire()
    assert wire.say("VER", 1, "MSNP20", "msnp9", "MSNP8", "CVR0") == ["VER 1 MSNP9|"]
    assert wire.say("VER", 2, "MSNP9") == ["715 2|"]
    assert wire.closed


@pytest.mark.parametrize("words", [("MSNP20", "CVR0"), ("CVR0",), ()])
def test_no_common_dialect(words: tuple[str, ...]) -> None:
    wire = Wire()
    assert wire.say("VER", 1, *words) == ["VER 1 0|"]
    assert wire.closed


def test_cvr() -> None:
    wire = Wire()
    words = ("0x0409", "winnt", "5.1", "i386", "MSNMSGR", "8.5.1302", "BC01", "a@b")
    url = "http://messenger.example/"
    assert wire.say("CVR", 2, *words) == [f"CVR 2 8.5.1302 8.5.1302 8.5.1302 {url} {url}|"]
    assert wire.say("CVR", 3, "0x0409") == ["710 3|"]
    assert not wire.closed


@pytest.mark.parametrize(
    "words",
    [("USR", 3, "MD5", "I", "a@b"), ("USR", 3, "SSO", "I", "a@b"), ("USR", 3, "TWN", "I"), ("USR", 3),
     ("USR", 3, "TWN", "X", "a@b"), ("USR", 3, "TWN", "S", "a", "b"), ("INF", 3), ("PNG", None), ("CHG", 3, "NLN"),
     ("XYZ", 3), ("USR", None, "TWN", "I", "a@b")],
)  # fmt: skip
def test_what_closes_before_sign_in(words: tuple[str, int | None, str]) -> None:
    wire = Wire()
    wire.say("VER", 1, "MSNP12")
    assert wire.say(*words) == []
    assert wire.closed
    assert wire.say("VER", 9, "MSNP12") == []


def test_usr_before_ver_closes() -> None:
    wire = Wire()
    assert wire.say("USR", 1, "TWN", "I", "a@b") == []
    assert wire.closed


@pytest.mark.parametrize("ticket", ["x", "t=x&p=", "OK"])
def test_a_bad_ticket(ticket: str) -> None:
    wire = Wire()
    wire.challenge()
    assert wire.say("USR", 4, "TWN", "S", ticket) == ["911 4|"]
    assert wire.closed


def test_a_ticket_of_another_account() -> None:
    wire = Wire()
    wire.challenge()
    ticket = wire.office.tickets.issue("child@example.com")[0]
    assert wire.say("USR", 4, "TWN", "S", ticket) == ["911 4|"]


def test_a_ticket_of_no_account() -> None:
    assert Wire().sign_in(passport="nobody@example.com") == ["911 4|"]


def test_a_ticket_before_the_challenge() -> None:
    wire = Wire()
    wire.say("VER", 1, "MSNP12")
    ticket = wire.office.tickets.issue("alice@example.com")[0]
    assert wire.say("USR", 4, "TWN", "S", ticket) == ["911 4|"]


def test_an_account_that_may_not() -> None:
    assert Wire().sign_in(passport="child@example.com") == ["923 4|"]


def test_a_second_usr() -> None:
    wire = Wire()
    wire.sign_in()
    assert wire.say("USR", 5, "TWN", "I", "alice@example.com") == ["207 5|"]
    assert not wire.closed


def test_maintenance() -> None:
    wire = Wire()
    wire.office.maintenance = True
    assert wire.challenge() == ["500 3|"]
    assert wire.closed


def test_a_second_sign_in_ends_the_first() -> None:
    first = Wire()
    first.sign_in()
    second = Wire(first.office)
    second.challenge()
    assert first.heard() == []
    second.say("USR", 4, "TWN", "S", first.office.tickets.issue("alice@example.com")[0])
    assert first.heard() == ["OUT OTH|"]
    assert first.closed
    assert first.woken == 1
    at_once(first.role.gone())
    assert list(first.office.here.values()) == [second.role]


def test_nobody_is_thrown_out_before_the_ticket_was_checked() -> None:
    first = Wire()
    first.sign_in()
    second = Wire(first.office)
    second.challenge()
    second.say("USR", 4, "TWN", "S", "wrong")
    assert not first.closed


@pytest.mark.parametrize(("version", "line"), [(8, "QNG|"), (9, "QNG 50|"), (14, "QNG 50|")])
def test_png(version: int, line: str) -> None:
    wire = Wire()
    wire.sign_in(version)
    assert wire.say("PNG", None) == [line]


@pytest.mark.parametrize("version", [8, 10, 11, 14])
def test_chg_and_the_challenge(version: int) -> None:
    wire = Wire()
    wire.sign_in(version)
    chg, chl = wire.say("CHG", 5, "NLN", "0")
    assert chg == "CHG 5 NLN 0|"
    challenge = chl.removeprefix("CHL 0 ").removesuffix("|")
    assert len(challenge) == 20
    assert wire.say("CHG", 6, "BSY", "0") == ["CHG 6 BSY 0|"]
    dialect = DIALECTS[version]
    for product_id, key in PRODUCTS.items():
        payload = answer(dialect.query, challenge, product_id, key)
        assert wire.say("QRY", 7, product_id, payload=payload) == ["QRY 7|"]
    assert wire.say("QRY", 8, dialect.product.id, payload=b"x" * 32) == ["540 8|"]
    assert wire.closed


@pytest.mark.parametrize("product_id", ["nobody", ""])
def test_an_unknown_product(product_id: str) -> None:
    wire = Wire()
    wire.sign_in()
    wire.say("CHG", 5, "NLN", "0")
    words = (product_id,) if product_id else ()
    assert wire.say("QRY", 6, *words, payload=b"x" * 32) == ["540 6|"]


def test_an_answer_to_no_challenge() -> None:
    wire = Wire()
    wire.sign_in()
    payload = answer(DIALECTS[12].query, "", "PROD0090YUAUV{2B", PRODUCTS["PROD0090YUAUV{2B"])
    assert wire.say("QRY", 6, "PROD0090YUAUV{2B", payload=payload) == ["540 6|"]


def test_a_challenge_that_the_client_asks_for() -> None:
    wire = Wire()
    wire.sign_in()
    (line,) = wire.say("CHL", 6)
    assert line.startswith("CHL 6 ")


@pytest.mark.parametrize("words", [("FLN",), ("XXX",), ()])
def test_a_state_that_is_none(words: tuple[str, ...]) -> None:
    wire = Wire()
    wire.sign_in()
    assert wire.say("CHG", 5, *words) == ["201 5|"]
    assert not wire.closed


def test_what_it_does_not_know() -> None:
    wire = Wire()
    wire.sign_in()
    assert wire.say("XYZ", 5) == ["502 5|"]
    assert wire.say("CHG", None, "NLN") == []
    assert wire.closed


@pytest.mark.parametrize("signed_in", [True, False])
def test_out(signed_in: bool) -> None:
    wire = Wire()
    if signed_in:
        wire.sign_in()
    assert wire.say("OUT", None) == []
    assert wire.closed
    at_once(wire.role.gone())
    assert not wire.office.here
    assert not at_once(wire.office.state.seats("alice@example.com"))


def lists(version: int, *contacts: str) -> Wire:
    account = Account("alice@example.com", Secret("x"), contacts=contacts)
    accounts = Accounts.of([account])
    wire = Wire(new_office(accounts))
    if version < 8:
        accounts.add(Account("alice@example.com", Secret("x"), contacts=contacts, allow_md5=True))
        (line,) = wire_md5(wire, version)
        salt = line.removeprefix("USR 3 MD5 S ").removesuffix("|")
        assert wire.say("USR", 4, "MD5", "S", md5_answer(salt, Secret("x")))[0].startswith(
            "USR 4 OK "
        )
    else:
        wire.sign_in(version)
    return wire


def wire_md5(wire: Wire, version: int) -> list[str]:
    assert wire.say("VER", 1, f"MSNP{version}", "CVR0") == [f"VER 1 MSNP{version}|"]
    assert wire.say("INF", 2) == ["INF 2 MD5|"]
    return wire.say("USR", 3, "MD5", "I", "alice@example.com")


GUID = "c3e6c2c6-5d6c-5d0a-8a7c-000000000000"


@pytest.mark.parametrize(
    ("version", "ask", "lines"),
    [
        (6, ("0",), ["SYN 5 1|", "GTC 5 1 A|", "BLP 5 1 AL|", "LST 5 FL 1 1 1 x@y x%40y|", "LST 5 AL 1 1 1 x@y x%40y|", "LST 5 BL 1 0 0|", "LST 5 RL 1 0 0|"]),
        (6, ("1",), ["SYN 5 1|"]),
        (7, ("0",), ["SYN 5 1|", "GTC 5 1 A|", "BLP 5 1 AL|", "LSG 5 1 1 1 0 Other%20Contacts 0|", "LST 5 FL 1 1 1 x@y x%40y 0|", "LST 5 AL 1 1 1 x@y x%40y|", "LST 5 BL 1 0 0|", "LST 5 RL 1 0 0|"]),
        (8, ("0",), ["SYN 5 1 1 1|", "GTC A|", "BLP AL|", "LSG 0 Other%20Contacts 0|", "LST x@y x%40y 3 0|"]),
        (9, ("1",), ["SYN 5 1 1 1|"]),
        (13, ("0", "0"), ["502 5|"]),
    ],
)  # fmt: skip
def test_syn(version: int, ask: tuple[str, ...], lines: list[str]) -> None:
    assert lists(version, "x@y").say("SYN", 5, *ask) == lines


@pytest.mark.parametrize(("version", "end"), [(10, "3|"), (12, "3 1|")])
def test_syn_with_timestamps(version: int, end: str) -> None:
    wire = lists(version, "x@y")
    syn, gtc, blp, prp, lst = wire.say("SYN", 5, "0", "0")
    assert (gtc, blp, prp[:8]) == ("GTC A|", "BLP AL|", "PRP MFN ")
    assert lst.startswith("LST N=x@y F=x%40y C=")
    assert lst.endswith(end)
    stamps = syn.split()[2:4]
    assert wire.say("SYN", 6, *stamps) == [f"SYN 6 {stamps[0]} {stamps[1]} 1 0|"]


def test_an_empty_list() -> None:
    assert lists(9).say("SYN", 5, "0")[0] == "SYN 5 1 0 1|"


@pytest.mark.parametrize(
    ("version", "line"),
    [(7, "BLP 5 1 AL|"), (9, "BLP 5 1 AL|"), (10, "BLP 5 AL|"), (18, "BLP 5 AL|")],
)
def test_settings(version: int, line: str) -> None:
    wire = lists(version) if version < 15 else sso_in(version)
    assert wire.say("BLP", 5, "AL") == [line]
    assert wire.say("GTC", 6, "A")[0].startswith("GTC 6 ")
    assert wire.say("PRP", 7, "MFN", "Al")[0].endswith("MFN Al|")


def test_what_real_clients_wait_for() -> None:
    wire = lists(14)
    assert wire.say("ADL", 5, payload=b'<ml l="1"></ml>') == ["ADL 5 OK|"]
    assert wire.say("RML", 6, payload=b"<ml/>") == ["RML 6 OK|"]
    assert wire.say("ADL", 7, payload=b"nonsense") == ["240 7|"]
    assert wire.say("UUX", 8, payload=b"<Data/>") == ["UUX 8 0|"]
    assert wire.say("FQY", 9, payload=b"<ml/>") == ["FQY 9 5|<ml/>"]
    assert wire.say("GCF", 10, "Shields.xml")[0].startswith("GCF 10 Shields.xml 61|")
    assert wire.say("XFR", 11, "SB") == ["601 11|"]


# --- MD5 and SSO -------------------------------------------------------------------------------


def test_md5_only_for_accounts_that_allow_it() -> None:
    wire = Wire()
    (line,) = wire_md5(wire, 7)
    salt = line.removeprefix("USR 3 MD5 S ").removesuffix("|")
    assert wire.say("USR", 4, "MD5", "S", md5_answer(salt, Secret("x"))) == ["911 4|"]
    again = Wire()
    (line,) = wire_md5(again, 7)
    salt = line.removeprefix("USR 3 MD5 S ").removesuffix("|")
    assert again.say("USR", 4, "MD5", "S", md5_answer(salt, Secret(""))) == ["911 4|"]


@pytest.mark.parametrize("scheme", ["TWN", "SSO"])
def test_another_scheme_than_the_dialects_closes(scheme: str) -> None:
    wire = Wire()
    wire.say("VER", 1, "MSNP7")
    assert wire.say("USR", 3, scheme, "I", "alice@example.com") == []
    assert wire.closed


def sso(version: int, passport: str = "alice@example.com") -> tuple[Wire, str, str, str]:
    wire = Wire()
    line = (
        wire.challenge(version, passport)[-1]
        if version < 15
        else challenged(wire, version, passport)
    )
    policy, nonce = line.removeprefix("USR 3 SSO S ").removesuffix("|").split()
    assert (policy, len(nonce)) == ("MBI_KEY_OLD", 64)
    secret = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
    ticket, _ = wire.office.tickets.issue(passport, "messengerclear.live.com", secret=secret)
    return wire, ticket, proof(secret, nonce), nonce


def challenged(wire: Wire, version: int, passport: str) -> str:
    wire.say("VER", 1, f"MSNP{version}")
    return wire.say("USR", 3, "SSO", "I", passport)[-1]


def sso_in(version: int) -> Wire:
    wire, ticket, response, _ = sso(version)
    words = [ticket, response, *([GUID] if version > 15 else [])]
    assert wire.say("USR", 4, "SSO", "S", *words)[0] == "USR 4 OK alice@example.com 1 0|"
    return wire


@pytest.mark.parametrize("version", [15, 16, 18, 19, 21])
def test_sso(version: int) -> None:
    sso_in(version)


@pytest.mark.parametrize("guid", [GUID, f"{{{GUID.upper()}}}", GUID.upper()])
def test_a_guid_in_every_form(guid: str) -> None:
    wire, ticket, response, _ = sso(18)
    assert wire.say("USR", 4, "SSO", "S", ticket, response, guid)[0].startswith("USR 4 OK")
    assert wire.role.guid == f"{{{GUID.upper()}}}"


@pytest.mark.parametrize(
    "change", ["no response", "no guid", "bad guid", "wrong response", "other ticket", "no words"]
)
def test_sso_that_is_refused(change: str) -> None:
    wire, ticket, response, _ = sso(18)
    words = {
        "no response": [ticket],
        "no guid": [ticket, response],
        "bad guid": [ticket, response, "x"],
        "wrong response": [ticket, response[:-4] + "AAAA", GUID],
        "other ticket": [wire.office.tickets.issue("alice@example.com")[0], response, GUID],
        "no words": [""],
    }[change]
    assert wire.say("USR", 4, "SSO", "S", *[word or "x" for word in words]) == ["911 4|"]


def test_a_nonce_is_good_once() -> None:
    wire, ticket, response, _ = sso(15)
    assert wire.say("USR", 4, "SSO", "S", ticket, response)[0].startswith("USR 4 OK")
    other, _, _, _ = sso(15)
    other.office.tickets = wire.office.tickets
    assert other.say("USR", 4, "SSO", "S", ticket, response) == ["911 4|"]


@pytest.mark.parametrize("version", [12, 18])
def test_usr_with_more_words_than_its_scheme_has(version: int) -> None:
    if version < 15:
        wire = Wire()
        wire.challenge(version)
        words = [wire.office.tickets.issue("alice@example.com")[0], "more"]
    else:
        wire, ticket, response, _ = sso(version)
        words = [ticket, response, GUID, "more"]
    assert wire.say("USR", 4, "TWN" if version < 15 else "SSO", "S", *words) == []
    assert wire.closed


@pytest.mark.parametrize("verb", ["PUT", "SDG", "DEL"])
def test_what_is_published(verb: str) -> None:
    assert sso_in(18).say(verb, 5, payload=b"Routing: 1.0\r\n\r\n") == [f"{verb} 5 OK 0|"]
    assert sso_in(16).say(verb, 5, payload=b"Routing: 1.0\r\n\r\n") == ["502 5|"]


def test_msnp21_is_asked_before_it_is_told() -> None:
    wire, ticket, response, _ = sso(21)
    said = wire.say("USR", 4, "SSO", "S", ticket, response, GUID)
    assert [line[:3] for line in said] == ["USR", "SBS", "CHL", "MSG"]
    assert wire.say("CHG", 5, "NLN", "0") == ["CHG 5 NLN 0|"]


# --- stores that cannot tell now -----------------------------------------------------------------


def down(monkeypatch: pytest.MonkeyPatch, store: object, method: str, code: int | None) -> None:
    async def fails(*_: object, **__: object) -> NoReturn:
        raise ServiceUnavailable("the database is busy", code=code)

    monkeypatch.setattr(store, method, fails)


@pytest.mark.parametrize(("code", "said"), [(None, "601"), (910, "910")])
@pytest.mark.parametrize("method", ["find", "is_live"])
def test_a_store_that_is_down_before_sign_in(
    monkeypatch: pytest.MonkeyPatch, method: str, code: int | None, said: str
) -> None:
    wire = Wire()
    wire.challenge()
    down(monkeypatch, wire.office.accounts, method, code)
    ticket = wire.office.tickets.issue("alice@example.com")[0]
    assert wire.say("USR", 4, "TWN", "S", ticket) == [f"{said} 4|"]
    assert wire.closed
    assert not wire.role.is_signed_in
    assert not wire.office.here


@pytest.mark.parametrize("method", ["knows", "check_md5", "signed_in"])
def test_a_store_that_is_down_at_md5(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    account = Account("alice@example.com", Secret("x"), allow_md5=True)
    wire = Wire(new_office(Accounts.of([account])))
    (line,) = wire_md5(wire, 7)
    salt = line.removeprefix("USR 3 MD5 S ").removesuffix("|")
    down(monkeypatch, wire.office.accounts, method, None)
    assert wire.say("USR", 4, "MD5", "S", md5_answer(salt, Secret("x"))) == ["601 4|"]
    assert wire.closed
    assert not wire.role.is_signed_in


@pytest.mark.parametrize(("code", "said"), [(None, "601"), (910, "910")])
def test_a_store_that_is_down_after_sign_in(
    monkeypatch: pytest.MonkeyPatch, code: int | None, said: str
) -> None:
    wire = Wire()
    wire.sign_in()
    with monkeypatch.context() as patched:
        down(patched, wire.office.lists, "lists", code)
        assert wire.say("SYN", 5, "0", "0") == [f"{said} 5|"]
        assert not wire.closed
        assert wire.say("PNG", None) == ["QNG 50|"]
    assert wire.say("SYN", 6, "0", "0")[0].startswith("SYN 6 ")
    assert wire.role.is_signed_in

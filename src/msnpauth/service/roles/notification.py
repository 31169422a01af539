"""The notification role, without I/O: one connection from VER to OUT; also the dispatch server.

Every handler begins with the line it answers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime

from ...core.client.routes import md5_answer
from ...core.client.sign_in import check_guid
from ...core.errors import LocalProtocolError
from ...core.secrets import Secret
from ...core.tickets.ticket import utc_now
from ...core.tickets.xml import BadXml, parse
from ...core.urls import Address
from ...core.wire.commands import Command, escape, unescape
from ...core.wire.dialects import Dialect, QueryRule, Scheme, choose
from ...core.wire.query import PRODUCTS, answer
from ..stores.protocol import Account, AccountStore, Place, Seat, SharedState
from ..tickets import TicketOffice
from .lists import setting, synchronized

__all__ = ["NotificationRole", "Office"]

_STATES = frozenset({"NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN", "HDN"})
_POLICIES = b'<?xml version= "1.0" encoding="utf-8" ?><Policies></Policies>'
_QNG_SECONDS = "50"
# Of USR … S: scheme, S, and a hash, a ticket, or a ticket with its proof and the machine's GUID.
_MOST_WORDS = {Scheme.MD5: 3, Scheme.TWN: 3, Scheme.SSO: 5}
_HOP = base64.b64encode(b"Version: 1\r\nXfrCount: 1").decode()


class Office:
    """What all connections of one process share: the stores, and the roles that are here.

    Args:
        accounts: who may sign in.
        tickets: checks what proves it.
        state: what the processes of a network know of each other's connections.
        dialects: what the service speaks.
        node: what this process is called among the others; a random name by default.
        now: the clock.
    """

    def __init__(
        self,
        accounts: AccountStore,
        tickets: TicketOffice,
        state: SharedState,
        dialects: tuple[Dialect, ...],
        *,
        node: str | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.accounts = accounts
        self.tickets = tickets
        self.state = state
        self.dialects = dialects
        self.node = node or secrets.token_hex(8)
        self.now = now
        self.maintenance = False
        self.here: dict[int, NotificationRole] = {}
        """The roles of this process that are signed in, by the numbers of their connections."""
        self._numbers = itertools.count(1)

    async def open(self) -> None:
        """Listen to what other processes say to this one."""
        await self.state.listen(self.node, self._heard)

    async def enter(self, account: Account, role: NotificationRole) -> None:
        """Note a sign-in that succeeded; an earlier one from the same place is told and ended."""
        number = role.number = next(self._numbers)
        self.here[number] = role
        before = await self.state.enter(role.place_of(account), Seat(self.node, number))
        if before is not None:
            await self._put_out(before, "OTH")

    async def leave(self, account: Account, role: NotificationRole) -> None:
        """Note that a connection is gone."""
        self.here.pop(role.number, None)
        await self.state.leave(role.place_of(account), Seat(self.node, role.number))

    async def put_out(self, passport: str, reason: str) -> None:
        """End every session of an account, in whichever process it is."""
        for seat in await self.state.seats(passport.casefold()):
            await self._put_out(seat, reason)

    async def _put_out(self, seat: Seat, reason: str) -> None:
        if seat.node == self.node:
            self._end(seat.connection, reason)
        else:
            await self.state.tell(seat.node, f"{seat.connection} {reason}")

    def _heard(self, word: str) -> None:
        """Do what another process asks for: the number of a connection, and why it has to end."""
        number, _, reason = word.partition(" ")
        self._end(int(number), reason)

    def _end(self, connection: int, reason: str) -> None:
        role = self.here.get(connection)
        if role is not None:
            role.put_out(reason)


class NotificationRole:
    """One connection.

    Whoever carries it hands in commands by `receive`, writes what is in `out`, and closes when
    `closing` is set; `wake` is called when there is something to write that nothing came for.
    """

    def __init__(
        self,
        office: Office,
        *,
        here: Address,
        transfer_to: Address | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._office = office
        self._here = here
        self._transfer_to = transfer_to
        self._wake = wake
        self._dialect: Dialect | None = None
        self._passport = ""
        self._challenge = ""
        self._query = ""
        self.guid = ""
        self.number = 0
        """What the office calls the connection, once it is signed in."""
        self.account: Account | None = None
        self.out: list[Command] = []
        self.closing = False

    def place_of(self, account: Account) -> Place:
        """Return the place that this connection takes when the account signs in over it."""
        return Place(account.passport.casefold(), self.guid)

    async def receive(self, command: Command) -> None:
        """Take a command of the client; whoever carries the role waits for each before the next."""
        if self.closing:
            return
        handler = _HANDLERS.get(command.verb)
        if self.account is None and command.verb not in _BEFORE_SIGN_IN:
            # Nothing else is answered before USR OK, and a client that asks is no client of MSNP.
            self.closing = True
        elif handler is None:
            # 502 is "command disabled": a client goes on after it, and would wait for ever without.
            self._say("502", command.trid)
        elif command.trid is None and command.verb not in ("PNG", "OUT"):
            self.closing = True
        else:
            await handler(self, command)

    def put_out(self, reason: str) -> None:
        """End the session from this side by `OUT` and a reason: `SSD`, `RCT 5` … or none."""
        self._say("OUT", None, *reason.split())
        self.closing = True
        self._wake()

    async def gone(self) -> None:
        """The connection is closed."""
        if self.account is not None:
            await self._office.leave(self.account, self)

    # --- handlers ------------------------------------------------------------------------------

    async def _on_ver(self, command: Command) -> None:
        # C: VER 1 MSNP12 MSNP11 CVR0
        if self._dialect is not None:
            self._refuse(command, 715)
            return
        self._dialect = choose(command.args, self._office.dialects)
        if self._dialect is None:
            self._say("VER", command.trid, "0")
            self.closing = True
        else:
            self._say("VER", command.trid, self._dialect.name)

    async def _on_inf(self, command: Command) -> None:
        # C: INF 2  S: INF 2 MD5
        if self._dialect is None or not self._dialect.inf:
            self.closing = True
        else:
            self._say("INF", command.trid, Scheme.MD5)

    async def _on_cvr(self, command: Command) -> None:
        # C: CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 8.5.1302 BC01 alice@example.com
        # Clients need the answer to go on to USR, and nothing of what is in it. Escargot answers
        # nothing to a CVR that is too short; an error is kinder to whoever writes a client.
        if len(command.args) < 6:
            self._say("710", command.trid)
            return
        version = command.args[5]
        url = "http://messenger.example/"
        self._say("CVR", command.trid, version, version, version, url, url)

    async def _on_usr(self, command: Command) -> None:
        # C: USR 3 TWN I alice@example.com | USR 4 TWN S t=…&p=…
        scheme = self._dialect.scheme if self._dialect else None
        if command.args[:1] != (scheme,) or len(command.args) < 3:
            self.closing = True
        elif self.account is not None:
            self._say("207", command.trid)
        elif self._office.maintenance:
            self._refuse(command, 500)
        elif command.args[1] == "I" and len(command.args) == 3:
            self._on_usr_i(command, unescape(command.args[2]))
        elif command.args[1] == "S" and len(command.args) <= _MOST_WORDS[Scheme(command.args[0])]:
            await self._on_usr_s(command, command.args[2:])
        else:
            self.closing = True

    def _on_usr_i(self, command: Command, passport: str) -> None:
        assert self._dialect is not None  # _on_usr saw to it
        if self._transfer_to is not None:
            # A dispatch server sends everybody on, and never sees a password (ywiki xfr).
            form = self._dialect.xfr.format(current=self._here, hop=_HOP)
            self._say("XFR", command.trid, "NS", str(self._transfer_to), *form.split())
            self.closing = True
            return
        self._passport = passport
        # The policies (Shields.xml) come unasked from MSNP13 on, and just here (ywiki gcf).
        if self._dialect.gcf_unasked:
            self.out.append(Command("GCF", 0, (), _POLICIES))
        # An account that does not exist is given a challenge too: nobody can ask who exists.
        words = self._new_challenge(self._dialect.scheme)
        self._challenge = words[-1]
        self._say("USR", command.trid, self._dialect.scheme, "S", *words)

    def _new_challenge(self, scheme: Scheme) -> tuple[str, ...]:
        match scheme:
            case Scheme.MD5:
                return (f"{int(self._office.now().timestamp())}.{secrets.randbelow(10**9)}",)
            case Scheme.TWN:
                return (_twn_challenge(self._office.now()),)
            case Scheme.SSO:
                return ("MBI_KEY_OLD", base64.b64encode(secrets.token_bytes(48)).decode())

    async def _on_usr_s(self, command: Command, words: tuple[str, ...]) -> None:
        # The challenge is used up, whatever comes of it.
        challenge, self._challenge = self._challenge, ""
        account = await self._office.accounts.find(self._passport)
        # The proof first: an account that does not exist is refused for the same reason.
        if not challenge or not await self._is_proof(words, challenge, account) or not account:
            self._refuse(command, 911)
        elif account.refusal is not None:
            self._refuse(command, account.refusal)
        else:
            await self._welcome(command, account)

    async def _is_proof(
        self, words: tuple[str, ...], challenge: str, account: Account | None
    ) -> bool:
        assert self._dialect is not None  # _on_usr saw to it
        tickets = self._office.tickets
        match self._dialect.scheme:
            case Scheme.MD5:
                password = account.password if account and account.allow_md5 else Secret("")
                right = hmac.compare_digest(
                    md5_answer(challenge, password).encode(), words[0].encode("utf-8", "replace")
                )
                return right and bool(password)
            case Scheme.TWN:
                return await tickets.accept(words[0], self._passport, self._office.state)
            case Scheme.SSO:
                ticket, response, guid = (*words, "", "")[:3]
                if self._dialect.guid:
                    try:
                        self.guid = check_guid(guid)
                    except LocalProtocolError:
                        return False
                grant = tickets.check_sso(ticket, response, challenge, self._passport)
                return grant is not None

    async def _welcome(self, command: Command, account: Account) -> None:
        # S: USR 4 OK mail name 1 0 (MSNP8, 9) | USR 4 OK mail 1 0
        assert self._dialect is not None  # _on_usr saw to it
        self.account = account
        name = (
            [escape(account.display_name or account.passport)] if self._dialect.name_in_ok else []
        )
        flags = [str(int(account.verified)), str(int(account.restricted))]
        # The client's own spelling: it compares the address with what it sent.
        self._say(
            "USR", command.trid, "OK", self._passport, *name, *flags[: self._dialect.flags_in_ok]
        )
        if self._dialect.sbs:
            # Nobody knows what it means (MSNPiki), but every real server said it from MSNP11 on.
            self._say("SBS", 0, "null")
        if self._dialect.chl_first:
            # The first CHL comes by itself from here on; before, the first CHG brings it.
            self._ask()
        profile = _profile(account, self._dialect, int(self._office.now().timestamp()))
        self.out.append(Command("MSG", None, ("Hotmail", "Hotmail"), profile))
        # Only now: before the ticket was checked anybody could have thrown a user out.
        await self._office.enter(account, self)

    async def _on_png(self, command: Command) -> None:
        # C: PNG  S: QNG | QNG 50
        assert self._dialect is not None  # signed in
        self._say("QNG", None, *([_QNG_SECONDS] if self._dialect.qng_seconds else []))

    async def _on_chg(self, command: Command) -> None:
        # C: CHG 5 NLN 0  S: CHG 5 NLN 0
        if command.args[:1] and command.args[0] in _STATES:
            self._say("CHG", command.trid, *command.args)
            if not self._query and self._dialect and self._dialect.query is not QueryRule.NONE:
                self._ask()
        else:
            self._say("201", command.trid)

    def _ask(self) -> None:
        # 20 digits and an id of 16: the length on which clients agree (MSNPiki).
        self._query = "".join(secrets.choice("0123456789") for _ in range(20))
        self._say("CHL", 0, self._query)

    async def _on_chl(self, command: Command) -> None:
        # C: CHL 6  S: CHL 6 15570131571988941333
        self._ask()
        self.out[-1] = Command("CHL", command.trid, (self._query,))

    async def _on_qry(self, command: Command) -> None:
        # C: QRY 7 PROD0090YUAUV{2B 32
        assert self._dialect is not None  # signed in
        product_id = unescape(command.args[0]) if command.args else ""
        # A product that nobody knows has no key, and its answer cannot be checked: it is refused as
        # a wrong answer is, with 540 and a closed connection (MSNPiki).
        key = PRODUCTS.get(product_id, "")
        expected = answer(self._dialect.query, self._query, product_id, key)
        if key and self._query and command.payload == expected:
            self._say("QRY", command.trid)
        else:
            self._refuse(command, 540)

    async def _on_syn(self, command: Command) -> None:
        # C: SYN 5 0 | SYN 5 0 0
        assert self._dialect is not None  # signed in
        assert self.account is not None
        answer = synchronized(self._dialect, command.trid, command.args, self.account.contacts)
        if answer is None:
            self._say("502", command.trid)
        else:
            self.out += answer

    async def _on_setting(self, command: Command) -> None:
        # C: BLP 6 AL | GTC 7 A | PRP 8 MFN name | REA 9 mail name
        assert self._dialect is not None  # signed in
        self.out.append(setting(self._dialect, command))

    async def _on_list_change(self, command: Command) -> None:
        # C: ADL 6 55, RML 7 55  S: ADL 6 OK
        try:
            parse(command.payload or b"")
        except BadXml:
            self._say("240", command.trid)
        else:
            self._say(command.verb, command.trid, "OK")

    async def _on_uux(self, command: Command) -> None:
        # C: UUX 8 53  S: UUX 8 0, which libpurple reads a length in
        self.out.append(Command("UUX", command.trid, (), b""))

    async def _on_put(self, command: Command) -> None:
        # C: PUT 8 412, SDG 9 300, DEL 10 120  S: PUT 8 OK 0
        assert self._dialect is not None  # signed in
        if self._dialect.publishes:
            self.out.append(Command(command.verb, command.trid, ("OK",), b""))
        else:
            self._say("502", command.trid)

    async def _on_fqy(self, command: Command) -> None:
        # C: FQY 9 40  S: FQY 9 40 and the same: everybody is of this network
        self.out.append(Command("FQY", command.trid, (), command.payload or b""))

    async def _on_gcf(self, command: Command) -> None:
        # C: GCF 5 Shields.xml
        self.out.append(Command("GCF", command.trid, command.args, _POLICIES))

    async def _on_xfr(self, command: Command) -> None:
        # C: XFR 15 SB: there is no switchboard here
        self._say("601", command.trid)

    async def _on_out(self, command: Command) -> None:
        self.closing = True

    # --- helpers -------------------------------------------------------------------------------

    def _say(self, verb: str, trid: int | None, *args: str) -> None:
        self.out.append(Command(verb, trid, args))

    def _refuse(self, command: Command, code: int) -> None:
        self._say(str(code), command.trid)
        self.closing = True


_Handler = Callable[[NotificationRole, Command], Awaitable[None]]

_HANDLERS: dict[str, _Handler] = {
    "VER": NotificationRole._on_ver,
    "INF": NotificationRole._on_inf,
    "CVR": NotificationRole._on_cvr,
    "USR": NotificationRole._on_usr,
    "PNG": NotificationRole._on_png,
    "CHG": NotificationRole._on_chg,
    "CHL": NotificationRole._on_chl,
    "QRY": NotificationRole._on_qry,
    "SYN": NotificationRole._on_syn,
    "BLP": NotificationRole._on_setting,
    "GTC": NotificationRole._on_setting,
    "PRP": NotificationRole._on_setting,
    "REA": NotificationRole._on_setting,
    "ADL": NotificationRole._on_list_change,
    "RML": NotificationRole._on_list_change,
    "UUX": NotificationRole._on_uux,
    "PUT": NotificationRole._on_put,
    "SDG": NotificationRole._on_put,
    "DEL": NotificationRole._on_put,
    "FQY": NotificationRole._on_fqy,
    "GCF": NotificationRole._on_gcf,
    "XFR": NotificationRole._on_xfr,
    "OUT": NotificationRole._on_out,
}
_BEFORE_SIGN_IN = frozenset({"VER", "INF", "CVR", "USR", "OUT"})


def _twn_challenge(now: datetime) -> str:
    """Return a challenge of the ten fields that libpurple takes apart and puts together again."""
    rest = (
        "lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom"
        f",ct={int(now.timestamp())},kpp=1,kv=7,ver=2.1.6000.1,rn={secrets.token_hex(4)}"
    )
    fingerprint = hashlib.md5(rest.encode(), usedforsecurity=False).hexdigest()
    return f"{rest},tpf={fingerprint}"


def _profile(account: Account, dialect: Dialect, login_time: int) -> bytes:
    fields: dict[str, object] = {
        "MIME-Version": "1.0",
        "Content-Type": "text/x-msmsgsprofile; charset=UTF-8",
        "LoginTime": login_time,
        "EmailEnabled": 0,
        "MemberIdHigh": 0,
        "MemberIdLow": int.from_bytes(hashlib.sha256(account.passport.encode()).digest()[:4]),
        "lang_preference": 1033,
        "preferredEmail": account.passport,
        # Empty, but there: libpurple of 2007 crashed on a profile with less.
        **dict.fromkeys(("country", "PostalCode", "Gender", "Kid", "Age", "BDayPre"), ""),
        **dict.fromkeys(("Birthday", "Wallet", "Flags"), ""),
        "sid": 507,
        "kv": 7,
        "ABCHMigrated": 1,
        "MPOPEnabled": int(dialect.guid),
    }
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"

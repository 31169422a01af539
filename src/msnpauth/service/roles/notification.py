"""The notification role, without I/O: one connection from VER to OUT; also the dispatch server.

Every handler begins with the line it answers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from ...core.client.routes import md5_answer
from ...core.client.sign_in import check_guid
from ...core.errors import LocalProtocolError
from ...core.secrets import Secret
from ...core.urls import Address
from ...core.wire.commands import Command, escape, unescape
from ...core.wire.dialects import Dialect, QueryRule, Scheme, choose
from ...core.wire.query import PRODUCTS, answer
from ..stores.protocol import Account, Place, Presence
from . import seen
from .chats import Chats
from .connected import Connected
from .list_commands import LIST_COMMANDS
from .lists import setting
from .news import Listed, News, PutOut, Rung, Seen
from .office import Office
from .people import INVISIBLE

__all__ = ["NotificationRole"]

_STATES = frozenset({"NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN", "HDN"})
_POLICIES = b'<?xml version= "1.0" encoding="utf-8" ?><Policies></Policies>'
_QNG_SECONDS = "50"
# Of USR … S: scheme, S, and a hash, a ticket, or a ticket with its proof and the machine's GUID.
_MOST_WORDS = {Scheme.MD5: 3, Scheme.TWN: 3, Scheme.SSO: 5}
_HOP = base64.b64encode(b"Version: 1\r\nXfrCount: 1").decode()


class NotificationRole(Connected):
    """One connection.

    Whoever carries it hands in commands by `receive`, writes what is in `out`, and closes when
    `closing` is set; `wake` is called when there is something to write that nothing came for.
    """

    sign_in_seconds = 60.0
    idle_seconds = 180.0  # a client pings at least once a minute

    def __init__(
        self,
        office: Office,
        *,
        here: Address,
        transfer_to: Address | None = None,
        chats: Chats | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(office)
        self._here = here
        self._transfer_to = transfer_to
        self._chats = chats
        self._wake = wake
        self._passport = ""
        self._challenge = ""
        self._query = ""
        self._presence: Presence | None = None
        self._message = ""
        self.guid = ""

    @property
    def is_signed_in(self) -> bool:
        """True once the account has proved who it is."""
        return self.account is not None

    def place_of(self, account: Account) -> Place:
        """Return the place that this connection takes when the account signs in over it."""
        return Place(account.passport.casefold(), self.guid)

    async def receive(self, command: Command) -> None:
        """Take a command of the client; whoever carries the role waits for each before the next."""
        if self.closing:
            return
        handler = _HANDLERS.get(command.verb) or LIST_COMMANDS.get(command.verb)
        if self.account is None and command.verb not in _BEFORE_SIGN_IN:
            # Nothing else is answered before USR OK, and a client that asks is no client of MSNP.
            self.closing = True
        elif handler is None:
            # 502 is "command disabled": a client goes on after it, and would wait for ever without.
            self.say("502", command.trid)
        elif command.trid is None and command.verb not in ("PNG", "OUT"):
            self.closing = True
        elif await self.office.faults.strike(self, command):
            return
        else:
            await handler(self, command)

    def put_out(self, reason: str) -> None:
        """End the session from this side by `OUT` and a reason: `SSD`, `RCT 5` … or none."""
        self.hear(PutOut(reason))

    def hear(self, news: News) -> None:
        """Take news of another connection."""
        dialect = self.spoken
        match news:
            case PutOut(reason):
                self.say("OUT", None, *reason.split())
                self.closing = True
            case Seen() if self.synchronized and self._presence is not None:
                self.out += seen.presence(dialect, news)
            case Listed() if self.synchronized:
                self.out.append(seen.listed(dialect, news, 1))
            case Rung() if self._presence is not None:
                self.out.append(seen.called(dialect, news))
            case _:
                return
        self._wake()

    def timed_out(self) -> None:
        """Nothing was said for too long."""

    async def gone(self) -> None:
        """The connection is closed."""
        if self.account is None:
            return
        if self._presence is not None:
            await self.people.show(self.account, self.office.seat_of(self), None)
        await self.office.leave(self.account, self)

    # --- handlers ------------------------------------------------------------------------------

    async def _on_ver(self, command: Command) -> None:
        # C: VER 1 MSNP12 MSNP11 CVR0
        if self.dialect is not None:
            self.refuse(command, 715)
            return
        self.dialect = choose(command.args, self.office.dialects)
        if self.dialect is None:
            self.say("VER", command.trid, "0")
            self.closing = True
        else:
            self.say("VER", command.trid, self.dialect.name)

    async def _on_inf(self, command: Command) -> None:
        # C: INF 2  S: INF 2 MD5
        if self.dialect is None or not self.dialect.inf:
            self.closing = True
        else:
            self.say("INF", command.trid, Scheme.MD5)

    async def _on_cvr(self, command: Command) -> None:
        # C: CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 8.5.1302 BC01 alice@example.com
        # Clients need the answer to go on to USR, and nothing of what is in it. Escargot answers
        # nothing to a CVR that is too short; an error is kinder to whoever writes a client.
        if len(command.args) < 6:
            self.say("710", command.trid)
            return
        version = command.args[5]
        url = "http://messenger.example/"
        self.say("CVR", command.trid, version, version, version, url, url)

    async def _on_usr(self, command: Command) -> None:
        # C: USR 3 TWN I alice@example.com | USR 4 TWN S t=…&p=…
        scheme = self.dialect.scheme if self.dialect else None
        if command.args[:1] != (scheme,) or len(command.args) < 3:
            self.closing = True
        elif self.account is not None:
            self.say("207", command.trid)
        elif self.office.maintenance:
            self.refuse(command, 500)
        elif command.args[1] == "I" and len(command.args) == 3:
            self._on_usr_i(command, unescape(command.args[2]))
        elif command.args[1] == "S" and len(command.args) <= _MOST_WORDS[Scheme(command.args[0])]:
            await self._on_usr_s(command, command.args[2:])
        else:
            self.closing = True

    def _on_usr_i(self, command: Command, passport: str) -> None:
        assert self.dialect is not None  # _on_usr saw to it
        if self._transfer_to is not None:
            # A dispatch server sends everybody on, and never sees a password (ywiki xfr).
            form = self.dialect.xfr.format(current=self._here, hop=_HOP)
            self.say("XFR", command.trid, "NS", str(self._transfer_to), *form.split())
            self.closing = True
            return
        self._passport = passport
        # The policies (Shields.xml) come unasked from MSNP13 on, and just here (ywiki gcf).
        if self.dialect.gcf_unasked:
            self.out.append(Command("GCF", 0, (), _POLICIES))
        # An account that does not exist is given a challenge too: nobody can ask who exists.
        words = self._new_challenge(self.dialect.scheme)
        self._challenge = words[-1]
        self.say("USR", command.trid, self.dialect.scheme, "S", *words)

    def _new_challenge(self, scheme: Scheme) -> tuple[str, ...]:
        match scheme:
            case Scheme.MD5:
                return (f"{int(self.office.now().timestamp())}.{secrets.randbelow(10**9)}",)
            case Scheme.TWN:
                return (_twn_challenge(self.office.now()),)
            case Scheme.SSO:
                return ("MBI_KEY_OLD", base64.b64encode(secrets.token_bytes(48)).decode())

    async def _on_usr_s(self, command: Command, words: tuple[str, ...]) -> None:
        # The challenge is used up, whatever comes of it.
        challenge, self._challenge = self._challenge, ""
        account = await self.office.accounts.find(self._passport)
        # The proof first: an account that does not exist is refused for the same reason.
        if not challenge or not await self._is_proof(words, challenge, account) or not account:
            self.refuse(command, 911)
        elif account.refusal is not None:
            self.refuse(command, account.refusal)
        else:
            await self._welcome(command, account)

    async def _is_proof(
        self, words: tuple[str, ...], challenge: str, account: Account | None
    ) -> bool:
        assert self.dialect is not None  # _on_usr saw to it
        tickets = self.office.tickets
        match self.dialect.scheme:
            case Scheme.MD5:
                password = account.secret if account and account.allow_md5 else Secret("")
                right = hmac.compare_digest(
                    md5_answer(challenge, password).encode(), words[0].encode("utf-8", "replace")
                )
                return right and bool(password)
            case Scheme.TWN:
                return await tickets.accept(words[0], self._passport, self.office.state)
            case Scheme.SSO:
                ticket, response, guid = (*words, "", "")[:3]
                if self.dialect.guid:
                    try:
                        self.guid = check_guid(guid)
                    except LocalProtocolError:
                        return False
                grant = tickets.check_sso(ticket, response, challenge, self._passport)
                return grant is not None

    async def _welcome(self, command: Command, account: Account) -> None:
        # S: USR 4 OK mail name 1 0 (MSNP8, 9) | USR 4 OK mail 1 0
        assert self.dialect is not None  # _on_usr saw to it
        self.account = account
        name = [escape(account.display_name or account.passport)] if self.dialect.name_in_ok else []
        flags = [str(int(account.verified)), str(int(account.restricted))]
        # The client's own spelling: it compares the address with what it sent.
        self.say(
            "USR", command.trid, "OK", self._passport, *name, *flags[: self.dialect.flags_in_ok]
        )
        if self.dialect.sbs:
            # Nobody knows what it means (MSNPiki), but every real server said it from MSNP11 on.
            self.say("SBS", 0, "null")
        if self.dialect.chl_first:
            # The first CHL comes by itself from here on; before, the first CHG brings it.
            self._ask()
        profile = _profile(account, self.dialect, int(self.office.now().timestamp()))
        self.out.append(Command("MSG", None, ("Hotmail", "Hotmail"), profile))
        # Only now: before the ticket was checked anybody could have thrown a user out.
        await self.office.enter(account, self)

    async def _on_png(self, command: Command) -> None:
        # C: PNG  S: QNG | QNG 50
        assert self.dialect is not None  # signed in
        self.say("QNG", None, *([_QNG_SECONDS] if self.dialect.qng_seconds else []))

    async def _on_chg(self, command: Command) -> None:
        # C: CHG 5 NLN 0 [object]  S: CHG 5 NLN 0, ILN 5 NLN friend Friend 0
        if not command.args or command.args[0] not in _STATES:
            self.say("201", command.trid)
            return
        is_first, account = self._presence is None, self.signed_in
        before = self._presence
        capabilities, picture = (*command.args[1:], "", "")[:2]
        self._presence = Presence(
            command.args[0],
            account.display_name or account.passport if before is None else before.name,
            capabilities or "0",
            picture,
            self._message,
        )
        self.say("CHG", command.trid, *command.args)
        if is_first and self.synchronized:
            for passport, presence in await self.people.seen_by(account):
                self.out += seen.presence(self.spoken, Seen(passport, presence), command.trid)
        await self._show()
        if not self._query and self.spoken.query is not QueryRule.NONE:
            self._ask()

    async def _show(self) -> None:
        """Let others see what has changed."""
        if self._presence is not None:
            await self.people.show(self.signed_in, self.office.seat_of(self), self._presence)

    def _ask(self) -> None:
        # 20 digits and an id of 16: the length on which clients agree (MSNPiki).
        self._query = "".join(secrets.choice("0123456789") for _ in range(20))
        self.say("CHL", 0, self._query)

    async def _on_chl(self, command: Command) -> None:
        # C: CHL 6  S: CHL 6 15570131571988941333
        self._ask()
        self.out[-1] = Command("CHL", command.trid, (self._query,))

    async def _on_qry(self, command: Command) -> None:
        # C: QRY 7 PROD0090YUAUV{2B 32
        assert self.dialect is not None  # signed in
        product_id = unescape(command.args[0]) if command.args else ""
        # A product that nobody knows has no key, and its answer cannot be checked: it is refused as
        # a wrong answer is, with 540 and a closed connection (MSNPiki).
        key = PRODUCTS.get(product_id, "")
        expected = answer(self.dialect.query, self._query, product_id, key)
        if key and self._query and command.payload == expected:
            self.say("QRY", command.trid)
        else:
            self.refuse(command, 540)

    async def _on_setting(self, command: Command) -> None:
        # C: GTC 7 A | PRP 8 MFN name | REA 9 mail name | SBP 10 guid MFN name
        self.out.append(setting(self.spoken, command))
        match command:
            case Command("PRP", args=("MFN", name)) | Command("REA", args=(_, name)):
                await self._rename(unescape(name))
            case _:
                pass

    async def _rename(self, name: str) -> None:
        self.account = replace(self.signed_in, display_name=name)
        if self._presence is not None:
            self._presence = replace(self._presence, name=name)
            await self._show()

    async def _on_uux(self, command: Command) -> None:
        # C: UUX 8 53  S: UUX 8 0, which libpurple reads a length in
        self._message = (command.payload or b"").decode("utf-8", "replace")
        self.say("UUX", command.trid, payload=b"")
        if self._presence is not None:
            self._presence = replace(self._presence, message=self._message)
            await self._show()

    async def _on_put(self, command: Command) -> None:
        # C: PUT 8 412, SDG 9 300, DEL 10 120  S: PUT 8 OK 0
        assert self.dialect is not None  # signed in
        if self.dialect.publishes:
            self.out.append(Command(command.verb, command.trid, ("OK",), b""))
        else:
            self.say("502", command.trid)

    async def _on_fqy(self, command: Command) -> None:
        # C: FQY 9 40  S: FQY 9 40 and the same: everybody is of this network
        self.out.append(Command("FQY", command.trid, (), command.payload or b""))

    async def _on_gcf(self, command: Command) -> None:
        # C: GCF 5 Shields.xml
        self.out.append(Command("GCF", command.trid, command.args, _POLICIES))

    async def _on_xfr(self, command: Command) -> None:
        # C: XFR 15 SB  S: XFR 15 SB host:port CKI key [U messenger.msn.com [1]]
        if command.args[:1] != ("SB",):
            self.say("201", command.trid)
        elif self._chats is None:
            self.say("601", command.trid)
        elif not self._may_chat():
            self.say("913", command.trid)
        elif not self._chats.may_begin(self.signed_in):
            self.say("800", command.trid)
        else:
            key = self._chats.invite(self.signed_in, self.guid, self.spoken, None)
            tail = self.spoken.chat_tail.split()
            self.say("XFR", command.trid, "SB", str(self._chats.here), "CKI", key, *tail)

    def _may_chat(self) -> bool:
        if self._presence is None:
            return False
        return self._presence.status != INVISIBLE or self.spoken.chats_invisible

    async def _on_out(self, command: Command) -> None:
        self.closing = True


_Handler = Callable[[Any, Command], Awaitable[None]]

_HANDLERS: dict[str, _Handler] = {
    "VER": NotificationRole._on_ver,
    "INF": NotificationRole._on_inf,
    "CVR": NotificationRole._on_cvr,
    "USR": NotificationRole._on_usr,
    "PNG": NotificationRole._on_png,
    "CHG": NotificationRole._on_chg,
    "CHL": NotificationRole._on_chl,
    "QRY": NotificationRole._on_qry,
    "GTC": NotificationRole._on_setting,
    "PRP": NotificationRole._on_setting,
    "REA": NotificationRole._on_setting,
    "SBP": NotificationRole._on_setting,
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

"""The notification role, without I/O: one connection from VER to OUT; also the dispatch server.

Every handler begins with the line that it answers. The handlers for the sign-in and for keeping a
session alive are here. The other commands of a session are in `list_commands`, `presence_commands`
and `message_commands`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from ...core.credentials import check_guid
from ...core.errors import LocalProtocolError, ServiceUnavailable
from ...core.servers import CONTACTS_SITE
from ...core.urls import Address
from ...core.wire.commands import Command, escape, unescape
from ...core.wire.dialects import Dialect, ListsForm, Scheme, choose
from ...core.wire.query import PRODUCTS, answer
from ..stores.protocol import Principal
from ..tickets import Grant
from . import seen
from .chats import Chats
from .connected import Connected
from .left_messages import announced
from .list_commands import LIST_COMMANDS
from .message_commands import MESSAGE_COMMANDS, leave_chats, ring
from .news import LeftFor, Listed, News, PutOut, Rung, Seen
from .office import Office
from .presence_commands import PRESENCE_COMMANDS

__all__ = ["NotificationRole"]

_POLICIES = b'<?xml version= "1.0" encoding="utf-8" ?><Policies></Policies>'
_QNG_SECONDS = "50"
_UNAVAILABLE = 601  # "the server is unavailable": clients try again later
# The largest number of words of USR … S: scheme, S, and a hash, a ticket, or a ticket with its
# proof and the machine's GUID.
_MOST_WORDS = {Scheme.MD5: 3, Scheme.TWN: 3, Scheme.SSO: 5}
_HOP = base64.b64encode(b"Version: 1\r\nXfrCount: 1").decode()


class NotificationRole(Connected):
    """The role on one connection to the notification server or the dispatch server.

    The host of the connection passes commands to `receive`, sends the commands in `out`, and closes
    the connection when `closing` is set. The role calls `wake` when there are commands to send
    although no command has arrived.
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
        address: str = "",
    ) -> None:
        super().__init__(office, chats)
        self.address = address
        self._here = here
        self._transfer_to = transfer_to
        self._wake = wake
        self._passport = ""
        self._challenge = ""

    @property
    def is_signed_in(self) -> bool:
        """Whether the client has signed in."""
        return self.account is not None

    async def receive(self, command: Command) -> None:
        """Handle a command of the client. The host must wait for it before the next command."""
        if self.closing:
            return
        handler = _HANDLERS.get(command.verb)
        if self.account is None and command.verb not in _BEFORE_SIGN_IN:
            # No other command is answered before USR OK, and no MSNP client sends one that early.
            self.closing = True
        elif handler is None:
            # 502 means "command disabled": a client continues after this code, and would wait for
            # ever without an answer.
            self.say("502", command.trid)
        elif command.trid is None and command.verb not in ("PNG", "OUT"):
            self.closing = True
        elif await self.office.faults.strike(self, command):
            return
        else:
            await self._handle(handler, command)

    async def _handle(self, handler: _Handler, command: Command) -> None:
        """Answer a command. If a store fails, send an error code, and continue the session."""
        try:
            await handler(self, command)
        except ServiceUnavailable as why:
            self.say(str(why.code or _UNAVAILABLE), command.trid)
            self.closing = self.closing or self.account is None

    def put_out(self, reason: str) -> None:
        """End the session from the side of the service by `OUT` with a reason, or without one."""
        self.hear(PutOut(reason))

    def hear(self, news: News) -> None:
        """Handle a message from another connection."""
        dialect = self.spoken
        match news:
            case PutOut(reason):
                self.say("OUT", None, *reason.split())
                self.closing = True
            case Seen() if self.synchronized and self.presence is not None:
                self.out += seen.presence(dialect, news, self.signed_in.passport)
            case Listed() if self.synchronized:
                self.out.append(seen.listed(dialect, news, 1))
            case Rung() if self.presence is not None:
                ring(self, news)
            case LeftFor() if self.presence is not None:
                self.out += announced(dialect, [news.message], initial=False)
            case _:
                return
        self.wake()

    def wake(self) -> None:
        self._wake()

    def timed_out(self) -> None:
        """Do nothing: a client that is silent for too long gets no answer."""

    async def gone(self) -> None:
        """Handle that the connection is closed: leave all chats, go offline, and free the place."""
        if self.account is None:
            return
        leave_chats(self)
        try:
            if self.presence is not None:
                await self.people.show(self.account, self.seat, None)
        finally:  # the place must become free even if the store has just failed
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
        # Clients need an answer to continue with USR, but nothing of its content. Escargot sends no
        # answer to a CVR that is too short; an error code is better for people who write a client.
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
        assert self.dialect is not None  # _on_usr has checked it
        if self._transfer_to is not None:
            # A dispatch server redirects every client, and never receives a password (ywiki xfr).
            form = self.dialect.xfr.format(current=self._here, hop=_HOP)
            self.say("XFR", command.trid, "NS", str(self._transfer_to), *form.split())
            self.closing = True
            return
        self._passport = passport
        # In MSNP13 and later the policies (Shields.xml) are sent without a request, exactly here
        # (ywiki gcf).
        if self.dialect.gcf_unasked:
            self.out.append(Command("GCF", 0, (), _POLICIES))
        # An account that does not exist gets a challenge too, so that nobody can find out which
        # accounts exist.
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
                # 48 bytes are 64 characters of base64 (MSNPiki). libpurple sends a wrong response
                # to a shorter nonce.
                return ("MBI_KEY_OLD", base64.b64encode(secrets.token_bytes(48)).decode())

    async def _on_usr_s(self, command: Command, words: tuple[str, ...]) -> None:
        # A challenge is valid for one attempt, whether the attempt succeeds or not.
        challenge, self._challenge = self._challenge, ""
        account = await self.office.accounts.find(self._passport)
        # The proof is checked first, so that an account that does not exist is refused like a wrong
        # proof.
        stamp = await self._proven(words, challenge) if challenge else None
        if stamp is None or account is None:
            self.refuse(command, 911)
        elif account.refusal is not None:
            self.refuse(command, account.refusal)
        else:
            self.stamp = stamp
            await self._welcome(command, account)

    async def _proven(self, words: tuple[str, ...], challenge: str) -> str | None:
        """Return the stamp of the password that the client has proved; None for a wrong proof."""
        assert self.dialect is not None  # _on_usr has checked it
        office, scheme = self.office, self.dialect.scheme
        if scheme is Scheme.MD5:
            proof = await office.door.check_md5(self._passport, challenge, words[0], self.address)
            # The check may have waited for the database, so that the stamp is checked after it.
            if proof is None or not await office.accounts.is_live(self._passport, proof.stamp):
                return None
            return proof.stamp
        if scheme is Scheme.TWN:
            grant = await office.tickets.accept(words[0], self._passport, office.state)
        else:
            grant = self._granted_by_sso(words, challenge)
        if grant is not None and await office.accounts.is_live(grant.passport, grant.stamp):
            return grant.stamp
        office.door.journal.refused(
            self._passport, scheme, self.address, "no ticket, or one that has ended"
        )
        return None

    def _granted_by_sso(self, words: tuple[str, ...], challenge: str) -> Grant | None:
        ticket, response, guid = (*words, "", "")[:3]
        if self.spoken.guid:
            try:
                self.guid = check_guid(guid)
            except LocalProtocolError:
                return None
        return self.office.tickets.check_sso(ticket, response, challenge, self._passport)

    async def _welcome(self, command: Command, account: Principal) -> None:
        # S: USR 4 OK mail name 1 0 (MSNP8, 9) | USR 4 OK mail 1 0
        assert self.dialect is not None  # _on_usr has checked it
        # After the ticket was checked: otherwise anybody could sign another user out. And before
        # any answer is sent: if the store fails, the client is not signed in.
        await self.office.enter(account, self)
        self.account = account
        name = [escape(account.display_name or account.passport)] if self.dialect.name_in_ok else []
        flags = [str(int(account.verified)), str(int(account.restricted))]
        # In the client's own letter case, because clients compare the address with the one that
        # they have sent.
        self.say(
            "USR", command.trid, "OK", self._passport, *name, *flags[: self.dialect.flags_in_ok]
        )
        if self.dialect.sbs:
            # Its meaning is unknown (MSNPiki), but every real server sent it in MSNP11 and later.
            self.say("SBS", 0, "null")
        if self.dialect.chl_first:
            # These versions get the first CHL after USR OK; earlier ones after the first CHG.
            self.ask()
        self.out.append(Command("MSG", None, ("Hotmail", "Hotmail"), self._profile(account)))
        self.office.door.journal.entered(account.passport, self.dialect.scheme, self.address)

    def _profile(self, account: Principal) -> bytes:
        dialect = self.spoken
        ticket = ""
        if dialect.lists is ListsForm.BY_SOAP and dialect.scheme is Scheme.TWN:
            # Clients that signed in by a login server have no other ticket for the contacts host:
            # libpurple of 2007 sends this ticket as a cookie. Later clients get their ticket by
            # RST, and need no ticket here, where everybody on the network could read it.
            ticket, _ = self.office.tickets.issue(account.passport, CONTACTS_SITE, stamp=self.stamp)
        return _profile(account, dialect, int(self.office.now().timestamp()), ticket)

    async def _on_png(self, command: Command) -> None:
        # C: PNG  S: QNG | QNG 50
        assert self.dialect is not None  # the client is signed in
        self.say("QNG", None, *([_QNG_SECONDS] if self.dialect.qng_seconds else []))

    async def _on_chl(self, command: Command) -> None:
        # C: CHL 6  S: CHL 6 15570131571988941333
        self.ask(command.trid)

    async def _on_qry(self, command: Command) -> None:
        # C: QRY 7 PROD0090YUAUV{2B 32
        assert self.dialect is not None  # the client is signed in
        product_id = unescape(command.args[0]) if command.args else ""
        # The answer of an unknown product cannot be checked without its key. So it is refused like
        # a wrong answer, with 540 and a closed connection (MSNPiki).
        key = PRODUCTS.get(product_id, "")
        expected = answer(self.dialect.query, self.query, product_id, key)
        if key and self.query and command.payload == expected:
            self.say("QRY", command.trid)
        else:
            self.refuse(command, 540)

    async def _on_fqy(self, command: Command) -> None:
        # C: FQY 9 40  S: FQY 9 40 and the same payload: everybody is on this network
        self.out.append(Command("FQY", command.trid, (), command.payload or b""))

    async def _on_gcf(self, command: Command) -> None:
        # C: GCF 5 Shields.xml
        self.out.append(Command("GCF", command.trid, command.args, _POLICIES))

    async def _on_out(self, command: Command) -> None:
        self.closing = True


_Handler = Callable[[Any, Command], Awaitable[None]]

_HANDLERS: dict[str, _Handler] = {
    "VER": NotificationRole._on_ver,
    "INF": NotificationRole._on_inf,
    "CVR": NotificationRole._on_cvr,
    "USR": NotificationRole._on_usr,
    "PNG": NotificationRole._on_png,
    "CHL": NotificationRole._on_chl,
    "QRY": NotificationRole._on_qry,
    "FQY": NotificationRole._on_fqy,
    "GCF": NotificationRole._on_gcf,
    "OUT": NotificationRole._on_out,
}
_HANDLERS.update(LIST_COMMANDS)
_HANDLERS.update(PRESENCE_COMMANDS)
_HANDLERS.update(MESSAGE_COMMANDS)

_BEFORE_SIGN_IN = frozenset({"VER", "INF", "CVR", "USR", "OUT"})


def _twn_challenge(now: datetime) -> str:
    """Return a challenge of the ten fields, from which libpurple builds its own challenge."""
    rest = (
        "lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom"
        f",ct={int(now.timestamp())},kpp=1,kv=7,ver=2.1.6000.1,rn={secrets.token_hex(4)}"
    )
    fingerprint = hashlib.md5(rest.encode(), usedforsecurity=False).hexdigest()
    return f"{rest},tpf={fingerprint}"


def _profile(account: Principal, dialect: Dialect, login_time: int, ticket: str) -> bytes:
    fields: dict[str, object] = {
        "MIME-Version": "1.0",
        "Content-Type": "text/x-msmsgsprofile; charset=UTF-8",
        "LoginTime": login_time,
        "EmailEnabled": 0,
        "MemberIdHigh": 0,
        "MemberIdLow": int.from_bytes(hashlib.sha256(account.passport.encode()).digest()[:4]),
        "lang_preference": 1033,
        "preferredEmail": account.passport,
        # These fields are empty but must exist: libpurple of 2007 crashed on a shorter profile.
        **dict.fromkeys(("country", "PostalCode", "Gender", "Kid", "Age", "BDayPre"), ""),
        **dict.fromkeys(("Birthday", "Wallet", "Flags"), ""),
        "sid": 507,
        "kv": 7,
        **({"MSPAuth": ticket} if ticket else {}),
        "ABCHMigrated": 1,
        "MPOPEnabled": int(dialect.guid),
    }
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"

"""Presence and calls in the form of each version (hypothetic.org; MSNPiki; Escargot; libpurple)."""

from __future__ import annotations

from urllib.parse import quote

from ...core.people.contact import ListName
from ...core.people.publication import PUBLISHED, Published, published_document
from ...core.tickets.xml import BadXml, escape_xml, parse, text_of
from ...core.wire.commands import Command, escape, passport_word
from ...core.wire.dialects import Dialect, PresenceForm
from ...core.wire.routed import routed_payload
from .news import Listed, Rung, Seen

__all__ = ["called", "listed", "message", "presence"]


def presence(dialect: Dialect, seen: Seen, viewer: str, trid: int | None = None) -> list[Command]:
    """Return the commands that report the presence of an account.

    Args:
        dialect: the MSNP version of the client that receives the commands.
        seen: the account and its presence.
        viewer: the passport of the client that receives the commands.
        trid: the transaction id of CHG for the first commands, which answer CHG; otherwise None.
    """
    if dialect.presence is PresenceForm.BY_NOTIFY:
        return [_notified(seen, viewer)]
    account = passport_word(seen.passport)
    form, shown = dialect.presence, seen.presence
    endpoint = f"1:{account}" if form is PresenceForm.WITH_ENDPOINT else account
    network = ["1"] if form is PresenceForm.WITH_NETWORK else []
    if shown is None:
        if trid is not None:
            return []
        rest = ["0:0" if dialect.extended else "0"] if form in _NEW else []
        return [Command("FLN", None, (endpoint, *network, *rest))]
    # S: ILN 9 NLN mail [network] name [capabilities [object]]; later NLN without the number. In
    # MSNP18 and later libpurple does not read ILN, and Escargot sends NLN from the beginning.
    words = [shown.status, endpoint, *network, escape(shown.name)]
    if dialect.capabilities:
        words += [_capabilities(dialect, shown.capabilities), *([shown.picture or "0"])]
        if form is PresenceForm.WITH_CAPABILITIES and not shown.picture:
            del words[-1]  # MSNP8 and MSNP9 omit the word if there is no picture
    first = trid is not None and form is not PresenceForm.WITH_ENDPOINT
    lines = [Command("ILN" if first else "NLN", trid if first else None, tuple(words))]
    if dialect.personal_message:
        lines.append(message(dialect, seen))
    return lines


_NEW = (PresenceForm.WITH_NETWORK, PresenceForm.WITH_ENDPOINT, PresenceForm.BY_NOTIFY)


def _notified(seen: Seen, viewer: str) -> Command:
    """Return NFY, which contains the whole presence of an account (MSNP21)."""
    # S: NFY PUT 412 | NFY DEL 250
    shown = seen.presence
    if shown is None:
        said = Published(names_im=True)
    else:
        message = _text_of(shown.message)
        capabilities = shown.capabilities if ":" in shown.capabilities else "0:0"
        said = Published(shown.status, shown.name, message, capabilities)
    content = (
        ("Notification", "1.0"),
        ("NotifNum", "0"),
        ("Uri", "/user"),
        ("NotifType", "Partial"),
        ("Content-Type", PUBLISHED),
    )
    payload = routed_payload(viewer, seen.passport, "", content, published_document(said))
    return Command("NFY", None, ("DEL" if shown is None else "PUT",), payload)


def _text_of(message: str) -> str:
    """Return the personal message in the payload of a UUX."""
    try:
        return text_of(parse(message.encode("utf-8", "replace")), "PSM") or ""
    except BadXml:
        return ""


def message(dialect: Dialect, seen: Seen) -> Command:
    """Return the command that reports the personal message of an account."""
    account = passport_word(seen.passport)
    form = dialect.presence
    endpoint = f"1:{account}" if form is PresenceForm.WITH_ENDPOINT else account
    words = (endpoint, "1") if form is PresenceForm.WITH_NETWORK else (endpoint,)
    text = seen.presence.message if seen.presence is not None else ""
    return Command("UBX", None, words, text.encode("utf-8", "replace"))


def _capabilities(dialect: Dialect, said: str) -> str:
    """Return capabilities in the form of a version: two numbers in MSNP16 and later."""
    first, _, second = said.partition(":")
    return f"{first}:{second or 0}" if dialect.extended else first


def listed(dialect: Dialect, news: Listed, serial: int) -> Command:
    """Return the command that reports that a person has added or removed the account."""
    account, name = passport_word(news.passport), escape(news.name)
    code = ListName.REVERSE.code
    if dialect.presence in _NEW:
        user, _, domain = news.passport.rpartition("@")
        shown = f' f="{quote(news.name)}"' if news.is_on else ""
        person = f'<c n="{escape_xml(user)}" t="1" l="8"{shown}/>'
        payload = f'<ml><d n="{escape_xml(domain)}">{person}</d></ml>'
        return Command("ADL" if news.is_on else "RML", 0, (), payload.encode("utf-8", "replace"))
    if not dialect.name_by_rea:
        if news.is_on:
            return Command("ADC", 0, (code, f"N={account}", f"F={name}"))
        return Command("REM", 0, (code, account))
    if news.is_on:
        return Command("ADD", 0, (code, str(serial), account, name))
    return Command("REM", 0, (code, str(serial), account))


def called(dialect: Dialect, news: Rung) -> Command:
    """Return RNG, which calls the account into a chat."""
    words = [news.session, news.address, "CKI", news.key, passport_word(news.passport)]
    tail = dialect.chat_tail.split()
    return Command("RNG", None, (*words, escape(news.name), *tail))

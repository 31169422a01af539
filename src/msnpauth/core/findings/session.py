"""A living session, its chats and lists, and the caller's own arguments."""

from __future__ import annotations

from .section import Section

__all__ = ["SECTIONS"]

SECTIONS = (
    Section(
        "MA-SES-01",
        "The session is over",
        "The server said OUT, or this side closed the session. `reason` has the server's word.",
        "After SSD, RCT and MIG sign in again, later: `reconnect=` does so. After TOU the account's"
        " owner has to accept the terms of use.",
        "the server said OUT",
        "",
    ),
    Section(
        "MA-SES-02",
        "The account signed in elsewhere",
        "OUT OTH: another client signed in to the account.",
        "Do not sign in again by itself: two clients would throw each other out for ever. From"
        " MSNP16 on an account may be in several places.",
        "the account signed in elsewhere",
        "",
    ),
    Section(
        "MA-SES-03",
        "A command was refused",
        "A command of a living session was answered by an error code.",
        "The error says which command it was, and what the code means.",
        "{verb} was refused: {words}",
        "",
    ),
    Section(
        "MA-SES-04",
        "The person is not there",
        "216 or 217: who was called is offline, has blocked the account, or does not exist.",
        "Write later, or add the person first: many accounts take messages from contacts only.",
        "{who}: the person is not there",
        "they are offline, have blocked the account, or there is no such account",
    ),
    Section(
        "MA-SES-05",
        "The account itself is offline to others",
        "913: an account that is invisible cannot begin a chat.",
        "Call `go_online()` with a status other than invisible.",
        "the account is offline to others, and may not chat",
        "call go_online() first, with a status other than invisible",
    ),
    Section(
        "MA-SES-06",
        "Too many new chats",
        "800, or eight chats that were opened within a minute.",
        "Wait for `retry_after` seconds. A chat that stays open needs no new one.",
        "the server takes no more new chats for a while",
        "try again in {seconds} seconds",
    ),
    Section(
        "MA-SES-07",
        "The chat is over",
        "The switchboard closed the connection, or everybody has left.",
        "Open another one. `send_message` does so by itself.",
        "{words}",
        "open another one",
    ),
    Section(
        "MA-SES-08",
        "A message was not delivered",
        "NAK or 282: not everybody in the chat has got it.",
        "Send it again once they are back.",
        "not everybody in the chat has got the message",
        "send it again once they are back",
    ),
    Section(
        "MA-ARG-01",
        "An argument cannot be right",
        "The package found out before anything was sent.",
        "The error says which argument it is, and what it should look like.",
        "{words}",
        "",
    ),
    Section(
        "MA-ARG-02",
        "No way to a ticket or to a list is known",
        "The servers that were named do not have what the sign-in or the contact list needs.",
        "Name the nexus, login or RST server, or the contacts host; or a whole network by"
        " `Servers.named(…)`.",
        "no login server is known for this passport",
        "name one with Servers(login=…) or a nexus with Servers(nexus=…)",
    ),
    Section(
        "MA-ARG-03",
        "The file of certificates cannot be used",
        "`ca_file=` names no file of certificates in PEM form.",
        "A PEM file is text with `-----BEGIN CERTIFICATE-----` in it. OpenSSL turns a DER file into"
        " one: `openssl x509 -inform der -in FILE`.",
        "ca_file {path!r} cannot be used: {words}",
        "it is a file of certificates in PEM form",
    ),
    Section(
        "MA-ARG-04",
        "A carrier is not installed",
        "`transport=` names a carrier whose extra is missing.",
        "Install the extra.",
        "transport {name!r} is not installed here ({module} cannot be imported)",
        "pip install 'msnpauth[{name}]'",
    ),
    Section(
        "MA-ERR-02",
        "The doctor met a fault of its own",
        "A step of the examination ended by an exception that is none of the package's errors.",
        "Please report the finding's line, which holds no secret. The other steps were done.",
        "",
        "please report that line",
    ),
    Section(
        "MA-ERR-01",
        "Something went wrong",
        "An error that has no section of its own yet.",
        "The error's own text says what it is. Please report it, so that it gets a section.",
    ),
)

"""The families of clients: who there is, how each signs in, and what was seen of each with us.

`msnpauth.service.roles.forms` says by these names who needs which form of the wire, and
`python tests/clients_page.py` writes docs/clients.md from both.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["FAMILIES", "Evidence", "Family"]


class Evidence(StrEnum):
    """How it is known that a family does something."""

    RUN = "yes"
    """The client itself was run against the service, unmodified."""
    PLAYED = "played"
    """Its lines and its rules of reading are played in `tests/service/test_clients.py`."""
    READ = "read"
    """What it needs is known from its source or from documents, and the service has it."""
    NONE = "-"
    """It has no such thing."""


class Family(NamedTuple):
    """Clients that share their code of the wire.

    Attributes:
        name: as in `Form.families`.
        programs: the clients that people know by name.
        versions: MSNP versions that it offers.
        scheme: how it signs in.
        signs_on: how it is known that it comes to USR OK.
        stays: that it has answered the challenge and is there after half a minute or more.
        contacts: that it sees its contacts.
        chats: that a message went each way.
        limits: what is to know besides, in words.
    """

    name: str
    programs: str
    versions: str
    scheme: str
    signs_on: Evidence
    stays: Evidence
    contacts: Evidence
    chats: Evidence
    limits: str = ""


_RUN = (Evidence.RUN,) * 4
_PLAYED = (Evidence.PLAYED,) * 4
_READ = (Evidence.READ,) * 4

FAMILIES = (
    Family(
        "libpurple",
        "Pidgin, Finch and Adium from 2009: run with 2.5.9, 2.7.2, 2.7.11, 2.10.6, 2.11",
        "18, 16, 15",
        "SSO by RST",
        *_RUN,
        "cuts passwords at 16 letters",
    ),
    Family(
        "libpurple 2007",
        "Pidgin 2.0 to 2.4 with both its plugins, Gaim: run with 2.4.3",
        "14, 13, 9, 8",
        "TWN by RST, or by Passport 1.4",
        *_RUN,
        "login on port 443 only; by RST it shows a wrong password as an unknown error",
    ),
    Family(
        "msn-pecan",
        "msn-pecan for Pidgin and Adium: run with 0.1.1 and 0.1.4",
        "12, 11, 10",
        "TWN by RST, or by Passport 1.4",
        *_RUN,
        "by RST it shows a wrong password as an unknown error",
    ),
    Family(
        "papyon",
        "emesene, telepathy-butterfly (Empathy)",
        "18, 15",
        "SSO by RST",
        *_RUN,
        "it asks for SSLv3 by name, which no OpenSSL of today has: run with that one word changed",
    ),
    Family("CenterIM", "CenterIM with libmsn of its own", "8", "TWN by Passport 1.4", *_RUN),
    Family("libmsn", "Kopete and KMess with libmsn 4", "15", "SSO by RST", *_PLAYED),
    Family(
        "bitlbee",
        "bitlbee 3.2",
        "18",
        "SSO by RST",
        *_RUN,
        "contacts by plain http only: `--plain-contacts 80`; repeats a wrong password every 15 s",
    ),
    Family(
        "msnlib",
        "msnlib, msnbot and their kin in Python 2",
        "8",
        "TWN by Passport 1.4",
        *_RUN,
        "the service needs a name: `--name messenger.hotmail.com`",
    ),
    Family(
        "msnpjs",
        "msnpjs, on Node",
        "8",
        "TWN by Passport 1.4",
        Evidence.RUN,
        Evidence.RUN,
        Evidence.NONE,
        Evidence.RUN,
        "it is told the notification server, as it cannot follow XFR; it only receives",
    ),
    Family(
        "PHP class",
        "MSNPAuth 1.1.3 and 1.2.1, sendMsg, phpListGrab",
        "9, 8",
        "TWN by Passport 1.4",
        *_PLAYED,
        "goes to a table of its own of login hosts: `hosts`, or the PHP of `contrib/php`",
    ),
    Family(
        "minisrv",
        "minisrv's Messenger for WebTV",
        "-",
        "TWN by Passport 1.4",
        Evidence.PLAYED,
        Evidence.NONE,
        Evidence.NONE,
        Evidence.NONE,
        "it fetches a ticket for the boxes that it serves",
    ),
    Family(
        "msnp11-sdk",
        "meowsn, PolyMSNP, iMSNP, webmsnp",
        "11",
        "TWN by Passport 1.4",
        *_PLAYED,
        "does not escape the password",
    ),
    Family("UWP", "UWPMessengerClient", "15, 12", "TWN by Passport 1.4, SSO by RST", *_READ),
    Family("msnp-sharp", "MSNPSharp and bots on it", "18, 21", "SSO by RST2", *_READ),
    Family(
        "official before 5",
        "MSN Messenger 1.0 to 4.7",
        "2 to 7",
        "MD5",
        *_READ,
        "accounts need `--allow-md5`",
    ),
    Family(
        "official 5 to 7",
        "MSN Messenger 5.0 to 7.5, Windows Messenger 5",
        "8 to 12",
        "TWN by Passport 1.4; 7.5 by RST",
        *_READ,
        "login on port 443 only; cuts passwords at 16 letters",
    ),
    Family(
        "official 8 and later",
        "Windows Live Messenger 8.0 to 2012",
        "13 to 21",
        "SSO by RST, from 2009 on by RST2",
        *_READ,
        "cuts passwords at 16 letters; needs TLS 1.2 for its contacts",
    ),
    Family("Mac", "Microsoft Messenger for Mac 6 to 8", "13 to 16", "TWN by Passport 1.4", *_READ),
)
"""Every family that was met, the ones that nobody could run at the end."""

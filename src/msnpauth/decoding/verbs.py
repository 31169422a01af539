"""The meaning of each MSNP command and of its words.

Sources: hypothetic.org, MSNPiki, ywiki's table of commands. A name that ends in `…` stands for this
word and all words after it.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["VERBS", "Verb"]


class Verb(NamedTuple):
    """The meaning of a command.

    Attributes:
        does: the purpose of the command.
        belongs: who sends it to whom.
        words: the names of its words after the transaction id.
    """

    does: str
    belongs: str
    words: tuple[str, ...] = ()


_BOTH, _CLIENT, _SERVER = (
    "client to notification server, and its answer",
    "client to notification server",
    "notification server to client",
)
_CHAT, _CHAT_CLIENT, _CHAT_SERVER = (
    "either way, on a switchboard",
    "client to switchboard, and its answer",
    "switchboard to client",
)

VERBS = {
    "VER": Verb("offers versions, or agrees to one", _BOTH, ("version…",)),
    "CVR": Verb(
        "tells the client's version; the answer recommends one",
        _BOTH,
        (
            "locale",
            "system",
            "its version",
            "processor",
            "client",
            "its version",
            "code",
            "account",
        ),
    ),
    "INF": Verb("asks for the schemes (MSNP2 to 7)", _BOTH, ("scheme…",)),
    "XFR": Verb("sends the client to another server", _BOTH, ("kind", "address", "…")),
    "SYN": Verb("asks for the contact list (MSNP2 to 12)", _BOTH, ("version…",)),
    "CHG": Verb("sets the status", _BOTH, ("status", "capabilities", "picture")),
    "CHL": Verb("asks for proof that the client is known", _SERVER, ("challenge",)),
    "QRY": Verb("answers CHL", _BOTH, ("product id",)),
    "PNG": Verb("shows that the client lives", _CLIENT),
    "QNG": Verb("answers PNG", _SERVER, ("seconds until the next",)),
    "OUT": Verb("ends the session", "either way, everywhere", ("reason",)),
    "MSG": Verb("a message; by the notification server the profile and news", _CHAT, ("…",)),
    "LST": Verb("somebody on the contact list", _SERVER, ("…",)),
    "LSG": Verb("a group of the contact list", _SERVER, ("…",)),
    "GTC": Verb("whether people who add the account need its leave", _BOTH, ("setting…",)),
    "BLP": Verb("whether strangers see the account", _BOTH, ("AL or BL",)),
    "PRP": Verb("a setting of the account, such as MFN, its name", _BOTH, ("name", "value")),
    "BPR": Verb("a setting of a contact", _SERVER, ("…",)),
    "SBP": Verb("sets what is kept of a contact", _BOTH, ("contact", "name", "value")),
    "ADD": Verb("puts somebody on a list (MSNP2 to 9)", _BOTH, ("list", "…")),
    "ADC": Verb("puts somebody on a list (MSNP10 to 12)", _BOTH, ("list", "…")),
    "REM": Verb("takes somebody off a list", _BOTH, ("list", "…")),
    "REA": Verb("renames a contact or the account", _BOTH, ("account", "name")),
    "ADG": Verb("makes a group", _BOTH, ("name…",)),
    "RMG": Verb("deletes a group", _BOTH, ("group…",)),
    "REG": Verb("renames a group", _BOTH, ("group", "name…")),
    "ILN": Verb("who is there at the beginning", _SERVER, ("status", "account", "…")),
    "NLN": Verb("somebody's status has changed", _SERVER, ("status", "account", "…")),
    "FLN": Verb("somebody has gone offline", _SERVER, ("account", "…")),
    "UBX": Verb("somebody's personal message", _SERVER, ("account", "…")),
    "UUX": Verb("sets the personal message", _BOTH, ("…",)),
    "UBN": Verb("an invitation from another place of somebody", _SERVER, ("account", "kind")),
    "UUN": Verb("an invitation to another place of somebody", _BOTH, ("account", "kind")),
    "UUM": Verb("a message to somebody offline or of another network", _BOTH, ("account", "…")),
    "UBM": Verb("a message from another network", _SERVER, ("account", "…")),
    "ADL": Verb("tells who is on the lists (MSNP13 and on)", _BOTH, ("OK…",)),
    "RML": Verb("tells who is on them no more", _BOTH, ("OK…",)),
    "FQY": Verb("asks which network somebody is of", _BOTH, ("…",)),
    "GCF": Verb("what clients are not to let through", _SERVER, ("file…",)),
    "SBS": Verb("how many text messages to telephones are left", _SERVER, ("count", "…")),
    "SDC": Verb("invites somebody to the network by e-mail", _BOTH, ("address", "…")),
    "VAS": Verb("a command with a payload that no source explains", _BOTH, ("…",)),
    "CRP": Verb("a command with a payload that no source explains", _SERVER, ("…",)),
    "NOT": Verb("an alert", _SERVER),
    "IPG": Verb("a page from a telephone", _SERVER),
    "URL": Verb("asks for the address of a web page", _BOTH, ("page", "…")),
    "NFY": Verb("news of MSNP21: presence", _SERVER, ("kind",)),
    "PUT": Verb("sets something in MSNP21", _BOTH, ("…",)),
    "DEL": Verb("takes something away in MSNP21", _BOTH, ("…",)),
    "SDG": Verb("a message of MSNP21", _BOTH, ("…",)),
    "RNG": Verb(
        "somebody calls the account into a chat",
        _SERVER,
        ("session", "switchboard", "CKI", "key", "caller", "name", "…"),
    ),
    "CAL": Verb("calls somebody into the chat", _CHAT_CLIENT, ("account or RINGING", "session")),
    "ANS": Verb("answers a call", _CHAT_CLIENT, ("account", "key", "session")),
    "IRO": Verb("who is in the chat already", _CHAT_SERVER, ("number", "of", "account", "name")),
    "JOI": Verb("somebody has joined the chat", _CHAT_SERVER, ("account", "name", "…")),
    "BYE": Verb("somebody has left the chat", _CHAT_SERVER, ("account", "1: idle")),
    "ACK": Verb("a message was delivered", _CHAT_SERVER),
    "NAK": Verb("a message was not delivered to everybody", _CHAT_SERVER),
}
"""Every command except USR, whose words depend on the scheme."""

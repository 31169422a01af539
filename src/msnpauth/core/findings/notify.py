"""What a notification server says, and what it and the login server say of the account."""

from __future__ import annotations

from .section import Section

__all__ = ["SECTIONS"]

_ROLE = "check that the address is the right one for this role"
_AS_USUAL = "check the passport and the password, and that the account is of this network"

SECTIONS = (
    Section(
        "MA-MSN-01",
        "Something else than MSNP answers at that port",
        "The first line of the server is no line of MSNP. HTTP, TLS, SSH, mail servers, Redis and"
        " IRC are recognised by their first bytes.",
        "Check host and port with the network's own site. The notification server has port 1863,"
        " and its connection is plain TCP.",
        "the server speaks {what} on that port, and not MSNP",
        "the notification server has another address or port: check them",
    ),
    Section(
        "MA-MSN-02",
        "No MSNP version in common",
        "The server answered VER by `0`, or by a version that was not offered.",
        "Offer other versions. A server of the first clients knows MSNP2 to 7 only, which sign in"
        " by MD5: that is offered when it is asked for, because it protects the password badly.",
        "the server speaks none of {ours}",
        "offer other versions with dialects=; one that signs in by MD5 alone needs scheme='MD5'",
    ),
    Section(
        "MA-MSN-03",
        "The server broke a rule of MSNP",
        "A line came at the wrong moment, with wrong words, or far too long.",
        "Look at the conversation with `--verbose`, and tell the network's owners. `dialects=[8]`"
        " is the version that most servers know best.",
        "{words}",
        _ROLE,
    ),
    Section(
        "MA-MSN-04",
        "The server did not like a command",
        "An error code of MSNP that means a fault of the client or of the server (200, 201, 710,"
        " 715).",
        "Please report it to msnpauth with the conversation of `--verbose`.",
        "{words}",
        "this is likely a fault in the client or the server: please report it with --verbose",
    ),
    Section(
        "MA-MSN-05",
        "This version of the client is not wanted",
        "Codes 420, 502 and 926: the server lets certain MSNP versions in only.",
        "Offer other versions with `dialects=`.",
        "this client version needs an invitation",
        "offer other dialects=",
    ),
    Section(
        "MA-MSN-06",
        "The answer to the challenge was wrong",
        "Code 540, or the session ended right after CHL.",
        "The product id and key that answer CHL are not those that this network knows. Networks"
        " know the pairs of old official clients.",
        "the answer to the challenge was wrong",
        "check product=(id, key)",
    ),
    Section(
        "MA-MSN-07",
        "The server signs anybody in",
        "USR … I was answered by USR OK: no ticket and no password was asked for.",
        "A test server, or one that somebody has put in the place of the network's. Do not give it"
        " a password that matters, and believe nobody there to be who they say.",
        "the server signs anybody in: it asked for no password",
        "do not give it a password that matters",
    ),
    Section(
        "MA-ACC-01",
        "Passport or password is wrong",
        "911, da-status=failed, or FailedAuthentication of RST.",
        "Check both, and that the account is one of this network: accounts of Microsoft do not"
        " work on revival networks. Do not try the same password again and again: networks lock"
        " accounts.",
        "the server refused the sign-in",
        _AS_USUAL,
    ),
    Section(
        "MA-ACC-02",
        "The password is longer than official clients send",
        "The sign-in was refused, and the password has more than 16 characters.",
        "Official clients, WebTV and libpurple cut passwords at 16 characters. If the network took"
        " the password from such a client, or cuts it in the same way, its first 16 characters are"
        " the password. A password of at most 16 characters works with every client.",
        "the server refused the sign-in",
        "the password has more than 16 characters, where official clients cut it: if it was set so,"
        " its first 16 are right",
    ),
    Section(
        "MA-ACC-03",
        "The passport is none of this network",
        "Codes 205, 206, 208 and 917: no such account, or a domain that the network does not have.",
        "Check the passport, and the part behind the @ above all. Sign up at the network's web site"
        " first.",
        "there is no such account",
        "check the passport, and whether this network has accounts of that domain",
    ),
    Section(
        "MA-ACC-04",
        "The ticket was refused",
        "Code 928 or 929: the notification server did not take the login server's ticket.",
        "The ticket was too old (some live for 30 seconds), a clock of the network is wrong, or"
        " login server and notification server are of different networks.",
        "the server refused the ticket",
        "try again: it may have expired",
    ),
    Section(
        "MA-ACC-05",
        "The account may not sign in",
        "Codes 923, 924, 927, 930, 933, 934, 935, or a fault of RST of that kind: the password is"
        " right.",
        "The network wants something first: a verified address, a parent's consent, the end of a"
        " suspension. Sign in at its web site.",
        "the account's e-mail address is not verified",
        "sign in at the network's web site to see what it wants",
    ),
    Section(
        "MA-ACC-06",
        "The server asks that this password is not tried again",
        "da-status=failed-noretry.",
        "Another try with the same password may lock the account.",
        "the login server refused the passport or the password",
        "do not try again with the same password",
    ),
)

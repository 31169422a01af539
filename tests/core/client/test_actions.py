"""What a sign-in asks of whoever drives it."""

from __future__ import annotations

from msnpauth.core.client.actions import Send
from msnpauth.core.wire.commands import Command


def test_the_commands_of_one_write_follow_one_another() -> None:
    """A payload has no line end of its own: the next line begins right behind it."""
    commands = (
        Command("VER", 1, ("MSNP12", "CVR0")),
        Command("QRY", 2, ("msmsgs@msnmsgr.com",), b"0123456789abcdef0123456789abcdef"),
        Command("PNG"),
    )
    assert Send(commands).encode() == (
        b"VER 1 MSNP12 CVR0\r\n"
        b"QRY 2 msmsgs@msnmsgr.com 32\r\n0123456789abcdef0123456789abcdefPNG\r\n"
    )
    assert Send(()).encode() == b""

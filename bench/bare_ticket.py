"""`msnpauth ticket` as one would write it for oneself, with `ssl` and `argparse` and no more.

    python bench/bare_ticket.py PASSPORT --challenge WORD --login URL --ca-file FILE

The password is in $MSNPAUTH_PASSWORD, as for the command. Nothing is checked that need not be.
"""

from __future__ import annotations

import argparse
import os
import socket
import ssl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passport")
    parser.add_argument("--challenge", required=True)
    parser.add_argument("--login", required=True)
    parser.add_argument("--ca-file", required=True)
    options = parser.parse_args()
    authority, _, path = options.login.removeprefix("https://").partition("/")
    host, _, port = authority.partition(":")
    context = ssl.create_default_context(cafile=options.ca_file)
    with (
        socket.create_connection((host, int(port or 443))) as raw,
        context.wrap_socket(raw, server_hostname=host) as sock,
    ):
        name = options.passport.replace("@", "%40")
        password = "".join(
            letter if letter.isalnum() else f"%{ord(letter):02X}"
            for letter in os.environ["MSNPAUTH_PASSWORD"]
        )
        sock.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n"
            f"Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,"
            f"sign-in={name},pwd={password},{options.challenge}\r\n\r\n".encode()
        )
        answer = b""
        while data := sock.recv(65536):
            answer += data
    print(answer.partition(b"from-PP='")[2].partition(b"'")[0].decode())


if __name__ == "__main__":
    main()

"""A driver of one's own around SignIn: the whole sign-in without I/O.

This one does one thing after another and takes a handful of lines. What it leaves out of a real
driver are the deadline and `patience`; see docs/sans-io.md.
"""

import socket

from msnpauth import SignInError, service
from msnpauth.sansio import (
    Connect,
    Done,
    Failed,
    Fetch,
    Prepare,
    Send,
    SignedIn,
    SignIn,
    make_transport,
)


def drive(sign_in: SignIn, transport_ca: str) -> SignedIn:
    transport = make_transport("sockets", transport_ca, None)
    connection = socket.socket()
    actions = sign_in.start()
    try:
        while True:
            if not actions:
                actions = sign_in.receive_data(connection.recv(4096))
                continue
            match actions.pop(0):
                case Connect(address):
                    connection.close()
                    connection = socket.create_connection((address.host, address.port))
                case Send() as send:
                    connection.sendall(send.encode())
                case Prepare():
                    pass
                case Fetch(number, request):
                    try:
                        outcome = transport.fetch(request, 30.0)
                    except SignInError as error:
                        actions += sign_in.receive_response(number, error)
                    else:
                        actions += sign_in.receive_response(number, outcome)
                case Done(result):
                    return result
                case Failed(error):
                    raise error
    finally:
        connection.close()
        transport.close()


with service.run({"alice@example.com": "secret"}) as running:
    result = drive(SignIn("alice@example.com", "secret", running.servers), str(running.ca_file))
    print("signed in as", result.accepted.passport, "by", result.accepted.dialect.name)

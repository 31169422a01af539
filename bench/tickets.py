"""What a ticket costs beside the bare connection that it needs: get_key() by every carrier.

    python bench/tickets.py [--rounds 7] [--calls 60]

The login server is in another process. Each round gets tickets by each contestant in turn; a
ratio is the median of the rounds' ratios. "Bare" is the standard library's socket and ssl, one
context for all, sending the very bytes that get_key() sends, and reading the headers of the
answer.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import statistics
from collections.abc import Callable

from common import (
    PASSWORD,
    ServiceProcess,
    headers_of,
    interleaved,
    machine,
    passport,
    ratio,
    table,
)
from msnpauth import MSNPAuth
from msnpauth.core.tickets.auth import TicketRequest
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.tickets.http import ClientConnection

CHALLENGE = (
    "lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct=1062764229,kpp=1,kv=5"
)
GOALS = {"new": 1.25, "kept": 1.5}


def request_of(service: ServiceProcess) -> Request:
    """Return the request that get_key() makes."""
    asked = TicketRequest(passport(0), PASSWORD, CHALLENGE, service.servers("login"))
    return next(asked.exchange())


def bare(service: ServiceProcess) -> Callable[[], object]:
    data = ClientConnection().send(request_of(service))
    host, port = service.address("login")

    def fetch() -> bytes:
        with socket.create_connection((host, port)) as raw:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with service.context.wrap_socket(raw, server_hostname=host) as sock:
                sock.sendall(data)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += sock.recv(16384)
                assert b"from-PP=" in answer
                return answer

    return fetch


def new_auth(service: ServiceProcess, carrier: str) -> MSNPAuth:
    """Return what a user would make."""
    return MSNPAuth(
        passport(0),
        PASSWORD,
        CHALLENGE,
        servers=service.servers("login"),
        transport=carrier,
        ca_file=service.places["ca_file"],
    )


def fresh(service: ServiceProcess, carrier: str) -> Callable[[], object]:
    """Return what gets a ticket over a connection of its own."""

    def fetch() -> str:
        with new_auth(service, carrier) as auth:
            return auth.get_key()

    return fetch


def kept(service: ServiceProcess, carrier: str) -> Callable[[], object]:
    """Return what gets a ticket over the connection of the one before."""
    return new_auth(service, carrier).get_key


def http_client(service: ServiceProcess) -> Callable[[], object]:
    asked = request_of(service)
    host, port = service.address("login")
    connection = http.client.HTTPSConnection(host, port, context=service.context)

    def fetch() -> str | None:
        connection.request(asked.method, asked.url.target, headers=headers_of(asked))
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        return response.getheader("Authentication-Info")

    return fetch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=60)
    options = parser.parse_args()
    carriers = ("sockets", "curl", "httpx")
    with ServiceProcess() as service:
        contestants = {"new": bare(service), "kept": http_client(service)}
        names = {"new": "bare ssl sockets", "kept": "http.client"}
        print(f"{machine()}\n")
        for how, make in (("new", fresh), ("kept", kept)):
            runners = {names[how]: contestants[how]}
            runners |= {f"get_key(), {carrier}": make(service, carrier) for carrier in carriers}
            calls = options.calls * (1 if how == "new" else 5)
            found = interleaved(runners, rounds=options.rounds, calls=calls)
            base = found[names[how]]
            rows = [
                (name, f"{1000 * statistics.median(times):.2f}", f"{ratio(times, base):.2f}")
                for name, times in found.items()
            ]
            print(table((f"{how} connection", "ms a ticket", f"of {names[how]}"), rows))
            print(f"\nGoal, sockets: at most {GOALS[how]}.\n")


if __name__ == "__main__":
    main()

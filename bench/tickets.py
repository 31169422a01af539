"""What a ticket costs beside the bare connection that it needs: get_key() by every carrier.

    python bench/tickets.py [--rounds 7] [--calls 60]

The login server is in another process. Each round gets tickets by each contestant in turn; a
ratio is the median of the rounds' ratios. "Bare" is the standard library's socket and ssl, one
context for all, sending the very bytes that get_key() sends, and reading the headers of the
answer, with a full handshake each time. "libcurl, unchecked" is what the PHP class does: a new
handle for each ticket, and no certificate is looked at. "libcurl, resumed" checks it, and shares
TLS sessions between the handles: what the cURL carrier costs beyond it is ours. The libcurl of
pycurl's wheels brings an OpenSSL of its own, which offers a post-quantum key as well; that is a
tenth of a millisecond that an older OpenSSL behind Python's ssl does not spend. Exits with 1 when a
goal is missed.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import statistics
import sys
from collections.abc import Callable

import pycurl

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
GOALS = {"new": 0.9, "kept": 1.15}
CURL_GOAL = 1.1
SOCKETS, CURL, UNCHECKED = "get_key(), sockets", "get_key(), curl", "libcurl, unchecked"
RESUMED = "libcurl, resumed"


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


def unchecked(service: ServiceProcess) -> Callable[[], object]:
    """Return what the PHP class does by cURL."""
    return libcurl(service, {pycurl.SSL_VERIFYPEER: 0, pycurl.SSL_VERIFYHOST: 0})


def resumed(service: ServiceProcess) -> Callable[[], object]:
    """Return what libcurl can do at best."""
    share = pycurl.CurlShare()
    share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_SSL_SESSION)
    return libcurl(service, {pycurl.CAINFO: service.places["ca_file"], pycurl.SHARE: share})


def libcurl(service: ServiceProcess, settings: dict[int, object]) -> Callable[[], object]:
    """Return what gets a ticket by a handle of its own, with no code of ours around it."""
    asked = request_of(service)
    headers = [b"%s: %s" % pair for pair in asked.all_headers()]

    def fetch() -> bytes:
        heard: list[bytes] = []
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, str(asked.url))
        for option, value in settings.items():
            curl.setopt(option, value)
        curl.setopt(pycurl.HTTPHEADER, headers)
        curl.setopt(pycurl.HEADERFUNCTION, heard.append)
        curl.setopt(pycurl.WRITEFUNCTION, len)
        curl.perform()
        curl.close()
        answer = b"".join(heard)
        assert b"from-PP=" in answer
        return answer

    return fetch


def maker(service: ServiceProcess, carrier: str) -> Callable[[], MSNPAuth]:
    """Return what makes what a user would make; where the network is stands in a constant."""
    servers = service.servers("login")

    def make() -> MSNPAuth:
        return MSNPAuth(
            passport(0),
            PASSWORD,
            CHALLENGE,
            servers=servers,
            transport=carrier,
            ca_file=service.places["ca_file"],
        )

    return make


def fresh(service: ServiceProcess, carrier: str) -> Callable[[], object]:
    """Return what gets a ticket over a connection of its own."""
    make = maker(service, carrier)

    def fetch() -> str:
        with make() as auth:
            return auth.get_key()

    return fetch


def kept(service: ServiceProcess, carrier: str) -> Callable[[], object]:
    """Return what gets a ticket over the connection of the one before."""
    return maker(service, carrier)().get_key


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=60)
    options = parser.parse_args()
    carriers = ("sockets", "curl", "httpx")
    is_missed = False
    with ServiceProcess() as service:
        bases = {"new": "bare ssl sockets", "kept": "http.client"}
        print(f"{machine()}\n")
        for how, make in (("new", fresh), ("kept", kept)):
            runners = {bases[how]: bare(service) if how == "new" else http_client(service)}
            if how == "new":
                runners |= {UNCHECKED: unchecked(service), RESUMED: resumed(service)}
            runners |= {f"get_key(), {carrier}": make(service, carrier) for carrier in carriers}
            calls = options.calls * (1 if how == "new" else 5)
            found = interleaved(runners, rounds=options.rounds, calls=calls)
            is_missed |= report(how, bases[how], found)
    return 1 if is_missed else 0


def report(how: str, name: str, found: dict[str, list[float]]) -> bool:
    """Print what was measured, and tell whether a goal was missed."""
    rows = [
        (who, f"{1000 * statistics.median(times):.2f}", f"{ratio(times, found[name]):.2f}")
        for who, times in found.items()
    ]
    print(table((f"{how} connection", "ms a ticket", f"of {name}"), rows))
    ours, curl = ratio(found[SOCKETS], found[name]), ratio(found[CURL], found[SOCKETS])
    print(f"\nGoal, sockets: at most {GOALS[how]}", end="")
    is_missed = ours > GOALS[how]
    if UNCHECKED in found:
        print(f", and no more than {UNCHECKED}", end="")
        is_missed |= ratio(found[SOCKETS], found[UNCHECKED]) > 1
    print(f". cURL is at {curl:.2f} of sockets; goal: at most {CURL_GOAL}.\n")
    return is_missed or curl > CURL_GOAL


if __name__ == "__main__":
    sys.exit(main())

"""What the service does in a second of one processor, by scheme; checking a password counted apart.

    python bench/roles.py [--seconds 1]

The roles are asked in this process, without sockets: what the protocol costs. Then the served
roles, in another process, by the processor time that it used: with TLS and asyncio.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable

from bare import Bare
from common import PASSWORD, ServiceProcess, machine, passport, table
from msnpauth import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.auth import TicketRequest
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.tickets.proof import answer, md5_answer
from msnpauth.core.tickets.rst import MESSENGER, MESSENGER_CLEAR, Soap, request_tickets
from msnpauth.core.urls import Address, Url
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, Scheme, known
from msnpauth.service.roles.door import Door
from msnpauth.service.roles.login import LoginRole
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.rst import RstRole
from msnpauth.service.roles.web import WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

SECRET = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
WHO = passport(0)


class Roles:
    """The roles, without sockets."""

    def __init__(self) -> None:
        self.accounts = Accounts.of([Account(WHO, Secret(PASSWORD), allow_md5=True)])
        self.tickets = TicketOffice()
        self.office = Office(in_memory(self.accounts), self.tickets, known(DIALECTS))
        here = "login.example"
        login = LoginRole(Door(self.accounts), self.tickets, login=here, homes={}, here=here)
        self.web = WebSite(login.paths(), RstRole(Door(self.accounts), self.tickets).paths())

    def ask(self, request: Request) -> Callable[[], object]:
        headers = {name.decode().lower(): value.decode() for name, value in request.all_headers()}
        asked = WebRequest(request.method, request.url.target, headers, request.body)
        assert at_once(self.web.answer(asked)).status == 200
        return lambda: at_once(self.web.answer(asked))

    def login(self) -> Callable[[], object]:
        servers = Servers(login="https://login.example/login2.srf")
        return self.ask(next(TicketRequest(WHO, PASSWORD, "lc=1033,id=507", servers).exchange()))

    def rst(self, soap: Soap, address: str) -> Callable[[], object]:
        path = "RST.srf" if soap is Soap.RST else "RST2.srf"
        url, wanted = Url.parse(f"https://login.example/{path}"), {address: "MBI_KEY_OLD"}
        servers = Servers(rst=str(url))
        return self.ask(
            next(request_tickets(url, soap, WHO, Secret(PASSWORD), wanted, servers=servers))
        )

    def sign_in(self, version: int) -> Callable[[], object]:
        """Return what signs in, its ticket bought before."""
        dialect = DIALECTS[version]
        scheme = dialect.scheme
        site = {Scheme.SSO: MESSENGER_CLEAR, Scheme.TWN: MESSENGER}.get(scheme, MESSENGER)
        ticket, _ = self.tickets.issue(WHO, site, secret=SECRET)

        def words(challenge: str) -> tuple[str, ...]:
            if scheme is Scheme.MD5:
                return (md5_answer(challenge, Secret(PASSWORD)),)
            return (ticket,) if scheme is Scheme.TWN else (ticket, answer(SECRET, challenge), GUID)

        def run() -> None:
            role = NotificationRole(self.office, here=Address("ns.example", 1863))
            at_once(role.receive(Command("VER", 1, (dialect.name,))))
            at_once(role.receive(Command("USR", 2, (scheme, "I", WHO))))
            challenge = role.out[-1].args[-1]
            at_once(role.receive(Command("USR", 3, (scheme, "S", *words(challenge)))))
            assert role.account is not None
            at_once(role.gone())

        return run


def a_second(work: Callable[[], object], seconds: float) -> float:
    """Return how often `work` is done in a second of this processor."""
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for _ in range(20):
            work()
        count += 20
    return count / spent


def served(service: ServiceProcess, scheme: str, count: int) -> float:
    """Return the sign-ins a second of the service's processor, ticket included, one by one."""
    script = Bare(service, scheme)

    async def run() -> None:
        for number in range(count):
            await script.sign_in(number, script.opening(number))

    before = service.used()["cpu"]
    asyncio.run(run())
    return count / (service.used()["cpu"] - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row")
    parser.add_argument("--count", type=int, default=300, help="sign-ins of each scheme, served")
    options = parser.parse_args()
    roles = Roles()
    rows = {
        "a password checked": lambda: at_once(
            roles.accounts.check(WHO, Secret(PASSWORD), Scheme.TWN)
        ),
        "an unknown account refused": lambda: at_once(
            roles.accounts.check("nobody@example.com", Secret(PASSWORD), Scheme.TWN)
        ),
        "ticket by login": roles.login(),
        "ticket by RST, for TWN": roles.rst(Soap.RST, MESSENGER),
        "ticket by RST, for SSO": roles.rst(Soap.RST, MESSENGER_CLEAR),
        "ticket by RST2, for SSO": roles.rst(Soap.RST2, MESSENGER_CLEAR),
        "sign-in by MD5 (MSNP7)": roles.sign_in(7),
        "sign-in by TWN (MSNP12)": roles.sign_in(12),
        "sign-in by SSO (MSNP18)": roles.sign_in(18),
    }
    found = [(name, f"{a_second(work, options.seconds):,.0f}") for name, work in rows.items()]
    print(f"{machine()}\n")
    print(table(("the roles alone, in a second of one processor", "times"), found))
    with ServiceProcess(accounts=options.count) as service:
        whole = [
            (f"whole sign-in by {s}", f"{served(service, s, options.count):,.0f}")
            for s in ("TWN", "SSO")
        ]
    print()
    print(table(("served, over TCP and TLS, ticket included", "times"), whole))
    print("\nThe accounts in memory hold passwords unhashed: a check is one comparison.")


if __name__ == "__main__":
    main()

"""A sign-in whose route to a ticket is played: what it asks, and answers as servers give them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msnpauth.core.client.actions import Action, Failed, Fetch, Prepare, Send
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.errors import (
    ConnectionFailed,
    SignInError,
)
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Response

__all__ = [
    "GRANTED",
    "GUID",
    "LOGIN",
    "LOST",
    "NEXUS",
    "NOW",
    "NS",
    "RST",
    "RST2",
    "SECRET",
    "TO_LOGIN",
    "challenge",
    "failure",
    "fetched",
    "new",
    "reply",
    "said",
    "shown",
]

NS = "ns.example:1863"
LOGIN, NEXUS = "https://login.example/l", "https://nexus.example/n"
RST, RST2 = "https://rst.example/RST.srf", "https://rst.example/RST2.srf"
GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
SECRET = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


LOST = ConnectionFailed("lost")
TO_LOGIN = Response(200, (("PassportURLs", "DALogin=login.example/l"),))
GRANTED = Response(
    200, (("Authentication-Info", "Passport1.4 da-status=success,from-PP='t=1&p='"),)
)


def new(dialect: int, **servers: Any) -> SignIn:
    settings: dict[str, Any] = {"guid": GUID, "now": lambda: NOW}
    return SignIn(
        "a@b.example",
        "hunter2",
        Servers(notification=NS, **servers),
        dialects=[dialect],
        **settings,
    )


def reply(
    address: str, *, secret: bool = False, life: bool = True, value: str = "t=1&amp;p="
) -> Response:
    proof = (
        f"<RequestedProofToken><BinarySecret>{SECRET.reveal()}</BinarySecret></RequestedProofToken>"
    )
    times = "<LifeTime><Created>2011-05-05T14:44:00Z</Created><Expires>2011-05-06T14:44:00Z</Expires></LifeTime>"
    body = (
        f"<E><Body><RequestSecurityTokenResponse><Address>{address}</Address>{times if life else ''}"
        f"<BinarySecurityToken>{value}</BinarySecurityToken>{proof if secret else ''}"
        "</RequestSecurityTokenResponse></Body></E>"
    )
    return Response(200, (), body.encode())


def challenge(sign_in: SignIn, dialect: int, words: str) -> list[Action]:
    second = "INF 2 MD5" if dialect < 8 else "CVR 2 1"
    scheme = "MD5" if dialect < 8 else "TWN" if dialect < 15 else "SSO"
    lines = f"VER 1 MSNP{dialect}\r\n{second}\r\nUSR 3 {scheme} S {words}\r\n"
    return sign_in.receive_data(lines.encode("utf-8", "surrogateescape"))


def fetched(actions: list[Action]) -> Fetch:
    (action,) = actions
    assert isinstance(action, Fetch)
    return action


def said(actions: list[Action]) -> list[str]:
    (action,) = actions
    assert isinstance(action, Send)
    return [command.encode().decode() for command in action.commands]


def failure(actions: list[Action]) -> SignInError:
    assert isinstance(actions[-1], Failed)
    return actions[-1].error


def shown(actions: list[Action]) -> list[str]:
    """Return what is asked of the HTTPS leg."""
    found = []
    for action in actions:
        if isinstance(action, Prepare):
            found.append(f"prepare {action.url}")
        if isinstance(action, Fetch):
            found.append(f"fetch {action.id} {action.request.url}")
    return found

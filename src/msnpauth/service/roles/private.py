"""The private role: health checks, metrics, and the check of tickets for other servers.

It listens on a port of its own, by default on loopback, because it is not for the public.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from ...core.secrets import Secret
from ...core.tickets.proof import is_answer
from ...core.tickets.rst import MESSENGER, MESSENGER_CLEAR
from ..tickets import LOGIN, Grant, use_up
from .office import Office
from .web import Answerer, WebAnswer, WebRequest

__all__ = ["OPENAPI", "PrivateRole"]

_JSON = ("Content-Type", "application/json")
_TEXT = ("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
_NONCE_LIFE = timedelta(minutes=10)
"""How long a nonce is remembered: if a server sends it to /verify again in this time, the answer is
`used`.
"""


class PrivateRole:
    """Health checks, metrics, and the check of tickets for other servers.

    Args:
        office: has the accounts, and decrypts tickets.
        keys: returns the keys that are accepted as a bearer token.
        ready: returns the reasons why the service cannot work now; empty when it can.
        numbers: returns the page of metrics.
        counted: is called with the outcome of each /verify.
    """

    def __init__(
        self,
        office: Office,
        *,
        keys: Callable[[], Collection[Secret]],
        ready: Callable[[], list[str]],
        numbers: Callable[[], bytes],
        counted: Callable[[str], None] = lambda _outcome: None,
    ) -> None:
        self._office = office
        self._keys = keys
        self._ready = ready
        self._numbers = numbers
        self._counted = counted

    def paths(self) -> dict[str, Answerer]:
        """Return the table of paths for a `WebSite`."""
        return {
            "GET /healthz": self._healthz,
            "GET /readyz": self._readyz,
            "GET /metrics": self._metrics,
            "GET /openapi.json": self._openapi,
            "POST /verify": self._verify,
        }

    async def _healthz(self, _: WebRequest) -> WebAnswer:
        return _json(200, {"status": "alive"})

    async def _readyz(self, _: WebRequest) -> WebAnswer:
        why = self._ready()
        return _json(503 if why else 200, {"status": "not ready" if why else "ready", "why": why})

    async def _metrics(self, _: WebRequest) -> WebAnswer:
        return WebAnswer(200, (_TEXT,), self._numbers())

    async def _openapi(self, _: WebRequest) -> WebAnswer:
        return _json(200, OPENAPI)

    async def _verify(self, request: WebRequest) -> WebAnswer:
        if not self._may_ask(request.headers.get("authorization", "")):
            answer = _json(401, {"error": "a key of the service is wanted, as a bearer token"})
            return WebAnswer(401, (("WWW-Authenticate", "Bearer"), *answer.headers), answer.body)
        asked = _asked(request.body)
        if isinstance(asked, str):
            return _json(400, {"error": asked})
        grant, reason = await self._checked(asked)
        self._counted(reason or "valid")
        if grant is None or reason:
            return _json(200, {"valid": False, "reason": reason})
        return _json(
            200,
            {
                "valid": True,
                "passport": grant.passport,
                "site": grant.site,
                "expires": f"{grant.expires:%Y-%m-%dT%H:%M:%SZ}",
                "id": grant.id,
            },
        )

    def _may_ask(self, header: str) -> bool:
        kind, _, key = header.partition(" ")
        given = key.strip().encode("utf-8", "surrogatepass")
        # All keys are compared, so that the duration does not show which key was right.
        right = [hmac.compare_digest(given, known.reveal().encode()) for known in self._keys()]
        return kind.lower() == "bearer" and any(right)

    async def _checked(self, asked: dict[str, str]) -> tuple[Grant | None, str]:
        """Return the content of the ticket, and the reason for a refusal; "" if it is accepted."""
        office, passport = self._office, asked["passport"].casefold()
        grant = office.tickets.read(asked["ticket"])
        if grant is None:
            return None, "unknown"
        nonce = asked.get("nonce", "")
        sites = (MESSENGER_CLEAR,) if nonce else (LOGIN, MESSENGER)
        if grant.passport != passport or grant.site not in sites:
            return grant, "other_account" if grant.passport != passport else "other_site"
        if grant.expires <= office.now():
            return grant, "expired"
        if not await office.accounts.is_live(passport, grant.stamp):
            return grant, "revoked"
        if nonce:
            secret = grant.secret
            if secret is None or not is_answer(asked["response"], secret, nonce):
                return grant, "proof"
            mark = hashlib.sha256(f"{grant.id} {nonce}".encode()).hexdigest()
            now = office.now()
            is_new = await office.state.use_up(mark, now + _NONCE_LIFE, made=now)
        else:
            is_new = grant.site != LOGIN or await use_up(grant, office.state)
        # Recording the use took time, in which the password may have been changed.
        if not await office.accounts.is_live(passport, grant.stamp):
            return grant, "revoked"
        return grant, "" if is_new else "used"


def _asked(body: bytes) -> dict[str, str] | str:
    """Return the fields of the request, or the problem if the request is not valid."""
    try:
        asked = json.loads(body)
        json.dumps(asked, ensure_ascii=False).encode()  # half of a surrogate pair is refused
    except (ValueError, RecursionError):
        return "the body is no JSON"
    if not isinstance(asked, dict) or not all(isinstance(value, str) for value in asked.values()):
        return "the body is an object of texts"
    unknown = set(asked) - {"ticket", "passport", "nonce", "response"}
    if unknown or not {"ticket", "passport"} <= set(asked) or not all(asked.values()):
        return "it has ticket and passport, for SSO nonce and response too, and nothing else"
    if ("nonce" in asked) != ("response" in asked):
        return "nonce and response go together"
    return asked


def _json(status: int, content: Any) -> WebAnswer:
    return WebAnswer(status, (_JSON,), json.dumps(content).encode())


_REASONS = {
    "unknown": "no ticket of this service, or damaged",
    "other_account": "the ticket of another account",
    "other_site": "a ticket for something else, or for SSO without nonce and response",
    "expired": "it has ended",
    "revoked": "the password was changed or revoked, or the account disabled or removed",
    "proof": "the response is none to this nonce",
    "used": "it was used before, or the nonce was",
}

_TEXT_FIELD = {"type": "string", "minLength": 1}

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "msnpauth: tickets checked for other servers", "version": "1"},
    "components": {
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Asked": {
                "type": "object",
                "required": ["ticket", "passport"],
                "additionalProperties": False,
                "dependentRequired": {"nonce": ["response"], "response": ["nonce"]},
                "properties": {
                    "ticket": {**_TEXT_FIELD, "description": "`t=…&p=…`, as USR … S has it"},
                    "passport": {**_TEXT_FIELD, "description": "of USR … I, unescaped"},
                    "nonce": {**_TEXT_FIELD, "description": "for SSO: what the server has sent"},
                    "response": {**_TEXT_FIELD, "description": "for SSO: the answer to it"},
                },
            },
            "Valid": {
                "type": "object",
                "required": ["valid", "passport", "site", "expires", "id"],
                "properties": {
                    "valid": {"const": True},
                    "passport": {"type": "string"},
                    "site": {"type": "string"},
                    "expires": {"type": "string", "format": "date-time"},
                    "id": {"type": "string"},
                },
            },
            "Invalid": {
                "type": "object",
                "required": ["valid", "reason"],
                "properties": {
                    "valid": {"const": False},
                    "reason": {
                        "enum": list(_REASONS),
                        "description": "; ".join(f"{k}: {v}" for k, v in _REASONS.items()),
                    },
                },
            },
        },
    },
    "paths": {
        "/verify": {
            "post": {
                "summary": "Check a ticket, and use it up",
                "security": [{"key": []}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Asked"}}
                    },
                },
                "responses": {
                    "200": {
                        "description": "What is in the ticket, or why it is not taken",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "oneOf": [
                                        {"$ref": "#/components/schemas/Valid"},
                                        {"$ref": "#/components/schemas/Invalid"},
                                    ]
                                }
                            }
                        },
                    },
                    "400": {"description": "The body is not what is asked for"},
                    "401": {"description": "The key is wrong, or missing"},
                    "503": {"description": "Nobody can tell now; Retry-After says when to ask"},
                },
            }
        },
        "/healthz": {"get": {"responses": {"200": {"description": "The process lives"}}}},
        "/readyz": {
            "get": {
                "responses": {
                    "200": {"description": "It can sign people in"},
                    "503": {"description": "It cannot, and says why"},
                }
            }
        },
        "/metrics": {"get": {"responses": {"200": {"description": "For Prometheus"}}}},
    },
}

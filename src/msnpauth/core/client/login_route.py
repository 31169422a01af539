"""The route by a login server, for TWN: Passport 1.4."""

from __future__ import annotations

from importlib import import_module

from ..errors import (
    AccountBlocked,
    SignInError,
    Step,
    WrongCredentials,
)
from ..tickets.ticket import Ticket
from ..urls import Url
from ..wire.dialects import Dialect, Scheme
from .actions import Action, Failed, Prepare
from .journey import Journey, rst_address
from .route import Route

__all__ = ["LoginRoute"]


class LoginRoute(Route):
    """TWN with a login server (Passport 1.4). The nexus is asked for an unknown login server."""

    def __init__(self, journey: Journey) -> None:
        super().__init__(journey)
        self._login = journey.servers.login_for(journey.passport)
        self._is_remembered = False
        self._challenge: str | None = None

    def serves(self, dialect: Dialect) -> bool:
        return rst_address(self._journey, dialect) is None and dialect.scheme is Scheme.TWN

    def load(self) -> None:
        import_module("..tickets.passport14", __package__)

    def start(self) -> list[Action]:
        if self._login is None and self._journey.memory.login is not None:
            self._login, self._is_remembered = self._journey.memory.login, True
        if self._login is not None:
            # The handshake of TLS runs while VER, CVR and USR are under way, which saves two round
            # trips.
            return [Prepare(self._login)]
        # The nexus needs no challenge, so that it is asked at the same time as the notification
        # server.
        return self._ask_nexus()

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        self._challenge = words[0]
        if self._running is not None:
            return []  # the nexus is being asked; `_found` goes on with its answer
        return self._ask() if self._login is not None else self.start()

    def forget_challenge(self) -> None:
        super().forget_challenge()
        # The answer of the nexus does not depend on a challenge, and is still awaited; a ticket for
        # the old challenge is worth nothing on the new connection.
        if self._challenge is not None and self.step is not Step.NEXUS:
            self._stop()
        self._challenge = None

    def gave_up(self) -> None:
        if self.step is Step.LOGIN:
            self._doubt_login()

    def _ask(self) -> list[Action]:
        from ..tickets.passport14 import request_ticket  # MSNP15 and on do not need it

        journey = self._journey
        assert self._login is not None  # callers have checked this
        assert self._challenge is not None
        return self._run(
            request_ticket(
                self._login,
                journey.passport,
                journey.password,
                self._challenge,
                journey.servers,
                now=journey.now,
            )
        )

    def _found(self, result: Url | Ticket) -> list[Action]:
        # A ticket of Passport 1.4 is bound to its challenge, so that it is never kept.
        if isinstance(result, Ticket):
            self.ticket, self._answer = result, (result.value,)
            return []
        self._login = result
        self._journey.memory = self._journey.memory._replace(login=result)
        return [Prepare(result)] if self._challenge is None else self._ask()

    def _missed(self, error: SignInError) -> list[Action]:
        # A server that judged the password is the right login server. Any other failure may mean
        # that the remembered login server has moved: the nexus is asked once.
        judged = isinstance(error, WrongCredentials | AccountBlocked)
        if judged or not self._doubt_login():
            return [Failed(error)]
        return self._ask_nexus()

    def _ask_nexus(self) -> list[Action]:
        from ..tickets.passport14 import find_login  # MSNP15 and on do not need it

        return self._run(find_login(self._journey.servers, now=self._journey.now))

    def _doubt_login(self) -> bool:
        """Forget the login address if it came from an earlier sign-in; tell whether it did."""
        doubted, self._is_remembered = self._is_remembered, False
        if doubted:
            self._login = None
            self._journey.memory = self._journey.memory._replace(login=None)
        return doubted

"""The parts of the service that the handlers of the pages use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..settings import SignUp

if TYPE_CHECKING:
    from ..roles.office import Office
    from ..stores.sql.page_sessions import PageSessions
    from ..stores.sql.self_service import SelfService
    from .limits import Limits
    from .renderer import PageRenderer

__all__ = ["PageContext"]


@dataclass(frozen=True)
class PageContext:
    """The parts of the service that the handlers of the pages use.

    Attributes:
        office: has the door for passwords, and the state of all connections.
        people: changes accounts.
        sessions: the sessions of browsers.
        limits: limits how often people may sign up and make changes.
        renderer: makes pages.
        sign_up: whether everybody, invited people or nobody may sign up.
        allow_md5: whether people may make app passwords for MD5.
        now: returns the present time, in UTC.
    """

    office: Office
    people: SelfService
    sessions: PageSessions
    limits: Limits
    renderer: PageRenderer
    sign_up: SignUp
    allow_md5: bool
    now: Callable[[], datetime]

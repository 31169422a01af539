"""What the handlers of the pages work with."""

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
    """See the module.

    Attributes:
        office: has the door for passwords, and knows who is signed in where.
        people: changes accounts.
        sessions: the browsers that are signed in.
        limits: how often one may sign up, and change things.
        renderer: makes pages.
        sign_up: who may sign up.
        allow_md5: app passwords for MD5 are taken.
        now: the clock.
    """

    office: Office
    people: SelfService
    sessions: PageSessions
    limits: Limits
    renderer: PageRenderer
    sign_up: SignUp
    allow_md5: bool
    now: Callable[[], datetime]

"""The pages of a service that is operated, put together of its stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..stores.sql.directory import AccountDirectory
from ..stores.sql.page_sessions import PageSessions
from ..stores.sql.self_service import SelfService
from .application import make_application
from .context import PageContext
from .limits import Limits
from .renderer import PageRenderer
from .site import PageSite

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

    from ..attempts import AttemptCounter
    from ..roles.office import Office
    from ..settings import Settings
    from ..stores.sql.database import Database
    from ..stores.sql.hashing import Hasher

__all__ = ["page_site"]


def page_site(
    office: Office,
    settings: Settings,
    *,
    database: Database,
    hasher: Hasher,
    seal: Fernet,
    attempts: AttemptCounter,
) -> PageSite:
    """Return the site.

    Args:
        office: has the door, the clock, and who is signed in.
        settings: who may sign up, whether MD5 is allowed, and what the host is called.
        database: where the accounts are.
        hasher: makes hashes.
        seal: closes app passwords for MD5.
        attempts: counts, for all nodes together.
    """
    # It is not closed by itself: database and hasher are the service's own.
    directory = AccountDirectory(database, hasher, seal, now=office.now)
    context = PageContext(
        office=office,
        people=SelfService(database, hasher, directory, now=office.now),
        sessions=PageSessions(database, now=office.now),
        limits=Limits(attempts),
        renderer=PageRenderer(settings.called, can_sign_up=settings.sign_up != "closed"),
        sign_up=settings.sign_up,
        allow_md5=settings.allow_md5,
        now=office.now,
    )
    return PageSite(make_application(context), settings.called)

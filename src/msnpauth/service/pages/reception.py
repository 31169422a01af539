"""Makes the site with the pages from the stores of a service that has a data folder."""

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
    """Return the site with the pages.

    Args:
        office: has the door for passwords, the clock, and the state of all connections.
        settings: say who may sign up, whether MD5 is allowed, and the name of the host.
        database: the database that has the accounts.
        hasher: makes hashes.
        seal: encrypts app passwords for MD5.
        attempts: counts sign-ups and changes, for all nodes together.
    """
    # The directory is never closed, because the service closes the database and the hasher itself.
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

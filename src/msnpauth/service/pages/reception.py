"""The pages of a service that is operated, put together of its stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..stores.sql.directory import AccountDirectory
from ..stores.sql.page_sessions import PageSessions
from ..stores.sql.self_service import SelfService
from .application import make_application
from .limits import Limits
from .looks import Looks
from .means import Means
from .site import PageSite

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

    from ..roles.office import Office
    from ..settings import Settings
    from ..stores.sql.database import Database
    from ..stores.sql.hashing import Hasher
    from ..tally import Tally

__all__ = ["page_site"]


def page_site(
    office: Office,
    settings: Settings,
    *,
    database: Database,
    hasher: Hasher,
    seal: Fernet,
    tally: Tally,
) -> PageSite:
    """Return the site.

    Args:
        office: has the door, the clock, and who is signed in.
        settings: who may sign up, whether MD5 is allowed, and what the host is called.
        database: where the accounts are.
        hasher: makes hashes.
        seal: closes app passwords for MD5.
        tally: counts, for all nodes together.
    """
    # It is not closed by itself: database and hasher are the service's own.
    directory = AccountDirectory(database, hasher, seal, now=office.now)
    means = Means(
        office=office,
        people=SelfService(database, hasher, directory, now=office.now),
        sessions=PageSessions(database, now=office.now),
        limits=Limits(tally),
        looks=Looks(settings.called, can_sign_up=settings.sign_up != "closed"),
        sign_up=settings.sign_up,
        allow_md5=settings.allow_md5,
        now=office.now,
    )
    return PageSite(make_application(means), settings.called)

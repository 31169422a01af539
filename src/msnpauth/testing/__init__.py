"""The service, for the tests of other projects.

With pytest, the fixture `msnpauth_service` is available once msnpauth is installed: a running
service with the accounts of the fixture `msnpauth_accounts`, which you may override. Without
pytest, `run` does the same as a context manager, sync and async.
"""

from ..service import Account, Service, run

__all__ = ["ACCOUNTS", "Account", "Service", "run"]

ACCOUNTS = {"alice@example.com": "secret", "bob@hotmail.com": "s3cret, with ‘everything’ & 100 %"}
"""The accounts of the fixture's service, unless you override them: passwords by passport."""

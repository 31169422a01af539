"""The service for other people's tests.

With pytest, the fixture `msnpauth_service` is there once msnpauth is installed: a running
service with the accounts of the fixture `msnpauth_accounts`, which you may override. Without
pytest, `run` is the same as a context manager, sync and async.
"""

from ..service import Account, Service, run

__all__ = ["ACCOUNTS", "Account", "Service", "run"]

ACCOUNTS = {"alice@example.com": "secret", "bob@hotmail.com": "s3cret, with ‘everything’ & 100 %"}
"""The accounts that the fixture's service has unless you say otherwise."""

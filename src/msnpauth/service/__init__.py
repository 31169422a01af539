"""The other end: a service that msnpauth, or an old client, signs in to.

    from msnpauth import service, sign_in

    with service.run({"alice@example.com": "secret"}) as here:
        with sign_in("alice@example.com", "secret", here.servers, ca_file=here.ca_file) as session:
            ...

Its roles (nexus, login, dispatch, notification) are sans-I/O, in `login` and `notification`;
`embedded` puts them on sockets.
"""

from .accounts import Account, Accounts
from .embedded import Service, run
from .tickets import Grant, TicketVerifier, new_key

__all__ = ["Account", "Accounts", "Grant", "Service", "TicketVerifier", "new_key", "run"]

"""The other end: a service that msnpauth, or an old client, signs in to.

    from msnpauth import service, sign_in

    with service.run({"alice@example.com": "secret"}) as here:
        with sign_in("alice@example.com", "secret", here.servers, ca_file=here.ca_file) as session:
            ...

What it says is in `roles`: nexus, login servers, RST, contacts, dispatch and notification, without
I/O, as async functions over `stores`. `hosts` carries them over sockets, and `embedded` is the
whole service.
"""

from .embedded import Service, run
from .stores.memory import Accounts
from .stores.protocol import Account
from .tickets import Grant, TicketVerifier, new_key

__all__ = ["Account", "Accounts", "Grant", "Service", "TicketVerifier", "new_key", "run"]

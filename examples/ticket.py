"""Three arguments in, ticket out: what the PHP class MSNPAuth did.

The service runs in this script, so that it works anywhere; leave it out, and name your network
with Servers.named("escargot") or Servers("messenger.example").
"""

from msnpauth import MSNPAuth, service

CHALLENGE = "USR 6 TWN S lc=1033,id=507,tw=40,fs=1,ct=1128154104,kpp=1,kv=7,ver=2.1.6000.1"

with service.run({"bob@hotmail.com": "secret"}) as running:
    auth = MSNPAuth(
        "bob@hotmail.com", "secret", CHALLENGE, servers=running.servers, ca_file=running.ca_file
    )
    with auth:
        ticket = auth.get_ticket()
    print("the ticket has", ticket.summary())

"""Sign in, set a state, listen for a moment, sign out."""

import msnpauth
from msnpauth import service

with (
    service.run({"alice@example.com": "secret"}) as running,
    msnpauth.sign_in(
        "alice@example.com", "secret", running.servers, ca_file=running.ca_file
    ) as session,
):
    print(session)
    print("answered:", session.request("CHG", "NLN", "0"))
    try:
        print("unasked:", session.receive(timeout=0.2))
    except msnpauth.SignInTimeout:
        print("nothing else came")

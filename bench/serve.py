"""The service in a process of its own, for the benches; answers questions about itself on stdin.

    python bench/serve.py '{"accounts": 1000, "contacts": 0, "run": {}}'

Prints where it is as one line of JSON; then, for each line that comes, what it has used so far.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from msnpauth import Secret
from msnpauth.service import Account, run

PASSWORD = "p,a=ss%w o+rd"


def passport(number: int) -> str:
    return f"user{number}@example.com"


def main(settings: dict[str, Any]) -> None:
    contacts = tuple(passport(n) for n in range(1_000_000, 1_000_000 + settings["contacts"]))
    accounts = [
        Account(passport(n), Secret(PASSWORD), allow_md5=True, contacts=contacts)
        for n in range(settings["accounts"])
    ]
    with run(accounts, chat_limit=None, homes=["hotmail."], **settings["run"]) as service:
        servers = service.servers
        place = {
            "ca_file": str(service.ca_file),
            "dispatch": str(servers.notification),
            "notification": service.notification,
            "nexus": str(servers.nexus),
            "rst": str(servers.rst),
            "rst2": str(servers.rst2),
            "login": service.login_urls[0],
            "home": service.login_urls[1],
        }
        print(json.dumps(place), flush=True)
        for _ in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            seconds = used.ru_utime + used.ru_stime
            print(json.dumps({"cpu": seconds, "memory": used.ru_maxrss * 1024}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

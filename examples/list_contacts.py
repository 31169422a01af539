"""Print a contact list: python list_contacts.py alice@example.com [csv | json]."""

import csv
import json
import os
import sys

import msnpauth

passport, form = (*sys.argv[1:], "table")[:2]
servers = msnpauth.Servers.named("escargot")
with msnpauth.sign_in(passport, os.environ["MSNPAUTH_PASSWORD"], servers) as session:
    rows = [(one.passport, one.name, ", ".join(one.groups)) for one in session.contacts()]
if form == "json":
    print(json.dumps(rows, indent=2))
elif form == "csv":
    csv.writer(sys.stdout).writerows(rows)
else:
    print("\n".join("  ".join(f"{cell:25}" for cell in row) for row in rows) or "Nobody.")

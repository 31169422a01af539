"""Send one message: python send_message.py alice@example.com bob@example.com "Hello Bob"."""

import os
import sys

import msnpauth

sender, recipient, text = sys.argv[1:]
servers = msnpauth.Servers.named("escargot")
with msnpauth.sign_in(sender, os.environ["MSNPAUTH_PASSWORD"], servers) as session:
    session.go_online()
    session.send_message(recipient, text)
print(f"{recipient} has got it.")

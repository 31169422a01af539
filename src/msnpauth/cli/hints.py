"""Rewrites the library's errors for the command: `--timeout` instead of `timeout=`.

The library's errors name its keyword arguments. A person who runs the command has options instead.
"""

from __future__ import annotations

import re

from ..core.errors import LocalProtocolError, SignInError

__all__ = ["OPTIONS", "for_command", "translate"]

OPTIONS = {
    "host": "--host",
    "notification": "--notification",
    "nexus": "--nexus",
    "login": "--login",
    "rst": "--rst",
    "rst2": "--rst2",
    "contacts": "--contacts",
    "oim": "--oim",
    "trusted_hosts": "--trust",
    "ca_file": "--ca-file",
    "transport": "--transport",
    "timeout": "--timeout",
    "scheme": "--scheme",
    "dialects": "--dialect",
    "reconnect": "--reconnect",
    "name": "--name",
    "names": "--name",
    "homes": "--home",
    "trusted_proxies": "--trusted-proxy",
    "proxy_protocol": "--proxy-protocol",
    "ports": "--port",
    "data": "--data",
    "database": "--database",
    "shared": "--shared",
    "switchboard_name": "--switchboard-name",
    "certificate": "--certificate",
    "certificate_key": "--certificate-key",
    "sign_up": "--sign-up",
}
"""Options of the command by keywords of `sign_in`, `MSNPAuth`, `Servers` and `service.run`."""

# Replaced in this order, everywhere in the sentence: whole phrases come first.
_PHRASES = [
    (r"in Servers\(trusted_hosts=…\)", "with --trust"),
    (r"Servers\(trusted_hosts=…\)", "--trust"),
    (r"Servers\((\w+)=…\)", r"--\1 URL"),
    (r'Servers\.named\("([\w-]+)"\)', r"--service \1"),
    (r'Servers\("([\w.-]+)"\)', r"--host \1"),
    (r'name hosts, as in \("([^"]+)", "([^"]+)"\)', r"name hosts, as in --trust \1 --trust \2"),
    (r"servers= is not a Servers", "the servers are not known"),
    (r", or pass an instance of your own \([^)]*\)", ""),
    (r"a transport of your own brings its own TLS settings", "--transport has its own settings"),
    (r"pipeline=False", "--no-pipeline"),
    (r"offer other dialects=", "offer another --dialect"),
    (r"product=\(id, key\)", "another --dialect, which answers it by another product's key"),
    (r"(scheme|dialects|timeout|transport)='([^']*)'", r"\1= \2"),
    (r"homes=\[\"([^\"]+)\"\]", r"--home \1"),
    (r"names=\[\"([^\"]+)\", \"([^\"]+)\"\]", r"--name \1 --name \2"),
]

_KEYWORDS = re.compile(
    # `ca_file` and `trusted_hosts` are not English words: they are replaced even without a `=`.
    rf"\b(?:({'|'.join(OPTIONS)})=|(ca_file|trusted_hosts)\b)"
)


def translate(sentence: str) -> str:
    """Return a sentence of the library with the command's options in place of its keywords."""
    for pattern, instead in _PHRASES:
        sentence = re.sub(pattern, instead, sentence)
    # `host='x y': …` is an argument and its value; `name it with login=` ends with the name.
    sentence = re.sub(rf"\b({'|'.join(OPTIONS)})=(?=['\"])", r"\1= ", sentence)
    return _KEYWORDS.sub(lambda found: OPTIONS[found[1] or found[2]], sentence)


def for_command(error: SignInError) -> SignInError:
    """Make an error name the command's options, and return it.

    The text is changed only in errors about arguments: other errors may quote a server.
    """
    error.hint = translate(error.hint)
    if isinstance(error, LocalProtocolError):
        error.text = translate(error.text)
    return error

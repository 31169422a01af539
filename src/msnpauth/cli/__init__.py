"""The command `msnpauth`: from `demo` and `sign-in` to `doctor` and `serve`.

Exit status: 0 done, 1 refused, 2 usage, 3 unavailable; `failures` has the others.

    common        options that commands share
    session       the account, and the session of the commands that sign in
    values        checks the values of options
    password      reads the password
    output        prints lines, made safe for the terminal and its encoding; JSON
    conversation  shows the library's events
    received      a server's command as JSON, secrets masked
    config        settings from a file
    where         the options for the places where a service keeps its data
    system        sockets from systemd, and messages to systemd
    hints         the library's hints with the options of the command
    failures      exit status, errors in one line, signals
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from .account import account
from .decode import decode
from .demo import demo
from .doctor import doctor
from .failures import ended
from .keys import keys
from .migrate import migrate
from .serve import serve
from .services import services
from .sign_in import sign_in
from .social import contacts, listen, send
from .ticket import ticket

__all__ = ["main"]


class _Command(click.Group):
    """The whole command: click reads the options, and `failures` reports errors."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and exit the process with its exit status."""
        if not standalone_mode or os.environ.get("_MSNPAUTH_COMPLETE"):
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        words = list(sys.argv[1:] if args is None else args)

        def work() -> None:
            with self.make_context(prog_name or "msnpauth", words, **extra) as context:
                self.invoke(context)

        # These flags are read here, because they also count when click cannot read the options.
        sys.exit(ended(work, as_json="--json" in words, verbose="--verbose" in words))


@click.group(
    cls=_Command,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done, 1 refused, 2 usage, 3 unavailable, 70 a fault in msnpauth,"
    " 74 output that cannot be written, 130 Ctrl-C, 143 SIGTERM.",
)
@click.version_option(package_name="msnpauth", prog_name="msnpauth")
def main() -> None:
    """Sign in to MSN Messenger compatible networks.

    Start with `msnpauth demo`: it shows a whole sign-in on this machine.
    """


for _command in (demo, ticket, sign_in, send, contacts, listen, doctor, decode, services):
    main.add_command(_command)
for _command in (serve, account, keys, migrate):
    main.add_command(_command)

"""The command `msnpauth`: demo, ticket, sign-in, serve, services.

Exit status: 0 signed in, 1 refused, 2 usage, 3 unavailable.
"""

from __future__ import annotations

import click

from .demo import demo
from .serve import serve
from .services import services
from .sign_in import sign_in
from .ticket import ticket

__all__ = ["main"]


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 signed in, 1 refused, 2 usage, 3 unavailable.",
)
@click.version_option(package_name="msnpauth", prog_name="msnpauth")
def main() -> None:
    """Sign in to MSN Messenger compatible networks.

    Start with `msnpauth demo`: it shows a whole sign-in on this machine.
    """


for _command in (demo, ticket, sign_in, serve, services):
    main.add_command(_command)

"""The command `msnpauth`, also as `python -m msnpauth`."""

from __future__ import annotations

import sys

from .quick import ticket

__all__ = ["main"]


def main() -> None:
    """Run the command, and exit the process with its exit status."""
    status = ticket(sys.argv[1:])
    if status is None:
        from .cli import main as whole  # click, and every command

        whole(prog_name="msnpauth")
    sys.exit(status)


if __name__ == "__main__":
    main()

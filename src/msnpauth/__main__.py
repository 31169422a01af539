"""`python -m msnpauth` is the command `msnpauth`."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="msnpauth")

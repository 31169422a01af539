"""`msnpauth services`: the networks that are known."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from .output import Styled, emit_json, say
from .values import TEXT

if TYPE_CHECKING:
    from ..networks import Network

__all__ = ["services"]

_DETAILS = (
    "nexus",
    "login",
    "rst",
    "rst2",
    "contacts",
    "oim",
    "trusted_hosts",
    "schemes",
    "note",
    "evidence",
)


@click.command()
@click.argument("names", nargs=-1, type=TEXT)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def services(names: tuple[str, ...], as_json: bool) -> None:
    """List the known networks, or describe some.

    With NAMES: what is known of these, and by what evidence.
    """
    from ..networks import find, known_networks, own_file

    known = [find(name) for name in names] or list(known_networks().values())
    if as_json:
        emit_json([dataclasses.asdict(service) for service in known])
        return
    for service in known:
        where = service.notification or service.host or "no notification server"
        name = Styled(f"{service.name:<16}", bold=True)
        say(name, f"{service.state:<8} {where:<34} {service.title}")
        if names:
            _tell_details(service)
    if not names:
        say()
        say("What is known of one, and its evidence: msnpauth services NAME")
        say(f"Your own networks go into this file: {own_file()}")


def _tell_details(service: Network) -> None:
    for label in _DETAILS:
        for line in _lines(getattr(service, label)):
            say(f"  {label.replace('_', ' ') + ':':<15} {line}")


def _lines(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"{key} {url}" for key, url in value.items()]
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return [str(value)] if value else []

"""`msnpauth services`: the networks that are known."""

from __future__ import annotations

import dataclasses

import click

from .common import emit_json, errors_told

__all__ = ["services"]

_DETAILS = (
    "nexus",
    "login",
    "rst",
    "rst2",
    "trusted_hosts",
    "schemes",
    "note",
    "evidence",
)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def services(names: tuple[str, ...], as_json: bool) -> None:
    """List the known networks; with NAMES, what is known of them and by what evidence."""
    from ..known import find, known_services, own_file

    with errors_told(as_json):
        known = [find(name) for name in names] or list(known_services().values())
        if as_json:
            emit_json([dataclasses.asdict(service) for service in known])
            return
        for service in known:
            where = service.notification or service.host or "no notification server"
            name = click.style(f"{service.name:<16}", bold=True)
            click.echo(f"{name} {service.state:<8} {where:<34} {service.title}")
            if names:
                for label in _DETAILS:
                    for line in _lines(getattr(service, label)):
                        click.echo(f"  {label.replace('_', ' ') + ':':<15} {line}")
        if not names:
            click.echo(f"\nEvidence: msnpauth services NAME. Your own networks: {own_file()}")


def _lines(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"{key} {url}" for key, url in value.items()]
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return [str(value)] if value else []

"""The payloads of ADL and RML: people, and the lists that they are on (MSNP13 and on).

    <ml l="1"><d n="example.com"><c n="user" l="3" t="1"/></d></ml>
    <ml><d n="example.com"><c n="user" t="1"><s l="3" n="IM"/><s l="3" n="PE"/></c></d></ml>

The second form is that of MSNP21, where each service has a list of its own. IM is the contact list,
and PE has the people who may see name and message (MSNPiki, ADL; libpurple notification.c;
msnp-sharp ContactList.cs).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from xml.etree.ElementTree import Element

from ..tickets.xml import children
from .contact import Entry

__all__ = ["announcement", "announcements", "bits_of", "own_announcement"]

_MAX_IN_ADL = 150
"""Contacts that one ADL may name (libpurple notification.c)."""

_OWN_SERVICES = ("IM", "PE", "PD", "PF")


def announcements(entries: list[Entry], *, by_service: bool) -> Iterator[bytes]:
    """Yield the payloads of the first ADLs: everybody on the forward, allow or block list.

    People of one domain are in one `d` element, and there is no blank between elements: official
    servers answer 241 to a blank (MSNPiki).
    """
    at = 0
    while at == 0 or at < len(entries):
        part = [(entry.passport, _bits(entry)) for entry in entries[at : at + _MAX_IN_ADL]]
        yield f'<ml l="1">{_domains(part, by_service)}</ml>'.encode("utf-8", "replace")
        at += _MAX_IN_ADL


def announcement(passport: str, bit: int, *, by_service: bool) -> bytes:
    """Return the payload that puts a person on one list, or takes the person off that list."""
    return f"<ml>{_domains([(passport, bit)], by_service)}</ml>".encode("utf-8", "replace")


def own_announcement(passport: str) -> bytes:
    """Return the first payload of MSNP21, which names the services that the account itself uses."""
    user, _, domain = passport.rpartition("@")
    services = "".join(f'<s l="3" n="{name}"/>' for name in _OWN_SERVICES)
    person = f'<c n="{escape(user)}" t="1">{services}</c>'
    return f'<ml><d n="{escape(domain)}">{person}</d></ml>'.encode("utf-8", "replace")


def _domains(people: Iterable[tuple[str, int]], by_service: bool) -> str:
    domains: dict[str, list[str]] = {}
    for passport, bits in people:
        user, _, domain = passport.rpartition("@")
        services = f'<s l="{bits}" n="IM"/><s l="{bits}" n="PE"/>'
        name = escape(user)
        person = (
            f'<c n="{name}" t="1">{services}</c>'
            if by_service
            else f'<c n="{name}" l="{bits}" t="1"/>'
        )
        domains.setdefault(domain, []).append(person)
    return "".join(
        f'<d n="{escape(domain)}">{"".join(found)}</d>' for domain, found in domains.items()
    )


def _bits(entry: Entry) -> int:
    # ADL has only the forward, allow and block list. A person cannot be allowed and blocked at
    # once: servers answer 219 or 241 to that.
    bits = entry.bits & 7
    return bits & ~2 if bits & 4 else bits


def bits_of(person: Element) -> str:
    """Return the bits of the lists that a person (a `c` element) is on, as text; "" without any."""
    services = [service for service in children(person, "s") if service.get("n") == "IM"]
    return person.get("l", "") or "".join(service.get("l", "") for service in services[:1])

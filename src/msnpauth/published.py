"""Fetches a file of networks that somebody has published, at a person's request, and keeps it.

The form is that of the package's own file of networks (docs/networks.md). A network publishes its
file at the well-known address `https://HOST/.well-known/msnp-services.toml` (RFC 8615).
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from .core.errors import LocalProtocolError, RemoteProtocolError, Step
from .core.tickets.exchange import Request
from .core.tickets.verdicts import MAX_REDIRECTS, REDIRECTS, too_many, untrusted
from .core.urls import BadAddress, Url
from .net.deadline import Deadline
from .networks import Network, known_networks, published_file, read_networks, read_text
from .sync.exchange import fetch_watched
from .transports import make_transport
from .watch import SILENT

__all__ = ["WELL_KNOWN", "Change", "changes", "fetch_published", "keep", "published_at"]

WELL_KNOWN = "/.well-known/msnp-services.toml"

LONGEST = 256 * 1024
"""The longest file, in bytes: enough for some hundred networks, with their evidence."""


class Change(NamedTuple):
    """A change to the known networks that a published file would make.

    Attributes:
        name: the name of the network.
        before: the network as it is known now; None when it is new.
        after: the network as the file describes it.
    """

    name: str
    before: Network | None
    after: Network


def published_at(place: str) -> Url:
    """Return the address of a published file, for a URL or for a host with the well-known address.

    Raises:
        LocalProtocolError: `place` is neither, or it is not https.
    """
    text = place if "://" in place else f"https://{place}{'' if '/' in place else WELL_KNOWN}"
    try:
        url = Url.parse(text)
    except BadAddress as problem:
        complaint = str(problem)
    else:
        if url.scheme == "https":
            return url
        complaint = "it is not https, so that anybody on the way could change it"
    raise LocalProtocolError(f"{place!r} is not where a file can be fetched: {complaint}")


def fetch_published(
    url: Url, *, ca_file: str | os.PathLike[str] | None = None, timeout: float = 30.0
) -> str:
    """Return the text of a published file.

    Args:
        url: the address of the file.
        ca_file: certificates to trust, in PEM, instead of the system's.
        timeout: seconds for the whole transfer.

    Raises:
        SignInError: the file cannot be fetched, is too long, or is not UTF-8 text.
    """
    transport = make_transport("sockets", ca_file, None)
    deadline = Deadline(timeout)
    try:
        for _ in range(MAX_REDIRECTS + 1):
            request = Request(
                "GET", url, (("Accept", "*/*"),), step=Step.SERVICES, wants_body=True,
                max_body=LONGEST,
            )  # fmt: skip
            response = fetch_watched(transport, request, deadline, SILENT)
            if response.status in REDIRECTS:
                url = _redirected(response.header("Location"), request)
                continue
            if response.status != 200:
                text = "there is no such file"
                raise RemoteProtocolError(
                    text, step=Step.SERVICES, server=url.origin, code=response.status,
                    hint="check the address",
                )  # fmt: skip
            return _text(response.body, url)
        raise too_many(request)
    finally:
        transport.close()


def _redirected(location: str | None, request: Request) -> Url:
    try:
        url = Url.parse(location or "", base=request.url)
    except BadAddress:
        url = None
    if url is None:
        text = "redirected to no address"
        raise RemoteProtocolError(text, step=Step.SERVICES, server=request.url.origin)
    if url.scheme != "https":
        raise untrusted(f"redirected to {url.origin}, which is not encrypted", request)
    return url


def _text(body: bytes, url: Url) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise RemoteProtocolError(
        "the file is not UTF-8 text", step=Step.SERVICES, server=url.origin, hint=""
    )


def changes(text: str, place: str) -> list[Change]:
    """Return the changes that a published file would make, one for each network.

    Args:
        text: the content of the file.
        place: the name of the file, for errors.

    Raises:
        LocalProtocolError: it is not a valid file of networks, or names a file of this machine.
    """
    published = read_networks(text, place)
    for network in published.values():
        if network.ca_file is not None:
            raise LocalProtocolError(
                f"{place}: [{network.name}] names a file of this machine (ca_file)",
                hint="only a person's own file may do that",
            )
    known = known_networks()
    found = [Change(name, known.get(name), network) for name, network in published.items()]
    return [change for change in found if change.before != change.after]


def keep(text: str) -> None:
    """Keep a published file; networks of an earlier file stay, unless this file has them, too.

    Raises:
        LocalProtocolError: the file cannot be written.
    """
    path = published_file()
    before = read_text(path)
    networks = {} if before is None else read_networks(before, str(path))
    networks |= read_networks(text, "the new file")
    content = "\n".join(map(_as_toml, networks.values()))
    read_networks(content, str(path))  # checks that the new file can be read again
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The file appears completely or not at all: a sign-in may read it at this moment.
        new = path.with_suffix(".new")
        new.write_text(content, "utf-8")
        new.replace(path)
        return
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
    raise LocalProtocolError(f"{path} cannot be written: {why}")


def _as_toml(network: Network) -> str:
    """Return a network as a table of TOML."""
    lines = [f"[{_quoted(network.name)}]"]
    for key, value in network._asdict().items():
        if value and key != "name":
            shown = _table(value) if isinstance(value, dict) else _quoted(value)
            lines.append(f"{key} = {shown}")
    return "\n".join([*lines, ""])


def _table(pairs: dict[str, str]) -> str:
    inner = ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in pairs.items())
    return f"{{ {inner} }}"


def _quoted(value: object) -> str:
    """Return text, or a list of texts or numbers, in the form of TOML.

    JSON has the same form, with two exceptions: it would write letters beyond the BMP as two
    surrogates, and TOML requires DEL to be escaped.
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

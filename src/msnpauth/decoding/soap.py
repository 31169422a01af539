"""Envelopes of RST and RST2: requests for tickets, and their answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element

from ..core.secrets import MASK
from ..core.tickets.xml import (
    BadXml,
    children,
    find,
    find_all,
    local_name,
    outermost,
    parse,
    text_of,
)
from .said import Decoded, Field, masked, shown
from .words import is_ticket, ticket

__all__ = ["envelope", "is_envelope"]

_HRESULT = re.compile("0x[0-9a-fA-F]{8}")


def is_envelope(text: str) -> bool:
    """Tell whether a text is XML."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def envelope(text: str, keys: Iterable[str] = ()) -> Decoded:
    """Explain an envelope, or what is wrong with it."""
    try:
        root = parse(text.encode("utf-8", "surrogatepass"))
    except BadXml as problem:
        return Decoded("XML", "nobody can tell", (), (str(problem),))
    if local_name(root) != "Envelope":
        return Decoded(f"XML: {shown(local_name(root))}", "nobody can tell: it is no envelope")
    found = next(iter(find_all(root, "Fault")), None)
    if found is not None:
        return _fault(root, found)
    if find(root, "UsernameToken") is not None or find(root, "RequestSecurityToken") is not None:
        return _request(root)
    if find(root, "RequestSecurityTokenResponse") is not None:
        return _answer(root, text, list(keys))
    body = find(root, "Body")
    operation = None if body is None else next(iter(body), None)
    name = "nothing" if operation is None else local_name(operation)
    return Decoded(f"an envelope of SOAP: {shown(name)}", "client to a web service, or its answer")


def _request(root: Element) -> Decoded:
    fields = [Field("account", shown(text_of(root, "Username") or ""))]
    password = text_of(root, "Password")
    problems = []
    if password is None:
        problems.append("there is no password")
    else:
        fields.append(Field("password", MASK))
        if len(password) > 16:
            problems.append("official clients cut passwords after 16 characters")
    for token in find_all(root, "RequestSecurityToken"):
        reference = find(token, "PolicyReference")
        policy = "" if reference is None else reference.get("URI", "")
        address = text_of(token, "Address") or ""
        fields.append(
            Field("asks for", shown(address), f"policy {shown(policy)}" if policy else "")
        )
    created = text_of(root, "Created")
    if created:
        fields.append(Field("made at", shown(created), "a server refuses what is 5 minutes off"))
    soap = "RST2" if "2003/05" in root.tag else "RST"
    return Decoded(f"a request by {soap}", "client to RST server", tuple(fields), tuple(problems))


def _answer(root: Element, text: str, keys: list[str]) -> Decoded:
    fields: list[Field] = []
    problems: list[str] = []
    for answer in outermost(root, "RequestSecurityTokenResponse"):
        address = text_of(answer, "Address") or "(no address)"
        token = find(answer, "BinarySecurityToken")
        if token is None:
            fields.append(Field(shown(address), "no ticket"))
            continue
        value = (token.text or "").strip()
        number = token.get("Id", "no Id")
        fields.append(Field(shown(address), masked(value), f"ticket, {shown(number)}"))
        if is_ticket(value) and keys:
            found = ticket(value, keys)
            fields += found.fields
            problems += found.problems
        secret = text_of(answer, "BinarySecret")
        if secret:
            fields.append(Field("  proof key", masked(secret)))
        expires = text_of(answer, "Expires")
        if expires:
            fields.append(Field("  ends", shown(expires)))
    if re.search(r"RequestSecurityTokenResponse>\s+<[^/]", text):
        problems.append("white space between the answers, at which libpurple crashes")
    return Decoded("an answer by RST", "RST server to client", tuple(fields), tuple(problems))


def _fault(root: Element, found: Element) -> Decoded:
    from ..core.errors import LocalProtocolError
    from ..doctor.official import explained_code

    fields, problems = [], []
    for name in ("faultcode", "Value", "faultstring", "Text", "reqstatus", "redirectUrl", "value"):
        for element in find_all(found, name):
            value = (element.text or "").strip()
            means = ""
            if _HRESULT.fullmatch(value):
                try:
                    means = explained_code(value).means
                except LocalProtocolError:
                    means = "not known"
            if value:
                fields.append(Field(name, shown(value), means))
    if next(children(root, "Fault"), None) is None:
        problems.append("the Fault is within Body: libpurple takes it for trouble of the network")
    return Decoded("a refusal by SOAP", "RST server or web service to client", tuple(fields),
                   tuple(problems))  # fmt: skip
